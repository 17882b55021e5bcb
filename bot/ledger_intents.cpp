#include <fmt/format.h>

#include "bot/ledger_inside.hpp"
#include "bot/report.hpp"
#include "bot/same_word.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

Report answer(const integrations::ThreadRef& thread, const std::string& marker, const std::string& body) {
    return {.kind = Report::Kind::answer, .thread = thread, .marker = marker, .body = body};
}

/// On the thread, of which `which` is true; `?5` in it is `what`.
bool has_report(SQLite::Database& db, const integrations::ThreadRef& thread, std::string_view which,
                const std::string& what) {
    return prepare(db,
                   fmt::format("SELECT 1 FROM reports WHERE forge = ?1 AND repo_id = ?2 AND thread = ?3 AND "
                               "thread_kind = ?4 AND {}",
                               which),
                   thread.repo.forge, thread.repo.id, thread.number, name(thread.kind), what)
        .executeStep();
}

/// Labels follow the thread's job; without one there is only something to take off.
std::optional<JobId> newest_job(SQLite::Database& db, const integrations::ThreadRef& issue) {
    auto row =
        prepare(db,
                "SELECT id FROM jobs WHERE forge = ?1 AND repo_id = ?2 AND issue = ?3 AND contest IS NULL "
                "ORDER BY created_at DESC, id DESC LIMIT 1",
                issue.repo.forge, issue.repo.id, issue_number(issue));
    if (!row.executeStep()) return std::nullopt;
    return JobId{row.getColumn(0).getInt64()};
}

}  // namespace

std::optional<JobId> Ledger::Inside::start(SQLite::Database& db, const Start& intent) {
    const auto& a = intent.assignment;
    const auto& repo = a.issue.repo;
    const auto at = now();
    // The partial unique index decides who was first; the second changes nothing.
    const int inserted =
        execute(db,
                "INSERT INTO jobs (forge, repo_id, repo_name, clone_url, default_branch, "
                "installation, issue, by_login, by_id, by_bot, "
                "title, body, hidden_stripped, base_branch, base_commit, profile, priority, "
                "guidance, reason, created_at, state_since) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
                "?16, ?17, ?18, ?19, ?20, ?20) "
                "ON CONFLICT DO NOTHING",
                repo.forge, repo.id, repo.full_name, repo.clone_url, repo.default_branch, repo.installation,
                issue_number(a.issue), a.requested_by.login, a.requested_by.id, a.requested_by.bot, a.title,
                a.body, a.hidden_stripped, a.base_branch, a.base_commit, a.profile, a.priority, a.guidance,
                intent.reason, at);
    if (inserted == 0) return std::nullopt;
    const JobId id{db.getLastInsertRowid()};
    react(db, intent.asked_on.value_or(a.issue), intent.comment_id.value_or(""), "eyes");
    if (intent.comment_id)
        add_ask(db, id,
                {.key = "comment=" + *intent.comment_id,
                 .by = a.requested_by,
                 .words = a.guidance,
                 .comment_id = *intent.comment_id,
                 .what = Ask::What::start});
    if (!intent.label.empty()) wish_label_off(db, id, a.issue, intent.label);
    const auto job = find_job(db, id);
    wish_labels(db, *job);
    wish_status(db, *job, Urgency::at_once);
    if (intent.tries.size() > 1) begin_contest(db, *job, intent.tries);
    return id;
}

std::optional<JobId> Ledger::Inside::stop(SQLite::Database& db, JobId id, Signal signal,
                                          const std::string& reason) {
    const auto job = find_job(db, id);
    if (!job || is_final(job->state)) return std::nullopt;
    // Somebody works on it: told by the next renewal, and the lease is not renewed any more. What was said
    // first stays, unless the pull request has ended meanwhile.
    const int asked = execute(db,
                              "UPDATE jobs SET stop_signal = iif(stop_reason IS NULL OR ?3 <> 'stop', ?3, "
                              "stop_signal), stop_reason = iif(stop_reason IS NULL OR ?3 <> 'stop', ?2, "
                              "stop_reason) WHERE id = ?1 AND lease_token IS NOT NULL",
                              id.value, reason, name(signal));
    if (asked == 0)
        move(db, *job, signal, reason);
    else
        wish_status(db, *job, Urgency::progress);
    if (job->state == JobState::competing)
        for (const auto& each : tries_of(db, id)) (void)stop(db, each.id, Signal::stop, reason);
    return id;
}

std::optional<JobId> Ledger::Inside::resume(SQLite::Database& db, const Resume& intent) {
    const auto job = find_job(db, intent.job);
    if (!job || job->state != JobState::waiting) return std::nullopt;
    execute(db,
            "UPDATE jobs SET answer = answer || iif(answer = '' OR ?2 = '', '', char(10, 10)) || ?2, "
            "budget_added = budget_added + ?3, budget_grants = budget_grants + (waits_for = 'job_budget'), "
            "resumed_at = ?4 WHERE id = ?1",
            job->id.value, intent.answer, intent.micro_dollars, now());
    for (const auto* each : {"eyes", "rocket"})
        react(db, intent.thread, intent.comment_id.value_or(""), each);
    move(db, *job, Signal::resume, intent.reason);
    return job->id;
}

/// `what` of a row: before the label's name.
constexpr std::string_view label_row = "label:";

Said Ledger::Inside::said(SQLite::Database& db, const integrations::ThreadRef& issue) {
    auto row = prepare(
        db, "SELECT what, at, by_login, id, event FROM said WHERE forge = ?1 AND repo_id = ?2 AND issue = ?3",
        issue.repo.forge, issue.repo.id, issue_number(issue));
    Said said;
    while (row.executeStep()) {
        const auto what = row.getColumn(0).getString();
        const auto at = from_ms(row.getColumn(1).getInt64());
        auto id = row.getColumn(3).getString();
        if (what.starts_with(label_row))
            said.labels.emplace(what.substr(label_row.size()), LabelSet{.at = at, .event = std::move(id)});
        else
            (what == "stop" ? said.stop : said.asked) = Word{.at = at,
                                                             .by = row.getColumn(2).getString(),
                                                             .comment_id = id,
                                                             .event = row.getColumn(4).getString(),
                                                             .ends = what == "stop" && id.empty()};
    }
    return said;
}

Said Ledger::said(const integrations::ThreadRef& issue) const {
    return inside_->read([&](SQLite::Database& db) { return Inside::said(db, issue); });
}

void Ledger::Inside::note_said(SQLite::Database& db, const integrations::ThreadRef& issue,
                               const Said& heard) {
    const auto before = said(db, issue);
    const auto note = [&](std::string_view what, Time at, const std::string& by, const std::string& id,
                          const std::string& event = {}) {
        execute(db,
                "INSERT OR REPLACE INTO said (forge, repo_id, issue, what, at, by_login, id, event) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                issue.repo.forge, issue.repo.id, issue_number(issue), what, to_ms(at), by, id, event);
    };
    if (const auto& now = heard.asked; now && !(before.asked && earlier(*now, *before.asked)))
        note("asked", now->at, now->by, now->comment_id, now->event);
    if (const auto& now = heard.stop; now && !(before.stop && earlier(*now, *before.stop)))
        note("stop", now->at, now->by, now->comment_id, now->event);
    for (const auto& [label, now] : heard.labels)
        if (const auto* last = before.heard(label); last == nullptr || now.after(*last))
            note(std::string(label_row) + label, now.at, "", now.event);
}

bool Ledger::heard(const integrations::ThreadRef& thread, const std::string& comment_id) const {
    return inside_->read([&](SQLite::Database& db) {
        return has_report(db, thread, "kind = 'reaction' AND marker IN ('eyes:' || ?5, 'thumbs_down:' || ?5)",
                          comment_id);
    });
}

namespace {

/// Of a `Start` or a `Refuse`.
template <typename Intent>
std::map<std::string, LabelSet> labels_of(const Intent& intent) {
    if (!intent.label_set) return {};
    return {{intent.label, *intent.label_set}};
}

}  // namespace

std::optional<JobId> Ledger::Inside::begin(SQLite::Database& db, const Start& wanted,
                                           const std::optional<Origin>& from) {
    const auto& issue = wanted.assignment.issue;
    // The same label, told by a sweep, by another hook or once more.
    const auto before = said(db, issue);
    const auto* heard = before.heard(wanted.label);
    const bool again = from && from->revived;
    if (!again && wanted.label_set && heard != nullptr && !wanted.label_set->after(*heard))
        return std::nullopt;
    const auto id = start(db, wanted);
    if (!id) {  // another job has begun between the decision and now
        if (!wanted.label.empty()) wish_label_off(db, newest_job(db, issue), issue, wanted.label);
        if (const auto job = find_active_job(db, issue); job && wanted.comment_id)
            say_too_late(db, wanted.asked_on.value_or(issue), *wanted.comment_id,
                         report::already_active(*job));
        return std::nullopt;
    }
    note_said(db, issue, {.asked = wanted.asked, .stop = {}, .labels = labels_of(wanted)});
    if (!wanted.asked) return id;
    // Stop was said after it and heard before it, perhaps only since the decision.
    if (const auto stopped = said(db, issue).stop; stopped && earlier(*wanted.asked, *stopped))
        return stop(db, *id, Signal::stop,
                    stopped->ends ? report::stopped_since(sentence::since_ended_meanwhile)
                                  : report::stopped_by(stopped->by));
    return id;
}

std::optional<JobId> Ledger::Inside::halt(SQLite::Database& db, const Stop& wanted) {
    const auto job = find_job(db, wanted.job);
    if (wanted.said && job)
        note_said(db, job->assignment.issue, {.asked = {}, .stop = wanted.said, .labels = {}});
    // It may have come to its end between the decision and now.
    if (wanted.too_late && job && is_final(job->state)) return say(db, *wanted.too_late);
    if (wanted.comment_id) {
        react(db, wanted.thread, *wanted.comment_id, "eyes");
        add_ask(db, wanted.job,
                {.key = "comment=" + *wanted.comment_id,
                 .words = {},
                 .comment_id = *wanted.comment_id,
                 .what = Ask::What::stop});
    }
    const auto stopped = stop(db, wanted.job, Signal::stop, wanted.reason);
    if (wanted.when && job)
        over(db, {.issue = job->assignment.issue, .when = *wanted.when, .reason = wanted.reason});
    return stopped;
}

void Ledger::Inside::over(SQLite::Database& db, const Over& end) {
    if (end.lasts) note_said(db, end.issue, {.asked = {}, .stop = end.when, .labels = {}});
    forget_before(db, end.issue, end.when);
    // What goes on, or went on last, may have been asked for after it.
    if (const auto asked = said(db, end.issue).asked; !asked || earlier(*asked, end.when))
        revive(db, end.issue, end.when);
}

void Ledger::Inside::revive(SQLite::Database& db, const integrations::ThreadRef& issue, const Word& end) {
    const auto refusal = revive_after(db, issue, end);
    const auto in_the_way = refusal ? newest_job(db, issue) : std::nullopt;
    const auto job = in_the_way ? find_job(db, *in_the_way) : std::nullopt;
    if (!job) return;
    auto thread = job->assignment.issue;
    thread.number = refusal->thread;
    thread.kind = refusal->kind;
    wish(db, answer(thread, refusal->marker, report::heard_after_all()), Urgency::at_once);
}

std::optional<JobId> Ledger::Inside::say(SQLite::Database& db, const Answer& words) {
    if (words.stop) {
        note_said(db, words.issue, {.asked = {}, .stop = words.stop, .labels = {}});
        // A job may have begun between the decision and now.
        const auto asked = said(db, words.issue).asked;
        if (const auto job = find_active_job(db, words.issue); job && asked && earlier(*asked, *words.stop))
            return halt(db, {.job = job->id,
                             .reason = report::stopped_by(words.stop->by),
                             .comment_id = words.comment_id,
                             .thread = words.thread,
                             .when = words.stop});
        over(db, {.issue = words.issue, .when = *words.stop, .reason = words.reason});
    }
    if (words.comment_id)
        for (const auto* each : {"eyes", "rocket"}) react(db, words.thread, *words.comment_id, each);
    wish(db, answer(words.thread, words.marker, words.answer), Urgency::at_once);
    return std::nullopt;
}

std::optional<JobId> Ledger::Inside::apply(SQLite::Database& db, const Intent& intent,
                                           const std::optional<Origin>& from) {
    const auto end_review = [&](const EndReview& end) -> std::optional<JobId> {
        const auto job = find_job(db, end.job);
        if (!job || job->pull_request == 0) return std::nullopt;
        return stop(db, end.job, end.merged ? Signal::merge : Signal::close, end.reason);
    };
    const auto refuse = [&](const Refuse& no) -> std::optional<JobId> {
        if (from) keep(db, no, *from);
        if (no.label_set) note_said(db, no.issue, {.asked = {}, .stop = {}, .labels = labels_of(no)});
        if (no.comment_id) react(db, no.thread, *no.comment_id, "thumbs_down");
        if (no.take_label_off) wish_label_off(db, newest_job(db, no.thread), no.thread, no.label);
        if (!no.answer.empty()) wish(db, answer(no.thread, no.marker, no.answer), Urgency::at_once);
        return std::nullopt;
    };
    return std::visit(Match{[&](const Start& wanted) { return begin(db, wanted, from); },
                            [&](const Stop& wanted) { return halt(db, wanted); },
                            [&](const Resume& wanted) { return resume(db, wanted); },
                            [&](const Refine& wanted) { return refine(db, wanted); },
                            [&](const Answer& words) { return say(db, words); },
                            [&](const Abandon& wanted) { return abandon(db, wanted); },
                            [&](const Rename& wanted) { return rename(db, wanted.repo); }, refuse,
                            [&](const Over& end) {
                                over(db, end);
                                return std::optional<JobId>();
                            },
                            end_review, [](const Wait&) { return std::optional<JobId>(); },
                            [](const LookAgain&) { return std::optional<JobId>(); },
                            [](const Ignore&) { return std::optional<JobId>(); }},
                      intent);
}

std::optional<JobId> Ledger::Inside::decided(SQLite::Database& db, const Intent& intent,
                                             const Origin& origin) {
    const auto taken = take_kept(db, origin);
    const auto touched = apply(db, intent, origin);
    // One that comes to nothing by itself leaves room for the next; what other work is in the way of, does
    // not.
    const auto* no = std::get_if<Refuse>(&intent);
    const bool comes_to_nothing = std::holds_alternative<Ignore>(intent) || (no != nullptr && !no->asked);
    if (taken && comes_to_nothing) revive(db, taken->issue, taken->asked);
    return touched;
}

}  // namespace bot
