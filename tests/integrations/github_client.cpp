#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "integrations/forge.hpp"
#include "tests/integrations/github_world.hpp"

using forge_tests::World;
using integrations::Permission;
using integrations::Reaction;
using Kind = integrations::ForgeError::Kind;
using nlohmann::json;

namespace {

json pull(int number, const std::string& branch, const std::string& title, const std::string& body,
          int home = 77) {
    return {{"number", number},
            {"html_url", "https://forge.example/octo/app/pull/" + std::to_string(number)},
            {"state", "open"},
            {"draft", false},
            {"title", title},
            {"body", body},
            {"user", {{"login", "ann"}, {"id", 3}, {"type", "User"}}},
            {"head", {{"ref", branch}, {"sha", std::string(40, 'b')}, {"repo", {{"id", home}}}}},
            {"base", {{"ref", "main"}, {"repo", {{"id", 77}}}}}};
}

}  // namespace

TEST_CASE("a repository is described as it is now, with its head commit") {
    World world;
    const auto now = world.with_token()->repository(world.repo);
    REQUIRE(now.has_value());
    CHECK(now->repo == world.repo);
    CHECK(now->head_commit == std::string(40, 'a'));
    CHECK_FALSE(now->archived);
    const auto with_app = world.with_app()->repository(world.repo);
    REQUIRE(with_app.has_value());
    CHECK(with_app->repo.installation == "99");
}

TEST_CASE("a renamed repository is found under its new name") {
    World world;
    auto body = World::repository();
    body["full_name"] = "octo/renamed";
    world.server.on("GET /repos/octo/app", [](const httplib::Request&, httplib::Response& response) {
        response.status = 301;
        response.set_header("Location", "/repositories/77");
    });
    world.server.on("GET /repositories/77", body);
    world.server.on("GET /repos/octo/renamed/branches/main", {{"commit", {{"sha", std::string(40, 'c')}}}});
    const auto now = world.with_token()->repository(world.repo);
    REQUIRE(now.has_value());
    CHECK(now->repo.full_name == "octo/renamed");
    CHECK(now->head_commit == std::string(40, 'c'));
}

TEST_CASE("a repository that is gone, empty, or another one by now is an error that says so") {
    World world;
    const auto forge = world.with_token();
    world.server.on("GET /repos/octo/app/branches/main", {{"message", "Branch not found"}}, 404);
    auto error = forge->repository(world.repo).error();
    CHECK(error.kind == Kind::gone);
    CHECK(error.message.find("`main`") != std::string::npos);

    auto body = World::repository();
    body["id"] = 78;
    world.server.on("GET /repos/octo/app", body);
    error = forge->repository(world.repo).error();
    CHECK(error.kind == Kind::gone);
    CHECK(error.message.find("another repository") != std::string::npos);

    world.server.on("GET /repos/octo/app", {{"message", "Not Found"}}, 404);
    CHECK(forge->repository(world.repo).error().kind == Kind::gone);
    world.repo.full_name = "octo/../app";
    CHECK(forge->repository(world.repo).error().kind == Kind::invalid);
}

TEST_CASE("statuses become the kinds of error that a caller can act on") {
    World world;
    const auto forge = world.with_token();
    for (const auto& [status, kind] : std::vector<std::pair<int, Kind>>{{401, Kind::unauthorized},
                                                                        {403, Kind::forbidden},
                                                                        {404, Kind::gone},
                                                                        {410, Kind::gone},
                                                                        {451, Kind::gone},
                                                                        {422, Kind::invalid},
                                                                        {500, Kind::unreachable},
                                                                        {503, Kind::unreachable}}) {
        CAPTURE(status);
        world.server.on("GET /repos/octo/app/issues/12", {{"message", "the forge's words"}}, status);
        const auto answer = forge->issue(world.issue);
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().kind == kind);
        CHECK(answer.error().status == status);
        CHECK(answer.error().message.find("the forge's words") != std::string::npos);
    }
    world.server.on("GET /repos/octo/app/issues/12",
                    [](const httplib::Request&, httplib::Response& response) {
                        response.set_content("<html>a proxy's page</html>", "text/html");
                    });
    CHECK(forge->issue(world.issue).error().kind == Kind::unreachable);
}

TEST_CASE("permission is what the forge says today; all else is none") {
    World world;
    const auto forge = world.with_token();
    const std::string route = "GET /repos/octo/app/collaborators/ann/permission";
    const integrations::Person ann{.login = "ann", .id = "3"};
    const auto told = [&](const json& body) {
        world.server.on(route, body);
        const auto answer = forge->permission(world.repo, ann);
        REQUIRE(answer.has_value());
        return *answer;
    };
    const json user = {{"login", "ann"}, {"id", 3}};
    CHECK(told({{"permission", "admin"}, {"user", user}}) == Permission::admin);
    CHECK(told({{"permission", "write"}, {"role_name", "maintain"}, {"user", user}}) == Permission::write);
    CHECK(told({{"permission", "read"}, {"role_name", "triage"}, {"user", user}}) == Permission::read);
    CHECK(told({{"permission", "none"}, {"user", user}}) == Permission::none);
    CHECK(told({{"permission", "superuser"}, {"user", user}}) == Permission::none);
    CHECK(told({{"permission", 7}}) == Permission::none);
    CHECK(told(json::object()) == Permission::none);
    CHECK(told({{"permission", "admin"}, {"user", {{"login", "ann"}, {"id", 4}}}}) ==
          Permission::none);  // a new ann

    world.server.on(route, {{"message", "Not Found"}}, 404);
    CHECK(forge->permission(world.repo, ann) == Permission::none);
    world.server.on(route, {{"message", "oops"}}, 502);
    CHECK_FALSE(forge->permission(world.repo, ann).has_value());
    CHECK(forge->permission(world.repo, {}) == Permission::none);
    CHECK(forge->permission(world.repo, {.login = "../../app"}) == Permission::none);
}

TEST_CASE("an issue is read with its labels and its author") {
    World world;
    world.server.on("GET /repos/octo/app/issues/12",
                    {{"number", 12},
                     {"title", "It breaks"},
                     {"body", nullptr},
                     {"state", "open"},
                     {"html_url", "https://forge.example/octo/app/issues/12"},
                     {"user", {{"login", "ann"}, {"id", 3}, {"type", "User"}}},
                     {"repository_url", world.server.url() + "/repos/octo/app"},
                     {"labels", {{{"name", "agent"}}, "plain"}}});
    const auto issue = world.with_token()->issue(world.issue);
    REQUIRE(issue.has_value());
    CHECK(issue->title == "It breaks");
    CHECK(issue->body.empty());
    CHECK(issue->labels == std::vector<std::string>{"agent", "plain"});
    CHECK(issue->author == integrations::Person{.login = "ann", .id = "3", .bot = false});
    CHECK(issue->open);
}

TEST_CASE("an issue that was transferred is gone; one whose repository was renamed is not") {
    World world;
    const auto forge = world.with_token();
    world.server.on("GET /repos/octo/app/issues/12",
                    {{"number", 12}, {"repository_url", world.server.url() + "/repos/octo/elsewhere"}});
    const auto moved = forge->issue(world.issue);
    REQUIRE_FALSE(moved.has_value());
    CHECK(moved.error().kind == Kind::gone);
    auto renamed = World::repository();
    renamed["full_name"] = "octo/elsewhere";
    world.server.on("GET /repos/octo/app", renamed);
    CHECK(forge->issue(world.issue).has_value());
}

TEST_CASE("pull requests that close the issue are found by words and by our branches, page after page") {
    World world;
    world.server.on(
        "GET /repos/octo/app/pulls", [&](const httplib::Request& request, httplib::Response& response) {
            const auto page = request.has_param("page") ? std::stoi(request.get_param_value("page")) : 1;
            CHECK(request.get_param_value("state") == "open");
            CHECK(request.get_param_value("per_page") == "100");
            auto pulls = json::array();
            if (page == 1) {
                for (int i = 0; i < 98; ++i)
                    pulls.push_back(pull(1000 + i, "feature", "Fix #123", "see #12"));
                pulls.push_back(pull(20, "topic", "Better login", "Fixes #12."));
                pulls.push_back(pull(21, "agent/issue-12-login", "In a fork", "", 500));
                response.set_header("Link", "<" + world.server.url() +
                                                "/repos/octo/app/pulls?state=open&per_page=100&page=2>; "
                                                "rel=\"next\", <x>; rel=\"last\"");
            } else {
                pulls.push_back(pull(22, "agent/issue-12-login", "Ours", ""));
                pulls.push_back(pull(23, "agent/issue-121-x", "Another", ""));
                pulls.push_back(pull(24, "x", "Closes #12", ""));
            }
            response.set_content(pulls.dump(), "application/json");
        });
    const auto found = world.with_token()->closing(world.issue);
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 3);
    CHECK(found->at(0).number == 20);
    CHECK(found->at(1).number == 22);
    CHECK(found->at(1).head_branch == "agent/issue-12-login");
    CHECK(found->at(1).head_sha == std::string(40, 'b'));
    CHECK(found->at(2).number == 24);
    CHECK(world.server.seen("GET /repos/octo/app/pulls").size() == 2);
}

TEST_CASE("labels change by what is missing and what is there, and ours are made first") {
    World world;
    const std::string base = "/repos/octo/app";
    world.server.on("GET " + base + "/issues/12/labels",
                    {{{"name", "Agent"}}, {{"name", "bug"}}, {{"name", "kept"}}});
    world.server.on("POST " + base + "/labels", {{"name", "x"}}, 201);
    world.server.on("POST " + base + "/issues/12/labels", json::array());
    world.server.on("DELETE " + base + "/issues/12/labels/agent", json::array());
    const auto forge = world.with_token();
    const std::string state = "agent-state: queued";
    REQUIRE(forge->relabel(world.issue, {"agent", "absent"}, {state, "kept"}).has_value());
    const auto made = world.server.seen("POST " + base + "/labels");
    REQUIRE(made.size() == 1);
    CHECK(made[0].body.at("name") == state);
    CHECK(made[0].body.at("color") == "c5def5");
    CHECK(made[0].body.at("description").get<std::string>().size() <= 100);
    CHECK(world.server.seen("POST " + base + "/issues/12/labels").at(0).body == json{{"labels", {state}}});
    CHECK(world.server.seen("DELETE " + base + "/issues/12/labels/agent").size() == 1);

    REQUIRE(forge->relabel(world.issue, {}, {state}).has_value());
    CHECK(world.server.seen("POST " + base + "/labels").size() == 1);  // known by now
    world.server.forget();
    REQUIRE(forge->relabel(world.issue, {"absent"}, {"kept"}).has_value());
    CHECK(world.server.seen().size() == 1);  // nothing to do: one look
}

TEST_CASE("a label that somebody else made or took off in the meantime is no error") {
    World world;
    const std::string base = "/repos/octo/app";
    world.server.on("GET " + base + "/issues/12/labels", {{{"name", "a/b c"}}});
    world.server.on(
        "POST " + base + "/labels",
        {{"message", "Validation Failed"}, {"errors", {{{"resource", "Label"}, {"code", "already_exists"}}}}},
        422);
    world.server.on("POST " + base + "/issues/12/labels", json::array());
    const auto forge = world.with_token();
    CHECK(forge->relabel(world.issue, {"a/b c"}, {"new"}).has_value());
    CHECK(world.server.seen("DELETE " + base + "/issues/12/labels/a%2Fb%20c").size() ==
          1);  // was answered 404

    world.server.on("POST " + base + "/labels",
                    {{"message", "Validation Failed"}, {"errors", {{{"code", "invalid"}}}}}, 422);
    CHECK(forge->relabel(world.issue, {}, {"bad"}).error().kind == Kind::invalid);
}

TEST_CASE("a reaction goes to the issue or to the comment") {
    World world;
    world.server.on("POST /repos/octo/app/issues/12/reactions", {{"id", 1}}, 201);
    world.server.on("POST /repos/octo/app/issues/comments/55/reactions", {{"id", 1}}, 200);
    const auto forge = world.with_token();
    CHECK(forge->react(world.issue, std::nullopt, Reaction::eyes).has_value());
    CHECK(forge->react(world.issue, "55", Reaction::thumbs_down).has_value());
    CHECK(world.server.seen("POST /repos/octo/app/issues/12/reactions").at(0).body ==
          json{{"content", "eyes"}});
    CHECK(world.server.seen("POST /repos/octo/app/issues/comments/55/reactions").at(0).body ==
          json{{"content", "-1"}});
    CHECK(forge->react(world.issue, "5/../6", Reaction::eyes).error().kind == Kind::invalid);
}

TEST_CASE("a permission counts only for the very person, by the forge's own id") {
    World world;
    const auto forge = world.with_token();
    const integrations::Person ann{.login = "ann", .id = "3"};
    const std::string route = "GET /repos/octo/app/collaborators/ann/permission";
    world.server.on(route, {{"permission", "write"}, {"user", {{"login", "ann"}, {"id", 3}}}});
    CHECK(forge->permission(world.repo, ann) == integrations::Permission::write);
    world.server.on(route, {{"permission", "write"}, {"user", {{"login", "ann"}, {"id", 4}}}});
    CHECK(forge->permission(world.repo, ann) == integrations::Permission::none);
    world.server.on(route, {{"permission", "write"}});
    CHECK(forge->permission(world.repo, ann) == integrations::Permission::none);
}
