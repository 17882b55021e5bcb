// A job's way through its states. Every verb that needs a lease looks the job up by its fencing token inside
// the transaction that changes it: with one writer nothing comes between.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "bot/ledger_inside.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

using namespace std::chrono_literals;

std::string_view run_name(Run::Kind kind) {
    switch (kind) {
        case Run::Kind::first:
            return "first";
        case Run::Kind::repair:
            return "repair";
        case Run::Kind::retry:
            return "retry";
        case Run::Kind::refine:
            return "refine";
    }
    return "";
}

/// What a person, or the end of the pull request, wants done with a job that somebody works on.
struct WantedEnd {
    Signal signal = Signal::stop;
    std::string reason;
};
std::optional<WantedEnd> wanted_end(SQLite::Database& db, JobId id) {
    auto row = prepare(
        db, "SELECT stop_reason, stop_signal FROM jobs WHERE id = ?1 AND stop_reason IS NOT NULL", id.value);
    if (!row.executeStep()) return std::nullopt;
    const auto signal = row.getColumn(1).getString();
    return WantedEnd{.signal = signal == name(Signal::merge)   ? Signal::merge
                               : signal == name(Signal::close) ? Signal::close
                                                               : Signal::stop,
                     .reason = row.getColumn(0).getString()};
}

struct LeasedJob {
    Job job;
    std::int64_t token = 0;
    std::int64_t until = 0;  ///< by the wall clock
};

std::vector<LeasedJob> leased_jobs(SQLite::Database& db) {
    std::vector<LeasedJob> jobs;
    auto row = prepare(
        db, "SELECT id, lease_token, lease_until FROM jobs WHERE lease_token IS NOT NULL ORDER BY id");
    while (row.executeStep())
        if (auto job = find_job(db, JobId{row.getColumn(0).getInt64()}))
            jobs.push_back({std::move(*job), row.getColumn(1).getInt64(), row.getColumn(2).getInt64()});
    return jobs;
}

}  // namespace

void Ledger::Inside::move(SQLite::Database& db, const Job& job, Signal signal, const std::string& reason,
                          const Question& question) {
    const auto to = next(job.state, signal);
    if (!to)
        throw std::logic_error(fmt::format("job {}: `{}` cannot happen while {}", job.id.value,
                                           bot::name(signal), bot::name(job.state)));
    const bool moves = *to != job.state;
    const auto at = now();
    // The worker that stores the verdict goes on publishing under its lease; every other move ends a lease.
    const auto* lease =
        signal == Signal::verdict
            ? ""
            : ", lease_token = NULL, lease_until = NULL, stop_reason = NULL, stop_signal = 'stop'";
    execute(db,
            fmt::format("UPDATE jobs SET state = ?2, reason = ?3, phase = '', retry_at = NULL, "
                        "state_since = iif(?4, ?5, state_since), ended_at = iif(?6, ?5, NULL), "
                        "waits_for = ?7, question = ?8{} WHERE id = ?1",
                        lease),
            job.id.value, bot::name(*to), reason, moves, at, is_final(*to), bot::name(question.waits_for),
            question.text);
    if (*to == JobState::stopped)
        close_asks(db, job, "done_at IS NULL AND what = 'stop'", true);
    else if (is_final(*to))
        answer_late_stops(db, job, reason);
    if (signal == Signal::back || is_final(*to)) restore_assignment(db, job.id);
    if (signal != Signal::verdict)
        end_open_runs(db, job.id, signal == Signal::requeue ? "infrastructure" : bot::name(signal));
    wish_status(db, job, moves ? Urgency::at_once : Urgency::progress);
    if (moves) wish_labels(db, job);
    if (is_final(*to)) execute(db, "UPDATE inbox SET not_before = 0 WHERE waits_for = ?1", job.id.value);
    if (job.contest && is_final(*to)) settle_contest(db, *job.contest);
}

void Ledger::Inside::end_open_runs(SQLite::Database& db, JobId job, std::string_view outcome) {
    execute(db, "UPDATE runs SET ended_at = ?2, outcome = ?3 WHERE job = ?1 AND ended_at IS NULL", job.value,
            now(), outcome);
}

Job Ledger::Inside::leased(SQLite::Database& db, const Lease& lease) {
    auto row = prepare(db, "SELECT " + job_columns + " FROM jobs WHERE id = ?1 AND lease_token = ?2",
                       lease.job().value, lease.token());
    if (!row.executeStep()) throw LeaseLost{lease.job()};
    return read_job(row);
}

std::int64_t Ledger::Inside::pause_ms(JobState state, int attempts) {
    const bool publishing = state == JobState::publishing;
    const std::chrono::milliseconds longest = publishing ? 5min : 15min;
    std::chrono::milliseconds pause = options.first_pause;
    if (publishing) pause = std::min<std::chrono::milliseconds>(pause, 5s);
    for (int before = 1; before < attempts && pause < longest; ++before) pause *= publishing ? 2 : 4;
    std::uniform_real_distribution<double> jitter(0.8, 1.0);  // who fell together need not come together
    return static_cast<std::int64_t>(static_cast<double>(std::min(pause, longest).count()) * jitter(chance));
}

void Ledger::Inside::fall_back(SQLite::Database& db, const Job& job, const std::string& why, Charge charge,
                               std::int64_t retry_at) {
    if (const auto end = wanted_end(db, job.id)) return move(db, job, end->signal, end->reason);
    const int attempts = job.infra_attempts + (charge == Charge::yes ? 1 : 0);
    execute(db, "UPDATE jobs SET infra_attempts = ?2 WHERE id = ?1", job.id.value, attempts);
    const bool no_patience = job.state == JobState::publishing
                                 ? now() - to_ms(job.state_since) >= to_ms(Time(options.publishing_patience))
                                 : charge == Charge::yes && attempts >= options.max_infra_attempts;
    if (no_patience) {
        const auto given_up = fmt::format(sentence::reason_given_up, why, attempts);
        if (!job.changes_proposal()) return move(db, job, Signal::fail, given_up);
        return end_cycle(
            db, job, {.signal = Signal::back, .reason = given_up, .words = report::not_refined(given_up)});
    }
    move(db, job, Signal::requeue, why);
    if (retry_at > now()) execute(db, "UPDATE jobs SET retry_at = ?2 WHERE id = ?1", job.id.value, retry_at);
}

void Ledger::Inside::expire(SQLite::Database& db, const Job& job) {
    fall_back(db, job, std::string(sentence::reason_worker_lost), Charge::yes, 0);
}

Ledger::Renewal Ledger::renew(const Lease& lease) {
    return inside_->write([&](SQLite::Database& db) {
        const int held = execute(
            db, "UPDATE jobs SET lease_until = ?3 WHERE id = ?1 AND lease_token = ?2 AND stop_reason IS NULL",
            lease.job().value, lease.token(), inside_->now() + to_ms(Time(inside_->options.lease)));
        if (held == 1) {
            inside_->leases.hold(lease.job(), lease.token(),
                                 inside_->options.steady_clock() + inside_->options.lease);
            return Renewal::held;
        }
        auto row = prepare(db, "SELECT 1 FROM jobs WHERE id = ?1 AND lease_token = ?2", lease.job().value,
                           lease.token());
        return row.executeStep() ? Renewal::stop_requested : Renewal::lost;
    });
}

void Ledger::phase(const Lease& lease, const std::string& phase) {
    inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        execute(db, "UPDATE jobs SET phase = ?2 WHERE id = ?1", job.id.value, phase);
        if (job.phase != phase) inside_->wish_status(db, job, Urgency::progress);
    });
}

RunId Ledger::begin_run(const Lease& lease, Run::Kind kind, const std::string& profile,
                        const std::string& log_file) {
    return inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        inside_->end_open_runs(db, job.id, "infrastructure");
        execute(db,
                "INSERT INTO runs (job, number, kind, profile, started_at, log_file, cycle) VALUES "
                "(?1, (SELECT coalesce(max(number), 0) + 1 FROM runs WHERE job = ?1), ?2, ?3, ?4, ?5, ?6)",
                job.id.value, run_name(kind), profile, inside_->now(), log_file, job.cycle);
        return RunId{db.getLastInsertRowid()};
    });
}

void Ledger::end_run(const Lease& lease, RunId run, const std::string& outcome,
                     const integrations::Usage& usage) {
    inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        const int ended = execute(db,
                                  "UPDATE runs SET ended_at = ?3, outcome = ?4, input_tokens = ?5, "
                                  "cached_tokens = ?6, output_tokens = ?7, "
                                  "cost_usd = ?8 WHERE id = ?1 AND job = ?2 AND ended_at IS NULL",
                                  run.value, job.id.value, inside_->now(), outcome, usage.input_tokens,
                                  usage.cached_tokens, usage.output_tokens, usage.cost_usd);
        if (ended == 0)
            throw std::logic_error(fmt::format("job {}: run {} is not open", job.id.value, run.value));
    });
}

void Ledger::store_verdict(const Lease& lease, const std::string& verdict_json, const std::string& branch) {
    inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        execute(db, "UPDATE jobs SET verdict = ?2, branch = ?3 WHERE id = ?1", job.id.value, verdict_json,
                branch);
        if (job.contest) return inside_->move(db, job, Signal::judged, std::string(sentence::reason_checked));
        inside_->move(db, job, Signal::verdict, std::string(sentence::reason_publishing));
    });
}

void Ledger::store_push(const Lease& lease, const std::string& commit, const std::string& branch) {
    inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        execute(db, "UPDATE jobs SET pushing = ?2, branch = ?3 WHERE id = ?1", job.id.value, commit, branch);
    });
}

void Ledger::store_head(const Lease& lease, const std::string& head_commit, const std::string& branch) {
    inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        // From here on the branch is what this cycle made of it.
        execute(db, "UPDATE jobs SET head_commit = ?2, branch = ?3, pushing = '', before = '' WHERE id = ?1",
                job.id.value, head_commit, branch);
    });
}

void Ledger::finish(const Lease& lease, const Ending& ending) {
    inside_->write([&](SQLite::Database& db) {
        auto job = inside_->leased(db, lease);
        switch (ending.signal) {
            case Signal::nothing:
            case Signal::fail:
            case Signal::stop:
            case Signal::ask:
            case Signal::back:
                break;
            case Signal::proposed:
                execute(db, "UPDATE jobs SET pull_request = ?2, pull_request_url = ?3 WHERE id = ?1",
                        job.id.value, ending.pull_request, ending.pull_request_url);
                job.pull_request = ending.pull_request;
                break;
            case Signal::claim:
            case Signal::compete:
            case Signal::judged:
            case Signal::requeue:
            case Signal::verdict:
            case Signal::resume:
            case Signal::refine:
            case Signal::merge:
            case Signal::close:
                throw std::logic_error(fmt::format("job {}: `{}` is no ending of a claim", job.id.value,
                                                   bot::name(ending.signal)));
        }
        // What a person said last is the end, whatever the worker has come to meanwhile.
        if (const auto end = wanted_end(db, job.id)) return inside_->move(db, job, end->signal, end->reason);
        if (ending.signal == Signal::proposed || ending.signal == Signal::back)
            return inside_->end_cycle(db, job, ending);
        // A comment of its own: an edit of the status comment tells nobody that it is their turn.
        if (ending.signal == Signal::ask)
            inside_->wish(db,
                          {.kind = Report::Kind::answer,
                           .thread = conversation_of(job),
                           .marker = fmt::format("question job={} claim={}", job.id.value, lease.token()),
                           .body = ending.question},
                          Urgency::at_once);
        inside_->move(db, job, ending.signal, ending.reason, {ending.waits_for, ending.question});
    });
}

void Ledger::give_back(const Lease& lease, const std::string& why, std::optional<Time> at) {
    inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        const auto pause = inside_->now() + inside_->pause_ms(job.state, job.infra_attempts + 1);
        inside_->fall_back(db, job, why, at ? Inside::Charge::no : Inside::Charge::yes,
                           at ? to_ms(*at) : pause);
    });
}

void Ledger::release(const Lease& lease) {
    inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        inside_->fall_back(db, job, std::string(sentence::reason_restart), Inside::Charge::no, 0);
    });
}

std::vector<JobId> Ledger::expire_leases() {
    return inside_->write([this](SQLite::Database& db) {
        std::set<JobId> going_on;
        std::vector<JobId> ids;
        for (const auto& leased : leased_jobs(db)) {
            const auto held = inside_->leases.until(leased.job.id, leased.token);
            const bool over = held ? inside_->options.steady_clock() >= *held
                                   : leased.until <= inside_->now();  // another process gave it
            if (!over) {
                going_on.insert(leased.job.id);
                continue;
            }
            inside_->expire(db, leased.job);
            ids.push_back(leased.job.id);
        }
        inside_->leases.forget([&](JobId job) { return !going_on.contains(job); });
        return ids;
    });
}

std::vector<JobId> Ledger::take_over() {
    return inside_->write([this](SQLite::Database& db) {
        std::vector<JobId> ids;
        for (const auto& leased : leased_jobs(db)) {
            inside_->expire(db, leased.job);
            ids.push_back(leased.job.id);
        }
        inside_->lose_reservations();
        execute(db, "UPDATE inbox SET held_until = 0 WHERE held_until <> 0");
        execute(db, "UPDATE reports SET held_until = 0 WHERE held_until <> 0");
        return ids;
    });
}

}  // namespace bot
