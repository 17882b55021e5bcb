#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "integrations/forge.hpp"
#include "tests/integrations/github_world.hpp"

using forge_tests::runs_of_commit;
using forge_tests::Server;
using forge_tests::sha;
using forge_tests::World;
using integrations::FailedCheck;
using Kind = integrations::ForgeError::Kind;
using nlohmann::json;

namespace {

const std::string statuses_of_commit = "GET /repos/octo/app/commits/" + sha + "/statuses";
const std::string tokens = "POST /app/installations/99/access_tokens";

json run(int id, const std::string& name, const json& conclusion, const std::string& app = "buildkite",
         int suite = 1) {
    return {
        {"id", id},
        {"name", name},
        {"status", conclusion.is_null() ? "in_progress" : "completed"},
        {"conclusion", conclusion},
        {"html_url", "https://forge.example/octo/app/runs/" + std::to_string(id)},
        {"output", {{"title", nullptr}, {"summary", nullptr}, {"text", nullptr}, {"annotations_count", 0}}},
        {"check_suite", {{"id", suite}}},
        {"app", {{"id", 1}, {"slug", app}}}};
}

json status(const std::string& context, const std::string& state, const std::string& by = "jenkins") {
    return {{"context", context},
            {"state", state},
            {"description", context + " says " + state},
            {"target_url", "https://ci.example/" + context},
            {"creator", {{"login", by}}}};
}

/// A commit with these check runs and statuses.
struct Commit : World {
    explicit Commit(const json& runs, const json& statuses = json::array()) {
        server.on(runs_of_commit, {{"total_count", runs.size()}, {"check_runs", runs}});
        server.on(statuses_of_commit, statuses);
    }
    std::vector<FailedCheck> failed(integrations::Forge& forge) {
        auto checks = forge.failed_checks(repo, sha);
        if (!checks) FAIL(checks.error().message);
        return *checks;
    }
    std::vector<std::string> names(integrations::Forge& forge) {
        std::vector<std::string> found;
        for (const auto& check : failed(forge)) found.push_back(check.name);
        return found;
    }
};
using Names = std::vector<std::string>;

void serve_log(World& world, const std::string& log) {
    world.server.on("GET /repos/octo/app/actions/jobs/7/logs",
                    [&world](const httplib::Request&, httplib::Response& response) {
                        response.status = 302;
                        response.set_header("Location", world.server.url() + "/store/7?sig=abc");
                    });
    world.server.on("GET /store/7", [log](const httplib::Request&, httplib::Response& response) {
        response.set_content(log, "text/plain");
    });
}

}  // namespace

TEST_CASE("checks that ended badly are told, in their own words, and no others") {
    auto broken = run(5, "build", "failure");
    broken["output"] = {{"title", "2 errors"},
                        {"summary", "It does not link."},
                        {"text", std::string(20'000, 'x')},
                        {"annotations_count", 2}};
    Commit world(
        json{broken, run(6, "slow", "timed_out"), run(7, "lint", "success"), run(8, "docs", "cancelled"),
             run(9, "deploy", "action_required"), run(10, "extra", "skipped"), run(11, "hint", "neutral")},
        json::array({status("ci/old", "failure"), status("ci/new", "success"), status("ci/odd", "error"),
                     status("tide", "pending")}));
    world.server.on("GET /repos/octo/app/check-runs/5/annotations",
                    json{{{"path", "src/a.c"},
                          {"start_line", 12},
                          {"annotation_level", "warning"},
                          {"title", nullptr},
                          {"message", "no such symbol"}},
                         {{"path", "src/b.c"}, {"start_line", 0}, {"annotation_level", "failure"}}});
    const auto checks = world.failed(*world.with_token());
    REQUIRE(checks.size() == 4);
    CHECK(checks[0].name == "build");
    CHECK(checks[0].summary.starts_with("2 errors\n\nIt does not link.\n\nxxx"));
    CHECK(checks[0].summary.size() < 8'100);
    CHECK(checks[0].web_url == "https://forge.example/octo/app/runs/5");
    CHECK_FALSE(checks[0].flaky);
    CHECK(checks[0].log_tail.empty());
    REQUIRE(checks[0].annotations.size() == 2);
    CHECK(checks[0].annotations[0].path == "src/a.c");
    CHECK(checks[0].annotations[0].line == 12);
    CHECK(checks[0].annotations[0].level == integrations::Annotation::Level::warning);
    CHECK(checks[0].annotations[0].message == "no such symbol");
    CHECK(checks[0].annotations[1].line == 1);
    CHECK(checks[1].name == "slow");
    CHECK(checks[2].name == "ci/odd");
    CHECK(checks[3].name == "ci/old");
    CHECK(checks[3].summary == "ci/old says failure");
    CHECK(checks[3].web_url == "https://ci.example/ci/old");
    CHECK(world.server.seen(runs_of_commit).at(0).query == "filter=all&per_page=100");
}

TEST_CASE("while a run goes on nothing is told; a status may wait for somebody for ever") {
    Commit world(json::array({run(5, "build", "failure"), run(6, "test", nullptr)}));
    const auto forge = world.with_token();
    CHECK(world.names(*forge).empty());
    Commit waiting(json::array({run(5, "build", "failure")}), json::array({status("approval", "pending")}));
    CHECK(waiting.names(*waiting.with_token()) == Names{"build"});
}

TEST_CASE("the newest try of a check counts; one that passed on the same commit is flaky") {
    Commit passed_at_last(json::array({run(9, "test", "success"), run(5, "test", "failure")}),
                          json::array({status("ci", "success"), status("ci", "failure")}));
    CHECK(passed_at_last.names(*passed_at_last.with_token()).empty());
    Commit tried_again(json::array({run(9, "test", nullptr), run(5, "test", "failure")}));
    CHECK(tried_again.names(*tried_again.with_token()).empty());

    Commit flaky(json::array({run(5, "test", "success"), run(9, "test", "failure"), run(4, "lint", "failure"),
                              run(8, "lint", "failure")}),
                 json::array({status("ci", "failure"), status("ci", "success")}));
    const auto checks = flaky.failed(*flaky.with_token());
    REQUIRE(checks.size() == 3);
    CHECK(checks[0].name == "lint");
    CHECK_FALSE(checks[0].flaky);
    CHECK(checks[1].name == "test");
    CHECK(checks[1].flaky);
    CHECK(checks[2].name == "ci");
    CHECK(checks[2].flaky);
}

TEST_CASE("the same name elsewhere is another check: of another suite, of another App") {
    Commit suites(json::array(
        {run(9, "build", "success", "github-actions", 2), run(5, "build", "failure", "github-actions", 1)}));
    const auto checks = suites.failed(*suites.with_token());
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].flaky);
    Commit apps(json::array({run(9, "build", "success", "travis"), run(5, "build", "failure", "circleci")}));
    const auto others = apps.failed(*apps.with_token());
    REQUIRE(others.size() == 1);
    CHECK_FALSE(others[0].flaky);
}

TEST_CASE("what we reported ourselves is not among them, and does not keep them waiting") {
    Commit as_app(
        json::array({run(5, "shopfloor", "failure", "shopfloor"), run(6, "shopfloor", nullptr, "shopfloor"),
                     run(7, "shopfloor", "failure", "somebody-else")}));
    const auto forge = as_app.with_app();
    const auto checks = as_app.failed(*forge);
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].web_url.ends_with("/7"));

    Commit plain(json::array(),
                 json::array({status("shopfloor", "failure", "robot"), status("ci", "failure", "robot"),
                              status("shopfloor", "failure", "ann")}));
    const auto token = plain.with_token();
    CHECK(plain.names(*token) == Names{"ci", "shopfloor"});
}

TEST_CASE("the end of a job's log is fetched from where it is kept, and our token stays here") {
    Commit world(json::array({run(7, "build", "failure", "github-actions")}));
    std::string log;
    for (int line = 0; line < 100'000; ++line) log += "line " + std::to_string(line) + "\n";
    serve_log(world, log);
    const auto checks = world.failed(*world.with_token());
    REQUIRE(checks.size() == 1);
    const auto& tail = checks[0].log_tail;
    CHECK(tail.size() <= 16 * 1024);
    CHECK(tail.size() > 16 * 1024 - 20);
    CHECK(tail.starts_with("line "));
    CHECK(tail.ends_with("line 99999\n"));
    CHECK(world.server.seen("GET /repos/octo/app/actions/jobs/7/logs").at(0).authorization ==
          "Bearer ghp_plain");
    REQUIRE(world.server.seen("GET /store/7").size() == 1);
    CHECK(world.server.seen("GET /store/7")[0].authorization.empty());
    CHECK(world.server.seen("GET /store/7")[0].query == "sig=abc");
}

TEST_CASE("a log that is not to be had is left out") {
    Commit world(json::array({run(7, "build", "failure", "github-actions")}));
    const auto forge = world.with_token();
    const std::string route = "GET /repos/octo/app/actions/jobs/7/logs";
    for (const int status : {403, 404, 410, 500}) {
        CAPTURE(status);
        world.server.on(route, {{"message", "no"}}, status);
        CHECK(world.failed(*forge).at(0).log_tail.empty());
    }
    for (const auto* address : {"", "file:///etc/passwd", "http://logs.example/7", "http://127.0.0.1:1/7",
                                "https://user:pw@127.0.0.1/7"}) {
        CAPTURE(address);
        world.server.on(route, [&](const httplib::Request&, httplib::Response& response) {
            response.status = 302;
            response.set_header("Location", address);
        });
        CHECK(world.failed(*forge).at(0).log_tail.empty());
    }
    serve_log(world, std::string((8 << 20) + 1, 'x'));  // nobody knows how it ends
    CHECK(world.failed(*forge).at(0).log_tail.empty());
    serve_log(world, "short\n");
    CHECK(world.failed(*forge).at(0).log_tail == "short\n");
    world.server.on("GET /store/7", {{"message", "expired"}}, 403);
    CHECK(world.failed(*forge).at(0).log_tail.empty());
}

TEST_CASE("of many failed checks the first ten are told with all they say") {
    auto runs = json::array();
    for (int i = 0; i < 25; ++i) {
        runs.push_back(run(100 + i, "job " + std::to_string(i), "failure", "github-actions"));
        runs.back()["output"]["annotations_count"] = 200;
    }
    Commit world(runs);
    auto notes = json::array();
    for (int i = 0; i < 100; ++i) notes.push_back({{"path", "a"}, {"start_line", i}, {"message", "no"}});
    for (int i = 0; i < 25; ++i)
        world.server.on("GET /repos/octo/app/check-runs/" + std::to_string(100 + i) + "/annotations", notes);
    const auto checks = world.failed(*world.with_token());
    REQUIRE(checks.size() == 25);
    CHECK(checks.at(9).annotations.size() == 50);
    CHECK(checks.at(10).annotations.empty());
    const auto seen = world.server.seen();
    CHECK(std::ranges::count_if(seen, [](const auto& one) { return one.path.ends_with("/logs"); }) == 10);
}

TEST_CASE(
    "an App asks for statuses and logs with tokens for these alone, and does without what it was not given") {
    Commit world(json::array({run(7, "build", "failure", "github-actions")}),
                 json::array({status("ci", "failure")}));
    serve_log(world, "the end\n");
    const auto forge = world.with_app();
    CHECK(world.names(*forge) == Names{"build", "ci"});
    std::vector<json> asked;
    for (const auto& one : world.server.seen(tokens)) asked.push_back(one.body.at("permissions"));
    REQUIRE(asked.size() == 3);
    CHECK(asked[0].at("contents") == "write");
    CHECK_FALSE(asked[0].contains("actions"));
    CHECK(asked[1] == json{{"statuses", "read"}, {"metadata", "read"}});
    CHECK(asked[2] == json{{"actions", "read"}, {"metadata", "read"}});
    CHECK(world.server.seen(tokens)[2].body.at("repository_ids") == json{77});

    world.server.on(tokens, [&](const httplib::Request& request, httplib::Response& response) {
        const bool more = !json::parse(request.body).at("permissions").contains("contents");
        response.status = more ? 422 : 201;
        const json token = {{"token", "ghs_x"},
                            {"expires_at", forge_tests::timestamp(world.now + std::chrono::hours(1))}};
        const json refusal = {{"message", "The permissions requested are not granted to this installation."}};
        response.set_content((more ? refusal : token).dump(), "application/json");
    });
    const auto narrow = world.with_app();
    const auto checks = world.failed(*narrow);
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].log_tail.empty());
}

TEST_CASE("a forge that does not answer is no forge without failures") {
    Commit world(json::array({run(7, "build", "failure")}));
    const auto forge = world.with_token();
    world.server.on(statuses_of_commit, {{"message", "down"}}, 502);
    CHECK(forge->failed_checks(world.repo, sha).error().kind == Kind::unreachable);
    world.server.on(statuses_of_commit, json::object());
    CHECK(forge->failed_checks(world.repo, sha).error().kind == Kind::unreachable);
    world.server.on(statuses_of_commit, {{"message", "no"}}, 403);
    CHECK(forge->failed_checks(world.repo, sha)->size() == 1);
    world.server.on(runs_of_commit, {{"message", "Not Found"}}, 404);
    CHECK(forge->failed_checks(world.repo, sha).error().kind == Kind::gone);
    world.server.on(runs_of_commit, {{"check_runs", {"nonsense", 7, nullptr}}});
    CHECK(forge->failed_checks(world.repo, sha).has_value());
    for (const auto* bad : {"main", "", "../x"})
        CHECK(forge->failed_checks(world.repo, bad).error().kind == Kind::invalid);
}

TEST_CASE("whether a pull request has conflicts is told where the forge knows it") {
    World world;
    const auto forge = world.with_token();
    for (const auto& [mergeable, conflicts] :
         std::vector<std::pair<json, std::optional<bool>>>{{true, false}, {false, true}, {nullptr, {}}}) {
        world.server.on("GET /repos/octo/app/pulls/31",
                        {{"number", 31}, {"state", "open"}, {"mergeable", mergeable}});
        CHECK(forge->pull_request(world.repo, 31)->conflicts == conflicts);
    }
    world.server.on("GET /repos/octo/app/pulls",
                    json{{{"number", 31}, {"state", "open"}, {"title", "Fixes #12"}}});
    CHECK(forge->closing(world.issue)->at(0).conflicts == std::nullopt);
}
