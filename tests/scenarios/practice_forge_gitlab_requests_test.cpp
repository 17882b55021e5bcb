#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/scenarios/practice_gitlab.hpp"

/// The practice forge speaks GitLab's dialect: merge requests, their discussions and reviewers, commit
/// statuses, pipelines and pages for people.
using nlohmann::json;
using practice_forge::pull_request;
using practice_yard::Caller;
using practice_yard::kRepository;
using practice_yard::Lab;
using practice_yard::malformed;
using practice_yard::project;

namespace {

using Lines = std::vector<std::string>;

const std::string kRequest = project("/merge_requests/1");

}  // namespace

TEST_CASE("GitLab: a merge request is opened once, and a draft is one by its title") {
    Lab lab;
    const auto head = lab.branch("b", "three\n");
    const auto opened = lab.propose("b", "Draft: Mend it");
    CHECK(opened["draft"] == true);
    CHECK(opened["sha"] == head);
    CHECK(opened["source_branch"] == "b");
    CHECK(opened["diff_refs"]["head_sha"] == head);
    CHECK(opened["merge_status"] == "checking");
    CHECK(opened["web_url"] == lab.forge.url() + "/acme/widgets/-/merge_requests/1");
    const auto again = lab.propose("b", "Again", 409);
    CHECK(again["message"] ==
          json::array({"Another open merge request already exists for this source branch: !1"}));
    lab.propose("none", "None", 400);
    lab.propose("main", "Itself", 422);
    CHECK(lab.robot
              ->send("POST", project("/merge_requests"), {{"source_branch", "b"}, {"target_branch", "main"}},
                     malformed())
              .body["error"] == "title is missing");
    CHECK(lab.reader
              ->send("POST", project("/merge_requests"),
                     {{"source_branch", "b"}, {"target_branch", "main"}, {"title", "x"}})
              .status == 403);

    // Whether it can be merged is known a moment after the first asked.
    CHECK(lab.robot->send("GET", project("/merge_requests")).body[0]["merge_status"] == "unchecked");
    CHECK(lab.robot->send("GET", kRequest).body["detailed_merge_status"] == "checking");
    CHECK(lab.robot->send("GET", kRequest).body["detailed_merge_status"] == "draft_status");
    const auto ready = lab.robot->send("PUT", kRequest, {{"title", "Mend it"}, {"description", "So."}});
    CHECK(ready.body["draft"] == false);
    CHECK(ready.body["detailed_merge_status"] == "mergeable");
    CHECK(ready.body["has_conflicts"] == false);
    lab.forge.commit_files(kRepository, "main", {{"src/a.txt", "four\n"}}, "Four", "maria");
    CHECK(lab.robot->send("GET", kRequest).body["merge_status"] == "checking");
    const auto torn = lab.robot->send("GET", kRequest).body;
    CHECK(torn["merge_status"] == "cannot_be_merged");
    CHECK(torn["detailed_merge_status"] == "conflict");
    CHECK(torn["has_conflicts"] == true);

    lab.forge.commit_files(kRepository, "c", {{"c", "c\n"}}, "C", "maria");
    lab.propose("c", "C");
    lab.forge.merge(kRepository, 2, "maria");
    const auto merged = lab.robot->send("GET", project("/merge_requests/2")).body;
    CHECK(merged["state"] == "merged");
    CHECK(merged["merged_at"].is_string());
    CHECK(merged["merge_commit_sha"] == lab.forge.branches(kRepository).at("main"));
    CHECK(lab.robot->send("GET", project("/merge_requests?state=opened&source_branch=c")).body.empty());
    CHECK(lab.robot->send("GET", project("/merge_requests?state=all&source_branch=c")).body.size() == 1);
    CHECK(lab.robot->send("GET", project("/merge_requests?author_username=robot")).body.size() == 2);
    CHECK(lab.robot->send("GET", "/merge_requests?scope=all&state=merged").body[0]["iid"] == 2);
    CHECK(lab.robot->send("PUT", kRequest, {{"state_event", "close"}}).body["state"] == "closed");
    lab.forge.delete_branch(kRepository, "b");
    CHECK(lab.robot->send("GET", project("/merge_requests/9")).status == 404);
}

TEST_CASE("GitLab: deleting its branch closes a merge request") {
    Lab lab;
    (void)lab.branch("b", "three\n");
    lab.propose("b", "Mend it");
    lab.forge.delete_branch(kRepository, "b");
    CHECK(lab.robot->send("GET", kRequest).body["state"] == "closed");
}

TEST_CASE("GitLab: an issue knows the merge requests that close it, and those that name it") {
    Lab lab;
    lab.forge.create_issue(kRepository, "One", "", "maria");
    (void)lab.branch("b", "three\n");
    (void)lab.branch("c", "four\n");
    lab.propose("b", "Mend it", 201, "Closes #1");
    lab.propose("c", "Look at #1", 201, "Not #12.");
    const auto closing = lab.robot->send("GET", project("/issues/1/closed_by")).body;
    REQUIRE(closing.size() == 1);
    CHECK(closing[0]["iid"] == 1);
    CHECK(lab.robot->send("GET", project("/issues/1/related_merge_requests")).body.size() == 2);
    lab.forge.merge(kRepository, 1, "maria");
    CHECK(lab.robot->send("GET", project("/issues/1")).body["state"] == "closed");
}

TEST_CASE("GitLab: a review is notes and a reviewer's state, and discussions are answered and resolved") {
    Lab lab;
    const auto head = lab.branch("b", "three\n");
    lab.propose("b", "Mend it");
    lab.forge.review(kRepository, 1, "changes_requested", "Not yet.",
                     {{.path = "src/a.txt", .line = 1, .body = "Why three?"}}, "maria");
    const auto reviewers = lab.robot->send("GET", kRequest + "/reviewers").body;
    REQUIRE(reviewers.size() == 1);
    CHECK(reviewers[0]["user"]["username"] == "maria");
    CHECK(reviewers[0]["state"] == "requested_changes");

    const auto discussions = [&] { return lab.robot->send("GET", kRequest + "/discussions").body; };
    const auto said = discussions();
    REQUIRE(said.size() == 3);
    CHECK(said[0]["individual_note"] == false);
    const auto beside = said[0]["notes"][0];
    CHECK(beside["type"] == "DiffNote");
    CHECK(beside["body"] == "Why three?");
    CHECK(beside["position"]["new_path"] == "src/a.txt");
    CHECK(beside["position"]["new_line"] == 1);
    CHECK(beside["position"]["old_line"].is_null());
    CHECK(beside["position"]["head_sha"] == head);
    CHECK(beside["resolvable"] == true);
    CHECK(beside["resolved"] == false);
    CHECK(said[1]["individual_note"] == true);
    CHECK(said[1]["notes"][0]["body"] == "Not yet.");
    CHECK(said[2]["notes"][0]["system"] == true);  // by the forge itself
    CHECK(said[2]["notes"][0]["body"] == "requested changes");

    const auto of = [](const json& discussion) {
        return kRequest + "/discussions/" + discussion["id"].get<std::string>();
    };
    const auto answer = lab.robot->send("POST", of(said[0]) + "/notes", {{"body", "For the sum."}});
    CHECK(answer.status == 201);
    CHECK(answer.body["type"] == "DiffNote");
    CHECK(lab.forge.review_comments(kRepository, 1).at(1).in_reply_to == beside["id"].get<std::int64_t>());
    CHECK(lab.robot->send("POST", of(said[1]) + "/notes", {{"body", "Now?"}}).body["type"] ==
          "DiscussionNote");
    const auto resolved = lab.robot->send("PUT", of(said[0]) + "?resolved=true");
    CHECK(resolved.status == 200);
    CHECK(resolved.body["notes"][0]["resolved"] == true);
    CHECK(resolved.body["notes"][0]["resolved_by"]["username"] == "robot");
    CHECK(resolved.body["notes"].size() == 2);
    CHECK(discussions()[1]["individual_note"] == false);
    CHECK(lab.reader->send("PUT", of(said[0]) + "?resolved=false").status == 403);
    CHECK(lab.robot->send("PUT", kRequest + "/discussions/abc?resolved=true").status == 404);
    CHECK(lab.robot->send("GET", kRequest + "/notes?sort=asc").body.size() == 5);

    const json position = {{"base_sha", head},        {"start_sha", head},       {"head_sha", head},
                           {"position_type", "text"}, {"new_path", "src/a.txt"}, {"new_line", 1}};
    const auto own =
        lab.maria->send("POST", kRequest + "/discussions", {{"body", "And here?"}, {"position", position}});
    CHECK(own.status == 201);
    CHECK(own.body["notes"][0]["position"]["new_line"] == 1);
    const auto note = own.body["notes"][0]["id"].get<int>();
    const auto edited =
        lab.maria->send("PUT", kRequest + fmt::format("/notes/{}", note), {{"body", "There?"}});
    CHECK(edited.body["body"] == "There?");

    lab.forge.review(kRepository, 1, "approved", "", {}, "maria");
    CHECK(lab.robot->send("GET", kRequest + "/reviewers").body[0]["state"] == "approved");
    const auto reader = lab.robot->send("GET", "/users?username=reader").body[0]["id"];
    CHECK(lab.robot->send("PUT", kRequest, {{"reviewer_ids", json::array({reader})}})
              .body["reviewers"][0]["username"] == "reader");
}

TEST_CASE("GitLab: a commit status goes on or begins anew, and saying the same again is refused") {
    Lab lab;
    const auto head = lab.branch("agent/1", "three\n");
    const auto say = [&](const std::string& state, int status = 201, const std::string& name = "shopfloor") {
        const auto answer = lab.robot->send("POST", project("/statuses/" + head),
                                            {{"state", state},
                                             {"name", name},
                                             {"ref", "agent/1"},
                                             {"target_url", "http://bot/1"},
                                             {"description", "fine"}});
        CHECK(answer.status == status);
        return answer.body;
    };
    const auto first = say("pending");
    CHECK(first["status"] == "pending");
    CHECK(first["ref"] == "agent/1");
    CHECK(say("pending", 400)["message"] ==
          "Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via "
          "\"enqueue\")");
    CHECK(say("running")["id"] == first["id"]);
    CHECK(
        say("running", 400)["message"] ==
        "Cannot transition status via :run from :running (Reason(s): Status cannot transition via \"run\")");
    CHECK(say("success")["id"] == first["id"]);
    const auto second = say("running");
    CHECK(second["id"] != first["id"]);
    CHECK(second["pipeline_id"] == first["pipeline_id"]);
    say("failed");
    const auto statuses = project("/repository/commits/" + head + "/statuses");
    const auto told = lab.robot->send("GET", statuses).body;
    REQUIRE(told.size() == 1);
    CHECK(told[0]["status"] == "failed");
    CHECK(told[0]["author"]["username"] == "robot");
    CHECK(lab.robot->send("GET", statuses + "?all=true").body.size() == 2);
    CHECK(lab.forge.check_runs(kRepository).at(0).conclusion == "failure");
    CHECK(lab.forge.check_runs(kRepository).at(0).details_url == "http://bot/1");

    const auto path = project("/statuses/" + head);
    CHECK(lab.reader->send("POST", path, {{"state", "success"}}).status == 403);
    CHECK(lab.robot->send("POST", path, {{"state", "green"}}, malformed()).status == 400);
    CHECK(lab.robot->send("POST", path, {{"state", "success"}, {"description", std::string(256, 'x')}})
              .status == 400);
    CHECK(lab.robot->send("POST", project("/statuses/" + std::string(40, '1')), {{"state", "success"}})
              .body["message"] == "404 Commit Not Found");
    const auto pipelines = lab.robot->send("GET", project("/pipelines?sha=" + head)).body;
    REQUIRE(pipelines.size() == 1);
    CHECK(pipelines[0]["id"] == first["pipeline_id"]);
    CHECK(pipelines[0]["source"] == "external");
    CHECK(pipelines[0]["status"] == "failed");
    CHECK(
        lab.robot
            ->send("POST", path, {{"state", "success"}, {"name", "x"}, {"pipeline_id", first["pipeline_id"]}})
            .status == 201);
    CHECK(lab.robot->send("POST", path, {{"state", "success"}, {"pipeline_id", 7}}).status == 404);
}

TEST_CASE("GitLab: what its own CI did is pipelines of jobs with logs") {
    Lab lab;
    const auto head = lab.branch("b", "three\n");
    lab.forge.begin_check(kRepository, head, "test");
    const auto pipelines = project("/pipelines?sha=" + head);
    CHECK(lab.robot->send("GET", pipelines).body.at(0)["status"] == "running");
    lab.forge.finish_check(kRepository, head, "test", "failure", {}, "line 1\nboom\n");
    lab.forge.finish_check(kRepository, head, "lint", "success");
    lab.forge.set_status(kRepository, head, "other", "pending", "");
    const auto pipeline = lab.robot->send("GET", pipelines).body.at(0);
    CHECK(pipeline["status"] == "pending");  // the other one is in the same pipeline
    CHECK(pipeline["source"] == "push");
    const auto one = project(fmt::format("/pipelines/{}", pipeline["id"].get<int>()));
    const auto failed = lab.robot->send("GET", one + "/jobs?scope[]=failed").body;
    REQUIRE(failed.size() == 1);
    CHECK(failed[0]["name"] == "test");
    CHECK(failed[0]["pipeline"]["id"] == pipeline["id"]);
    CHECK(lab.robot->send("GET", one + "/jobs").body.size() == 2);
    httplib::Client plain(lab.forge.url());
    const auto job = failed[0]["id"].get<int>();
    const httplib::Headers token = {{"PRIVATE-TOKEN", "token-of-robot"}};
    const auto trace = plain.Get("/api/v4" + project(fmt::format("/jobs/{}/trace", job)), token);
    REQUIRE(trace);
    CHECK(trace->body == "line 1\nboom\n");
    CHECK(lab.robot->send("GET", project("/repository/commits/" + head + "/statuses")).body.size() == 3);
    CHECK(lab.robot->send("GET", project("/repository/commits/b")).body["last_pipeline"]["id"] ==
          pipeline["id"]);
    CHECK(lab.reader->send("GET", pipelines).status == 403);
}

TEST_CASE("GitLab: pages for people are where its addresses lead") {
    Lab lab;
    const auto head = lab.branch("b", "three\n");
    lab.forge.create_issue(kRepository, "It <breaks>", "", "maria");
    const auto opened = lab.propose("b", "Mend it");
    lab.forge.finish_check(kRepository, head, "test", "failure");
    lab.forge.comment(kRepository, pull_request(1), "see #1", "maria");
    httplib::Client browser(lab.forge.url());
    const auto page = [&](const std::string& path) {
        const auto got = browser.Get(path);
        REQUIRE(got);
        return got->status == 200 ? got->body : std::to_string(got->status);
    };
    CHECK(page("/acme/widgets/-/issues/1").find("It &lt;breaks&gt;") != std::string::npos);
    const auto request = page("/acme/widgets/-/merge_requests/1");
    CHECK(request.find("Mend it") != std::string::npos);
    CHECK(request.find("href=\"/acme/widgets/-/issues/1\"") != std::string::npos);
    CHECK(page("/acme/widgets/-/merge_requests/1/checks").find("test") != std::string::npos);
    CHECK(page("/acme/widgets/-/issues").find("href=\"/acme/widgets/-/issues/1\"") != std::string::npos);
    CHECK(page("/acme/widgets/-/merge_requests").find("/-/merge_requests/1\"") != std::string::npos);
    CHECK(page("/").find("href=\"/acme/widgets/-/issues\"") != std::string::npos);
    CHECK(page("/acme/widgets/-/issues/2") == "404");
    const auto control = browser.Get("/practice/repositories/acme/widgets/pulls/1");
    CHECK(json::parse(control->body)["comments"][0]["body"] == "see #1");
}
