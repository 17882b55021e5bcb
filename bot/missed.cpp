#include "bot/missed.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <string>

#include "bot/intake.hpp"
#include "bot/loops_inside.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

using integrations::ForgeError;
using namespace std::chrono_literals;

/// A pull request just opened may not be known everywhere at the forge.
constexpr auto settling_time = 5min;
/// What CI has not said of a commit by then it will not say.
constexpr auto ci_patience = 6h;

/// The branch conflicts with its base.
std::optional<Intent> conflict(const Job& job, const integrations::PullRequest& found) {
    if (!found.conflicts.value_or(false)) return std::nullopt;
    const auto thread = pull_request_of(job, job.assignment.issue.repo);
    if (job.shared || found.head_sha != job.head_commit)
        return Answer{.thread = thread,
                      .answer = report::conflict_left_to_people(job.assignment.base_branch),
                      .marker = "conflict commit=" + found.head_sha,
                      .comment_id = {},
                      .reason = "it conflicts with its base, and people pushed to it"};
    return Refine{.job = job.id,
                  .asks = {{.key = "conflict=" + found.head_sha,
                            .by = {},
                            .words = {},
                            .comment_id = {},
                            .what = Ask::What::conflict}},
                  .cycle = Cycle::rebase,
                  .renewed = {},
                  .reason = std::string(sentence::reason_conflict),
                  .comment_id = {},
                  .thread = thread};
}

/// What CI says of a young commit, whose event may have been lost.
std::optional<Intent> red_by_now(Shop& shop, const Job& job) {
    if (std::chrono::system_clock::now() - job.state_since > ci_patience) return std::nullopt;
    const auto& repo = job.assignment.issue.repo;
    const auto intent = loops::understand(
        shop, integrations::ChecksFailed{.repo = repo, .head_sha = job.head_commit}, repo.forge);
    if (!intent || std::holds_alternative<Ignore>(*intent)) return std::nullopt;
    return *intent;
}

Intent over(const Job& job, const integrations::PullRequest& found) {
    return EndReview{.job = job.id, .merged = found.merged, .reason = report::proposal_over(found.merged)};
}

Missed missed_of_review(Shop& shop, integrations::Forge& forge, const Job& job) {
    const auto found = forge.pull_request(job.assignment.issue.repo, job.pull_request);
    if (found && !found->open) return {over(job, *found)};
    if (found) {
        Missed missed{conflict(job, *found), !found->conflicts};
        if (!missed.intent && found->head_sha == job.head_commit) missed.intent = red_by_now(shop, job);
        return missed;
    }
    const bool young = std::chrono::system_clock::now() - job.state_since < settling_time;
    if (found.error().kind == ForgeError::Kind::gone && !young)
        return {EndReview{.job = job.id, .reason = report::proposal_gone()}};
    spdlog::warn("sweep: job {}: {}", job.id.value, found.error().message);
    return {};
}

}  // namespace

std::optional<Intent> missed_of_repository(const Forges::Entry& entry, const integrations::RepoRef& repo,
                                           const config::Settings& settings) {
    const auto now = entry.forge->repository(repo);
    if (!now) return std::nullopt;
    Facts facts;
    facts.repository_allowed = repository_allowed(entry.settings, now->repo.full_name);
    if (now->repo.full_name != repo.full_name) return decide(Renamed{now->repo}, facts, settings);
    if (!now->archived) return std::nullopt;
    return decide(AccessOver{{.how = integrations::AccessEnded::How::archived,
                              .forge = repo.forge,
                              .installation = repo.installation,
                              .repositories = {repo.id}}},
                  facts, settings);
}

std::optional<Intent> missed_of_issue(integrations::Forge& forge, const Job& job, bool pushed) {
    const auto& thread = job.assignment.issue;
    const auto end = [&](std::string_view since) {
        return Stop{.job = job.id,
                    .reason = report::stopped_since(since),
                    .comment_id = {},
                    .thread = thread,
                    .too_late = {}};
    };
    const auto found = forge.issue(thread);
    if (found && !found->open && !pushed) return end(sentence::since_issue_closed);
    if (!found && found.error().kind == ForgeError::Kind::gone) return end(sentence::since_issue_gone);
    return std::nullopt;
}

Missed missed_of_waiting(Shop& shop, integrations::Forge& forge, const Job& job) {
    if (job.state == JobState::review) return missed_of_review(shop, forge, job);
    if (job.pull_request == 0) return {missed_of_issue(forge, job)};
    const auto proposed = forge.pull_request(job.assignment.issue.repo, job.pull_request);
    if (!proposed || proposed->open) return {};
    return {over(job, *proposed)};
}

}  // namespace bot
