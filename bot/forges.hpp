#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "integrations/forge.hpp"

namespace bot {

/// The forges of the settings, connected. Thread-safe.
class Forges {
 public:
    /// Throws std::invalid_argument for a kind that does not exist (settings were checked before).
    explicit Forges(
        const std::vector<config::ForgeSettings>& settings,
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

    /// The address by which a commit is credited to a person there; empty: there is none.
    [[nodiscard]] std::string mail_of(const std::string& name, const integrations::Person& person) const;

    /// What the operator should mend there and was not told today. The forge is asked once an hour, and not
    /// while it is to be left in peace.
    [[nodiscard]] std::vector<std::string> warnings(const std::string& name);
    /// How much there was to mend at each when it was asked last.
    [[nodiscard]] std::map<std::string, std::size_t> to_mend() const;

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
        bool said = false;  ///< by the forge: another thread's answer does not end it
    };
    struct Warned {
        std::optional<Clock::time_point> asked;
        std::size_t found = 0;
        std::map<std::string, Clock::time_point> told;
    };
    std::map<std::string, Entry> entries_;
    std::function<Clock::time_point()> now_;
    mutable std::mutex mutex_;
    std::map<std::string, std::string> selves_;
    std::map<std::string, Silence> silences_;
    std::map<std::string, Warned> warned_;
};

}  // namespace bot
