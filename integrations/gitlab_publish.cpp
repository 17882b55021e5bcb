// Merge requests. https://docs.gitlab.com/api/merge_requests/. A draft is one whose title says so.

#include <utility>

#include "integrations/forge_comments.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_proposals.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitlab_client.hpp"
#include "integrations/gitlab_json.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr std::size_t request_title_limit = 255;
constexpr int pages_of_a_branch = 2;
/// https://docs.gitlab.com/user/project/merge_requests/drafts/
constexpr DraftMarks request_draft_marks{.written = "Draft: ", .known = {"draft:", "[draft]", "(draft)"}};

ForgeResult<PullRequest> read_request_answer(const ForgeResult<json>& answer) {
    if (!answer) return std::unexpected(answer.error());
    return read_merge_request(*answer);
}

}  // namespace

ForgeResult<PullRequest> GitlabForge::propose(const Proposal& proposal) {
    const auto& repo = proposal.repo;
    const json words = {{"title", draft_title(proposal, request_draft_marks, request_title_limit)},
                        {"description", marked_text(without_quick_actions(proposal.body), proposal.marker,
                                                    gitlab_text_limit)}};
    const auto of_branch = "/merge_requests?state=all&source_branch=" + url_encoded(proposal.head_branch);
    return propose_once(
        {.self = [&] { return self(); },
         .ask = [&](std::int64_t number) { return pull_request(repo, number); },
         .show =
             [&](ProposedBefore& before) {
                 return api_.each(repo, of_branch, pages_of_a_branch, [&](const json& request) {
                     const bool from_home =
                         text_at(request, "source_project_id") == text_at(request, "project_id");
                     return !from_home ||
                            before.look_at(read_merge_request(request), text_at(request, "description"));
                 });
             },
         .open =
             [&] {
                 auto body = words;
                 body.update({{"source_branch", proposal.head_branch},
                              {"target_branch", proposal.base_branch},
                              {"remove_source_branch", true}});
                 return read_request_answer(api_.call(repo, "POST", "/merge_requests", body));
             },
         .is_second = [](const ForgeError& error) { return error.status == 409; },
         .update =
             [&](const PullRequest& found) {
                 return read_request_answer(
                     api_.call(repo, "PUT", "/merge_requests/" + std::to_string(found.number), words));
             }},
        proposal);
}

/// Asked for alone, it is looked through anew if it must: until then nothing is known of conflicts.
ForgeResult<PullRequest> GitlabForge::pull_request(const RepoRef& repo, std::int64_t number) {
    auto read = read_request_answer(api_.call(repo, "GET", "/merge_requests/" + std::to_string(number)));
    if (read && (read->number != number || read->head_branch.empty()))
        return std::unexpected(ForgeError{.kind = ForgeError::Kind::unreachable,
                                          .message = "the forge's answer is not the merge request"});
    return read;
}

}  // namespace integrations
