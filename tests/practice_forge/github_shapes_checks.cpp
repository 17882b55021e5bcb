#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/github_shapes.hpp"

/// Commits and what is said of them: checks, statuses, pushes.
namespace practice_forge::github {
namespace {

json words_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }
json moment_or_null(const std::optional<Time>& time) { return time ? json(timestamp(*time)) : json(nullptr); }

json author_json(const Commit& commit) { return {{"name", commit.author}, {"email", commit.author_email}}; }

/// The open pull requests that have this commit at their head.
json pulls_json(const World& world, const Repository& repository, const std::string& sha) {
    json pulls = json::array();
    const json repo = {{"id", repository.id}, {"url", api(world, repository)}, {"name", repository.name}};
    for (const auto& [number, thread] : repository.threads) {
        if (!thread.pull || !thread.open || thread.pull->head_sha != sha) continue;
        pulls.push_back(
            {{"id", thread.id},
             {"number", number},
             {"url", fmt::format("{}/pulls/{}", api(world, repository), number)},
             {"head", {{"ref", thread.pull->head_branch}, {"sha", thread.pull->head_sha}, {"repo", repo}}},
             {"base", {{"ref", thread.pull->base_branch}, {"sha", thread.pull->base_sha}, {"repo", repo}}}});
    }
    return pulls;
}

}  // namespace

json app_json(World& world, const std::string& slug) {
    json app = app_json(world);
    if (slug == world.app.slug) return app;
    constexpr std::int64_t actions = 15'368;  // GitHub's own
    app.update({{"id", actions},
                {"slug", slug},
                {"node_id", "A_" + slug},
                {"name", slug},
                {"html_url", world.base_url + "/apps/" + slug}});
    return app;
}

json commit_json(World& world, const Repository& repository, const Commit& commit) {
    const std::string url = api(world, repository);
    json parents = json::array();
    for (const auto& parent : commit.parents) {
        parents.push_back({{"sha", parent},
                           {"url", url + "/commits/" + parent},
                           {"html_url", html(world, repository) + "/commit/" + parent}});
    }
    const json person = {
        {"name", commit.author}, {"email", commit.author_email}, {"date", timestamp(repository.pushed)}};
    return {{"sha", commit.sha},
            {"node_id", "C_" + commit.sha},
            {"url", url + "/commits/" + commit.sha},
            {"html_url", html(world, repository) + "/commit/" + commit.sha},
            {"comments_url", url + "/commits/" + commit.sha + "/comments"},
            {"commit",
             {{"author", person},
              {"committer", person},
              {"message", commit.message},
              {"tree", {{"sha", commit.tree}, {"url", url + "/git/trees/" + commit.tree}}},
              {"url", url + "/git/commits/" + commit.sha},
              {"comment_count", 0},
              {"verification",
               {{"verified", false},
                {"reason", "unsigned"},
                {"signature", nullptr},
                {"payload", nullptr},
                {"verified_at", nullptr}}}}},
            {"author", user_json(world, commit.author)},
            {"committer", user_json(world, commit.author)},
            {"parents", parents}};
}

json check_run_json(World& world, Repository& repository, const StoredCheckRun& run) {
    const std::string url = fmt::format("{}/check-runs/{}", api(world, repository), run.id);
    return {{"id", run.id},
            {"node_id", fmt::format("CR_{}", run.id)},
            {"head_sha", run.head_sha},
            {"name", run.name},
            {"external_id", run.external_id},
            {"url", url},
            {"html_url", fmt::format("{}/runs/{}", html(world, repository), run.id)},
            {"details_url", words_or_null(run.details_url)},
            {"status", run.status},
            {"conclusion", words_or_null(run.conclusion)},
            {"started_at", moment_or_null(run.started)},
            {"completed_at", moment_or_null(run.completed)},
            {"output",
             {{"title", words_or_null(run.title)},
              {"summary", words_or_null(run.summary)},
              {"text", words_or_null(run.text)},
              {"annotations_count", run.annotations.size()},
              {"annotations_url", url + "/annotations"}}},
            {"check_suite", {{"id", run.suite}}},
            {"app", app_json(world, run.app)},
            {"pull_requests", pulls_json(world, repository, run.head_sha)}};
}

json status_json(World& world, Repository& repository, const CommitStatus& status, bool with_creator) {
    json result = {{"url", api(world, repository) + "/statuses/" + status.sha},
                   {"avatar_url", user_json(world, status.creator)["avatar_url"]},
                   {"id", status.id},
                   {"node_id", fmt::format("SC_{}", status.id)},
                   {"state", status.state},
                   {"description", words_or_null(status.description)},
                   {"target_url", words_or_null(status.target_url)},
                   {"context", status.context},
                   {"created_at", timestamp(status.created)},
                   {"updated_at", timestamp(status.updated)}};
    if (with_creator) result["creator"] = user_json(world, status.creator);
    return result;
}

json annotation_json(const World& world, const Repository& repository, const StoredCheckRun& run,
                     const Annotation& annotation) {
    return {
        {"path", annotation.path},
        {"blob_href", fmt::format("{}/blob/{}/{}", html(world, repository), run.head_sha, annotation.path)},
        {"start_line", annotation.start_line},
        {"end_line", annotation.end_line},
        {"start_column", nullptr},
        {"end_column", nullptr},
        {"annotation_level", words_or_null(annotation.level)},
        {"title", words_or_null(annotation.title)},
        {"message", words_or_null(annotation.message)},
        {"raw_details", nullptr}};
}

json told_run_json(World& world, Repository& repository, const StoredCheckRun& run) {
    json told = check_run_json(world, repository, run);
    told["app"].erase("client_id");
    if (told["details_url"].is_null()) told["details_url"] = told["html_url"];
    return told;
}

json told_suite_json(World& world, const Repository& repository, const CheckSuite& suite,
                     const std::string& conclusion) {
    auto app = app_json(world, suite.app);
    app.erase("client_id");
    std::string branch;
    for (const auto& [number, thread] : repository.threads) {
        if (thread.pull && thread.pull->head_sha == suite.head_sha) branch = thread.pull->head_branch;
    }
    return {{"id", suite.id},
            {"node_id", fmt::format("CS_{}", suite.id)},
            {"head_branch", words_or_null(branch)},
            {"head_sha", suite.head_sha},
            {"status", conclusion.empty() ? "in_progress" : "completed"},
            {"conclusion", words_or_null(conclusion)},
            {"url", fmt::format("{}/check-suites/{}", api(world, repository), suite.id)},
            {"before", nullptr},
            {"after", suite.head_sha},
            {"pull_requests", pulls_json(world, repository, suite.head_sha)},
            {"app", app},
            {"created_at", timestamp(suite.created)},
            {"updated_at", timestamp(world.now())}};
}

json pushed_commit_json(const World& world, const Repository& repository, const Commit& commit) {
    // The files are left out, as GitHub does where there are many.
    return {{"id", commit.sha},
            {"tree_id", commit.tree},
            {"distinct", true},
            {"message", commit.message},
            {"timestamp", timestamp(repository.pushed)},
            {"url", html(world, repository) + "/commit/" + commit.sha},
            {"author", author_json(commit)},
            {"committer", author_json(commit)},
            {"added", json::array()},
            {"removed", json::array()},
            {"modified", json::array()}};
}

json simple_commit_json(const Repository& repository, const Commit& commit) {
    return {{"id", commit.sha},
            {"tree_id", commit.tree},
            {"message", commit.message},
            {"timestamp", timestamp(repository.pushed)},
            {"author", author_json(commit)},
            {"committer", author_json(commit)}};
}

}  // namespace practice_forge::github
