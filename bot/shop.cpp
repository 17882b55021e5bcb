#include "bot/shop.hpp"

#include <stdexcept>

namespace bot {

Forges::Forges(const std::vector<config::ForgeSettings>& settings) {
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
                                     .message = "forge '" + name + "' is not configured any more"});
    auto person = entry->forge->self();
    if (!person) return std::unexpected(person.error());
    const std::lock_guard lock(mutex_);
    return selves_[name] = person->login;
}

Mirrors::Mirrors(std::filesystem::path directory, Forges& forges)
    : directory_(std::move(directory)), forges_(forges) {}

integrations::GitResult<integrations::Mirror*> Mirrors::of(const integrations::RepoRef& repo) {
    const auto* entry = forges_.find(repo.forge);
    if (entry == nullptr)
        return std::unexpected(
            integrations::GitError{.kind = integrations::GitError::Kind::gone,
                                   .message = "forge '" + repo.forge + "' is not configured any more"});
    // The id names a folder of ours; it came over the network.
    if (repo.id.empty() || repo.id.find_first_not_of("0123456789") != std::string::npos)
        return std::unexpected(
            integrations::GitError{.kind = integrations::GitError::Kind::invalid,
                                   .message = "the forge named the repository by no number"});
    const std::lock_guard lock(mutex_);
    // The clone URL is part of the key: a renamed repository gets a fresh remote, not a stale one.
    auto& mirror = mirrors_[repo.forge + "\n" + repo.id + "\n" + repo.clone_url];
    if (!mirror) {
        auto* forge = entry->forge.get();
        auto opened = integrations::Mirror::open(directory_ / repo.forge / (repo.id + ".git"), repo.clone_url,
                                                 [forge, repo] { return forge->git_credential(repo); });
        if (!opened) return std::unexpected(opened.error());
        mirror = std::move(*opened);
    }
    return mirror.get();
}

void Bell::ring() {
    const std::lock_guard lock(mutex_);
    pending_ = true;
    rung_.notify_all();
}

Bells::Bells(const Forges& forges) {
    for (const auto& [name, entry] : forges.all()) bells_.try_emplace(name);
}

void Bells::ring() {
    for (auto& [name, bell] : bells_) bell.ring();
}

void Bell::wait(std::chrono::milliseconds longest, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    rung_.wait_for(lock, stop, longest, [this] { return pending_; });
    pending_ = false;
}

}  // namespace bot
