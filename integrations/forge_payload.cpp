#include "integrations/forge_payload.hpp"

#include <algorithm>
#include <utility>

namespace integrations {

const std::string& Payload::operator[](std::string_view path) const {
    static const std::string nothing;
    const auto found = std::ranges::find(wanted_, path);
    return found == wanted_.end() ? nothing : values_[static_cast<std::size_t>(found - wanted_.begin())];
}

bool Payload::number_unsigned(number_unsigned_t value) {
    if (!listed_.empty() && list_.size() < longest_list && path() == listed_)
        list_.push_back(std::to_string(value));
    return keep(std::to_string(value));
}

bool Payload::key(string_t& name) {
    if (depth_ <= levels_.size()) levels_[depth_ - 1].key = std::move(name);
    return true;
}

bool Payload::parse_error(std::size_t at, const std::string& /*last*/,
                          const nlohmann::json::exception& /*problem*/) {
    fault_ = "not JSON (byte " + std::to_string(at) + ")";
    return false;
}

/// Of the value that is being read; empty where none can be wanted.
std::string Payload::path() const {
    std::string path;
    if (depth_ > levels_.size()) return path;
    for (const auto& level : std::span(levels_).first(depth_)) {
        if (level.array) {
            path += "[]";
            continue;
        }
        if (level.key.find_first_of(".[") != std::string::npos) return {};
        path += (path.empty() ? "" : ".") + level.key;
    }
    return path;
}

bool Payload::keep(std::string value) {
    const auto here = path();
    if (here.empty()) return true;
    const auto found = std::ranges::find(wanted_, here);
    if (found != wanted_.end()) values_[static_cast<std::size_t>(found - wanted_.begin())] = std::move(value);
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
    if (++depth_ <= levels_.size()) levels_[depth_ - 1] = {.array = array, .key = {}};
    return true;
}

bool Payload::leave() {
    --depth_;
    return true;
}

}  // namespace integrations
