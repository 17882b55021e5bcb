// What GitLab does otherwise than GitHub, on a server whose answers are scripted.

#include <doctest/doctest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "integrations/forge_json.hpp"
#include "integrations/gitlab.hpp"
#include "integrations/gitlab_json.hpp"
#include "tests/integrations/gitlab_world.hpp"

using gitlab_tests::api;
using gitlab_tests::on_project;
using gitlab_tests::person;
using gitlab_tests::World;
using nlohmann::json;
using Kind = integrations::ForgeError::Kind;

TEST_CASE("GitLab is asked with the token in its own header, below the path that it is served under") {
    World world;
    REQUIRE(world.forge->self().has_value());
    const auto seen = world.server.seen("GET /gitlab/api/v4/user");
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].headers.find("PRIVATE-TOKEN")->second == "a-token");
    CHECK(seen[0].authorization.empty());
    const auto credential = world.forge->git_credential(world.repo);
    REQUIRE(credential.has_value());
    CHECK(credential->user == "oauth2");
    CHECK(credential->password.expose() == "a-token");
}

TEST_CASE("settings that can never work with GitLab are told with their key and the mend") {
    const auto* kind = integrations::find_forge_kind("gitlab");
    REQUIRE(kind != nullptr);
    const auto fault = [&](const config::ForgeSettings& settings) {
        CHECK_THROWS_AS((void)kind->connect(settings), std::invalid_argument);
        const auto found = kind->fault(settings);
        REQUIRE(found.has_value());
        return found->key + ": " + found->mend;
    };
    const std::string url = "https://git.example/sub/api/v4";
    const auto token = config::Secret("t");
    CHECK(fault({.name = "work", .api_url = url}) == "token: add `token: {env: NAME}`");
    CHECK(fault({.name = "work", .api_url = url, .app = config::AppCredentials{}}) ==
          "app: give the bot an account and its token: `token: {env: NAME}`");
    for (const auto* other : {"https://api.github.com", "https://git.example", "https://git.example/api/v1"})
        CHECK(fault({.name = "work", .api_url = other, .token = token}) ==
              "api_url: write https://HOST/api/v4 of your GitLab");
    CHECK(fault({.name = "work",
                 .api_url = url,
                 .webhook_secrets = {config::Secret("s"), config::Secret("whsec_no base64")},
                 .token = token}) == "webhook_secrets: copy it whole from the webhook's page");
    CHECK_FALSE(kind->fault({.name = "work",
                             .api_url = url,
                             .webhook_secrets = {config::Secret("s"), config::Secret("whsec_YWJj")},
                             .token = token}));
}

TEST_CASE("whoever asks for a change on GitLab is credited by the address that it makes for them") {
    const auto* kind = integrations::find_forge_kind("gitlab");
    const config::ForgeSettings settings{.name = "work", .api_url = "https://git.example:8443/sub/api/v4"};
    CHECK(kind->mail_of(settings, {.login = "ada", .id = "5"}) == "5-ada@users.noreply.git.example");
    CHECK(kind->mail_of(settings, {.login = "ada"}).empty());
}

TEST_CASE("a project of GitLab is known by its number, and until that is known by its path") {
    World world;
    const std::string sha(40, 'a');
    world.server.on(on_project("GET", "/repository/branches/main"), {{"commit", {{"id", sha}}}});
    world.server.on("GET " + api + "/projects/octo%2Ftools%2Fapp", World::body("octo/tools/app", 41));
    const auto named = world.forge->repository({.forge = "work", .full_name = "octo/tools/app"});
    REQUIRE(named.has_value());
    CHECK(named->repo == world.repo);
    CHECK(named->head_commit == sha);
    world.server.on(on_project("GET", ""), World::body("else/app", 41));
    CHECK(world.forge->repository(world.repo)->repo.full_name == "else/app");
    CHECK(world.forge->repository({.forge = "work", .full_name = "../app"}).error().kind == Kind::invalid);

    auto empty = World::body("octo/tools/app", 41);
    empty["default_branch"] = nullptr;
    empty["archived"] = true;
    world.server.on(on_project("GET", ""), empty);
    CHECK(world.forge->repository(world.repo).error().kind == Kind::gone);
}

TEST_CASE("what a person may do on GitLab is what their membership says, and nobody else may do anything") {
    World world;
    using integrations::Permission;
    const auto says = [&](int level, const std::string& state = "active", int id = 5) {
        world.server.on(on_project("GET", "/members/all/5"),
                        {{"id", id}, {"username", "ada"}, {"state", state}, {"access_level", level}});
        return world.forge->permission(world.repo, {.login = "ada", .id = "5"}).value();
    };
    CHECK(says(50) == Permission::admin);
    CHECK(says(40) == Permission::admin);
    CHECK(says(30) == Permission::write);
    CHECK(says(20) == Permission::read);
    CHECK(says(10) == Permission::read);
    CHECK(says(5) == Permission::none);
    CHECK(says(40, "blocked") == Permission::none);
    CHECK(says(40, "awaiting") == Permission::none);
    CHECK(says(40, "active", 6) == Permission::none);
    CHECK(world.forge->permission(world.repo, {.login = "eve", .id = "6"}).value() == Permission::none);

    says(30);  // by a name alone, which is looked up
    world.server.on("GET " + api + "/users", json::array({person(5, "Ada")}));
    CHECK(world.forge->permission(world.repo, {.login = "ada"}).value() == Permission::write);
    CHECK(world.forge->permission(world.repo, {.login = "eve"}).value() == Permission::none);
    CHECK(world.forge->permission(world.repo, {}).value() == Permission::none);
    world.server.on(on_project("GET", "/members/all/5"), {{"message", "down"}}, 503);
    CHECK(world.forge->permission(world.repo, {.login = "ada", .id = "5"}).error().kind == Kind::unreachable);
}

TEST_CASE("an issue of GitLab is read as it is") {
    World world;
    world.server.on(on_project("GET", "/issues/7"),
                    {{"id", 901},
                     {"iid", 7},
                     {"title", "It breaks"},
                     {"description", "Every time."},
                     {"state", "opened"},
                     {"labels", json::array({"bug", "agent"})},
                     {"author", person(5, "ada")},
                     {"web_url", "https://git.example/gitlab/octo/tools/app/-/issues/7"}});
    const auto issue = world.forge->issue(world.issue);
    REQUIRE(issue.has_value());
    CHECK(issue->title == "It breaks");
    CHECK(issue->body == "Every time.");
    CHECK(issue->open);
    CHECK(issue->labels == std::vector<std::string>{"bug", "agent"});
    CHECK(issue->author.id == "5");
    world.server.on(on_project("GET", "/issues/7"), {{"iid", 6}});
    CHECK(world.forge->issue(world.issue).error().kind == Kind::unreachable);
}

TEST_CASE("merge requests close an issue by the words that GitLab understands, or by our branch") {
    World world;
    const auto request = [](int iid, const std::string& branch, int from = 41, const char* state = "opened") {
        return json{{"iid", iid},
                    {"project_id", 41},
                    {"source_project_id", from},
                    {"state", state},
                    {"title", "A title"},
                    {"source_branch", branch},
                    {"web_url", "https://git.example"}};
    };
    auto elsewhere = request(5, "x");
    elsewhere["project_id"] = 77;
    world.server.on(on_project("GET", "/issues/7/closed_by"),
                    json::array({request(3, "x"), request(4, "y", 41, "merged"), elsewhere}));
    world.server.on(on_project("GET", "/merge_requests"),
                    json::array({request(9, "agent/issue-7-it-breaks"), request(8, "agent/issue-7", 66),
                                 request(6, "agent/issue-71"), request(3, "x")}));
    const auto closing = world.forge->closing(world.issue);
    REQUIRE(closing.has_value());
    std::vector<std::int64_t> numbers;
    for (const auto& one : *closing) numbers.push_back(one.number);
    CHECK(numbers == std::vector<std::int64_t>{3, 9});
}

TEST_CASE("a reaction on GitLab is an emoji awarded once") {
    World world;
    const auto route = on_project("POST", "/issues/7/award_emoji");
    world.server.on(route, {{"id", 1}}, 201);
    CHECK(world.forge->react(world.issue, std::nullopt, integrations::Reaction::eyes).has_value());
    CHECK(world.server.seen(route)[0].body == json{{"name", "eyes"}});
    const auto on_note = on_project("POST", "/merge_requests/8/notes/66/award_emoji");
    world.server.on(on_note, {{"message", "404 Award Emoji {:name=>[\"has already been taken\"]} Not Found"}},
                    404);
    CHECK(world.forge->react(world.request, "66", integrations::Reaction::thumbs_down).has_value());
    CHECK(world.server.seen(on_note)[0].body == json{{"name", "thumbsdown"}});
    world.server.on(on_note, {{"message", "404 Not found"}}, 404);
    CHECK(world.forge->react(world.request, "66", integrations::Reaction::rocket).error().kind == Kind::gone);
    CHECK(world.forge->react(world.request, "6/6", integrations::Reaction::rocket).error().kind ==
          Kind::invalid);
}

TEST_CASE("a note of ours on GitLab stands where the thread is, and is edited in place") {
    World world;
    const auto notes = json::array(
        {{{"id", 1}, {"body", "x\n\n<!-- shopfloor:v1 job=1 -->"}, {"author", person(5, "ada")}},
         {{"id", 2}, {"body", "old\n\n<!-- shopfloor:v1 job=1 -->"}, {"author", person(9, "robot")}}});
    for (const std::string thread : {"/issues/7", "/merge_requests/8"}) {
        const auto& where = thread == "/issues/7" ? world.issue : world.request;
        world.server.on(on_project("GET", thread + "/notes"), json::array());
        world.server.on(on_project("POST", thread + "/notes"), {{"id", 3}}, 201);
        CHECK(world.forge->say(where, "job=1", "Queued.", "").value() == "3");
        CHECK(world.server.seen(on_project("POST", thread + "/notes"))[0].body ==
              json{{"body", "Queued.\n\n<!-- shopfloor:v1 job=1 -->"}});
        world.server.on(on_project("GET", thread + "/notes"), notes);
        world.server.on(on_project("PUT", thread + "/notes/2"), {{"id", 2}});
        CHECK(world.forge->say(where, "job=1", "Done.", "").value() == "2");
        CHECK(world.forge->say(where, "job=1", "Done.", "2").value() == "2");
        CHECK(world.server.seen(on_project("PUT", thread + "/notes/2")).size() == 2);
    }
}

TEST_CASE("nothing that we say on GitLab is carried out in our name") {
    using integrations::without_quick_actions;
    CHECK(without_quick_actions("/close\nand\n/merge now\n") == "\\/close\nand\n /merge now\n");
    CHECK(without_quick_actions("a/close\n  /merge") == "a/close\n  /merge");
    // It drops carriage returns before it looks.
    CHECK(without_quick_actions("a\r\n\r/close\r") == "a\n /close");
    CHECK(without_quick_actions("a\n/\rclose") == "a\n /close");
    CHECK(without_quick_actions("\r/close") == "\\/close");
    CHECK(without_quick_actions("```\n/usr/bin/ld: no\n```") == "```\n /usr/bin/ld: no\n```");

    World world;
    world.server.on(on_project("GET", "/issues/7/notes"), json::array());
    world.server.on(on_project("POST", "/issues/7/notes"), {{"id", 3}}, 201);
    CHECK(world.forge->say(world.issue, "job=1", "It said:\n/close", "").has_value());
    CHECK(world.server.seen(on_project("POST", "/issues/7/notes"))[0].body["body"].get<std::string>() ==
          "It said:\n /close\n\n<!-- shopfloor:v1 job=1 -->");
}

TEST_CASE("a project that an instance's hook told of is asked for what it left out") {
    World world;
    const integrations::Event told =
        integrations::RepositoryRenamed{{.forge = "work", .id = "41", .full_name = "octo/tools/app"}};
    const auto whole = world.forge->completed(told);
    REQUIRE(whole.has_value());
    CHECK(*whole == std::vector<integrations::Event>{integrations::RepositoryRenamed{world.repo}});
    const integrations::Event pushed =
        integrations::BranchPushed{.repo = world.repo, .branch = "main", .by = {}};
    CHECK(world.forge->completed(pushed).value() == std::vector{pushed});
}

TEST_CASE("GitLab's rate limit is heeded by the names of its headers") {
    World world;
    world.server.on("GET " + api + "/user", [](const httplib::Request&, httplib::Response& response) {
        response.status = 429;
        response.set_header("RateLimit-Remaining", "0");
        response.set_header("RateLimit-Reset",
                            std::to_string(std::chrono::system_clock::to_time_t(
                                std::chrono::system_clock::now() + std::chrono::minutes(3))));
        response.set_content("Retry later\n", "text/plain");
    });
    const auto refused = world.forge->self();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == Kind::rate_limited);
    const auto wait = refused.error().retry_at.value() - std::chrono::system_clock::now();
    CHECK(wait > std::chrono::seconds(170));
    CHECK(wait < std::chrono::seconds(182));
}

TEST_CASE("a token of GitLab that ends soon, and a webhook that was switched off, are told of") {
    World world;
    world.now = integrations::parse_timestamp("2026-05-20T12:00:00Z").value();
    const auto token = [&](const json& ends) {
        world.server.on("GET " + api + "/personal_access_tokens/self",
                        {{"name", "shopfloor"}, {"expires_at", ends}});
    };
    token("2026-06-04");
    CHECK(world.forge->warnings().value().empty());  // nor are the hooks shown to us
    token(nullptr);
    CHECK(world.forge->warnings().value().empty());
    token("2026-06-03");
    CHECK(world.forge->warnings().value() ==
          std::vector<std::string>{"the token `shopfloor` ends on 2026-06-03: make another in time"});
    token(nullptr);
    world.server.on("GET " + api + "/projects/octo%2Ftools%2Fapp/hooks",
                    json::array({{{"url", "https://bot.example/hooks/work"},
                                  {"alert_status", "temporarily_disabled"},
                                  {"disabled_until", "2026-05-20T13:00:00Z"}},
                                 {{"url", "https://bot.example/hooks/work"},
                                  {"alert_status", "disabled"},
                                  {"disabled_until", nullptr}},
                                 {{"url", "https://bot.example/hooks/work"}, {"alert_status", "executable"}},
                                 {{"url", "https://ci.example/"}, {"alert_status", "disabled"}}}));
    CHECK(world.forge->warnings().value() ==
          std::vector<std::string>{
              "the webhook of octo/tools/app is switched off until 2026-05-20T13:00:00Z, as deliveries "
              "failed: send a test from its page",
              "the webhook of octo/tools/app is switched off for good, as deliveries failed: send a test "
              "from its page"});
}
