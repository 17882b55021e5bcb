// What is said of commits: https://docs.gitlab.com/api/pipelines/, https://docs.gitlab.com/api/jobs/ and
// https://docs.gitlab.com/api/commits/#list-commit-statuses. A status is a job that nobody here carries out,
// and stands in a pipeline too; the list of statuses has both.

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_statuses.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitlab_client.hpp"
#include "integrations/gitlab_json.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr std::size_t status_words_limit = 255;
constexpr std::size_t most_pipelines = 10;
constexpr std::size_t most_logs = 10;
constexpr int pages_of_jobs = 10;
constexpr int pages_of_commit_statuses = 10;

/// What is still to come: a job of a later stage waits as `created`, and for ever where an earlier one waits
/// for a person.
constexpr std::array<std::string_view, 5> going_on{"created", "waiting_for_resource", "preparing", "pending",
                                                   "running"};

bool goes_on(const std::string& state) { return std::ranges::find(going_on, state) != going_on.end(); }

LastStatuses::Status read_job(const json& job) {
    const auto state = text_at(job, "status");
    auto description = text_at(job, "description");
    if (description.empty()) description = text_at(job, "failure_reason");
    const auto url = text_at(job, "web_url");
    return {.context = text_at(job, "name"),
            .description = std::move(description),
            .web_url = url.empty() ? text_at(job, "target_url") : url,
            .bad = state == "failed" && !true_at(job, "allow_failure"),
            .passed = state == "success"};
}

void newest_first(std::vector<json>& jobs) {
    std::ranges::sort(jobs, std::greater{}, [](const json& job) { return number_at(job, "id"); });
}

}  // namespace

struct GitlabForge::Jobs {
    std::vector<json> all;
    std::set<std::int64_t> ids;
    bool go_on = false;
};

/// Those of a pipeline that consists of statuses alone are no jobs.
ForgeResult<GitlabForge::Jobs> GitlabForge::jobs_of(const RepoRef& repo, const std::string& sha) {
    Jobs jobs;
    std::vector<std::pair<std::string, std::string>> pipelines;  // id, status
    const auto listed = api_.each(repo, "/pipelines?sha=" + sha, 1, [&](const json& pipeline) {
        if (text_at(pipeline, "source") != "external")
            pipelines.emplace_back(text_at(pipeline, "id"), text_at(pipeline, "status"));
        return pipelines.size() < most_pipelines;
    });
    if (!listed) return std::unexpected(listed.error());
    for (const auto& [id, state] : pipelines) {
        const auto seen = api_.each(repo, "/pipelines/" + url_encoded(id) + "/jobs?include_retried=true",
                                    pages_of_jobs, [&](const json& job) {
                                        jobs.go_on =
                                            jobs.go_on || (goes_on(state) && goes_on(text_at(job, "status")));
                                        jobs.ids.insert(number_at(job, "id"));
                                        jobs.all.push_back(job);
                                        return true;
                                    });
        if (!seen) return std::unexpected(seen.error());
    }
    newest_first(jobs.all);
    return jobs;
}

ForgeResult<std::vector<FailedCheck>> GitlabForge::failed_checks(const RepoRef& repo,
                                                                 const std::string& sha) {
    if (!is_commit_id(sha))
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid, .message = "not a commit: " + one_line(sha, 60)});
    const auto us = self();
    if (!us) return std::unexpected(us.error());
    const auto jobs = jobs_of(repo, sha);
    if (!jobs && !can_be_skipped(jobs.error())) return std::unexpected(jobs.error());  // there is no CI
    if (jobs && jobs->go_on) return std::vector<FailedCheck>{};
    std::vector<json> statuses;
    const auto listed = api_.each(repo, "/repository/commits/" + sha + "/statuses?all=true",
                                  pages_of_commit_statuses, [&](const json& status) {
                                      const bool ours =
                                          text_at(status, "name") == our_status &&
                                          same_name(text(at(status, "author", "username")), us->login);
                                      if (!ours && !(jobs && jobs->ids.contains(number_at(status, "id"))))
                                          statuses.push_back(status);
                                      return true;
                                  });
    if (!listed && listed.error().kind != ForgeError::Kind::gone) return std::unexpected(listed.error());
    newest_first(statuses);
    LastStatuses last;
    std::map<std::string, std::string> log_of;  // by name the newest job
    for (const auto& job : jobs ? jobs->all : std::vector<json>{}) {
        log_of.try_emplace(text_at(job, "name"), text_at(job, "id"));
        last.take(read_job(job));
    }
    for (const auto& status : statuses) last.take(read_job(status));
    auto failed = last.failed();
    std::size_t logs = 0;
    for (auto& check : failed) {
        const auto job = log_of.find(check.name);
        if (job == log_of.end() || logs++ == most_logs) continue;
        // Worth telling without its log, which may be gone already.
        check.log_tail = api_.tail(repo, "/jobs/" + url_encoded(job->second) + "/trace", {}).value_or("");
    }
    return failed;
}

/// There is no neutral status. A status that is so already cannot become so, which is no failure.
ForgeResult<void> GitlabForge::report_check(const RepoRef& repo, const CheckReport& report) {
    const bool failed = report.conclusion == CheckReport::Conclusion::failure;
    json body = {{"state", failed ? "failed" : "success"},
                 {"name", report.name},
                 {"description", one_line(report.title, status_words_limit)}};
    if (is_clone_url(report.details_url) && report.details_url.size() <= status_words_limit)
        body["target_url"] = report.details_url;
    const auto made = api_.call(repo, "POST", "/statuses/" + url_encoded(report.head_sha), body);
    if (!made && made.error().status == 400 &&
        made.error().message.find("Cannot transition status") != std::string::npos)
        return {};
    return done(made);
}

}  // namespace integrations
