// What people want changed in a pull request: kept until a cycle that had it has ended.
#include <fmt/format.h>

#include <set>

#include "bot/ledger_inside.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

/// Reviews, and several comments in a row, are one wish: the agent begins when nothing came for a moment.
constexpr std::int64_t gathering_ms = 5000;

Ask::What ask_what(std::string_view text) {
    using What = Ask::What;
    for (const auto what : {What::checks, What::conflict, What::retry, What::pick, What::start, What::stop})
        if (name(what) == text) return what;
    return What::wish;
}

constexpr const char* ask_columns =
    "id, key, by_login, by_id, words, comment_id, inline_id, path, line, diff_hunk, what";

Ask read_ask(SQLite::Statement& row) {
    const auto text = [&row](int column) { return row.getColumn(column).getString(); };
    return {.id = row.getColumn(0).getInt64(),
            .key = text(1),
            .by = {.login = text(2), .id = text(3)},
            .words = text(4),
            .comment_id = text(5),
            .inline_id = text(6),
            .path = text(7),
            .line = row.getColumn(8).getInt(),
            .diff_hunk = text(9),
            .what = ask_what(text(10))};
}

std::vector<Ask> read_asks(SQLite::Database& db, JobId job, std::string_view which) {
    auto row =
        prepare(db, fmt::format("SELECT {} FROM asks WHERE job = ?1 AND {} ORDER BY id", ask_columns, which),
                job.value);
    std::vector<Ask> asks;
    while (row.executeStep()) asks.push_back(read_ask(row));
    return asks;
}

/// What this cycle is about.
constexpr std::string_view taken = "done_at IS NULL AND id <= (SELECT asks_taken FROM jobs WHERE id = ?1)";

void fix_asks(SQLite::Database& db, JobId job) {
    execute(db,
            "UPDATE jobs SET asks_taken = (SELECT coalesce(max(id), 0) FROM asks WHERE job = ?1) WHERE id = "
            "?1 AND asks_taken = 0",
            job.value);
}

bool has_open_wishes(SQLite::Database& db, JobId job) {
    return prepare(db, "SELECT 1 FROM asks WHERE job = ?1 AND done_at IS NULL AND what = 'wish'", job.value)
        .executeStep();
}

/// Where the comment stands, as its eyes tell: on the issue, or on a pull request that was made for it. Some
/// forges find a comment there alone.
integrations::ThreadRef thread_asked_on(SQLite::Database& db, const Job& job, const std::string& comment) {
    auto thread = job.assignment.issue;
    auto row = prepare(db,
                       "WITH place (number, of_kind) AS (SELECT ?3, 'issue' UNION ALL SELECT pull_request, "
                       "'pull_request' FROM jobs WHERE forge = ?1 AND repo_id = ?2 AND issue = ?3) "
                       "SELECT number, of_kind FROM place JOIN reports ON forge = ?1 AND repo_id = ?2 AND "
                       "thread = number AND thread_kind = of_kind AND kind = 'reaction' AND "
                       "marker = 'eyes:' || ?4",
                       thread.repo.forge, thread.repo.id, issue_number(thread), comment);
    if (!row.executeStep()) return conversation_of(job);
    thread.number = row.getColumn(0).getInt64();
    thread.kind = thread_kind(row.getColumn(1).getString());
    return thread;
}

}  // namespace

integrations::ThreadRef conversation_of(const Job& job) {
    const auto& issue = job.assignment.issue;
    return job.pull_request > 0 ? pull_request_of(job, issue.repo) : issue;
}

int Ledger::Inside::add_ask(SQLite::Database& db, JobId job, const Ask& ask) {
    return execute(
        db,
        "INSERT INTO asks (job, key, by_login, by_id, words, comment_id, inline_id, path, line, diff_hunk, "
        "at, what) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING",
        job.value, ask.key, ask.by.login, ask.by.id, ask.words, ask.comment_id, ask.inline_id, ask.path,
        ask.line, ask.diff_hunk, now(), name(ask.what));
}

std::optional<JobId> Ledger::Inside::refine(SQLite::Database& db, const Refine& intent) {
    const auto job = find_job(db, intent.job);
    const bool open = job && !is_final(job->state) && job->pull_request > 0;
    // What people wish while the agent works is the next change. Nothing else is put off: it was decided on
    // what the pull request was.
    if (!open || (job->state != JobState::review && !intent.may_wait)) {
        if (intent.comment_id) say_too_late(db, intent.thread, *intent.comment_id, intent.too_late);
        return std::nullopt;
    }
    int fresh = 0;
    for (const auto& ask : intent.asks) fresh += add_ask(db, job->id, ask);
    if (fresh == 0) return std::nullopt;
    if (intent.comment_id) react(db, intent.thread, *intent.comment_id, "eyes");
    if (job->state == JobState::review) begin_cycle(db, *job, intent.cycle, intent.reason);
    if (intent.renewed)
        execute(db,
                "UPDATE jobs SET title = ?2, body = ?3, hidden_stripped = ?4, profile = ?5, guidance = ?6, "
                "answer = '' WHERE id = ?1",
                job->id.value, intent.renewed->title, intent.renewed->body, intent.renewed->hidden_stripped,
                intent.renewed->profile, intent.renewed->guidance);
    if (job->state == JobState::queued && job->changes_proposal())
        execute(db, "UPDATE jobs SET retry_at = ?2 WHERE id = ?1 AND asks_taken = 0", job->id.value,
                now() + gathering_ms);
    return job->id;
}

/// The job went on between the decision and now.
void Ledger::Inside::say_too_late(SQLite::Database& db, const integrations::ThreadRef& thread,
                                  const std::string& comment, const std::string& words) {
    react(db, thread, comment, "thumbs_down");
    wish(db,
         {.kind = Report::Kind::answer,
          .thread = thread,
          .marker = fmt::format("refusal issue={} comment={}", thread.number, comment),
          .body = words},
         Urgency::at_once);
}

void Ledger::Inside::begin_cycle(SQLite::Database& db, const Job& job, Cycle what,
                                 const std::string& reason) {
    move(db, job, Signal::refine, reason);
    execute(
        db,
        "UPDATE jobs SET cycle = cycle + 1, cycle_is = ?3, asks_taken = iif(?3 = 'refine', 0, (SELECT "
        "coalesce(max(id), 0) FROM asks WHERE job = ?1)), onto = '', infra_attempts = 0, retry_at = ?2, "
        "before = json_object('title', title, 'body', body, 'hidden_stripped', hidden_stripped, 'profile', "
        "profile, 'guidance', guidance, 'base_commit', base_commit, 'verdict', verdict) WHERE id = ?1",
        job.id.value, now() + gathering_ms, name(what));
}

void Ledger::Inside::restore_assignment(SQLite::Database& db, JobId job) {
    execute(db,
            "UPDATE jobs SET title = before ->> 'title', body = before ->> 'body', hidden_stripped = before "
            "->> 'hidden_stripped', profile = before ->> 'profile', guidance = before ->> 'guidance', "
            "base_commit = before ->> 'base_commit', verdict = before ->> 'verdict', before = '' WHERE id = "
            "?1 AND before <> ''",
            job.value);
}

void Ledger::Inside::end_cycle(SQLite::Database& db, const Job& job, const Ending& ending) {
    move(db, job, ending.signal, ending.reason);
    fix_asks(db, job.id);  // an attempt may end before it knows what it is about
    const auto thread = conversation_of(job);
    const auto name = fmt::format("job={} cycle={}", job.id.value, job.cycle);
    if (job.changes_proposal() && !ending.words.empty())
        wish(
            db,
            {.kind = Report::Kind::answer, .thread = thread, .marker = "cycle " + name, .body = ending.words},
            Urgency::at_once);
    for (const auto& reply : ending.replies)
        wish(db,
             {.kind = Report::Kind::answer,
              .thread = thread,
              .comment_id = reply.inline_id,
              .marker = fmt::format("reply {} to={}", name, reply.inline_id),
              .body = reply.words},
             Urgency::at_once);
    close_asks(db, job, taken, ending.signal == Signal::proposed);
    if (!has_open_wishes(db, job.id)) return;
    if (const auto now_in_review = find_job(db, job.id))
        begin_cycle(db, *now_in_review, Cycle::refine, std::string(sentence::reason_more_changes));
}

void Ledger::Inside::close_asks(SQLite::Database& db, const Job& job, std::string_view which, bool done) {
    std::set<std::string> comments;
    for (const auto& ask : read_asks(db, job.id, which))
        if (done && !ask.comment_id.empty()) comments.insert(ask.comment_id);
    for (const auto& comment : comments) react(db, thread_asked_on(db, job, comment), comment, "rocket");
    execute(db, fmt::format("UPDATE asks SET done_at = ?2 WHERE job = ?1 AND {}", which), job.id.value,
            now());
}

void Ledger::Inside::answer_late_stops(SQLite::Database& db, const Job& job, const std::string& words) {
    constexpr std::string_view stops = "done_at IS NULL AND what = 'stop'";
    const auto thread = conversation_of(job);
    for (const auto& ask : read_asks(db, job.id, stops))
        wish(db,
             {.kind = Report::Kind::answer,
              .thread = thread,
              .marker = fmt::format("answer issue={} comment={}", thread.number, ask.comment_id),
              .body = words},
             Urgency::at_once);
    close_asks(db, job, stops, true);
}

void Ledger::Inside::react(SQLite::Database& db, const integrations::ThreadRef& thread,
                           const std::string& comment, const std::string& reaction) {
    wish(db,
         {.kind = Report::Kind::reaction,
          .thread = thread,
          .comment_id = comment,
          .marker = fmt::format("{}:{}", reaction, comment),
          .body = reaction},
         Urgency::at_once);
}

std::vector<Ask> Ledger::take_asks(const Lease& lease) {
    return inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        fix_asks(db, job.id);
        return read_asks(db, job.id, taken);
    });
}

std::vector<Ask> Ledger::asks(JobId job) const {
    return inside_->read([&](SQLite::Database& db) { return read_asks(db, job, "true"); });
}

std::string Ledger::stand_on(const Lease& lease, const std::string& base_commit) {
    return inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        execute(db,
                "UPDATE jobs SET base_commit = ?2, before = json_set(before, '$.fixed', 1) WHERE id = ?1 AND "
                "before <> '' AND before ->> 'fixed' IS NULL",
                job.id.value, base_commit);
        return find_job(db, job.id)->assignment.base_commit;
    });
}

std::string Ledger::go_on_from(const Lease& lease, const std::string& commit) {
    return inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        execute(db,
                "UPDATE jobs SET onto = ?2, shared = max(shared, head_commit NOT IN ('', ?2)) WHERE id = ?1 "
                "AND onto = ''",
                job.id.value, commit);
        auto row = prepare(db, "SELECT onto FROM jobs WHERE id = ?1", job.id.value);
        row.executeStep();
        return row.getColumn(0).getString();
    });
}

}  // namespace bot
