// What becomes of jobs when the world around them changes: repositories that go or are renamed, people who do
// not answer, branches that nobody needs any more.
#include <fmt/format.h>

#include <algorithm>

#include "bot/ledger_inside.hpp"

namespace bot {

namespace {

bool is_among(const std::vector<std::string>& ids, const std::string& id) {
    return std::ranges::find(ids, id) != ids.end();
}

/// `what`: an Abandon, or the event that may lead to one.
template <typename What>
bool is_meant(const What& what, const integrations::RepoRef& repo) {
    if (!what.repositories.empty()) return is_among(what.repositories, repo.id);
    return !what.installation.empty() && repo.installation == what.installation;
}

}  // namespace

std::optional<JobId> Ledger::Inside::abandon(SQLite::Database& db, const Abandon& intent) {
    std::optional<JobId> last;
    for (const auto& job : read_jobs(db, "WHERE forge = ?1 AND " + active_sql, intent.forge)) {
        const auto& repo = job.assignment.issue.repo;
        if (is_meant(intent, repo) && !is_among(intent.spared, repo.id))
            last = stop(db, job.id, Signal::stop, intent.reason);
    }
    return last;
}

std::vector<integrations::RepoRef> Ledger::shut(const integrations::AccessEnded& what) const {
    return inside_->read([&](SQLite::Database& db) {
        std::vector<integrations::RepoRef> found;
        for (const auto& job : read_jobs(db, "WHERE forge = ?1 AND " + active_sql, what.forge)) {
            const auto& repo = job.assignment.issue.repo;
            if (is_meant(what, repo) && std::ranges::find(found, repo) == found.end()) found.push_back(repo);
        }
        return found;
    });
}

std::optional<JobId> Ledger::Inside::rename(SQLite::Database& db, const integrations::RepoRef& repo) {
    execute(db,
            std::string("UPDATE jobs SET repo_name = ?3, clone_url = ?4, installation = iif(?5 = '', "
                        "installation, ?5) WHERE forge = ?1 AND repo_id = ?2 AND ") +
                active_sql,
            repo.forge, repo.id, repo.full_name, repo.clone_url, repo.installation);
    execute(db,
            "UPDATE reports SET repo_name = ?3, clone_url = ?4, installation = iif(?5 = '', installation, "
            "?5) WHERE forge = ?1 AND repo_id = ?2 AND version > posted_version AND given_up = 0",
            repo.forge, repo.id, repo.full_name, repo.clone_url, repo.installation);
    return std::nullopt;
}

std::optional<Job> Ledger::job_of_head(const integrations::RepoRef& repo, const std::string& commit) const {
    return inside_->read([&](SQLite::Database& db) {
        return read_first(
            db,
            "WHERE forge = ?1 AND repo_id = ?2 AND head_commit = ?3 AND pull_request > 0 ORDER BY id "
            "DESC",
            repo.forge, repo.id, commit);
    });
}

std::optional<Job> Ledger::job_before(const Job& job) const {
    return inside_->read([&](SQLite::Database& db) {
        const auto& issue = job.assignment.issue;
        return read_first(
            db,
            "WHERE forge = ?1 AND repo_id = ?2 AND issue = ?3 AND id < ?4 AND contest IS NULL ORDER "
            "BY id DESC",
            issue.repo.forge, issue.repo.id, issue_number(issue), job.contest.value_or(job.id).value);
    });
}

std::vector<Job> Ledger::on_base(const integrations::RepoRef& repo, const std::string& branch) const {
    return inside_->read([&](SQLite::Database& db) {
        return read_jobs(
            db, "WHERE forge = ?1 AND repo_id = ?2 AND base_branch = ?3 AND state = 'review' ORDER BY id",
            repo.forge, repo.id, branch);
    });
}

std::vector<Job> Ledger::waiting_for_people(JobId after, std::size_t most) const {
    return inside_->read([&](SQLite::Database& db) {
        return read_jobs(db, "WHERE state IN ('waiting', 'review') ORDER BY id <= ?1, id LIMIT ?2",
                         after.value, most);
    });
}

std::vector<Job> Ledger::unanswered(Time since) const {
    return inside_->read([&](SQLite::Database& db) {
        return read_jobs(db,
                         "WHERE state = 'waiting' AND state_since <= ?1 AND coalesce(reminded_at, 0) < "
                         "state_since ORDER BY id",
                         to_ms(since));
    });
}

void Ledger::remind(JobId id, const std::string& words) {
    inside_->write([&](SQLite::Database& db) {
        const auto job = find_job(db, id);
        if (!job || job->state != JobState::waiting) return;
        execute(db, "UPDATE jobs SET reminded_at = ?2 WHERE id = ?1", id.value, inside_->now());
        inside_->wish(db,
                      {.kind = Report::Kind::answer,
                       .thread = conversation_of(*job),
                       .marker = fmt::format("reminder job={} since={}", id.value, to_ms(job->state_since)),
                       .body = words},
                      Urgency::at_once);
    });
}

std::vector<Ledger::LeftBranch> Ledger::branches_to_clean(JobId after) const {
    return inside_->read([&](SQLite::Database& db) {
        std::vector<LeftBranch> left;
        // The pull request of a job that was stopped may be open: its branch is people's now.
        for (auto& job : read_jobs(db,
                                   "WHERE branch_cleaned = 0 AND (head_commit <> '' OR pushing <> '') AND "
                                   "shared = 0 AND branch <> '' AND (state IN ('merged', 'closed') OR (state "
                                   "IN ('stopped', 'failed') AND pull_request = 0)) ORDER BY id <= ?1, id "
                                   "LIMIT 50",
                                   after.value)) {
            auto row = prepare(db, "SELECT pushing FROM jobs WHERE id = ?1", job.id.value);
            row.executeStep();
            std::vector<std::string> ours{row.getColumn(0).getString(), job.head_commit};
            std::erase(ours, "");
            left.push_back({.job = std::move(job), .ours = std::move(ours)});
        }
        return left;
    });
}

void Ledger::branch_cleaned(JobId job) {
    inside_->write([&](SQLite::Database& db) {
        execute(db, "UPDATE jobs SET branch_cleaned = 1 WHERE id = ?1", job.value);
    });
}

}  // namespace bot
