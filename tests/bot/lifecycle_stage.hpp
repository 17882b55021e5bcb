#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bot/intent.hpp"
#include "tests/bot/ledger_fixture.hpp"

/// A job at any state of the table of states and events (tests/bot/lifecycle_table.hpp), in a ledger of its
/// own, and what it is told.
namespace lifecycle {

inline const integrations::Person mona{.login = "mona", .id = "9"};
inline constexpr std::int64_t issue = 1;
inline constexpr std::int64_t proposal = 101;

[[nodiscard]] integrations::Event says(const std::string& words);

/// An event by its name in the table.
struct Column {
    const char* name;
    integrations::Event event;
};

/// Of two tries the first is published.
[[nodiscard]] std::string verdict_of_two();

/// A job in that state, and the lease of who works on it. Besides those of the table: `trying`, that is
/// `competing` with one of its tries at work.
struct Stage : LedgerFixture {
    explicit Stage(const std::string& state);

    bot::JobId id;
    std::optional<bot::Lease> lease;

    // What is done to it. Who works on it
    void finish(const bot::Ending& ending);
    void ask(bot::WaitsFor what);
    void publish();
    void give_up();
    /// takes it when its turn has come, if it still is to have one.
    void take();
    /// People want the pull request changed, and somebody has come that far with it.
    void change(const std::string& state);
    void stop() const;

    [[nodiscard]] bot::Facts facts(const Column& column) const;
    /// What is decided on these facts. That the base is in its way is seen by the sweep, of a pull request
    /// that waits; here also when the job has gone on meanwhile.
    void tell(const Column& column, const bot::Facts& known) const;
    /// Where the job is after the event; `.` is where it was. Where somebody works on it: also once that one
    /// gives up.
    [[nodiscard]] std::string after(const Column& column);

 private:
    void work(const std::string& state);
};

}  // namespace lifecycle
