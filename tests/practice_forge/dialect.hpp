#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"

namespace practice_forge {

/// What a forge does by itself and how it names things, besides its REST API (`Tongue`) and its webhooks
/// (`Herald`).
struct Customs {
    Dialect dialect;
    std::string_view name;
    std::string_view api_path;                    ///< where the REST API is
    std::string_view issue_page;                  ///< in the address of an issue's page
    std::string_view pull_page;                   ///< in that of a pull request's
    std::string_view app_suffix;                  ///< of the login that the App acts as
    std::string_view runner;                      ///< who carries out CI jobs
    std::string_view protected_words;             ///< to who pushes to a protected branch, as shell words
    std::string_view version;                     ///< of the program that the forge is, where it tells it
    std::vector<std::string_view> hook_families;  ///< of a webhook's headers: X-Gitea-…, X-Gogs-…
    bool lists_errors = false;                    ///< beside the message that something is not there
    bool apps = true;             ///< there are Apps and their installations; else people's tokens alone
    bool check_runs = true;       ///< what CI says are check runs in suites; else commit statuses alone
    bool statuses_count = true;   ///< commit statuses are of what CI says, too
    bool pipelines = false;       ///< jobs and commit statuses of a commit stand in pipelines
    bool tells_statuses = true;   ///< by webhook
    bool moves_issues = true;     ///< from one repository to another
    bool leaves_issues = false;   ///< what is moved stays behind, closed
    bool groups_by_line = false;  ///< what stands beside a line answers what stood there first
    bool counts_apart = false;    ///< issue 1 and pull request 1 are both there
    /// A review's words are a comment, and what was done to a thread is said in comments by the forge itself.
    bool all_are_notes = false;
    std::vector<std::string_view> draft_prefixes;  ///< of a title make it a draft; empty: that is said apart
    std::chrono::minutes zone{0};                  ///< of times in JSON, east of UTC
};

[[nodiscard]] const Customs& customs_of(Dialect dialect);

}  // namespace practice_forge
