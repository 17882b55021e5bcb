#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/practice_model/practice_model.hpp"

namespace practice_model {

/// A tool that the calling program offers.
struct Tool {
    std::string name;
    bool freeform = false;      ///< takes plain text, no JSON (OpenAI's custom tools)
    nlohmann::json properties;  ///< of its arguments: name -> schema
    std::vector<std::string> required;
};

/// What one request tells, whatever its dialect.
struct Conversation {
    struct Turn {  ///< of the model
        std::string text;
        std::vector<std::string> calls;  ///< ids
    };
    std::string model;
    bool streamed = false;
    bool wants_usage = true;  ///< a streamed chat completion says it only when asked to
    std::vector<Tool> tools;
    std::string said;  ///< all that the user said
    std::vector<Turn> turns;
};

/// Throws nlohmann's exceptions when the request is not of its dialect. Gemini's model and whether it streams
/// stand in the path.
[[nodiscard]] Conversation read_conversation(Api api, const nlohmann::json& body);

/// The step that is due: the one after the latest that the model's turns hold. A turn that is only half a
/// step (its answer was cut off) does not count.
[[nodiscard]] std::size_t due_step(const Conversation& conversation, const std::vector<Step>& steps);

/// Names a step in the ids of calls, which agents send back: `toolu_step3`.
[[nodiscard]] std::string mark(std::size_t step);

}  // namespace practice_model
