#include "bot/missed.hpp"

#include "bot/intake.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot {

std::optional<Intent> missed_of_repository(const Forges::Entry& entry, const integrations::RepoRef& repo,
                                           const config::Settings& settings) {
    const auto now = entry.forge->repository(repo);
    if (!now) return std::nullopt;
    Facts facts;
    facts.repository = now->repo;
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
    if (!found && found.error().kind == integrations::ForgeError::Kind::gone)
        return end(sentence::since_issue_gone);
    return std::nullopt;
}

}  // namespace bot
