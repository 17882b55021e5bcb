// Merge requests of GitLab, and what is said of commits there.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/integrations/gitlab_world.hpp"

using gitlab_tests::on_project;
using gitlab_tests::person;
using gitlab_tests::World;
using nlohmann::json;
using Kind = integrations::ForgeError::Kind;

namespace {

const std::string agent_head(40, 'a');

json request_body(int iid, const std::string& state = "opened", int from = 41,
                  const std::string& sha = agent_head) {
    return {{"iid", iid},
            {"project_id", 41},
            {"source_project_id", from},
            {"source_branch", "agent/issue-7"},
            {"sha", sha},
            {"state", state},
            {"title", "Mend it"},
            {"description", "text"},
            {"draft", false},
            {"merge_status", "unchecked"},
            {"has_conflicts", false},
            {"author", person(9, "robot")},
            {"web_url", "https://git.example/-/merge_requests/" + std::to_string(iid)}};
}

integrations::Proposal our_proposal(const World& world) {
    return {.repo = world.repo,
            .head_branch = "agent/issue-7",
            .head_sha = agent_head,
            .base_branch = "main",
            .title = "Mend it",
            .body = "Closes #7\n/merge",
            .draft = false,
            .marker = "job=1 proposal"};
}

const auto list_requests = on_project("GET", "/merge_requests");
const auto open_request = on_project("POST", "/merge_requests");
const auto change_request = on_project("PUT", "/merge_requests/8");

json pipeline_body(int id, const std::string& status, const std::string& source = "push") {
    return {{"id", id}, {"sha", agent_head}, {"status", status}, {"source", source}};
}

json job_body(int id, const std::string& name, const std::string& status, bool may_fail = false) {
    return {{"id", id},
            {"name", name},
            {"status", status},
            {"allow_failure", may_fail},
            {"failure_reason", status == "failed" ? json("script_failure") : json()},
            {"web_url", "https://git.example/-/jobs/" + std::to_string(id)}};
}

json status_body(int id, const std::string& name, const std::string& state, const std::string& by = "ci") {
    return {{"id", id},
            {"name", name},
            {"status", state},
            {"description", name + " says " + state},
            {"target_url", "https://ci.example/" + std::to_string(id)},
            {"allow_failure", false},
            {"author", person(3, by)}};
}

std::vector<integrations::FailedCheck> failed_there(World& world) {
    auto checks = world.forge->failed_checks(world.repo, agent_head);
    REQUIRE(checks.has_value());
    return *std::move(checks);
}

}  // namespace

TEST_CASE("a merge request is opened with its branch to go with it, and carries out nothing") {
    World world;
    world.server.on(list_requests, json::array());
    world.server.on(open_request, request_body(8), 201);
    const auto made = world.forge->propose(our_proposal(world));
    REQUIRE(made.has_value());
    CHECK(made->number == 8);
    CHECK(made->head_sha == agent_head);
    CHECK(world.server.seen(open_request)[0].body ==
          json{{"title", "Mend it"},
               {"description", "Closes #7\n /merge\n\n<!-- shopfloor:v1 job=1 proposal -->"},
               {"source_branch", "agent/issue-7"},
               {"target_branch", "main"},
               {"remove_source_branch", true}});
    CHECK(world.server.seen(list_requests)[0].query.find("source_branch=agent%2Fissue-7") !=
          std::string::npos);
}

TEST_CASE("a merge request that is there already is adopted, whoever was first, but for one of a fork") {
    World world;
    world.server.on(list_requests, json::array({request_body(9, "opened", 66), request_body(8)}));
    world.server.on(change_request, request_body(8));
    CHECK(world.forge->propose(our_proposal(world)).value().number == 8);
    CHECK(world.server.seen(change_request)[0].body.contains("description"));
    CHECK(world.server.seen(open_request).empty());

    int asked = 0;
    world.server.on(list_requests, [&](const httplib::Request&, httplib::Response& response) {
        response.set_content((asked++ == 0 ? json::array() : json::array({request_body(8)})).dump(),
                             "application/json");
    });
    world.server.on(open_request,
                    {{"message", {"Another open merge request already exists for this source branch: !8"}}},
                    409);
    CHECK(world.forge->propose(our_proposal(world)).value().number == 8);
}

TEST_CASE("a merge request that is over is not opened again for the same commit") {
    World world;
    world.server.on(list_requests, json::array({request_body(8, "merged")}));
    const auto over = world.forge->propose(our_proposal(world));
    REQUIRE(over.has_value());
    CHECK(over->merged);
    CHECK_FALSE(over->open);
    world.server.on(list_requests, json::array({request_body(8, "closed", 41, std::string(40, 'b'))}));
    world.server.on(open_request, request_body(9), 201);
    CHECK(world.forge->propose(our_proposal(world)).value().number == 9);
}

TEST_CASE("a draft on GitLab is one by its title, and becomes ready by it") {
    World world;
    world.server.on(list_requests, json::array());
    world.server.on(open_request, request_body(8), 201);
    const auto title = [&](const std::string& given, bool draft) {
        auto asked = our_proposal(world);
        asked.title = given;
        asked.draft = draft;
        world.server.forget();
        REQUIRE(world.forge->propose(asked).has_value());
        return world.server.seen(open_request)[0].body["title"].get<std::string>();
    };
    CHECK(title("Mend it", true) == "Draft: Mend it");
    CHECK(title("draft: Mend it", true) == "Draft: Mend it");
    CHECK(title("[Draft] (draft) Mend it", false) == "Mend it");
    CHECK(title("Draft:", false) == "Draft:");
    CHECK(title(std::string(300, 'x'), true).size() == 254 + std::string("…").size());
}

TEST_CASE("what a merge request is, and whether it has conflicts as far as that is known") {
    World world;
    const auto read = [&](const std::string& status, bool conflicts) {
        auto body = request_body(8);
        body["merge_status"] = status;
        body["has_conflicts"] = conflicts;
        world.server.on(on_project("GET", "/merge_requests/8"), body);
        return world.forge->pull_request(world.repo, 8).value().conflicts;
    };
    CHECK(read("can_be_merged", false) == false);
    CHECK(read("cannot_be_merged", true) == true);
    CHECK(read("cannot_be_merged", false) == false);
    for (const auto* status : {"unchecked", "checking", "cannot_be_merged_recheck", "preparing"})
        CHECK_FALSE(read(status, false).has_value());
    CHECK(world.forge->pull_request(world.repo, 9).error().kind == Kind::gone);
    world.server.on(on_project("GET", "/merge_requests/8"), json::object());
    CHECK(world.forge->pull_request(world.repo, 8).error().kind == Kind::unreachable);
}

TEST_CASE("failed jobs of a commit's pipelines are told with the end of their log, and others' statuses") {
    World world;
    world.server.on(on_project("GET", "/pipelines"),
                    json::array({pipeline_body(32, "failed"), pipeline_body(31, "pending", "external")}));
    world.server.on(on_project("GET", "/pipelines/32/jobs"),
                    json::array({job_body(101, "build", "success"), job_body(103, "test", "failed"),
                                 job_body(102, "test", "success"), job_body(104, "lint", "failed", true),
                                 job_body(105, "deploy", "manual")}));
    world.server.on(
        on_project("GET", "/repository/commits/" + agent_head + "/statuses"),
        json::array({status_body(90, "ci/old", "success"), status_body(91, "ci/old", "failed"),
                     status_body(92, "ci/slow", "pending"), status_body(93, "shopfloor", "failed", "robot"),
                     status_body(103, "test", "failed")}));
    world.server.on(on_project("GET", "/jobs/103/trace"),
                    [](const httplib::Request& request, httplib::Response& response) {
                        response.status = request.get_header_value("PRIVATE-TOKEN") == "a-token" ? 200 : 401;
                        response.set_content("make\nmake: *** [all] Error 1\n", "text/plain");
                    });
    const auto checks = failed_there(world);
    REQUIRE(checks.size() == 2);
    CHECK(checks[0].name == "ci/old");
    CHECK(checks[0].summary == "ci/old says failed");
    CHECK(checks[0].flaky);
    CHECK(checks[0].log_tail.empty());
    CHECK(checks[1].name == "test");
    CHECK(checks[1].summary == "script_failure");
    CHECK(checks[1].log_tail == "make\nmake: *** [all] Error 1\n");
    CHECK(checks[1].web_url == "https://git.example/-/jobs/103");
    CHECK(checks[1].flaky);  // it has passed on this commit before
}

TEST_CASE("while a job on GitLab goes on nothing has failed; one that waits for a person is no such job") {
    World world;
    world.server.on(on_project("GET", "/repository/commits/" + agent_head + "/statuses"), json::array());
    const auto with = [&](const std::string& pipeline_status, const std::string& job_status) {
        world.server.on(on_project("GET", "/pipelines"), json::array({pipeline_body(32, pipeline_status)}));
        world.server.on(on_project("GET", "/pipelines/32/jobs"),
                        json::array({job_body(101, "build", "failed"), job_body(102, "test", job_status)}));
        return failed_there(world).size();
    };
    CHECK(with("running", "running") == 0);
    CHECK(with("running", "created") == 0);
    CHECK(with("pending", "waiting_for_resource") == 0);
    CHECK(with("manual", "created") == 1);
    CHECK(with("failed", "skipped") == 1);
    CHECK(world.forge->failed_checks(world.repo, "main").error().kind == Kind::invalid);
}

TEST_CASE("a project of GitLab without CI has no failed jobs, and a log that is gone hides no failure") {
    World world;
    world.server.on(on_project("GET", "/pipelines"), {{"message", "403 Forbidden"}}, 403);
    CHECK(failed_there(world).empty());
    world.server.on(on_project("GET", "/pipelines"), json::array({pipeline_body(32, "failed")}));
    world.server.on(on_project("GET", "/pipelines/32/jobs"), json::array({job_body(103, "test", "failed")}));
    const auto checks = failed_there(world);
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].log_tail.empty());
}

TEST_CASE("evidence is a commit status on GitLab, and one that is so already is no failure") {
    World world;
    const auto route = on_project("POST", "/statuses/" + agent_head);
    world.server.on(route, {{"id", 1}}, 201);
    const integrations::CheckReport report{.name = "shopfloor",
                                           .head_sha = agent_head,
                                           .external_id = "job-1",
                                           .conclusion = integrations::CheckReport::Conclusion::failure,
                                           .title = std::string(300, 'x'),
                                           .summary = "red",
                                           .annotations = {},
                                           .details_url = "https://git.example/x"};
    CHECK(world.forge->report_check(world.repo, report).has_value());
    const auto body = world.server.seen(route)[0].body;
    CHECK(body["state"] == "failed");
    CHECK(body["name"] == "shopfloor");
    CHECK(body["target_url"] == "https://git.example/x");
    CHECK(body["description"].get<std::string>().size() == 254 + std::string("…").size());
    world.server.on(route, {{"message", "Cannot transition status via :drop from :failed"}}, 400);
    CHECK(world.forge->report_check(world.repo, report).has_value());
    world.server.on(route, {{"message", "state is missing"}}, 400);
    CHECK_FALSE(world.forge->report_check(world.repo, report).has_value());
}
