#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "bot/disk_reserve.hpp"
#include "bot/heartbeat.hpp"
#include "bot/ledger.hpp"
#include "bot/single_flight.hpp"
#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "integrations/git.hpp"
#include "sandbox/sandbox.hpp"
#include "sandbox/workspace.hpp"

namespace bot {

/// The forges of the settings, connected. Thread-safe.
class Forges {
 public:
    /// Throws std::invalid_argument for a kind that does not exist (settings were checked before).
    explicit Forges(const std::vector<config::ForgeSettings>& settings,
                    std::function<std::chrono::steady_clock::time_point()> now = std::chrono::steady_clock::now);

    struct Entry {
        config::ForgeSettings settings;
        const integrations::ForgeKind* kind = nullptr;
        std::unique_ptr<integrations::Forge> forge;
    };

    /// nullptr when no forge of that name is configured (any more).
    [[nodiscard]] const Entry* find(const std::string& name) const;
    [[nodiscard]] const std::map<std::string, Entry>& all() const { return entries_; }
    /// Our own login there; asked once, then remembered.
    [[nodiscard]] integrations::ForgeResult<std::string> self(const std::string& name);

    using Clock = std::chrono::steady_clock;
    /// Remembers what an answer said of the whole forge. One that does not answer is left in peace for 2
    /// seconds, then 4 and so on to a minute, until it answers again; one that says when, until then. What
    /// it refuses is an answer.
    void failed(const std::string& name, const integrations::ForgeError& error);
    void answered(const std::string& name);
    /// The forges to be left in peace now, and for how long.
    [[nodiscard]] std::map<std::string, Clock::duration> quiet() const;

 private:
    struct Silence {
        int times = 0;  ///< one after the other
        Clock::time_point until{};
    };
    std::map<std::string, Entry> entries_;
    std::function<Clock::time_point()> now_;
    mutable std::mutex mutex_;
    std::map<std::string, std::string> selves_;
    std::map<std::string, Silence> silences_;
};

/// One bare mirror per repository, opened when first needed. Thread-safe.
class Mirrors {
 public:
    Mirrors(std::filesystem::path directory, Forges& forges);
    /// Lives as long as this object.
    [[nodiscard]] integrations::GitResult<integrations::Mirror*> of(const integrations::RepoRef& repo);

 private:
    std::filesystem::path directory_;
    Forges& forges_;
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<integrations::Mirror>> mirrors_;
};

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

/// What every loop works with. All of it outlives the loops.
struct Shop {
    const config::Settings& settings;
    Ledger& ledger;
    Forges& forges;
    Mirrors& mirrors;
    sandbox::Sandbox& sandbox;
    sandbox::Workspaces& workspaces;
    Heartbeat& heartbeat;
    SingleFlight& baselines;
    DiskReserve& disk;
    std::string instance;           ///< marks containers and workspaces as ours
    std::filesystem::path log_dir;  ///< transcripts and check output, a folder per job
    Bell& intake_bell;
    Bell& work_bell;
    Bells& report_bells;
};

}  // namespace bot
