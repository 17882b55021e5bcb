#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "bot/ledger.hpp"

namespace bot {

/// Group commit: one thread commits deliveries; what comes while a commit is on its way to the disk shares
/// the next one.
class LedgerGroup {
 public:
    struct Entry {
        std::string forge, hook_id, delivery_id, event;
        std::int64_t body_size = 0;
        std::string packed_body;
        std::int64_t received_at = 0;
        Ledger::Recorded outcome = Ledger::Recorded::fresh;
    };
    /// Deliveries that came together: committed together, told together.
    struct Bundle {
        std::vector<Entry> entries;
        Ledger::Stored done;
    };
    /// One transaction for all of them; sets their outcomes. Throws LedgerError and has changed nothing.
    using Commit = std::function<void(std::vector<Bundle>&)>;

    explicit LedgerGroup(Commit commit) : commit_(std::move(commit)) {}
    /// Commits what waits.
    ~LedgerGroup();
    LedgerGroup(const LedgerGroup&) = delete;
    LedgerGroup& operator=(const LedgerGroup&) = delete;

    void add(Bundle bundle);

 private:
    struct Group {
        std::vector<Bundle> bundles;
        std::optional<std::string> fault;
    };
    void commit_groups(const std::stop_token& stop);
    void tell(const std::stop_token& stop);
    [[nodiscard]] Group next_group(const std::stop_token& stop);

    Commit commit_;
    std::mutex waiting_mutex_;
    std::condition_variable_any waiting_bell_;
    std::vector<Bundle> waiting_;
    std::mutex committed_mutex_;
    std::condition_variable_any committed_bell_;
    std::deque<Group> committed_;
    std::optional<std::jthread> committer_, teller_;  // with the first delivery: who only reads needs none
};

}  // namespace bot
