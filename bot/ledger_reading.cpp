#include <fmt/format.h>

#include "bot/ledger_inside.hpp"

namespace bot {

const std::string job_columns =
    "id, forge, repo_id, repo_name, clone_url, default_branch, installation, issue, by_login, by_id, by_bot, "
    "title, body, hidden_stripped, base_branch, base_commit, profile, priority, guidance, state, reason, "
    "phase, created_at, state_since, started_at, ended_at, retry_at, infra_attempts, branch, head_commit, "
    "verdict, pull_request, pull_request_url, waits_for, question, answer, budget_added, resumed_at, cycle, "
    "cycle_is, shared, contest, try_number, stop_reason IS NOT NULL";

const std::string active_sql = [] {
    std::string states;
    for (const auto state : all_states)
        if (is_active(state)) states += fmt::format("{}'{}'", states.empty() ? "" : ", ", name(state));
    return "state IN (" + states + ")";
}();

namespace {

std::optional<Time> optional_time(SQLite::Statement& row, int column) {
    const auto value = row.getColumn(column);
    if (value.isNull()) return std::nullopt;
    return from_ms(value.getInt64());
}

Run::Kind run_kind(const std::string& text) {
    if (text == "repair") return Run::Kind::repair;
    if (text == "retry") return Run::Kind::retry;
    if (text == "refine") return Run::Kind::refine;
    return Run::Kind::first;
}

WaitsFor waits_for(const std::string& text) {
    for (const auto each : {WaitsFor::answer, WaitsFor::run_budget, WaitsFor::job_budget})
        if (text == name(each)) return each;
    return WaitsFor::nothing;
}

Run read_run(SQLite::Statement& row) {
    Run run;
    run.id = RunId{row.getColumn(0).getInt64()};
    run.job = JobId{row.getColumn(1).getInt64()};
    run.number = row.getColumn(2).getInt();
    run.kind = run_kind(row.getColumn(3).getString());
    run.profile = row.getColumn(4).getString();
    run.started_at = from_ms(row.getColumn(5).getInt64());
    run.ended_at = optional_time(row, 6);
    run.outcome = row.getColumn(7).getString();
    run.usage = {.input_tokens = static_cast<std::uint64_t>(row.getColumn(8).getInt64()),
                 .cached_tokens = static_cast<std::uint64_t>(row.getColumn(9).getInt64()),
                 .output_tokens = static_cast<std::uint64_t>(row.getColumn(10).getInt64())};
    if (!row.getColumn(11).isNull()) run.usage.cost_usd = row.getColumn(11).getDouble();
    run.log_file = row.getColumn(12).getString();
    run.cycle = row.getColumn(13).getInt();
    return run;
}

std::vector<Run> read_runs(SQLite::Database& db, const std::string& which, JobId job) {
    auto row = prepare(db,
                       "SELECT id, job, number, kind, profile, started_at, ended_at, outcome, input_tokens, "
                       "cached_tokens, output_tokens, cost_usd, log_file, cycle FROM runs WHERE " +
                           which,
                       job.value);
    std::vector<Run> runs;
    while (row.executeStep()) runs.push_back(read_run(row));
    return runs;
}

constexpr std::string_view kind_of_issue = "issue";
constexpr std::string_view kind_of_pull_request = "pull_request";

}  // namespace

std::optional<std::int64_t> issue_number(const integrations::ThreadRef& thread) {
    if (thread.kind != integrations::ThreadRef::Kind::issue) return std::nullopt;
    return thread.number;
}

std::string_view name(integrations::ThreadRef::Kind kind) {
    return kind == integrations::ThreadRef::Kind::issue ? kind_of_issue : kind_of_pull_request;
}

integrations::ThreadRef::Kind thread_kind(std::string_view text) {
    using Kind = integrations::ThreadRef::Kind;
    return text == kind_of_issue ? Kind::issue : Kind::pull_request;
}

Job read_job(SQLite::Statement& row) {
    int column = 0;
    const auto text = [&] { return row.getColumn(column++).getString(); };
    const auto number = [&] { return row.getColumn(column++).getInt64(); };
    const auto time = [&] { return optional_time(row, column++); };
    Job job;  // in the order of job_columns
    auto& a = job.assignment;
    job.id = JobId{number()};
    auto& repo = a.issue.repo;
    for (auto* field :
         {&repo.forge, &repo.id, &repo.full_name, &repo.clone_url, &repo.default_branch, &repo.installation})
        *field = text();
    a.issue.number = number();
    a.requested_by.login = text();
    a.requested_by.id = text();
    a.requested_by.bot = number() != 0;
    a.title = text();
    a.body = text();
    a.hidden_stripped = static_cast<int>(number());
    a.base_branch = text();
    a.base_commit = text();
    a.profile = text();
    a.priority = number() != 0;
    a.guidance = text();
    job.state = *job_state(text());
    job.reason = text();
    job.phase = text();
    job.created_at = from_ms(number());
    job.state_since = from_ms(number());
    job.started_at = time();
    job.ended_at = time();
    job.retry_at = time();
    job.infra_attempts = static_cast<int>(number());
    for (auto* field : {&job.branch, &job.head_commit, &job.verdict}) *field = text();
    job.pull_request = number();
    job.pull_request_url = text();
    job.waits_for = waits_for(text());
    job.question = text();
    job.answer = text();
    job.budget_added = static_cast<std::uint64_t>(number());
    job.resumed_at = time();
    job.cycle = static_cast<int>(number());
    job.cycle_is = *cycle_of(text());
    job.shared = number() != 0;
    if (const auto contest = row.getColumn(column++); !contest.isNull())
        job.contest = JobId{contest.getInt64()};
    job.try_number = static_cast<int>(number());
    job.ending = number() != 0;
    return job;
}

std::optional<Job> find_job(SQLite::Database& database, JobId id) {
    return read_first(database, "WHERE id = ?1", id.value);
}

std::optional<Job> Ledger::job(JobId id) const {
    return inside_->read([&](SQLite::Database& db) { return find_job(db, id); });
}

std::optional<Job> find_active_job(SQLite::Database& database, const integrations::ThreadRef& issue) {
    return read_first(
        database, "WHERE forge = ?1 AND repo_id = ?2 AND issue = ?3 AND contest IS NULL AND " + active_sql,
        issue.repo.forge, issue.repo.id, issue_number(issue));
}

std::optional<Job> Ledger::active_job(const integrations::ThreadRef& issue) const {
    return inside_->read([&](SQLite::Database& db) { return find_active_job(db, issue); });
}

std::optional<Job> Ledger::job_of_pull_request(const integrations::ThreadRef& pull_request) const {
    if (pull_request.kind != integrations::ThreadRef::Kind::pull_request) return std::nullopt;
    return inside_->read([&](SQLite::Database& db) {
        return read_first(
            db,
            "WHERE forge = ?1 AND repo_id = ?2 AND pull_request = ?3 AND pull_request > 0 ORDER BY id DESC",
            pull_request.repo.forge, pull_request.repo.id, pull_request.number);
    });
}

std::vector<Job> Ledger::jobs(std::size_t most) const {
    return inside_->read(
        [&](SQLite::Database& db) { return read_jobs(db, "ORDER BY id DESC LIMIT ?1", most); });
}

std::vector<Run> Ledger::runs(JobId job) const {
    return inside_->read(
        [&](SQLite::Database& db) { return read_runs(db, "job = ?1 ORDER BY number", job); });
}

std::vector<Run> Ledger::history(JobId job) const {
    return inside_->read([&](SQLite::Database& db) {
        return read_runs(db, "job = ?1 OR job IN (SELECT id FROM jobs WHERE contest = ?1) ORDER BY id", job);
    });
}

std::set<std::pair<std::string, std::string>> Ledger::busy_repositories() const {
    return inside_->read([](SQLite::Database& db) {
        SQLite::Statement row(db,
                              "SELECT DISTINCT forge, repo_id FROM jobs WHERE state IN ('queued', 'working', "
                              "'publishing', 'competing')");
        std::set<std::pair<std::string, std::string>> found;
        while (row.executeStep()) found.emplace(row.getColumn(0).getString(), row.getColumn(1).getString());
        return found;
    });
}

int Ledger::jobs_since(const integrations::ThreadRef& issue, Time since) const {
    return inside_->read([&](SQLite::Database& db) {
        auto row = prepare(db,
                           "SELECT count(*) FROM jobs WHERE forge = ?1 AND repo_id = ?2 AND issue = ?3 AND "
                           "created_at >= ?4 AND contest IS NULL",
                           issue.repo.forge, issue.repo.id, issue_number(issue), to_ms(since));
        row.executeStep();
        return row.getColumn(0).getInt();
    });
}

std::optional<std::string> Ledger::baseline(const std::string& key) const {
    return inside_->read([&](SQLite::Database& db) -> std::optional<std::string> {
        auto row = prepare(db, "SELECT results FROM baselines WHERE key = ?1", key);
        if (!row.executeStep()) return std::nullopt;
        return row.getColumn(0).getString();
    });
}

void Ledger::store_baseline(const std::string& key, const std::string& results_json) {
    inside_->write([&](SQLite::Database& db) {
        execute(db,
                "INSERT INTO baselines (key, results, stored_at) VALUES (?1, ?2, ?3) ON CONFLICT (key) DO "
                "UPDATE SET results = excluded.results, stored_at = excluded.stored_at",
                key, results_json, inside_->now());
    });
}

QueueFigures Ledger::figures() const {
    return inside_->read([](SQLite::Database& db) {
        QueueFigures figures;
        for (const auto state : all_states) figures.jobs[state] = 0;
        SQLite::Statement by_state(db, "SELECT state, count(*), min(state_since) FROM jobs GROUP BY state");
        while (by_state.executeStep()) {
            const auto state = *job_state(by_state.getColumn(0).getString());
            figures.jobs[state] = by_state.getColumn(1).getInt();
            if (state == JobState::queued) figures.oldest_queued = optional_time(by_state, 2);
        }
        figures.deliveries_waiting = db.execAndGet("SELECT count(*) FROM inbox").getInt();
        figures.deliveries_dead =
            db.execAndGet("SELECT count(*) FROM outcomes WHERE state = 'dead'").getInt();
        SQLite::Statement waiting(
            db,
            "SELECT count(*), min(wished_at) FROM reports WHERE version > posted_version AND given_up = 0");
        waiting.executeStep();
        figures.reports_waiting = waiting.getColumn(0).getInt();
        figures.oldest_report = optional_time(waiting, 1);
        return figures;
    });
}

}  // namespace bot
