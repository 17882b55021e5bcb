#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"

/// Agents that are shell scripts and call a practice model through the gateway, on every backend.
namespace scenarios {

inline constexpr std::string_view model_key = "practice-key-of-the-model-77c01d9e4b";

/// A factory whose only agent is `script`, with the model service `lab` and these keys. A token read or
/// written costs a tenth of a cent. In the repository is `call.pl`, which calls the model once: `perl
/// call.pl` for a plain answer, `perl call.pl stream` for a streamed one. It prints the beginning of what
/// came, head and all, and ends with 0 only when that was a good answer which came to its end.
[[nodiscard]] Plan with_model(const practice_model::PracticeModel& model, const std::string& script,
                              const std::string& backend = "bubblewrap",
                              const std::vector<std::string>& keys = {std::string(model_key)});

/// The model takes these keys and says "well" to everything, for `input` tokens read and ten written.
void answer_all(practice_model::PracticeModel& model, std::uint64_t input,
                const std::vector<std::string>& keys = {std::string(model_key)});

}  // namespace scenarios
