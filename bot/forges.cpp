#include "bot/forges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "bot/sentences.hpp"

namespace bot {

using namespace std::chrono_literals;

Forges::Forges(const std::vector<config::ForgeSettings>& settings, std::function<Clock::time_point()> now)
    : now_(std::move(now)) {
    for (const auto& one : settings) {
        const auto* kind = integrations::find_forge_kind(one.kind);
        if (kind == nullptr) throw std::invalid_argument("no forge kind '" + one.kind + "'");
        entries_.emplace(one.name, Entry{.settings = one, .kind = kind, .forge = kind->connect(one)});
    }
}

const Forges::Entry* Forges::find(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
}

integrations::ForgeResult<std::string> Forges::self(const std::string& name) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = selves_.find(name); known != selves_.end()) return known->second;
    }
    const auto* entry = find(name);
    if (entry == nullptr)
        return std::unexpected(
            integrations::ForgeError{.kind = integrations::ForgeError::Kind::gone,
                                     .message = fmt::format(sentence::named_forge_not_configured, name)});
    auto person = entry->forge->self();
    if (!person) return std::unexpected(person.error());
    const std::lock_guard lock(mutex_);
    return selves_[name] = person->login;
}

std::string Forges::mail_of(const std::string& name, const integrations::Person& person) const {
    const auto* entry = find(name);
    return entry == nullptr ? std::string() : entry->kind->mail_of(entry->settings, person);
}

std::vector<std::string> Forges::warnings(const std::string& name) {
    const auto* entry = find(name);
    const auto now = now_();
    if (entry == nullptr || quiet().contains(name)) return {};
    {
        const std::lock_guard lock(mutex_);
        auto& asked = warned_[name].asked;
        if (asked && now - *asked < 1h) return {};
        asked = now;
    }
    auto found = entry->forge->warnings();
    if (!found) {
        failed(name, found.error());
        return {};
    }
    const std::lock_guard lock(mutex_);
    warned_[name].found = found->size();
    auto& told = warned_[name].told;
    std::erase_if(told, [&](const auto& each) { return now - each.second >= 24h; });
    std::erase_if(*found, [&](const auto& each) { return !told.emplace(each, now).second; });
    return std::move(*found);
}

std::map<std::string, std::size_t> Forges::to_mend() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::size_t> found;
    for (const auto& [name, entry] : entries_) {
        const auto warned = warned_.find(name);
        found.emplace(name, warned == warned_.end() ? 0 : warned->second.found);
    }
    return found;
}

void Forges::failed(const std::string& name, const integrations::ForgeError& error) {
    using Kind = integrations::ForgeError::Kind;
    if (error.kind != Kind::unreachable && error.kind != Kind::rate_limited) return answered(name);
    const std::lock_guard lock(mutex_);
    auto& silence = silences_[name];
    const auto now = now_();
    if (error.retry_at) {
        const auto left = *error.retry_at - std::chrono::system_clock::now();
        silence.until = std::max(silence.until, now + std::chrono::duration_cast<Clock::duration>(left));
        silence.said = true;
    } else if (now >= silence.until) {  // else several asked at the same time, and it is known
        if (now - silence.until > 5min) silence.times = 0;
        silence.said = false;
        silence.until = now + std::min<std::chrono::seconds>(60s, 2s * (1 << std::min(silence.times++, 5)));
    }
}

void Forges::answered(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto known = silences_.find(name);
    if (known == silences_.end() || (known->second.said && known->second.until > now_())) return;
    silences_.erase(known);
}

std::map<std::string, Forges::Clock::duration> Forges::quiet() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, Clock::duration> left;
    const auto now = now_();
    for (const auto& [name, silence] : silences_)
        if (silence.until > now) left.emplace(name, silence.until - now);
    return left;
}

}  // namespace bot
