#include "bot/ledger_group.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bot {

namespace {

/// A burst of thousands is answered in steps of a few milliseconds, not all at its end.
constexpr std::size_t most = 512;

}  // namespace

LedgerGroup::~LedgerGroup() {
    for (auto* thread : {&committer_, &teller_}) {
        if (!*thread) continue;
        (*thread)->request_stop();
        (*thread)->join();
    }
}

void LedgerGroup::add(Bundle bundle) {
    const std::lock_guard lock(waiting_mutex_);
    waiting_.push_back(std::move(bundle));
    if (!committer_) {
        committer_.emplace([this](const std::stop_token& stop) { commit_groups(stop); });
        teller_.emplace([this](const std::stop_token& stop) { tell(stop); });
    }
    if (waiting_.size() == 1) waiting_bell_.notify_one();
}

/// Empty: nothing more will come.
LedgerGroup::Group LedgerGroup::next_group(const std::stop_token& stop) {
    std::unique_lock lock(waiting_mutex_);
    waiting_bell_.wait(lock, stop, [this] { return !waiting_.empty(); });
    std::size_t entries = 0;
    auto end = waiting_.begin();
    for (; end != waiting_.end() && (entries == 0 || entries + end->entries.size() <= most); ++end)
        entries += end->entries.size();
    Group group{.bundles = {std::move_iterator(waiting_.begin()), std::move_iterator(end)},
                .fault = std::nullopt};
    waiting_.erase(waiting_.begin(), end);
    return group;
}

void LedgerGroup::commit_groups(const std::stop_token& stop) {
    for (;;) {
        auto group = next_group(stop);
        if (group.bundles.empty()) return;
        try {
            commit_(group.bundles);
        } catch (const LedgerError& error) {
            group.fault = error.what();
        }
        const std::lock_guard lock(committed_mutex_);
        committed_.push_back(std::move(group));
        committed_bell_.notify_one();
    }
}

void LedgerGroup::tell(const std::stop_token& stop) {
    for (;;) {
        Group group;
        {
            std::unique_lock lock(committed_mutex_);
            if (!committed_bell_.wait(lock, stop, [this] { return !committed_.empty(); })) return;
            group = std::move(committed_.front());
            committed_.pop_front();
        }
        for (auto& bundle : group.bundles) {
            Ledger::Outcomes outcomes;
            for (const auto& entry : bundle.entries)
                outcomes.push_back(group.fault ? std::expected<Ledger::Recorded, LedgerError>(
                                                     std::unexpected(LedgerError(*group.fault)))
                                               : entry.outcome);
            bundle.done(outcomes);
        }
    }
}

}  // namespace bot
