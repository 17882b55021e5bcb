#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "sandbox/gateway.hpp"

namespace sandbox {

namespace {

/// A service that asks for more is asked again all the same.
constexpr auto longest_rest = std::chrono::hours(6);

}  // namespace

struct ModelKeys::Inside {
    struct Own {
        config::Secret secret;  // their own: settings may be read anew
        Time not_before = Time::min();
        Time refused_until = Time::min();
    };
    using Keys = std::vector<Own>;

    /// Locked by the caller.
    [[nodiscard]] const Keys* keys_of(std::string_view provider) const {
        const auto found = providers.find(provider);
        return found == providers.end() ? nullptr : &found->second;
    }
    /// Of two answers that crossed, the one that asks for more patience counts.
    void extend(std::string_view provider, std::size_t index, Time Own::* time, Time until) {
        const std::scoped_lock lock(mutex);
        const auto found = providers.find(provider);
        if (found == providers.end() || index >= found->second.size()) return;
        auto& now = found->second[index].*time;
        now = std::max(now, std::min(until, Time::clock::now() + longest_rest));
    }

    mutable std::mutex mutex;
    std::map<std::string, Keys, std::less<>> providers;
};

ModelKeys::ModelKeys(const config::ModelSettings& settings) : inside_(std::make_unique<Inside>()) {
    for (const auto& provider : settings.providers) {
        auto& keys = inside_->providers[provider.name];
        for (const auto& secret : provider.keys) keys.push_back({.secret = secret});
    }
}

ModelKeys::~ModelKeys() = default;

std::optional<ModelKeys::Key> ModelKeys::take(std::string_view provider) const {
    const std::scoped_lock lock(inside_->mutex);
    const auto* keys = inside_->keys_of(provider);
    if (keys == nullptr) return std::nullopt;
    const auto now = Time::clock::now();
    std::optional<Key> doubtful;
    for (std::size_t i = 0; i < keys->size(); ++i) {
        const auto& own = (*keys)[i];
        if (own.not_before > now) continue;
        if (own.refused_until <= now) return Key{.index = i, .secret = &own.secret};
        if (!doubtful) doubtful = Key{.index = i, .secret = &own.secret};
    }
    return doubtful;
}

void ModelKeys::set_aside(std::string_view provider, std::size_t index, Time until) {
    inside_->extend(provider, index, &Inside::Own::not_before, until);
}

void ModelKeys::refused(std::string_view provider, std::size_t index, Time until) {
    inside_->extend(provider, index, &Inside::Own::refused_until, until);
}

std::optional<ModelKeys::Time> ModelKeys::parked_until(std::string_view provider) const {
    const std::scoped_lock lock(inside_->mutex);
    const auto* keys = inside_->keys_of(provider);
    if (keys == nullptr || keys->empty()) return std::nullopt;
    const auto first = std::ranges::min(*keys, {}, &Inside::Own::not_before).not_before;
    return first > Time::clock::now() ? std::optional(first) : std::nullopt;
}

}  // namespace sandbox
