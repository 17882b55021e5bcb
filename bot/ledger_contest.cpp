// Several tries for one issue: each is a job of its own, without a voice; the issue's job waits for them.
#include <fmt/format.h>

#include <algorithm>

#include "bot/branch_name.hpp"
#include "bot/contest.hpp"
#include "bot/ledger_inside.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot {

std::vector<Job> tries_of(SQLite::Database& db, JobId contest) {
    return read_jobs(db, "WHERE contest = ?1 ORDER BY try_number", contest.value);
}

std::vector<Job> Ledger::tries(JobId contest) const {
    return inside_->read([&](SQLite::Database& db) { return tries_of(db, contest); });
}

void Ledger::Inside::begin_contest(SQLite::Database& db, const Job& job,
                                   const std::vector<std::string>& profiles) {
    int number = 0;
    for (const auto& profile : profiles)
        execute(
            db,
            "INSERT INTO jobs (forge, repo_id, repo_name, clone_url, default_branch, installation, issue, "
            "by_login, by_id, by_bot, title, body, hidden_stripped, base_branch, base_commit, profile, "
            "priority, guidance, reason, created_at, state_since, contest, try_number) "
            "SELECT forge, repo_id, repo_name, clone_url, default_branch, installation, issue, by_login, "
            "by_id, by_bot, title, body, hidden_stripped, base_branch, base_commit, ?2, priority, guidance, "
            "reason, created_at, state_since, id, ?3 FROM jobs WHERE id = ?1",
            job.id.value, profile, ++number);
    move(db, job, Signal::compete, job.reason);
}

void Ledger::Inside::settle_contest(SQLite::Database& db, JobId contest) {
    const auto job = find_job(db, contest);
    if (!job || job->state != JobState::competing) return;
    const auto tries = tries_of(db, contest);
    if (std::ranges::any_of(tries, [](const Job& each) { return is_active(each.state); })) return;
    auto rivals = compare(tries);
    const auto best = std::ranges::find(rivals, true, &Rival::chosen);
    if (best == rivals.end()) {
        const bool answered =
            std::ranges::all_of(tries, [](const Job& each) { return each.state == JobState::answered; });
        return move(db, *job, answered ? Signal::nothing : Signal::fail, report::no_try_succeeded(tries));
    }
    const auto& chosen = tries.at(static_cast<std::size_t>(best - rivals.begin()));
    auto verdict = *verdict_from_json(chosen.verdict);  // `compare` has read it
    verdict.rivals = std::move(rivals);
    execute(db, "UPDATE jobs SET verdict = ?2, branch = ?3, profile = ?4 WHERE id = ?1", contest.value,
            to_json(verdict), branch_name(job->assignment.issue.number, job->assignment.title, 1),
            chosen.assignment.profile);
    move(db, *job, Signal::verdict, fmt::format(sentence::reason_best_try, chosen.try_number, tries.size()));
}

}  // namespace bot
