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

void LedgerGroup::add(Entry entry) {
    const std::lock_guard lock(waiting_mutex_);
    waiting_.push_back(std::move(entry));
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
    if (waiting_.size() <= most) return {.entries = std::exchange(waiting_, {}), .fault = std::nullopt};
    const auto end = waiting_.begin() + most;
    Group group{.entries = {std::move_iterator(waiting_.begin()), std::move_iterator(end)},
                .fault = std::nullopt};
    waiting_.erase(waiting_.begin(), end);
    return group;
}

void LedgerGroup::commit_groups(const std::stop_token& stop) {
    for (;;) {
        auto group = next_group(stop);
        if (group.entries.empty()) return;
        try {
            commit_(group.entries);
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
        for (auto& entry : group.entries) {
            if (group.fault)
                entry.done(std::unexpected(LedgerError(*group.fault)));
            else
                entry.done(entry.outcome);
        }
    }
}

}  // namespace bot
