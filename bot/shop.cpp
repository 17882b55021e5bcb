#include "bot/shop.hpp"

#include <algorithm>
#include <utility>

#include "bot/report.hpp"

namespace bot {

void Bell::ring() {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(pending_, true)) rung_.notify_all();
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

std::string spoken(const Shop& shop, const Forges::Entry& where, const std::string& text) {
    return report::spoken(shop.secrets.redacted(text), shop.settings.command_prefix, *where.kind);
}

std::string spoken(const Shop& shop, const std::string& forge, const std::string& text) {
    const auto* where = shop.forges.find(forge);
    return where == nullptr ? shop.secrets.redacted(text) : spoken(shop, *where, text);
}

namespace {

bool is_same_base(const MovedBases::Moved& one, const MovedBases::Moved& other) {
    return one.repo.forge == other.repo.forge && one.repo.id == other.repo.id && one.branch == other.branch;
}

}  // namespace

void MovedBases::add(Moved moved) {
    const std::scoped_lock lock(mutex_);
    std::erase_if(moved_, [&](const Moved& each) { return is_same_base(each, moved); });
    moved_.push_back(std::move(moved));
}

std::vector<MovedBases::Moved> MovedBases::all() const {
    const std::scoped_lock lock(mutex_);
    return moved_;
}

void MovedBases::looked_at(const Moved& moved, bool done) {
    const std::scoped_lock lock(mutex_);
    const auto known = std::ranges::find_if(
        moved_, [&](const Moved& each) { return is_same_base(each, moved) && each.at == moved.at; });
    if (known == moved_.end()) return;
    if (done)
        moved_.erase(known);
    else
        *known = moved;
}

}  // namespace bot
