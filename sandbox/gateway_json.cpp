#include "sandbox/gateway_json.hpp"

#include <cstddef>
#include <vector>

namespace sandbox {

namespace {

constexpr std::size_t most_depth = 128;
constexpr std::size_t most_values = 400'000;
constexpr std::size_t most_members = 1'000;

/// Counts without understanding: what is no JSON at all is found by the parser.
std::string shape_fault(std::string_view text) {
    struct Open {
        bool object;
        std::size_t members;
    };
    std::vector<Open> open;
    std::size_t values = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (open.size() == most_depth) return "nested too deeply";
            open.push_back({c == '{', 1});
            ++values;
        } else if (c == '}' || c == ']') {
            if (!open.empty()) open.pop_back();
        } else if (c == ',') {
            ++values;
            if (!open.empty() && ++open.back().members > most_members && open.back().object)
                return "an object of too many members";
        }
        if (values > most_values) return "made of too many values";
    }
    return {};
}

}  // namespace

std::expected<Json, std::string> read_json(std::string_view text) {
    if (auto fault = shape_fault(text); !fault.empty()) return std::unexpected(std::move(fault));
    auto document = Json::parse(text, nullptr, false);
    if (document.is_discarded()) return std::unexpected("not valid JSON");
    return document;
}

const Json* member(const Json& object, std::string_view key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const Json& object, std::string_view key) {
    const auto* found = member(object, key);
    return found != nullptr && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace sandbox
