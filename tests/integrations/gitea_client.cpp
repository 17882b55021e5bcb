// What Gitea does otherwise than GitHub, on a server whose answers are scripted.

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "integrations/forge_json.hpp"
#include "integrations/gitea.hpp"
#include "tests/integrations/gitea_world.hpp"

using gitea_tests::on_repository;
using gitea_tests::World;
using nlohmann::json;
using Kind = integrations::ForgeError::Kind;

TEST_CASE("Gitea is asked with the token in the header that it documents") {
    World world;
    REQUIRE(world.forge->self().has_value());
    CHECK(world.server.seen()[0].authorization == "token a-token");
    CHECK(world.forge->self()->login == "robot");
    const auto credential = world.forge->git_credential(world.repo);
    REQUIRE(credential.has_value());
    CHECK(credential->user == "robot");
    CHECK(credential->password.expose() == "a-token");
}

TEST_CASE("settings that can never work with Gitea are told with their key and the mend") {
    const auto fault = [](config::ForgeSettings settings) {
        const auto* kind = integrations::find_forge_kind("forgejo");
        REQUIRE(kind != nullptr);
        CHECK_THROWS_AS((void)kind->connect(settings), std::invalid_argument);
        const auto found = kind->fault(settings);
        REQUIRE(found.has_value());
        return found->key + ": " + found->mend;
    };
    const std::string url = "https://git.example/api/v1";
    CHECK(fault({.name = "work", .api_url = url}) == "token: add `token: {env: NAME}`");
    CHECK(fault({.name = "work", .api_url = url, .app = config::AppCredentials{}}) ==
          "app: give the bot an account and its token: `token: {env: NAME}`");
    CHECK(fault({.name = "work", .token = config::Secret("t")}) ==
          "api_url: write https://HOST/api/v1 of your Gitea or Forgejo");
    CHECK_FALSE(integrations::find_forge_kind("gitea")->fault(
        {.name = "work", .api_url = url, .token = config::Secret("t")}));
}

TEST_CASE("what a person may do on Gitea: owners and administrators all, and nobody whose id is another's") {
    World world;
    const auto says = [&](const std::string& level, int id) {
        world.server.on(on_repository("GET", "/collaborators/ada/permission"),
                        {{"permission", level}, {"user", {{"id", id}, {"login", "ada"}}}});
        return world.forge->permission(world.repo, {.login = "ada", .id = "5"}).value();
    };
    using integrations::Permission;
    CHECK(says("owner", 5) == Permission::admin);
    CHECK(says("admin", 5) == Permission::admin);
    CHECK(says("write", 5) == Permission::write);
    CHECK(says("read", 5) == Permission::read);
    CHECK(says("reviewer", 5) == Permission::none);
    CHECK(says("admin", 6) == Permission::none);
    CHECK(world.forge->permission(world.repo, {.login = "nobody"}).value() == Permission::none);
}

TEST_CASE("a bot that may not ask what people may do on Gitea is told how to mend it") {
    World world;
    world.server.on(on_repository("GET", "/collaborators/ada/permission"),
                    {{"message", "Only admins can query all permissions"}}, 403);
    const auto asked = world.forge->permission(world.repo, {.login = "ada"});
    REQUIRE_FALSE(asked.has_value());
    CHECK(asked.error().kind == Kind::forbidden);
    CHECK(asked.error().message.find("give the bot's account administrator access to octo/app") !=
          std::string::npos);
}

TEST_CASE("which review asks for changes is found by its author and its words") {
    World world;
    const auto one = [](int id, const std::string& state, int user, const std::string& words) {
        return json{{"id", id}, {"state", state}, {"body", words}, {"user", {{"id", user}, {"login", "x"}}}};
    };
    world.server.on(
        on_repository("GET", "/pulls/8/reviews"),
        json::array({one(1, "REQUEST_CHANGES", 5, "Mend it."), one(2, "COMMENT", 5, "Mend it."),
                     one(3, "REQUEST_CHANGES", 6, "Mend it."), one(4, "REQUEST_CHANGES", 5, "Otherwise.")}));
    const integrations::ChangesRequested told{
        .pull_request = world.pull, .review_id = {}, .body = "Mend it.", .by = {.login = "ada", .id = "5"}};
    const auto events = world.forge->completed(told);
    REQUIRE(events.has_value());
    REQUIRE(events->size() == 1);
    CHECK(std::get<integrations::ChangesRequested>((*events)[0]).review_id == "1");
}

TEST_CASE("a list that Gitea gives whole, whatever page is asked for, is read once") {
    for (const bool counted : {true, false}) {
        for (const int length : {49, 50, 51, 120}) {
            CAPTURE(counted);
            CAPTURE(length);
            World world;
            auto comments = json::array();
            for (int id = 1; id <= length; ++id)
                comments.push_back({{"id", id},
                                    {"body", "Said " + std::to_string(id)},
                                    {"created_at", "2026-03-01T14:00:00Z"},
                                    {"user", {{"id", 5}, {"login", "ada"}}}});
            world.server.on(on_repository("GET", "/issues/8/comments"),
                            [&](const httplib::Request&, httplib::Response& response) {
                                if (counted) response.set_header("X-Total-Count", std::to_string(length));
                                response.set_content(comments.dump(), "application/json");
                            });
            world.server.on(on_repository("GET", "/pulls/8/reviews"), json::array());
            const auto said = world.forge->conversation(world.pull);
            REQUIRE(said.has_value());
            CHECK(said->remarks.size() == static_cast<std::size_t>(length));
            CHECK(world.server.seen(on_repository("GET", "/issues/8/comments")).size() <= 2);
        }
    }
}

TEST_CASE("a draft on Gitea is a title, made once and taken off when it is ready") {
    World world;
    json stored;
    world.server.on(on_repository("GET", "/pulls"), json::array());
    const auto answer = [&](const httplib::Request& request, httplib::Response& response) {
        stored = json::parse(request.body);
        const json pull = {{"number", 8},
                           {"title", stored["title"]},
                           {"state", "open"},
                           {"head", {{"ref", "agent/issue-7"}, {"sha", std::string(40, 'a')}}},
                           {"user", {{"id", 9}, {"login", "robot"}}}};
        response.status = 201;
        response.set_content(pull.dump(), "application/json");
    };
    world.server.on(on_repository("POST", "/pulls"), answer);
    world.server.on(on_repository("PATCH", "/pulls/8"), answer);
    integrations::Proposal proposal{.repo = world.repo,
                                    .head_branch = "agent/issue-7",
                                    .head_sha = std::string(40, 'a'),
                                    .base_branch = "main",
                                    .title = "Mend it",
                                    .body = "Fixes #7",
                                    .draft = true};
    const auto made = world.forge->propose(proposal);
    REQUIRE(made.has_value());
    CHECK(made->draft);
    CHECK(stored["title"] == "WIP: Mend it");
    world.server.on(
        on_repository("GET", "/pulls/8"),
        {{"number", 8}, {"title", "WIP: Mend it"}, {"state", "open"}, {"base", {{"repo", {{"id", 41}}}}}});
    proposal.number = 8;
    proposal.draft = false;
    const auto ready = world.forge->propose(proposal);
    REQUIRE(ready.has_value());
    CHECK(stored["title"] == "Mend it");
    CHECK_FALSE(ready->draft);
}

TEST_CASE(
    "a pull request of Gitea that was merged and whose branch is gone is found, and no second one is "
    "opened") {
    World world;
    world.server.on(on_repository("GET", "/pulls"),
                    json::array({{{"number", 8},
                                  {"title", "Mend it"},
                                  {"state", "closed"},
                                  {"merged", true},
                                  {"head",
                                   {{"ref", "refs/pull/8/head"},
                                    {"label", "agent/issue-7"},
                                    {"sha", std::string(40, 'a')},
                                    {"repo", {{"id", 41}}}}},
                                  {"base", {{"repo", {{"id", 41}}}}},
                                  {"user", {{"id", 9}, {"login", "robot"}}}}}));
    const auto found = world.forge->propose({.repo = world.repo,
                                             .head_branch = "agent/issue-7",
                                             .head_sha = std::string(40, 'a'),
                                             .base_branch = "main",
                                             .title = "Mend it",
                                             .body = "Fixes #7"});
    REQUIRE(found.has_value());
    CHECK(found->number == 8);
    CHECK(found->merged);
    CHECK(world.server.seen(on_repository("POST", "/pulls")).empty());
}

TEST_CASE("a pull request of Gitea from a fork whose branch is named like ours is not adopted") {
    World world;
    world.server.on(on_repository("GET", "/pulls"),
                    json::array({{{"number", 8},
                                  {"title", "Not ours"},
                                  {"state", "open"},
                                  {"head", {{"ref", "agent/issue-7"}, {"repo", {{"id", 66}}}}},
                                  {"base", {{"repo", {{"id", 41}}}}},
                                  {"user", {{"id", 6}, {"login", "eve"}}}}}));
    world.server.on(on_repository("POST", "/pulls"), {{"number", 9}, {"state", "open"}}, 201);
    const auto made = world.forge->propose({.repo = world.repo,
                                            .head_branch = "agent/issue-7",
                                            .head_sha = std::string(40, 'a'),
                                            .base_branch = "main",
                                            .title = "Mend it",
                                            .body = "Fixes #7"});
    REQUIRE(made.has_value());
    CHECK(made->number == 9);
}

TEST_CASE("a conflict on Gitea is what cannot be merged for a while, at the same commits") {
    World world;
    json pull = {{"number", 8},
                 {"title", "Mend it"},
                 {"state", "open"},
                 {"mergeable", false},
                 {"head", {{"ref", "b"}, {"sha", std::string(40, 'a')}}},
                 {"base", {{"sha", std::string(40, 'b')}, {"repo", {{"id", 41}}}}}};
    const auto conflicts = [&] {
        world.server.on(on_repository("GET", "/pulls/8"), pull);
        return world.forge->pull_request(world.repo, 8).value().conflicts;
    };
    CHECK(conflicts() == std::nullopt);  // it may be looking
    world.now += std::chrono::seconds(29);
    CHECK(conflicts() == std::nullopt);
    world.now += std::chrono::seconds(2);
    CHECK(conflicts() == true);
    pull["base"]["sha"] = std::string(40, 'c');
    CHECK(conflicts() == std::nullopt);
    pull["mergeable"] = true;
    CHECK(conflicts() == false);
    pull["mergeable"] = false;
    pull["title"] = "WIP: Mend it";
    world.now += std::chrono::minutes(5);
    CHECK(conflicts() == std::nullopt);  // a draft is never mergeable there
}

TEST_CASE("an answer beside a line on Gitea is a review of its own at the same line, made once") {
    World world;
    const std::string reviews = "/pulls/8/reviews";
    json listed = json::array({{{"id", 20}, {"comments_count", 1}, {"state", "REQUEST_CHANGES"}}});
    json answers = json::array();
    world.server.on(on_repository("GET", reviews), [&](const httplib::Request&, httplib::Response& response) {
        response.set_content(listed.dump(), "application/json");
    });
    world.server.on(on_repository("GET", reviews + "/20/comments"),
                    json::array({{{"id", 66},
                                  {"path", "src/a.txt"},
                                  {"position", 12},
                                  {"original_position", 0},
                                  {"body", "Why?"},
                                  {"user", {{"id", 5}, {"login", "ada"}}}}}));
    world.server.on(on_repository("GET", reviews + "/21/comments"),
                    [&](const httplib::Request&, httplib::Response& response) {
                        response.set_content(answers.dump(), "application/json");
                    });
    world.server.on(on_repository("POST", reviews), [&](const httplib::Request& request,
                                                        httplib::Response& response) {
        auto remark = json::parse(request.body)["comments"][0];
        CHECK(remark["path"] == "src/a.txt");
        CHECK(remark["new_position"] == 12);
        CHECK(remark["old_position"] == 0);
        answers.push_back({{"id", 67}, {"body", remark["body"]}, {"user", {{"id", 9}, {"login", "robot"}}}});
        listed.push_back({{"id", 21}, {"comments_count", 1}, {"state", "COMMENT"}});
        response.set_content(R"({"id":21})", "application/json");
    });
    CHECK(world.forge->reply(world.pull, "66", "job=1 reply=66", "Changed.").value() == "67");
    CHECK(world.forge->reply(world.pull, "66", "job=1 reply=66", "Changed.").value() == "67");
    CHECK(world.server.seen(on_repository("POST", reviews)).size() == 1);
    CHECK(world.forge->reply(world.pull, "99", "job=1 reply=99", "Changed.").error().kind == Kind::gone);
}

TEST_CASE("statuses of Gitea's own CI are waited for, the newest of each counts, and ours is left out") {
    World world;
    int id = 100;
    const auto status = [&](const std::string& name, const std::string& state, const std::string& by) {
        return json{{"id", --id},
                    {"context", name},
                    {"status", state},
                    {"description", "said " + state},
                    {"target_url", "https://git.example/run"},
                    {"creator", {{"id", 1}, {"login", by}}}};
    };
    const auto failed = [&](const json& statuses) {
        world.server.on(on_repository("GET", "/commits/" + std::string(40, 'a') + "/statuses"), statuses);
        return world.forge->failed_checks(world.repo, std::string(40, 'a')).value();
    };
    const auto found = failed(json::array(
        {status("shopfloor", "failure", "robot"), status("build", "failure", "other-ci"),
         status("approval", "pending", "other-ci"), status("build", "success", "other-ci"),
         status("lint", "success", "gitea-actions"), status("lint", "failure", "gitea-actions")}));
    REQUIRE(found.size() == 1);
    CHECK(found[0].name == "build");
    CHECK(found[0].flaky);
    CHECK(found[0].summary == "said failure");
    CHECK(failed(json::array(
                     {status("build", "failure", "other-ci"), status("test", "pending", "gitea-actions")}))
              .empty());
}
