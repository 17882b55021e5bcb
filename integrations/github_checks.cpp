// What others' checks say of a commit: check runs of Apps (CI jobs among them) and commit statuses.
// https://docs.github.com/en/rest/checks/runs and https://docs.github.com/en/rest/commits/statuses
//
// Runs of one name in one suite are tries of the same check: the newest counts. The same name in another
// suite is a check of its own, as GitHub shows it too, be it of another workflow or of another occasion.

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "integrations/forge_clamp.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_statuses.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/github_client.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr int pages_of_runs = 10;  // GitHub lists the runs of the 1000 newest suites
constexpr int pages_of_statuses = 10;
constexpr std::size_t most_detailed = 10;  // failed checks with annotations and a log
constexpr std::size_t most_annotations = 50;
constexpr std::size_t most_log = 16ULL << 10;
// Code points of foreign text that somebody will read.
constexpr std::size_t summary_limit = 8'000;
constexpr std::size_t message_limit = 2'000;
// Its check runs have their jobs' ids, and its logs can be had.
constexpr std::string_view actions_app = "github-actions";

Annotation::Level level_named(std::string_view name) {
    if (name == "notice") return Annotation::Level::notice;
    return name == "warning" ? Annotation::Level::warning : Annotation::Level::failure;
}

Annotation read_annotation(const json& annotation) {
    const auto line = std::clamp<std::int64_t>(number_at(annotation, "start_line"), 1, 1 << 30);
    return {.path = text_at(annotation, "path"),
            .line = static_cast<int>(line),
            .level = level_named(text_at(annotation, "annotation_level")),
            .title = clamp_text(text_at(annotation, "title"), message_limit, ellipsis),
            .message = clamp_text(text_at(annotation, "message"), message_limit, ellipsis)};
}

std::string summary_of(const json& output) {
    std::string summary;
    for (const auto* part : {"title", "summary", "text"}) {
        const auto words = text_at(output, part);
        if (!words.empty()) summary += (summary.empty() ? "" : "\n\n") + words;
    }
    return clamp_text(summary, summary_limit, ellipsis);
}

/// Details may be refused to us, or be gone already; the failure is worth telling without.
bool do_without(const ForgeError& error) {
    return error.kind == ForgeError::Kind::forbidden || error.kind == ForgeError::Kind::gone ||
           error.kind == ForgeError::Kind::invalid;
}

}  // namespace

struct GithubForge::LastRun {
    std::int64_t id = 0;
    bool done = false;
    bool bad = false;
    bool of_actions = false;
    bool annotated = false;
    FailedCheck check;
};

ForgeResult<std::vector<GithubForge::LastRun>> GithubForge::last_runs(const RepoRef& repo,
                                                                      const std::string& sha) {
    const auto us = self();
    if (!us) return std::unexpected(us.error());
    std::map<std::tuple<std::string, std::int64_t, std::string>, LastRun> last;  // by App, suite, name
    std::map<std::pair<std::string, std::string>, bool> passed;                  // by App and name
    const auto take = [&](const json& run) {
        const auto app = text(at(run, "app", "slug"));
        if (same_name(app + "[bot]", us->login)) return true;
        const auto name = text_at(run, "name");
        const auto conclusion = text_at(run, "conclusion");
        passed[{app, name}] |= conclusion == "success";
        const auto id = number_at(run, "id");
        auto& kept = last[{app, number_at(at(run, "check_suite"), "id"), name}];
        if (kept.id > id) return true;
        kept = {.id = id,
                .done = text_at(run, "status") == "completed",
                .bad = is_bad_conclusion(conclusion),
                .of_actions = app == actions_app,
                .annotated = number_at(at(run, "output"), "annotations_count") > 0,
                .check = {.name = name,
                          .summary = summary_of(at(run, "output")),
                          .annotations = {},
                          .log_tail = {},
                          .web_url = text_at(run, "html_url")}};
        return true;
    };
    const auto listed =
        api_.each(repo, "/commits/" + sha + "/check-runs?filter=all", pages_of_runs, take, "check_runs");
    if (!listed) return std::unexpected(listed.error());
    std::vector<LastRun> runs;
    for (auto& [key, run] : last) {
        run.check.flaky = passed[{std::get<0>(key), std::get<2>(key)}];
        runs.push_back(std::move(run));
    }
    return runs;
}

ForgeResult<void> GithubForge::add_details(const RepoRef& repo, LastRun& run) {
    const auto id = std::to_string(run.id);
    auto& notes = run.check.annotations;
    if (run.annotated) {
        const auto listed =
            api_.each(repo, "/check-runs/" + id + "/annotations", 1, [&](const json& annotation) {
                notes.push_back(read_annotation(annotation));
                return notes.size() < most_annotations;
            });
        if (!listed && !do_without(listed.error())) return listed;
    }
    if (!run.of_actions) return {};
    auto tail = api_.tail(repo, "/actions/jobs/" + id + "/logs", "actions", most_log);
    if (tail) {
        run.check.log_tail = *std::move(tail);
    } else if (tail.error().kind == ForgeError::Kind::rate_limited) {
        return std::unexpected(std::move(tail.error()));
    }
    return {};  // where logs are kept may be out of order while the forge is well: no reason to wait
}

ForgeResult<std::vector<FailedCheck>> GithubForge::failed_statuses(const RepoRef& repo,
                                                                   const std::string& sha) {
    const auto us = self();
    if (!us) return std::unexpected(us.error());
    LastStatuses last;
    // Every status with its creator, the newest first: the combined answer does not say who made them.
    const auto listed = api_.each_of(
        "statuses", repo, "/commits/" + sha + "/statuses", pages_of_statuses, [&](const json& status) {
            const auto name = text_at(status, "context");
            if (name == our_status && same_name(text(at(status, "creator", "login")), us->login)) return true;
            const auto state = text_at(status, "state");
            last.take({.context = name,
                       .description = text_at(status, "description"),
                       .web_url = text_at(status, "target_url"),
                       .bad = is_bad_status(state),
                       .passed = state == "success"});
            return true;
        });
    if (!listed && !do_without(listed.error())) return std::unexpected(listed.error());
    return last.failed();
}

ForgeResult<std::vector<FailedCheck>> GithubForge::failed_checks(const RepoRef& repo,
                                                                 const std::string& sha) {
    if (!is_commit_id(sha))
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid, .message = "not a commit: " + one_line(sha, 60)});
    auto runs = last_runs(repo, sha);
    if (!runs) return std::unexpected(runs.error());
    // A status may stay pending until somebody approves: only runs are waited for.
    if (!std::ranges::all_of(*runs, &LastRun::done)) return std::vector<FailedCheck>{};
    auto statuses = failed_statuses(repo, sha);
    if (!statuses) return std::unexpected(statuses.error());
    std::vector<FailedCheck> failed;
    for (auto& run : *runs) {
        if (!run.bad) continue;
        if (failed.size() < most_detailed) {
            if (const auto added = add_details(repo, run); !added) return std::unexpected(added.error());
        }
        failed.push_back(std::move(run.check));
    }
    std::ranges::move(*statuses, std::back_inserter(failed));
    return failed;
}

}  // namespace integrations
