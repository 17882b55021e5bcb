#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/practice_model/calls.hpp"
#include "tests/practice_model/practice_model.hpp"

namespace practice_model {

/// What the model says to one request, whatever the dialect.
struct Reply {
    std::string mark;  ///< of its step; part of every id
    std::string model;
    std::string words;
    std::optional<Call> call;
    Usage usage;
    bool tells_usage = true;    ///< plain answers
    bool streams_usage = true;  ///< streamed ones
};

/// One event of a stream, as it goes over the wire.
struct Event {
    std::string name;  ///< empty: the dialect's events have none
    std::string data;
};

struct Answer {
    nlohmann::json whole;
    std::vector<Event> events;
    std::size_t again = 0;  ///< the event that an endless stream repeats
};

[[nodiscard]] Answer answer_anthropic(const Reply& reply);
[[nodiscard]] Answer answer_chat(const Reply& reply);
[[nodiscard]] Answer answer_responses(const Reply& reply);
[[nodiscard]] Answer answer_gemini(const Reply& reply);
[[nodiscard]] Answer answer(Api api, const Reply& reply);

/// The body of an error in the dialect's shape.
[[nodiscard]] nlohmann::json error_body(Api api, int status, const std::string& message);

/// `text` in pieces as a model would stream it, never through the middle of a character.
[[nodiscard]] std::vector<std::string> pieces(const std::string& text);

/// JSON for the wire; bytes that are no UTF-8 are replaced.
[[nodiscard]] std::string wire(const nlohmann::json& value);

}  // namespace practice_model
