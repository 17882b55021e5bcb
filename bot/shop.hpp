#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "bot/disk_reserve.hpp"
#include "bot/doors.hpp"
#include "bot/forges.hpp"
#include "bot/heartbeat.hpp"
#include "bot/ledger.hpp"
#include "bot/mirrors.hpp"
#include "bot/reader.hpp"
#include "bot/secret_scan.hpp"
#include "bot/single_flight.hpp"
#include "config/settings.hpp"
#include "sandbox/sandbox.hpp"
#include "sandbox/workspace.hpp"

namespace bot {

/// Wakes whoever waits: a wake-up only makes a tick earlier, it is never the only way to work.
class Bell {
 public:
    void ring();
    /// Until rung, at most `longest`, or until stop.
    void wait(std::chrono::milliseconds longest, const std::stop_token& stop);

 private:
    std::mutex mutex_;
    std::condition_variable_any rung_;
    bool pending_ = false;
};

/// A bell for each forge's loop of reports; rung together.
class Bells {
 public:
    explicit Bells(const Forges& forges);
    void ring();
    /// Throws std::out_of_range for a forge that there was not.
    [[nodiscard]] Bell& of(const std::string& forge) { return bells_.at(forge); }

 private:
    std::map<std::string, Bell> bells_;
};

/// Branches that pull requests of ours stand on, which were pushed to a moment ago: between those who hear of
/// that and the loop that looks. Lost with the process; the sweep looks, too. Thread-safe.
class MovedBases {
 public:
    struct Moved {
        integrations::RepoRef repo;
        std::string branch;
        Time at;
        std::set<JobId> sure = {};  ///< looked at since, and known not to conflict, or told
    };
    void add(Moved moved);
    [[nodiscard]] std::vector<Moved> all() const;
    /// Puts it in the place of what there was, or takes it away; not when it has moved again meanwhile.
    void looked_at(const Moved& moved, bool done);

 private:
    mutable std::mutex mutex_;
    std::vector<Moved> moved_;
};

/// What every loop works with. All of it outlives the loops.
struct Shop {
    const config::Settings& settings;
    Ledger& ledger;
    Forges& forges;
    Mirrors& mirrors;
    sandbox::Sandbox& sandbox;
    const Reader& reader;
    sandbox::Workspaces& workspaces;
    Heartbeat& heartbeat;
    SingleFlight& baselines;
    DiskReserve& disk;
    Doors& doors;
    const SecretScan& secrets;
    std::string instance;            ///< marks containers and workspaces as ours
    std::filesystem::path log_dir;   ///< transcripts and check output, a folder per job
    std::filesystem::path door_dir;  ///< sockets of runs that have a way out, a folder per run
    Time started;                    ///< this process
    Time
        told_until;  ///< what people said since then may have been told to nobody, while no process was there
    Bell& intake_bell;
    Bell& work_bell;
    Bell& sweep_bell;
    Bell& moved_bell;
    MovedBases& moved_bases;
    Bells& report_bells;
};

/// As it goes out there: without secrets, with the operator's prefix of commands and the forge's words.
[[nodiscard]] std::string spoken(const Shop& shop, const Forges::Entry& where, const std::string& text);
/// The same for the operator's log. As it is where no forge of that name is configured any more.
[[nodiscard]] std::string spoken(const Shop& shop, const std::string& forge, const std::string& text);

}  // namespace bot
