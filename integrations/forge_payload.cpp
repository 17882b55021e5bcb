#include "integrations/forge_payload.hpp"

#include <algorithm>
#include <utility>

namespace integrations {

const std::string& Payload::operator[](std::string_view path) const {
    static const std::string nothing;
    const auto found = std::ranges::find(wanted_, path);
    return found == wanted_.end() ? nothing : values_[static_cast<std::size_t>(found - wanted_.begin())];
}

const std::vector<std::string>& Payload::list(std::string_view path) const {
    static const std::vector<std::string> nothing;
    const auto found = std::ranges::find(listed_, path);
    return found == listed_.end() ? nothing : lists_[static_cast<std::size_t>(found - listed_.begin())];
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
    if (const auto found = std::ranges::find(listed_, here); found != listed_.end()) {
        auto& list = lists_[static_cast<std::size_t>(found - listed_.begin())];
        if (list.size() < longest_list) list.push_back(std::move(value));
        return true;
    }
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
