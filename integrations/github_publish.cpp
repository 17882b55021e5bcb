#include <algorithm>
#include <utility>

#include "integrations/forge_clamp.hpp"
#include "integrations/forge_comments.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_proposals.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/github_client.hpp"

namespace integrations {
namespace {

using nlohmann::json;

// https://docs.github.com/en/rest/checks/runs#create-a-check-run
constexpr std::size_t annotations_per_request = 50;
constexpr std::size_t check_summary_limit = 65'535;
constexpr std::size_t title_limit = 255;
constexpr std::size_t annotation_limit = 16'000;  // of 64 KB, which are counted in bytes
constexpr std::size_t status_limit = 140;
constexpr std::string_view check_cut_note = "*…cut: the whole text is longer than GitHub takes.*";

bool says(const ForgeError& error, std::string_view words) {
    return error.status == 422 && lower_case(error.message).find(words) != std::string::npos;
}

bool is_link(std::string_view url) { return url.starts_with("https://") || url.starts_with("http://"); }

const char* conclusion_name(CheckReport::Conclusion conclusion) {
    switch (conclusion) {
        case CheckReport::Conclusion::success:
            return "success";
        case CheckReport::Conclusion::failure:
            return "failure";
        case CheckReport::Conclusion::neutral:
            return "neutral";
    }
    std::unreachable();
}

const char* level_name(Annotation::Level level) {
    switch (level) {
        case Annotation::Level::notice:
            return "notice";
        case Annotation::Level::warning:
            return "warning";
        case Annotation::Level::failure:
            return "failure";
    }
    std::unreachable();
}

json annotation_json(const Annotation& annotation) {
    const auto line = std::max(annotation.line, 1);
    json written = {
        {"path", annotation.path},
        {"start_line", line},
        {"end_line", line},
        {"annotation_level", level_name(annotation.level)},
        {"message", annotation.message.empty() ? std::string("failed")
                                               : clamp_text(annotation.message, annotation_limit, "…")}};
    if (!annotation.title.empty()) written["title"] = one_line(annotation.title, title_limit);
    return written;
}

/// A check run's body with the annotations of one request, from `first` on.
json check_json(const CheckReport& report, std::size_t first) {
    auto annotations = json::array();
    const auto last = std::min(first + annotations_per_request, report.annotations.size());
    for (auto i = first; i < last; ++i) annotations.push_back(annotation_json(report.annotations[i]));
    json body = {{"name", report.name},
                 {"status", "completed"},
                 {"conclusion", conclusion_name(report.conclusion)},
                 {"external_id", report.external_id},
                 {"output",
                  {{"title", one_line(report.title, title_limit)},
                   {"summary", clamp_text(report.summary, check_summary_limit, check_cut_note)},
                   {"annotations", annotations}}}};
    if (is_link(report.details_url)) body["details_url"] = report.details_url;
    return body;
}

}  // namespace

ForgeResult<PullRequest> GithubForge::propose(const Proposal& proposal) {
    const auto& repo = proposal.repo;
    const auto owner = repo.full_name.substr(0, repo.full_name.find('/'));
    const auto head = url_encoded(owner + ":" + proposal.head_branch);
    const json words = {{"title", one_line(proposal.title, title_limit)},
                        {"body", marked_text(proposal.body, proposal.marker, github_text_limit)}};
    const auto read_answer = [](const ForgeResult<json>& answer) -> ForgeResult<PullRequest> {
        if (!answer) return std::unexpected(answer.error());
        return read_pull(*answer);
    };
    return propose_once(
        {.self = [&] { return self(); },
         .ask = [&](std::int64_t number) { return pull_request(repo, number); },
         .show =
             [&](ProposedBefore& before) {
                 return api_.each(repo, "/pulls?state=all&head=" + head, 1, [&](const json& pull) {
                     return before.look_at(read_pull(pull), text_at(pull, "body"));
                 });
             },
         .open =
             [&] {
                 auto body = words;
                 body.update({{"head", proposal.head_branch},
                              {"base", proposal.base_branch},
                              {"draft", proposal.draft}});
                 auto made = api_.call(repo, "POST", "/pulls", body);
                 if (!made && proposal.draft && says(made.error(), "draft pull requests are not supported")) {
                     body["draft"] = false;
                     made = api_.call(repo, "POST", "/pulls", body);
                 }
                 return read_answer(made);
             },
         .is_second = [](const ForgeError& error) { return says(error, "a pull request already exists"); },
         .update =
             [&](const PullRequest& found) {
                 return read_answer(
                     api_.call(repo, "PATCH", "/pulls/" + std::to_string(found.number), words));
             }},
        proposal);
}

ForgeResult<PullRequest> GithubForge::pull_request(const RepoRef& repo, std::int64_t number) {
    const auto answer = api_.call(repo, "GET", "/pulls/" + std::to_string(number));
    if (!answer) return std::unexpected(answer.error());
    return read_asked_pull(*answer, repo, number);
}

ForgeResult<void> GithubForge::report_check(const RepoRef& repo, const CheckReport& report) {
    // Check runs are for Apps only: https://docs.github.com/en/rest/checks/runs
    return api_.is_app() ? report_check_run(repo, report) : report_status(repo, report);
}

ForgeResult<void> GithubForge::report_check_run(const RepoRef& repo, const CheckReport& report) {
    std::string id;
    std::size_t sent = 0;  // annotations are appended: what is there already is not sent again
    const auto looked = api_.each(
        repo,
        "/commits/" + url_encoded(report.head_sha) + "/check-runs?check_name=" + url_encoded(report.name), 1,
        [&](const json& run) {
            if (text_at(run, "external_id") != report.external_id) return true;
            id = text_at(run, "id");
            const auto count = number_at(at(run, "output"), "annotations_count");
            sent = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
            return false;
        },
        "check_runs");
    if (!looked) return looked;
    if (id.empty()) {
        auto body = check_json(report, 0);
        body["head_sha"] = report.head_sha;
        const auto made = api_.call(repo, "POST", "/check-runs", body);
        if (!made) return std::unexpected(made.error());
        id = text_at(*made, "id");
        sent = annotations_per_request;
        if (sent >= report.annotations.size()) return {};
    }
    do {
        const auto edited =
            api_.call(repo, "PATCH", "/check-runs/" + url_encoded(id), check_json(report, sent));
        if (!edited) return std::unexpected(edited.error());
        sent += annotations_per_request;
    } while (sent < report.annotations.size());
    return {};
}

ForgeResult<void> GithubForge::report_status(const RepoRef& repo, const CheckReport& report) {
    const bool failed = report.conclusion == CheckReport::Conclusion::failure;
    json body = {{"state", failed ? "failure" : "success"},  // there is no neutral status
                 {"context", report.name},
                 {"description", one_line(report.title, status_limit)}};
    if (is_link(report.details_url)) body["target_url"] = report.details_url;
    return done(api_.call(repo, "POST", "/statuses/" + url_encoded(report.head_sha), body));
}

}  // namespace integrations
