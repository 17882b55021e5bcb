#include <doctest/doctest.h>

#include <string>

#include "integrations/forge.hpp"
#include "tests/integrations/github_world.hpp"

using forge_tests::runs_of_commit;
using forge_tests::sha;
using forge_tests::World;
using integrations::CheckReport;
using Kind = integrations::ForgeError::Kind;
using nlohmann::json;

namespace {

const std::string pulls = "/repos/octo/app/pulls";
const std::string runs = "/repos/octo/app/check-runs";

integrations::Proposal proposal(const World& world) {
    return {.repo = world.repo,
            .head_branch = "agent/issue-12-login",
            .head_sha = sha,
            .base_branch = "main",
            .title = "Mend the login",
            .body = "Fixes #12",
            .draft = true};
}

json pull_in(int number, const std::string& state, bool draft = true) {
    return {{"number", number},
            {"html_url", "https://forge.example/octo/app/pull/" + std::to_string(number)},
            {"state", state},
            {"draft", draft},
            {"user", {{"login", "robot"}, {"id", 5}, {"type", "User"}}},
            {"head", {{"ref", "agent/issue-12-login"}, {"sha", sha}}}};
}

json refusal(const std::string& message) {
    return {{"message", "Validation Failed"},
            {"errors", {{{"resource", "PullRequest"}, {"code", "custom"}, {"message", message}}}}};
}

CheckReport report(std::size_t annotations) {
    CheckReport made{.name = "shopfloor",
                     .head_sha = sha,
                     .external_id = "job-7",
                     .conclusion = CheckReport::Conclusion::failure,
                     .title = "2 of 3 checks passed",
                     .summary = "| check | base | head |",
                     .annotations = {},
                     .details_url = "https://bot.example/jobs/7"};
    for (std::size_t i = 0; i < annotations; ++i) {
        made.annotations.push_back({.path = "src/a.c",
                                    .line = static_cast<int>(i),
                                    .title = "test",
                                    .message = "expected " + std::to_string(i)});
    }
    return made;
}

}  // namespace

TEST_CASE("a pull request is opened as proposed") {
    World world;
    world.server.on("GET " + pulls, json::array());
    world.server.on("POST " + pulls, pull_in(31, "open"), 201);
    const auto made = world.with_token()->propose(proposal(world));
    REQUIRE(made.has_value());
    CHECK(made->number == 31);
    CHECK(made->draft);
    CHECK(made->open);
    CHECK(made->web_url == "https://forge.example/octo/app/pull/31");
    CHECK(world.server.seen("POST " + pulls).at(0).body == json{{"title", "Mend the login"},
                                                                {"head", "agent/issue-12-login"},
                                                                {"base", "main"},
                                                                {"body", "Fixes #12"},
                                                                {"draft", true}});
}

TEST_CASE("where drafts are not to be had, the pull request is opened without") {
    World world;
    world.server.on("GET " + pulls, json::array());
    world.server.on("POST " + pulls, [](const httplib::Request& request, httplib::Response& response) {
        const bool draft = json::parse(request.body).at("draft").get<bool>();
        response.status = draft ? 422 : 201;
        response.set_content((draft ? refusal("Draft pull requests are not supported in this repository.")
                                    : pull_in(31, "open", false))
                                 .dump(),
                             "");
    });
    const auto made = world.with_token()->propose(proposal(world));
    REQUIRE(made.has_value());
    CHECK_FALSE(made->draft);
}

TEST_CASE("a pull request of the branch that is open is adopted and brought up to date") {
    World world;
    auto other = pull_in(29, "open");
    other["head"]["ref"] = "another";
    world.server.on("GET " + pulls, {other, pull_in(30, "closed"), pull_in(31, "open")});
    world.server.on("PATCH " + pulls + "/31", pull_in(31, "open"));
    const auto adopted = world.with_token()->propose(proposal(world));
    REQUIRE(adopted.has_value());
    CHECK(adopted->number == 31);
    CHECK(adopted->head_sha == sha);
    CHECK(world.server.seen("GET " + pulls).at(0).query ==
          "state=all&head=octo%3Aagent%2Fissue-12-login&per_page=100");
    CHECK(world.server.seen("PATCH " + pulls + "/31").at(0).body ==
          json{{"title", "Mend the login"}, {"body", "Fixes #12"}});
    CHECK(world.server.seen("POST " + pulls).empty());
}

TEST_CASE("a pull request that is to be changed is that one and no other, and none when people ended it") {
    World world;
    auto wanted = proposal(world);
    wanted.number = 31;
    std::string state = "open";
    world.server.on("GET " + pulls + "/31", [&](const httplib::Request&, httplib::Response& response) {
        response.set_content(pull_in(31, state).dump(), "");
    });
    world.server.on("PATCH " + pulls + "/31", pull_in(31, "open"));
    const auto forge = world.with_token();
    CHECK(forge->propose(wanted)->number == 31);
    CHECK(world.server.seen("PATCH " + pulls + "/31").size() == 1);
    state = "closed";
    const auto ended = forge->propose(wanted);
    REQUIRE(ended.has_value());
    CHECK_FALSE(ended->open);
    CHECK(world.server.seen("PATCH " + pulls + "/31").size() == 1);
    CHECK(world.server.seen("POST " + pulls).empty());
}

TEST_CASE("what stands beside lines is read, and answered once below it") {
    World world;
    const integrations::ThreadRef thread{
        .repo = world.repo, .number = 31, .kind = integrations::ThreadRef::Kind::pull_request};
    const auto us = world.with_token();
    world.server.on("GET " + pulls + "/31/reviews/77/comments",
                    json::array({{{"id", 8},
                                  {"path", "till.py"},
                                  {"line", 3},
                                  {"diff_hunk", "@@ -1 +1 @@"},
                                  {"body", "Why?"},
                                  {"user", {{"login", "alice"}, {"id", 1}}}},
                                 {{"id", 9}, {"path", "till.py"}, {"line", nullptr}, {"body", "Old."}}}));
    const auto comments = us->review_comments(thread, "77");
    REQUIRE(comments.has_value());
    REQUIRE(comments->size() == 2);
    CHECK(comments->at(0).id == "8");
    CHECK(comments->at(0).line == 3);
    CHECK(comments->at(0).by.login == "alice");
    CHECK(comments->at(1).line == 0);

    json there = json::array();
    world.server.on("GET " + pulls + "/31/comments",
                    [&](const httplib::Request&, httplib::Response& response) {
                        response.set_content(there.dump(), "");
                    });
    world.server.on("POST " + pulls + "/31/comments/8/replies", json{{"id", 10}}, 201);
    CHECK(us->reply(thread, "8", "reply job=1 cycle=2 to=8", "Done.") == "10");
    const auto sent = world.server.seen("POST " + pulls + "/31/comments/8/replies");
    REQUIRE(sent.size() == 1);
    there.push_back(
        {{"id", 10}, {"body", sent.at(0).body.at("body")}, {"user", {{"login", us->self()->login}}}});
    CHECK(us->reply(thread, "8", "reply job=1 cycle=2 to=8", "Done.") == "10");
    CHECK(world.server.seen("POST " + pulls + "/31/comments/8/replies").size() == 1);
    CHECK_FALSE(us->reply(thread, "8/../9", "reply", "Done."));
}

TEST_CASE("a pull request that appears while we open ours is adopted") {
    World world;
    int asked = 0;
    world.server.on("GET " + pulls, [&](const httplib::Request&, httplib::Response& response) {
        response.set_content(asked++ == 0 ? "[]" : json::array({pull_in(31, "open")}).dump(), "");
    });
    world.server.on("POST " + pulls, refusal("A pull request already exists for octo:agent/issue-12-login."),
                    422);
    world.server.on("PATCH " + pulls + "/31", pull_in(31, "open"));
    const auto adopted = world.with_token()->propose(proposal(world));
    REQUIRE(adopted.has_value());
    CHECK(adopted->number == 31);
    CHECK(world.server.seen("PATCH " + pulls + "/31").size() == 1);
}

TEST_CASE("a branch name used anew after its first pull request was closed gets a new one") {
    World world;
    auto old = pull_in(30, "closed");
    old["head"]["sha"] = std::string(40, 'e');
    world.server.on("GET " + pulls, json::array({old}));
    world.server.on("POST " + pulls, pull_in(31, "open"), 201);
    CHECK(world.with_token()->propose(proposal(world))->number == 31);
}

TEST_CASE("our pull request that people pushed to and ended is told, and no second one is opened") {
    World world;
    const auto forge = world.with_token();
    auto wanted = proposal(world);
    wanted.marker = "proposal job=7 commit=" + sha;
    world.server.on("GET " + pulls, json::array());
    world.server.on("POST " + pulls, pull_in(31, "open"), 201);
    REQUIRE(forge->propose(wanted).has_value());
    const auto body = world.server.seen("POST " + pulls).at(0).body.at("body").get<std::string>();
    auto ours = pull_in(31, "closed");
    ours["head"]["sha"] = std::string(40, 'e');
    ours["user"] = {{"login", forge->self()->login}};
    ours["body"] = body + "\n\nNot like this.";
    world.server.on("GET " + pulls, json::array({ours}));
    SUBCASE("it is found again") {
        const auto found = forge->propose(wanted);
        REQUIRE(found.has_value());
        CHECK(found->number == 31);
        CHECK_FALSE(found->open);
        CHECK(world.server.seen("POST " + pulls).size() == 1);
        CHECK(world.server.seen("PATCH " + pulls + "/31").empty());
    }
    SUBCASE("another job of the issue has a pull request of its own") {
        wanted.marker = "proposal job=8 commit=" + sha;
        world.server.on("POST " + pulls, pull_in(32, "open"), 201);
        CHECK(forge->propose(wanted)->number == 32);
    }
    SUBCASE("one of somebody else who copied its words is not ours") {
        ours["user"] = {{"login", "mallory"}};
        world.server.on("GET " + pulls, json::array({ours}));
        world.server.on("POST " + pulls, pull_in(32, "open"), 201);
        CHECK(forge->propose(wanted)->number == 32);
    }
}

TEST_CASE("a body that is longer than may be keeps its marker") {
    World world;
    world.server.on("GET " + pulls, json::array());
    world.server.on("POST " + pulls, pull_in(31, "open"), 201);
    auto wanted = proposal(world);
    wanted.body = std::string(70'000, 'x');
    wanted.marker = "proposal job=7";
    REQUIRE(world.with_token()->propose(wanted).has_value());
    const auto body = world.server.seen("POST " + pulls).at(0).body.at("body").get<std::string>();
    CHECK(body.ends_with("\n\n<!-- shopfloor:v1 proposal job=7 -->"));
    CHECK(body.size() <= 65'600);  // of some characters of more than a byte
}

TEST_CASE("a pull request is read as it is now") {
    World world;
    const auto forge = world.with_token();
    world.server.on("GET " + pulls + "/31", pull_in(31, "open"));
    const auto open = forge->pull_request(world.repo, 31);
    REQUIRE(open.has_value());
    CHECK(open->open);
    CHECK_FALSE(open->merged);
    auto over = pull_in(31, "closed");
    over["merged"] = true;
    over["base"] = {{"ref", "main"}, {"repo", {{"id", 77}}}};
    world.server.on("GET " + pulls + "/31", over);
    const auto merged = forge->pull_request(world.repo, 31);
    REQUIRE(merged.has_value());
    CHECK_FALSE(merged->open);
    CHECK(merged->merged);

    CHECK(forge->pull_request(world.repo, 32).error().kind == Kind::gone);
    over["base"]["repo"]["id"] = 78;  // renamed, and the name taken by another
    world.server.on("GET " + pulls + "/31", over);
    CHECK(forge->pull_request(world.repo, 31).error().kind == Kind::gone);
    world.server.on("GET " + pulls + "/31", json::object());
    CHECK(forge->pull_request(world.repo, 31).error().kind == Kind::unreachable);
}

TEST_CASE("a pull request that somebody closed is told, not touched; another refusal stays one") {
    World world;
    const auto forge = world.with_token();
    auto merged = pull_in(30, "closed");
    merged["merged_at"] = "2026-01-01T00:00:00Z";
    world.server.on("GET " + pulls, json::array({merged}));
    const auto closed = forge->propose(proposal(world));
    REQUIRE(closed.has_value());
    CHECK_FALSE(closed->open);
    CHECK(closed->merged);
    CHECK(world.server.seen("PATCH " + pulls + "/30").empty());
    CHECK(world.server.seen("POST " + pulls).empty());

    world.server.on("GET " + pulls, json::array());
    world.server.on("POST " + pulls, refusal("No commits between main and agent/issue-12-login"), 422);
    const auto refused = forge->propose(proposal(world));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == Kind::invalid);
    CHECK(refused.error().message.find("No commits between") != std::string::npos);
}

TEST_CASE("an App reports a check run, with annotations fifty at a time") {
    World world;
    world.server.on(runs_of_commit,
                    {{"total_count", 1}, {"check_runs", {{{"id", 1}, {"external_id", "job-6"}}}}});
    world.server.on("POST " + runs, {{"id", 8}}, 201);
    world.server.on("PATCH " + runs + "/8", {{"id", 8}});
    REQUIRE(world.with_app()->report_check(world.repo, report(120)).has_value());
    CHECK(world.server.seen(runs_of_commit).at(0).query == "check_name=shopfloor&per_page=100");
    const auto made = world.server.seen("POST " + runs);
    REQUIRE(made.size() == 1);
    CHECK(made[0].body.at("head_sha") == sha);
    CHECK(made[0].body.at("external_id") == "job-7");
    CHECK(made[0].body.at("status") == "completed");
    CHECK(made[0].body.at("conclusion") == "failure");
    CHECK(made[0].body.at("details_url") == "https://bot.example/jobs/7");
    CHECK(made[0].body.at("output").at("annotations").size() == 50);
    CHECK(made[0].body.at("output").at("annotations").at(0) == json{{"path", "src/a.c"},
                                                                    {"start_line", 1},
                                                                    {"end_line", 1},
                                                                    {"annotation_level", "failure"},
                                                                    {"title", "test"},
                                                                    {"message", "expected 0"}});
    const auto more = world.server.seen("PATCH " + runs + "/8");
    REQUIRE(more.size() == 2);
    CHECK(more[0].body.at("output").at("annotations").at(0).at("message") == "expected 50");
    CHECK(more[1].body.at("output").at("annotations").size() == 20);
    CHECK_FALSE(more[0].body.contains("head_sha"));
}

TEST_CASE("a check run that is there is found by its external id and not doubled, nor are its annotations") {
    World world;
    world.server.on(
        runs_of_commit,
        {{"total_count", 1},
         {"check_runs", {{{"id", 8}, {"external_id", "job-7"}, {"output", {{"annotations_count", 50}}}}}}});
    world.server.on("PATCH " + runs + "/8", {{"id", 8}});
    REQUIRE(world.with_app()->report_check(world.repo, report(60)).has_value());
    const auto edited = world.server.seen("PATCH " + runs + "/8");
    REQUIRE(edited.size() == 1);
    CHECK(edited[0].body.at("output").at("annotations").size() == 10);
    CHECK(world.server.seen("POST " + runs).empty());
}

TEST_CASE("with a plain token the same is said as a commit status") {
    World world;
    world.server.on("POST /repos/octo/app/statuses/" + sha, {{"id", 1}}, 201);
    auto told = report(3);
    told.title = std::string(300, 'x');
    told.details_url.clear();
    REQUIRE(world.with_token()->report_check(world.repo, told).has_value());
    const auto body = world.server.seen("POST /repos/octo/app/statuses/" + sha).at(0).body;
    CHECK(body.at("state") == "failure");
    CHECK(body.at("context") == "shopfloor");
    CHECK(body.at("description") == std::string(139, 'x') + "…");
    CHECK_FALSE(body.contains("target_url"));
}
