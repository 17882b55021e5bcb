#include "integrations/forge_proposals.hpp"

#include <algorithm>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"

namespace integrations {

using nlohmann::json;

bool is_from_home(const json& pull) {
    const auto home = text(at(at(pull, "head", "repo"), "id"));
    return !home.empty() && home == text(at(at(pull, "base", "repo"), "id"));
}

bool would_close(const json& pull, const ThreadRef& issue) {
    const bool ours = is_from_home(pull) && is_branch_for(text(at(pull, "head", "ref")), issue.number);
    const auto& name = issue.repo.full_name;
    return ours || closes_issue(text_at(pull, "title"), name, issue.number) ||
           closes_issue(text_at(pull, "body"), name, issue.number);
}

ProposedBefore::ProposedBefore(const Proposal& proposal, std::string_view self)
    : proposal_(proposal), self_(self), hidden_(hidden_marker(proposal.marker)) {}

bool ProposedBefore::look_at(PullRequest candidate, std::string_view body) {
    if (candidate.head_branch != proposal_.head_branch) return true;
    // People may write below the marker.
    const bool marked = !hidden_.empty() && same_name(candidate.author.login, self_) &&
                        body.find(hidden_) != std::string_view::npos;
    if (candidate.open || (!found_ && (marked || candidate.head_sha == proposal_.head_sha)))
        found_ = std::move(candidate);
    return !found_ || !found_->open;
}

ForgeResult<PullRequest> propose_once(const ProposalVerbs& verbs, const Proposal& proposal) {
    const auto adopt = [&](const PullRequest& found) -> ForgeResult<PullRequest> {
        return found.open ? verbs.update(found) : found;
    };
    if (proposal.number > 0) {
        const auto known = verbs.ask(proposal.number);
        return known ? adopt(*known) : known;
    }
    const auto us = verbs.self();
    if (!us) return std::unexpected(us.error());
    const auto look = [&]() -> ForgeResult<std::optional<PullRequest>> {
        ProposedBefore before(proposal, us->login);
        if (const auto shown = verbs.show(before); !shown) return std::unexpected(shown.error());
        return before.found();
    };
    const auto before = look();
    if (!before) return std::unexpected(before.error());
    if (*before) return adopt(**before);
    auto made = verbs.open();
    if (made || !verbs.is_second(made.error())) return made;
    const auto meanwhile = look();
    if (!meanwhile) return std::unexpected(meanwhile.error());
    return *meanwhile ? adopt(**meanwhile) : made;
}

namespace {

/// What is left of a title behind one of the marks; the title itself if there is none.
std::string_view behind_draft_mark(std::string_view title, const DraftMarks& marks) {
    const auto words = lower_case(title);
    for (const auto mark : marks.known) {
        if (mark.empty() || !words.starts_with(mark)) continue;
        title.remove_prefix(mark.size());
        title.remove_prefix(std::min(title.find_first_not_of(' '), title.size()));
        break;
    }
    return title;
}

}  // namespace

bool says_draft(std::string_view title, const DraftMarks& marks) {
    return behind_draft_mark(title, marks).size() != title.size();
}

std::string draft_title(const Proposal& proposal, const DraftMarks& marks, std::size_t limit) {
    std::string_view bare = proposal.title;
    while (says_draft(bare, marks)) bare = behind_draft_mark(bare, marks);
    if (bare.empty()) bare = proposal.title;
    return one_line((proposal.draft ? std::string(marks.written) : std::string()) + std::string(bare), limit);
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
