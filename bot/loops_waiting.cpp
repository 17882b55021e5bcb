// What became of pull requests and issues of jobs that wait for people, while nobody told us.
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "bot/loops.hpp"
#include "bot/loops_inside.hpp"
#include "bot/missed.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot::loops {

namespace {

using integrations::ForgeError;
using namespace std::chrono_literals;

constexpr std::size_t looks_per_sweep = 20;
/// A pull request just opened may not be known everywhere at the forge.
constexpr auto settling_time = 5min;
/// What CI has not said of a commit by then it will not say.
constexpr auto ci_patience = 6h;
/// For so long after a push to a base branch a forge may look whether pull requests conflict with it.
constexpr auto forges_look = 2min;

struct Found {
    std::optional<Intent> intent;
    bool unsure = false;       ///< the forge is still looking whether a pull request conflicts with its base
    bool at_our_head = false;  ///< it is open, and nobody pushed to it
};

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
    const auto intent =
        understand(shop, integrations::ChecksFailed{.repo = repo, .head_sha = job.head_commit}, repo.forge);
    if (!intent || std::holds_alternative<Ignore>(*intent)) return std::nullopt;
    return *intent;
}

Intent over(const Job& job, const integrations::PullRequest& found) {
    return EndReview{.job = job.id, .merged = found.merged, .reason = report::proposal_over(found.merged)};
}

/// Where its repository cannot be found either, it is that which ends the job.
Found gone(integrations::Forge& forge, const Job& job, const ForgeError& error) {
    const bool young = std::chrono::system_clock::now() - job.state_since < settling_time;
    if (error.kind == ForgeError::Kind::gone && !young) {
        const auto& thread = job.assignment.issue;
        const auto repository = forge.repository(thread.repo);
        if (repository) return {EndReview{.job = job.id, .reason = report::proposal_gone()}};
        if (repository.error().kind == ForgeError::Kind::gone)
            return {Stop{.job = job.id,
                         .reason = report::stopped_since(sentence::since_repository_gone),
                         .comment_id = {},
                         .thread = thread}};
    }
    spdlog::warn("sweep: job {}: {}", job.id.value, error.message);
    return {};
}

Found look(integrations::Forge& forge, const Job& job) {
    if (job.pull_request == 0) return {missed_of_issue(forge, job)};
    const auto found = forge.pull_request(job.assignment.issue.repo, job.pull_request);
    if (!found) return gone(forge, job, found.error());
    if (!found->open) return {over(job, *found)};
    if (job.state != JobState::review) return {};
    return {conflict(job, *found), !found->conflicts && !found->draft,  // of drafts some never tell
            found->head_sha == job.head_commit};
}

void carry_out(Shop& shop, const Forges::Entry& entry, const Job& job, const Intent& intent) {
    if (shop.ledger.carry_out(intent))
        spdlog::info("sweep: job {}: {}", job.id.value, spoken(shop, entry, reason(intent)));
    after(shop, intent);
}

/// Null: nothing can be asked there now.
const Forges::Entry* open_forge(Shop& shop, const std::string& name) {
    return shop.forges.quiet().contains(name) ? nullptr : shop.forges.find(name);
}

}  // namespace

void look_at_waiting(Shop& shop) {
    static std::atomic<std::int64_t> last_looked_at{0};  // after a restart the oldest come first again
    std::set<std::pair<std::string, std::string>> seen;  // repositories
    for (const auto& job : shop.ledger.waiting_for_people(JobId{last_looked_at.load()}, looks_per_sweep)) {
        last_looked_at = job.id.value;
        const auto& repo = job.assignment.issue.repo;
        const auto* entry = open_forge(shop, repo.forge);
        if (entry == nullptr) continue;
        Found found;
        if (seen.emplace(repo.forge, repo.id).second)
            found.intent = missed_of_repository(*entry, repo, shop.settings);
        if (!found.intent) found = look(*entry->forge, job);
        if (!found.intent && found.at_our_head) found.intent = red_by_now(shop, job);
        if (found.intent) carry_out(shop, *entry, job, *found.intent);
    }
}

void look_after_pushes(Shop& shop) {
    for (auto& moved : shop.moved_bases.all()) {
        const auto* entry = open_forge(shop, moved.repo.forge);
        bool done = std::chrono::system_clock::now() - moved.at > forges_look;  // the sweep goes on
        if (entry != nullptr && !done) {
            done = true;
            for (const auto& job : shop.ledger.on_base(moved.repo, moved.branch)) {
                if (moved.sure.contains(job.id)) continue;
                const auto found = look(*entry->forge, job);
                if (found.intent) carry_out(shop, *entry, job, *found.intent);
                if (found.unsure)
                    done = false;
                else
                    moved.sure.insert(job.id);
            }
        }
        shop.moved_bases.looked_at(moved, done);
    }
}

}  // namespace bot::loops
