#include "sandbox/gateway_json.hpp"

#include <utility>

namespace sandbox {

Draft Draft::object_at(std::string_view key) {
    const auto found = value_.find(key);
    if (found == value_.end() || !found->is_object()) set(key, Json::object());
    return {value_[std::string(key)], changed_};
}

void Draft::set(std::string_view key, Json value) {
    const auto found = value_.find(key);
    // 1 and 1.0 are equal, and not the same to every reader.
    if (found != value_.end() && found->type() == value.type() && *found == value) return;
    changed_ = true;
    value_[std::string(key)] = std::move(value);
}

void Draft::erase(std::string_view key) {
    const auto found = value_.find(key);
    if (found == value_.end()) return;
    changed_ = true;
    value_.erase(found);
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
