// Labels of Gitea, and who set them, on a server whose answers are scripted.

#include <doctest/doctest.h>

#include <string>

#include "integrations/forge_json.hpp"
#include "integrations/gitea.hpp"
#include "tests/integrations/gitea_world.hpp"

using gitea_tests::api;
using gitea_tests::on_repository;
using gitea_tests::World;
using integrations::Event;
using nlohmann::json;
using Kind = integrations::ForgeError::Kind;

namespace {

json label_entry(int id, const std::string& label, bool set, int user, const std::string& at) {
    return {{"id", id},
            {"type", "label"},
            {"body", set ? "1" : ""},
            {"label", {{"id", 3}, {"name", label}}},
            {"user", {{"id", user}, {"login", user == 9 ? "robot" : "ada"}}},
            {"created_at", at}};
}

}  // namespace

TEST_CASE("labels are set on Gitea by their ids, those of an organization too, and made when missing") {
    World world;
    world.server.on(on_repository("GET", "/issues/7/labels"),
                    json::array({{{"id", 3}, {"name", "Agent"}}, {{"id", 4}, {"name", "bug"}}}));
    world.server.on(on_repository("GET", "/labels"), json::array({{{"id", 3}, {"name", "Agent"}}}));
    world.server.on(std::string("GET ") + api + "/orgs/octo/labels",
                    json::array({{{"id", 70}, {"name", "shared"}}}));
    world.server.on(on_repository("POST", "/labels"), {{"id", 71}, {"name", "agent-state: queued"}}, 201);
    world.server.on(on_repository("POST", "/issues/7/labels"), json::array());
    world.server.on(on_repository("DELETE", "/issues/7/labels/3"), json(), 204);
    REQUIRE(world.forge->relabel(world.issue, {"agent", "absent"}, {"shared", "agent-state: queued", "BUG"}));
    const auto added = world.server.seen(on_repository("POST", "/issues/7/labels"));
    REQUIRE(added.size() == 1);
    CHECK(added[0].body == json{{"labels", json::array({70, 71})}});
    CHECK(world.server.seen(on_repository("DELETE", "/issues/7/labels/3")).size() == 1);
    CHECK(world.server.seen(on_repository("POST", "/labels"))[0].body["color"] == "#c5def5");
}

TEST_CASE("a repository of a person has no labels of an organization, and that is no error") {
    World world;
    world.server.on(on_repository("GET", "/issues/7/labels"), json());
    world.server.on(on_repository("GET", "/labels"), json::array({{{"id", 3}, {"name", "agent"}}}));
    world.server.on(on_repository("POST", "/issues/7/labels"), json::array());
    world.server.on(on_repository("GET", "/issues/7/labels"), json::array());
    CHECK(world.forge->relabel(world.issue, {}, {"agent"}).has_value());
}

TEST_CASE("which label somebody set or took off is found in the issue's timeline") {
    World world;
    world.timeline(json::array({label_entry(100, "agent", true, 5, "2026-03-01T14:00:00Z"),
                                label_entry(101, "agent", false, 5, "2026-03-01T14:01:00Z"),
                                {{"id", 102}, {"type", "comment"}, {"body", "1"}},
                                label_entry(103, "agent", false, 9, "2026-03-01T14:02:00Z"),
                                label_entry(104, "bug", true, 5, "2026-03-01T14:03:00Z")}));
    const integrations::Person ada{.login = "ada", .id = "5"};
    const auto events = world.forge->completed(integrations::LabelsChanged{.issue = world.issue, .by = ada});
    REQUIRE(events.has_value());
    REQUIRE(events->size() == 2);
    CHECK((*events)[0] ==
          Event(integrations::IssueUnlabelled{.issue = world.issue,
                                              .label = "agent",
                                              .by = ada,
                                              .at = integrations::parse_timestamp("2026-03-01T14:01:00Z")}));
    CHECK((*events)[1] ==
          Event(integrations::IssueLabelled{.issue = world.issue,
                                            .label = "bug",
                                            .by = ada,
                                            .at = integrations::parse_timestamp("2026-03-01T14:03:00Z"),
                                            .event_id = "104"}));
    const auto record = world.forge->label_events(world.issue, "AGENT");
    REQUIRE(record.has_value());
    REQUIRE(record->size() == 3);
    CHECK(record->back().by.login == "robot");
    CHECK_FALSE(record->back().set);
}

TEST_CASE("what we did to labels ourselves is not looked up") {
    World world;
    const auto events = world.forge->completed(
        integrations::LabelsChanged{.issue = world.issue, .by = {.login = "Robot", .id = "9"}});
    REQUIRE(events.has_value());
    CHECK(events->empty());
    CHECK(world.server.seen(on_repository("GET", "/issues/7/timeline")).empty());
}

TEST_CASE("a timeline is read to its end though a page of it is not full") {
    World world;
    world.server.on(on_repository("GET", "/issues/7/timeline"), [](const httplib::Request& request,
                                                                   httplib::Response& response) {
        const auto page = request.get_param_value("page");
        const json entries = page == "3" ? json::array()
                                         : json::array({label_entry(page == "1" ? 100 : 200, "agent",
                                                                    page == "2", 5, "2026-03-01T14:00:00Z")});
        response.set_header("X-Total-Count", "1");
        response.set_content(entries.dump(), "application/json");
    });
    const auto record = world.forge->label_events(world.issue, "agent");
    REQUIRE(record.has_value());
    REQUIRE(record->size() == 2);
    CHECK(record->back().id == "200");
}

TEST_CASE("for a pattern the repositories of Gitea are watched to which we may push") {
    World world;
    const auto forge = world.connect({"octo/*"});
    auto read_only = World::body("octo/read", 42);
    read_only["permissions"]["push"] = false;
    auto archived = World::body("octo/old", 43);
    archived["archived"] = true;
    world.server.on(std::string("GET ") + api + "/repos/search",
                    {{"ok", true},
                     {"data", json::array({World::body("octo/app", 41), read_only, archived,
                                           World::body("other/app", 44)})}});
    world.server.on(on_repository("GET", "/labels"),
                    json::array({{{"id", 3}, {"name", "Agent"}}, {{"id", 4}, {"name", "agents"}}}));
    world.server.on(on_repository("GET", "/issues"),
                    json::array({{{"number", 7},
                                  {"labels", json::array({{{"id", 3}, {"name", "Agent"}}})},
                                  {"pull_request", nullptr},
                                  {"updated_at", "2026-03-01T14:03:20Z"}}}));
    world.timeline(json::array({label_entry(100, "Agent", true, 5, "2026-03-01T14:00:00Z")}));
    const auto found = forge->labelled("agent");
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 1);
    CHECK((*found)[0].issue == world.issue);
    CHECK((*found)[0].label == "Agent");
    CHECK((*found)[0].by.login == "ada");
    CHECK((*found)[0].event_id == "100");
    CHECK(world.server.seen(on_repository("GET", "/issues")).size() == 1);
}

TEST_CASE("an issue of Gitea that is gone is gone, though what was said of it is answered with 500") {
    World world;
    const auto broken = [&](const std::string& suffix) {
        world.server.on(on_repository("GET", suffix), {{"message", "Internal Server Error"}}, 500);
    };
    broken("/issues/7/timeline");
    broken("/issues/7/comments");
    CHECK(world.forge->label_events(world.issue, "agent").error().kind == Kind::gone);
    CHECK(world.forge->say(world.issue, "job=1 kind=status", "Queued.", "").error().kind == Kind::gone);
    world.server.on(on_repository("GET", "/issues/7"), {{"number", 7}, {"state", "open"}});
    CHECK(world.forge->label_events(world.issue, "agent").error().kind == Kind::unreachable);
    CHECK(world.forge->say(world.issue, "job=1 kind=status", "Queued.", "").error().kind ==
          Kind::unreachable);
}
