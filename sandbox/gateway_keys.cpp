#include <algorithm>
#include <map>
#include <vector>

#include "sandbox/gateway.hpp"

namespace sandbox {

struct ModelKeys::Inside {
    struct Keys {
        std::vector<config::Secret> secrets;  // their own: settings may be read anew
        std::vector<Time> not_before;
    };
    mutable std::mutex mutex;
    std::map<std::string, Keys, std::less<>> providers;
};

ModelKeys::ModelKeys(const config::ModelSettings& settings) : inside_(std::make_unique<Inside>()) {
    for (const auto& provider : settings.providers)
        inside_->providers.emplace(
            provider.name, Inside::Keys{provider.keys, std::vector<Time>(provider.keys.size(), Time::min())});
}

ModelKeys::~ModelKeys() = default;

std::optional<ModelKeys::Key> ModelKeys::take(std::string_view provider) const {
    const std::scoped_lock lock(inside_->mutex);
    const auto found = inside_->providers.find(provider);
    if (found == inside_->providers.end()) return std::nullopt;
    const auto& [secrets, not_before] = found->second;
    const auto now = Time::clock::now();
    for (std::size_t i = 0; i < secrets.size(); ++i)
        if (not_before[i] <= now) return Key{.index = i, .secret = &secrets[i]};
    return std::nullopt;
}

void ModelKeys::set_aside(std::string_view provider, std::size_t index, Time until) {
    const std::scoped_lock lock(inside_->mutex);
    const auto found = inside_->providers.find(provider);
    if (found == inside_->providers.end() || index >= found->second.not_before.size()) return;
    // Of two answers that crossed, the one that asks for more patience counts.
    auto& time = found->second.not_before[index];
    time = std::max(time, until);
}

std::optional<ModelKeys::Time> ModelKeys::parked_until(std::string_view provider) const {
    const std::scoped_lock lock(inside_->mutex);
    const auto found = inside_->providers.find(provider);
    if (found == inside_->providers.end() || found->second.not_before.empty()) return std::nullopt;
    const auto first = std::ranges::min(found->second.not_before);
    return first > Time::clock::now() ? std::optional(first) : std::nullopt;
}

}  // namespace sandbox
