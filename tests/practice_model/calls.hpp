#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/practice_model/conversation.hpp"

namespace practice_model {

/// A call of one of the calling program's tools.
struct Call {
    std::string tool;
    bool freeform = false;
    nlohmann::json arguments = nlohmann::json::object();
    std::string input;  ///< of a freeform tool, in the place of arguments
};

/// The step's deed in the tools that are offered: their own for it, else the shell. None when there is
/// neither: such a request is no part of an agent's work (a title for the conversation, a summary).
[[nodiscard]] std::optional<Call> call_of(const Step& step, const std::vector<Tool>& tools,
                                          const std::string& folder);

}  // namespace practice_model
