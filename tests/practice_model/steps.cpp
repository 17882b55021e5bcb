#include <nlohmann/json.hpp>
#include <utility>

#include "tests/practice_model/practice_model.hpp"

namespace practice_model {

std::string_view name(Api api) {
    switch (api) {
        case Api::anthropic:
            return "anthropic";
        case Api::chat:
            return "chat";
        case Api::responses:
            return "responses";
        case Api::gemini:
            return "gemini";
    }
    return "";
}

Usage& Usage::operator+=(const Usage& other) {
    requests += other.requests;
    input += other.input;
    cached += other.cached;
    cache_written += other.cache_written;
    output += other.output;
    thought += other.thought;
    return *this;
}

Step Step::saying(std::string said) && {
    words = std::move(said);
    return std::move(*this);
}

Step Step::costing(Usage tokens) && {
    costs = tokens;
    return std::move(*this);
}

Step say(std::string words) { return {.words = std::move(words)}; }

Step shell(std::string command) { return {.deed = Step::Deed::shell, .text = std::move(command)}; }

Step read(std::string path) { return {.deed = Step::Deed::read, .path = std::move(path)}; }

Step write(std::string path, std::string content) {
    return {.deed = Step::Deed::write, .path = std::move(path), .text = std::move(content)};
}

Step edit(std::string path, std::string old_lines, std::string new_lines) {
    return {.deed = Step::Deed::edit,
            .path = std::move(path),
            .text = std::move(old_lines),
            .other = std::move(new_lines)};
}

Step ask(std::string question) {
    return say("I cannot decide this myself.\n\nQUESTION: " + std::move(question));
}

}  // namespace practice_model
