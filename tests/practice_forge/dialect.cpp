#include "tests/practice_forge/dialect.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace practice_forge {
namespace {

/// Gitea's defaults of WORK_IN_PROGRESS_PREFIXES.
/// https://docs.gitea.com/administration/config-cheat-sheet#repository---pull-request-repositorypull-request
const std::vector<std::string_view> kWorkInProgress = {"WIP:", "[WIP]"};

/// https://docs.gitlab.com/user/project/merge_requests/drafts/
const std::vector<std::string_view> kDraft = {"Draft:", "[Draft]", "(Draft)"};

const std::array<Customs, 4> kCustoms = {
    Customs{.dialect = Dialect::github,
            .name = "github",
            .api_path = "/api/v3",
            .issue_page = "issues",
            .pull_page = "pull",
            .app_suffix = "[bot]",
            .runner = "github-actions",
            .protected_words = "GH006: Protected branch update failed.",
            .version = "",
            .hook_families = {"GitHub"},
            .statuses_count = false,
            .draft_prefixes = {}},
    Customs{.dialect = Dialect::gitea,
            .name = "gitea",
            .api_path = "/api/v1",
            .issue_page = "issues",
            .pull_page = "pulls",
            .app_suffix = "",
            .runner = "gitea-actions",
            .protected_words = "Gitea: Not allowed to push to protected branch ${ref#refs/heads/}",
            .version = "1.24.6",
            .hook_families = {"Gitea", "Gogs", "GitHub"},
            .apps = false,
            .check_runs = false,
            .moves_issues = false,
            .groups_by_line = true,
            .draft_prefixes = kWorkInProgress},
    // A server tells times in its own zone; this one is not in London.
    Customs{.dialect = Dialect::forgejo,
            .name = "forgejo",
            .api_path = "/api/v1",
            .issue_page = "issues",
            .pull_page = "pulls",
            .app_suffix = "",
            .runner = "forgejo-actions",
            .protected_words = "Forgejo: Not allowed to push to protected branch ${ref#refs/heads/}",
            .version = "12.0.4+gitea-1.22.0",
            .hook_families = {"Forgejo", "Gitea", "Gogs", "GitHub"},
            .lists_errors = true,
            .apps = false,
            .check_runs = false,
            .tells_statuses = false,
            .moves_issues = false,
            .groups_by_line = true,
            .draft_prefixes = kWorkInProgress,
            .zone = std::chrono::hours(2)},
    Customs{
        .dialect = Dialect::gitlab,
        .name = "gitlab",
        .api_path = "/api/v4",
        .issue_page = "-/issues",
        .pull_page = "-/merge_requests",
        .app_suffix = "",
        .runner = "gitlab-ci",
        .protected_words = "GitLab: You are not allowed to push code to protected branches on this project.",
        .version = "19.3.1-ee",
        .hook_families = {},
        .apps = false,
        .pipelines = true,
        .leaves_issues = true,
        .counts_apart = true,
        .all_are_notes = true,
        .draft_prefixes = kDraft}};

}  // namespace

const Customs& customs_of(Dialect dialect) {
    return *std::ranges::find(kCustoms, dialect, &Customs::dialect);
}

Dialect dialect_named(std::string_view name) {
    const auto found = std::ranges::find(kCustoms, name, &Customs::name);
    if (found == kCustoms.end()) throw std::runtime_error("no such dialect: " + std::string(name));
    return found->dialect;
}

std::vector<std::string> dialect_names() {
    std::vector<std::string> names;
    for (const auto& customs : kCustoms) names.emplace_back(customs.name);
    return names;
}

}  // namespace practice_forge
