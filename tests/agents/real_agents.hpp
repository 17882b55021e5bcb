#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"
#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"

/// Real agent programs in a whole factory, with the practice model in the place of their model service.
namespace real_agents {

inline constexpr std::string_view model_key = "practice-key-of-the-model-77c01d9e4b";
/// `calc.sh` before it is mended, and after.
inline constexpr std::string_view wrong = "echo $(($1 - $2))\n", right = "echo $(($1 + $2))\n";

/// An agent program, and the API and model that it is run with.
struct Preset {
    std::string adapter;
    config::ModelApi api;
    std::string model;
};
/// All that can be pointed at a model service of one's own.
[[nodiscard]] const std::vector<Preset>& presets();
[[nodiscard]] const Preset& preset(std::string_view adapter);

/// What `./dev test --agents` has made and named in this variable. Fails the test when it has not.
[[nodiscard]] std::string made(const char* variable);

/// A repository whose only test fails, because `calc.sh` is `wrong`, and a profile that runs the preset
/// against the model.
[[nodiscard]] scenarios::Plan failing_test(const practice_model::PracticeModel& model, const Preset& preset,
                                           const std::string& backend);

}  // namespace real_agents
