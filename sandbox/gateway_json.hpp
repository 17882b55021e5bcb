#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace sandbox {

/// Keeps the order of keys: models read schemas in the order they are written in, and caches of prompts hit
/// by prefix.
using Json = nlohmann::ordered_json;

/// A stranger's JSON. Of two equal keys the last one counts. Refused: nesting past 128, more than 400,000
/// values, an object of more than 1,000 members (looking one up takes a walk).
/// The error is a few words to follow "is".
[[nodiscard]] std::expected<Json, std::string> read_json(std::string_view text);

/// A document together with what is known of the bytes it was read from.
struct Document {
    Json json;
    /// Whoever reads the bytes by JSON's rules reads `json`: no key stands twice in an object.
    bool reads_one_way = false;
};
/// As `read_json`.
[[nodiscard]] std::expected<Document, std::string> read_document(std::string_view text);

/// A value of a stranger's request in the hands of the rules: they look at all of it, and what they change is
/// remembered, so that a request in which nothing was mended may be passed on as it came.
class Draft {
 public:
    Draft(Json& value, bool& changed) : value_(value), changed_(changed) {}

    [[nodiscard]] const Json& operator*() const { return value_; }
    [[nodiscard]] const Json* operator->() const { return &value_; }
    /// The member, an empty object in its place when it is none. Of an object.
    [[nodiscard]] Draft object_at(std::string_view key);
    // Of an object; no change when it is so already.
    void set(std::string_view key, Json value);
    void erase(std::string_view key);

 private:
    Json& value_;
    bool& changed_;
};

/// The member, or nullptr when there is none or it is null, which says the same in these APIs.
[[nodiscard]] const Json* member(const Json& object, std::string_view key);

/// The member as text; empty when it is none.
[[nodiscard]] std::string text_of(const Json& object, std::string_view key);

}  // namespace sandbox
