#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/gitea_shapes.hpp"

/// Pull requests, reviews, commits and their statuses.
namespace practice_forge::gitea {
namespace {

json end_json(World& world, const Repository& repository, const std::string& branch, const std::string& ref,
              const std::string& sha) {
    return {{"label", branch},
            {"ref", ref},
            {"sha", sha},
            {"repo_id", repository.id},
            {"repo", repository_json(world, repository, Permission::read)}};
}

json person_json(const std::string& name, const std::string& email) {
    return {{"name", name}, {"email", email}, {"username", name}};
}

struct ReviewWord {
    std::string_view state, word;
};
constexpr std::array kReviewWords = {ReviewWord{"approved", "APPROVED"},
                                     ReviewWord{"changes_requested", "REQUEST_CHANGES"},
                                     ReviewWord{"commented", "COMMENT"}};

}  // namespace

json pull_json(World& world, Repository& repository, const Thread& thread) {
    const auto& pull = *thread.pull;
    const std::string page = thread_page(world, repository, thread);
    const Git git(repository.git);
    const auto ref =
        git.branch(pull.head_branch) ? pull.head_branch : fmt::format("refs/pull/{}/head", thread.number);
    json result = issue_json(world, repository, thread);
    for (const char* field :
         {"original_author", "original_author_id", "ref", "assets", "pull_request", "repository"})
        result.erase(field);
    result.update({{"url", page},
                   {"requested_reviewers", nullptr},
                   {"requested_reviewers_teams", nullptr},
                   {"draft", world.is_draft(thread)},
                   {"review_comments", std::ranges::count_if(repository.review_comments,
                                                             [&](const auto& entry) {
                                                                 return entry.second.thread == thread.number;
                                                             })},
                   {"additions", pull.additions},
                   {"deletions", pull.deletions},
                   {"changed_files", pull.changed_files},
                   {"diff_url", page + ".diff"},
                   {"patch_url", page + ".patch"},
                   // A draft is never mergeable: of its conflicts nothing is said.
                   {"mergeable", thread.open && pull.mergeable.value_or(false) && !world.is_draft(thread)},
                   {"merged", pull.merged},
                   {"merged_at", moment_or_null(world, pull.merged_at)},
                   {"merge_commit_sha", pull.merged ? json(pull.merge_commit) : json(nullptr)},
                   {"merged_by", pull.merged ? user_json(world, pull.merged_by) : json(nullptr)},
                   {"allow_maintainer_edit", false},
                   {"base", end_json(world, repository, pull.base_branch, pull.base_branch,
                                     git.branch(pull.base_branch).value_or(""))},
                   {"head", end_json(world, repository, pull.head_branch, ref, pull.head_sha)},
                   {"merge_base", pull.base_sha}});
    return result;
}

json review_json(World& world, Repository& repository, const StoredReview& review) {
    const auto& thread = repository.threads.at(review.thread);
    const std::string page = thread_page(world, repository, thread);
    return {{"id", review.id},
            {"user", user_json(world, review.user)},
            {"team", nullptr},
            {"state", std::ranges::find(kReviewWords, review.state, &ReviewWord::state)->word},
            {"body", review.body},
            {"commit_id", review.commit},
            {"stale", review.commit != thread.pull->head_sha},
            {"official", world.permission(repository, review.user) >= Permission::write},
            {"dismissed", false},
            {"comments_count",
             std::ranges::count_if(repository.review_comments,
                                   [&](const auto& entry) { return entry.second.review == review.id; })},
            {"submitted_at", moment(world, review.submitted)},
            {"updated_at", moment(world, review.submitted)},
            {"html_url", fmt::format("{}#issuecomment-{}", page, review.id)},
            {"pull_request_url", page}};
}

json review_comment_json(World& world, Repository& repository, const StoredReviewComment& comment) {
    const std::string page = thread_page(world, repository, repository.threads.at(comment.thread));
    return {{"id", comment.id},
            {"body", comment.body},
            {"user", user_json(world, comment.user)},
            {"resolver", nullptr},
            {"pull_request_review_id", comment.review},
            {"created_at", moment(world, comment.created)},
            {"updated_at", moment(world, comment.created)},
            {"path", comment.path},
            {"commit_id", comment.commit},
            {"original_commit_id", ""},
            {"diff_hunk", comment.diff_hunk},
            {"position", comment.line > 0 ? comment.line : 0},            // of the new file
            {"original_position", comment.line < 0 ? -comment.line : 0},  // of the old one
            {"html_url", fmt::format("{}#issuecomment-{}", page, comment.id)},
            {"pull_request_url", page}};
}

json commit_json(const World& world, const Repository& repository, const Commit& commit) {
    return {{"id", commit.sha},
            {"message", commit.message + "\n"},
            {"url", html(world, repository) + "/commit/" + commit.sha},
            {"author", person_json(commit.author, commit.author_email)},
            {"committer", person_json(commit.committer, commit.author_email)},
            {"verification", nullptr},
            {"timestamp", moment(world, repository.pushed)},
            {"added", nullptr},
            {"removed", nullptr},
            {"modified", nullptr}};
}

json status_json(World& world, const Repository& repository, const CommitStatus& status) {
    return {{"id", status.id},
            {"status", status.state},
            {"target_url", status.target_url},
            {"description", status.description},
            {"url", api(world, repository) + "/statuses/" + status.sha},
            {"context", status.context},
            {"creator", user_json(world, status.creator)},
            {"created_at", moment(world, status.created)},
            {"updated_at", moment(world, status.updated)}};
}

}  // namespace practice_forge::gitea
