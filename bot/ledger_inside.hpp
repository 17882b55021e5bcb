#pragma once

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "bot/fair_mutex.hpp"
#include "bot/ledger.hpp"
#include "bot/ledger_checkpoints.hpp"
#include "bot/ledger_group.hpp"
#include "bot/ledger_kept.hpp"
#include "bot/ledger_leases.hpp"
#include "bot/ledger_rows.hpp"
#include "bot/ledger_schema.hpp"
#include "bot/ledger_statements.hpp"

// What the files of the ledger share: a connection that writes behind a mutex, one that reads behind another
// (WAL: a reader waits for no commit), transactions that abort unless they come to an end.
namespace bot {

/// What went wrong, and the mend where there is one.
[[nodiscard]] LedgerError to_ledger_error(const std::filesystem::path& file, const SQLite::Exception& fault);

/// Where people talk with the bot about the job now: its pull request once there is one, else its issue.
[[nodiscard]] integrations::ThreadRef conversation_of(const Job& job);

/// How soon a status comment follows.
enum class Urgency { progress, at_once };

struct Ledger::Inside {
    Inside(std::filesystem::path ledger_file, Options wanted);

    enum class OnDisk { at_once, with_the_next };
    /// One transaction. Commits when `verb` returns; what it throws aborts.
    template <typename Verb>
    auto write(Verb&& verb, OnDisk when = OnDisk::at_once) {
        checkpoints.keep_log_short();
        const std::lock_guard lock(writing);
        try {
            commit_when(when);
            SQLite::Transaction transaction(writer, SQLite::TransactionBehavior::IMMEDIATE);
            if constexpr (std::is_void_v<decltype(verb(writer))>) {
                verb(writer);
                transaction.commit();
                remember(std::nullopt);
            } else {
                auto result = verb(writer);
                transaction.commit();
                remember(std::nullopt);
                return result;
            }
        } catch (const SQLite::Exception& fault) {
            auto error = to_ledger_error(file, fault);
            remember(error.what());
            throw error;
        }
    }

    template <typename Verb>
    auto read(Verb&& verb) const {
        const std::lock_guard lock(reading);
        try {
            SQLite::Transaction snapshot(reader);
            return verb(reader);
        } catch (const SQLite::Exception& fault) {
            throw to_ledger_error(file, fault);
        }
    }

    void commit_when(OnDisk when) {
        if (std::exchange(commits, when) == when) return;
        writer.exec(when == OnDisk::at_once ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    }
    [[nodiscard]] std::int64_t now() const { return to_ms(options.clock()); }
    void remember(std::optional<std::string> what);

    // Pieces of verbs; each is called inside a transaction.
    std::optional<JobId> apply(SQLite::Database& db, const Intent& intent, const std::optional<Origin>& from);
    /// The one way a job's state changes: by the transition table, clearing what the new state does not have,
    /// ending open runs, making the reports due. Throws std::logic_error for a transition that is not there.
    struct Question {
        WaitsFor waits_for = WaitsFor::nothing;
        std::string text;
    };
    void move(SQLite::Database& db, const Job& job, Signal signal, const std::string& reason,
              const Question& question = {WaitsFor::nothing, {}});
    void end_open_runs(SQLite::Database& db, JobId job, std::string_view outcome);
    /// Back to where it can be claimed again, or to its end. `charge`: an infrastructure attempt.
    enum class Charge { no, yes };
    void fall_back(SQLite::Database& db, const Job& job, const std::string& why, Charge charge,
                   std::int64_t retry_at);
    void expire(SQLite::Database& db, const Job& job);
    void begin_contest(SQLite::Database& db, const Job& job, const std::vector<std::string>& profiles);
    /// When all tries have ended: the best is published, or the job ends with what they came to.
    void settle_contest(SQLite::Database& db, JobId contest);
    std::optional<JobId> begin(SQLite::Database& db, const Start& wanted, const std::optional<Origin>& from);
    std::optional<JobId> start(SQLite::Database& db, const Start& intent);
    std::optional<JobId> halt(SQLite::Database& db, const Stop& wanted);
    /// What was asked for before is over; what was refused as that went on counts after all.
    void over(SQLite::Database& db, const Over& end);
    void revive(SQLite::Database& db, const integrations::ThreadRef& issue, const Word& end);
    std::optional<JobId> decided(SQLite::Database& db, const Intent& intent, const Origin& origin);
    std::optional<JobId> say(SQLite::Database& db, const Answer& words);
    std::optional<JobId> stop(SQLite::Database& db, JobId id, Signal signal, const std::string& reason);
    std::optional<JobId> refine(SQLite::Database& db, const Refine& intent);
    void say_too_late(SQLite::Database& db, const integrations::ThreadRef& thread, const std::string& comment,
                      const std::string& words);
    /// 1 when it is new.
    int add_ask(SQLite::Database& db, JobId job, const Ask& ask);
    void begin_cycle(SQLite::Database& db, const Job& job, Cycle what, const std::string& reason);
    /// Nothing comes of the cycle: what it began with holds.
    void restore_assignment(SQLite::Database& db, JobId job);
    /// Says what the cycle came to, and begins the next one when more was asked for meanwhile.
    void end_cycle(SQLite::Database& db, const Job& job, const Ending& ending);
    /// Nothing more is to be done about these asks; `done`: their comments are told so.
    void close_asks(SQLite::Database& db, const Job& job, std::string_view which, bool done);
    /// Told late, it counts when it is the latest all the same.
    void note_said(SQLite::Database& db, const integrations::ThreadRef& issue, const Said& heard);
    [[nodiscard]] static Said said(SQLite::Database& db, const integrations::ThreadRef& issue);
    /// Somebody said stop, and something else was the end: says what.
    void answer_late_stops(SQLite::Database& db, const Job& job, const std::string& words);
    /// On the comment; an empty one: on the thread itself.
    void react(SQLite::Database& db, const integrations::ThreadRef& thread, const std::string& comment,
               const std::string& reaction);
    std::optional<JobId> resume(SQLite::Database& db, const Resume& intent);
    /// The last job that was ended by it.
    std::optional<JobId> abandon(SQLite::Database& db, const Abandon& intent);
    std::optional<JobId> rename(SQLite::Database& db, const integrations::RepoRef& repo);
    /// Calls of which nobody will tell any more what they came to: spent as reserved.
    void lose_reservations();
    void tell_positions(SQLite::Database& db);
    /// The job, if the lease still holds it; throws LeaseLost.
    [[nodiscard]] Job leased(SQLite::Database& db, const Lease& lease);
    [[nodiscard]] std::int64_t pause_ms(JobState state, int attempts);
    void insert(SQLite::Database& db, LedgerGroup::Entry& entry);

    void wish(SQLite::Database& db, const Report& report, Urgency urgency);
    /// Of one of several tries the job's that it is for.
    void wish_status(SQLite::Database& db, const Job& job, Urgency urgency);
    void wish_labels(SQLite::Database& db, const Job& job);
    void wish_label_off(SQLite::Database& db, std::optional<JobId> job, const integrations::ThreadRef& thread,
                        const std::string& label);

    std::filesystem::path file;
    Options options;
    mutable FairMutex writing;  ///< in a flood deliveries want it all the time
    mutable SQLite::Database writer;
    OnDisk commits = OnDisk::at_once;     ///< as the writer is set now; opened so
    LedgerStatements statements{writer};  ///< used while writing
    mutable std::mutex reading;
    mutable SQLite::Database reader;
    std::mt19937_64 chance{std::random_device{}()};  ///< of pauses; used while writing
    mutable std::mutex remembering;
    std::optional<std::string> last_trouble;
    std::chrono::steady_clock::time_point last_commit{};
    std::optional<std::int64_t> positions_refreshed;  ///< ms; used while writing, like the next two
    bool positions_moved = false;
    std::optional<SQLite::Statement> insert_delivery, insert_inbox;  ///< prepared once, for the group commit
    std::atomic<std::chrono::steady_clock::duration> last_recorded{};
    LedgerLeases leases;  ///< used while writing
    LedgerCheckpoints checkpoints;
    LedgerGroup group;  // last: its thread uses all of the above
};

}  // namespace bot
