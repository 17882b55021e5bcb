#include "integrations/github_payload.hpp"

#include <algorithm>
#include <utility>

namespace integrations {

const std::string& Payload::operator[](std::string_view path) const {
    static const std::string nothing;
    const auto found = std::ranges::find(wanted, path);
    return found == wanted.end() ? nothing : values_[static_cast<std::size_t>(found - wanted.begin())];
}

bool Payload::number_unsigned(number_unsigned_t value) {
    // Level by level: the payload, its list, one of the list, and that one's own id.
    const bool listed = depth_ == 3 && arrays_ == 2 && keys_[0] == "repositories_removed" && keys_[2] == "id";
    if (listed && removed_.size() < most_removed) removed_.push_back(std::to_string(value));
    return keep(std::to_string(value));
}

bool Payload::key(string_t& name) {
    if (depth_ <= keys_.size()) keys_[depth_ - 1] = std::move(name);
    return true;
}

bool Payload::parse_error(std::size_t at, const std::string& /*last*/,
                          const nlohmann::json::exception& /*problem*/) {
    fault_ = "not JSON (byte " + std::to_string(at) + ")";
    return false;
}

std::string* Payload::here() {
    // Of what is in an array only `removed` is wanted.
    if (depth_ == 0 || depth_ > 2 || arrays_ > 0) return nullptr;
    const std::string_view name = keys_[depth_ - 1];
    if (name.find('.') != std::string_view::npos) return nullptr;
    const auto path = depth_ == 2 ? keys_[0] + "." + keys_[1] : keys_[0];
    const auto found = std::ranges::find(wanted, path);
    return found == wanted.end() ? nullptr : &values_[static_cast<std::size_t>(found - wanted.begin())];
}

bool Payload::keep(std::string value) {
    if (auto* slot = here()) *slot = std::move(value);
    return true;
}

bool Payload::enter(bool array) {
    if (depth_ == 0 && array) {
        fault_ = "not a JSON object";
        return false;
    }
    if (depth_ >= deepest) {
        fault_ = "nested too deep";
        return false;
    }
    keep("{");
    if (++depth_ <= keys_.size()) keys_[depth_ - 1].clear();  // an array has no keys
    if (array || arrays_ > 0) ++arrays_;
    return true;
}

bool Payload::leave() {
    --depth_;
    if (arrays_ > 0) --arrays_;
    return true;
}

}  // namespace integrations
