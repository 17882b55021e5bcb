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
    if (!thread_) return;
    thread_->request_stop();
    thread_->join();
}

void LedgerGroup::add(Entry entry) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(entry));
    if (!thread_) thread_.emplace([this](const std::stop_token& stop) { work(stop); });
    if (waiting_.size() == 1) bell_.notify_one();
}

std::vector<LedgerGroup::Entry> LedgerGroup::next_group(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    bell_.wait(lock, stop, [this] { return !waiting_.empty(); });
    if (waiting_.size() <= most) return std::exchange(waiting_, {});
    const auto end = waiting_.begin() + most;
    std::vector<Entry> group(std::move_iterator(waiting_.begin()), std::move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    return group;
}

void LedgerGroup::work(const std::stop_token& stop) {
    for (;;) {
        auto group = next_group(stop);
        if (group.empty()) return;
        std::optional<LedgerError> fault;
        try {
            commit_(group);
        } catch (const LedgerError& error) {
            fault = error;
        }
        for (auto& entry : group) {
            if (fault)
                entry.done(std::unexpected(*fault));
            else
                entry.done(entry.outcome);
        }
    }
}

}  // namespace bot
