#include "integrations/forge_proposals.hpp"

#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"

namespace integrations {

using nlohmann::json;

bool would_close(const json& pull, const ThreadRef& issue) {
    // Anybody may name a branch in a fork like ours: the name counts in the repository itself only.
    const auto home = text(at(at(pull, "head", "repo"), "id"));
    const bool ours = !home.empty() && home == text(at(at(pull, "base", "repo"), "id")) &&
                      is_branch_for(text(at(pull, "head", "ref")), issue.number);
    const auto& name = issue.repo.full_name;
    return ours || closes_issue(text_at(pull, "title"), name, issue.number) ||
           closes_issue(text_at(pull, "body"), name, issue.number);
}

ProposedBefore::ProposedBefore(const Proposal& proposal, std::string_view self)
    : proposal_(proposal), self_(self), hidden_(hidden_marker(proposal.marker)) {}

bool ProposedBefore::look_at(const json& pull) {
    auto candidate = read_pull(pull);
    if (candidate.head_branch != proposal_.head_branch) return true;
    // People may write below the marker.
    const bool marked = !hidden_.empty() && same_name(candidate.author.login, self_) &&
                        text_at(pull, "body").find(hidden_) != std::string::npos;
    if (candidate.open || (!found_ && (marked || candidate.head_sha == proposal_.head_sha)))
        found_ = std::move(candidate);
    return !found_ || !found_->open;
}

ForgeResult<PullRequest> read_asked_pull(const json& answer, const RepoRef& repo, std::int64_t number) {
    const auto home = text(at(at(answer, "base", "repo"), "id"));
    if (!home.empty() && !repo.id.empty() && home != repo.id)
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::gone,
                       .message = "another repository bears the name " + repo.full_name + " now"});
    auto pull = read_pull(answer);
    if (pull.number != number || text_at(answer, "state").empty())
        return std::unexpected(ForgeError{.kind = ForgeError::Kind::unreachable,
                                          .message = "the forge's answer is not the pull request"});
    return pull;
}

}  // namespace integrations
