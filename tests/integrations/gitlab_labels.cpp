// Labels on GitLab, and who set them.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "integrations/forge_json.hpp"
#include "tests/integrations/gitlab_world.hpp"

using gitlab_tests::api;
using gitlab_tests::on_project;
using gitlab_tests::person;
using gitlab_tests::World;
using nlohmann::json;

namespace {

json label_entry(int id, const std::string& action, const std::string& label, int by, const std::string& at) {
    return {{"id", id},
            {"user", person(by, "u" + std::to_string(by))},
            {"created_at", at},
            {"resource_type", "Issue"},
            {"label", label.empty() ? json() : json{{"id", 3}, {"name", label}}},
            {"action", action}};
}

const auto change_labels = on_project("PUT", "/issues/7");

/// The issue with these labels, and what a change of them is answered with.
void wearing(World& world, const json& labels) {
    const json issue = {{"iid", 7}, {"state", "opened"}, {"labels", labels}};
    world.server.on(on_project("GET", "/issues/7"), issue);
    world.server.on(change_labels, issue);
}

}  // namespace

TEST_CASE("labels on GitLab are set and taken off in one request, by the names that they have there") {
    World world;
    wearing(world, json::array({"Agent", "bug"}));
    world.server.on(on_project("GET", "/labels"), json::array({{{"name", "Agent-State: Queued"}}}));
    CHECK(world.forge->relabel(world.issue, {"agent", "absent"}, {"agent-state: queued", "BUG"}).has_value());
    const auto changed = world.server.seen(change_labels);
    REQUIRE(changed.size() == 1);
    CHECK(changed[0].body == json{{"add_labels", json::array({"Agent-State: Queued"})},
                                  {"remove_labels", json::array({"Agent"})}});
    CHECK(world.server.seen(on_project("POST", "/labels")).empty());
}

TEST_CASE("a label that is missing on GitLab is made in its colour, and one made meanwhile is as good") {
    World world;
    wearing(world, json::array());
    world.server.on(on_project("GET", "/labels"), json::array());
    world.server.on(on_project("POST", "/labels"), {{"id", 4}}, 201);
    CHECK(world.forge->relabel(world.issue, {}, {"agent-state: blocked"}).has_value());
    CHECK(world.server.seen(on_project("POST", "/labels"))[0].body ==
          json{{"name", "agent-state: blocked"},
               {"color", "#d73a4a"},
               {"description", "Where Shopfloor is with this issue"}});
    world.server.on(on_project("POST", "/labels"), {{"message", "Label already exists"}}, 409);
    CHECK(world.forge->relabel(world.issue, {}, {"agent-state: blocked"}).has_value());
    CHECK(world.server.seen(change_labels).size() == 2);
    world.server.on(on_project("POST", "/labels"), {{"message", "forbidden"}}, 403);
    CHECK_FALSE(world.forge->relabel(world.issue, {}, {"agent-state: blocked"}).has_value());
}

TEST_CASE("labels on GitLab that are so already are left alone") {
    World world;
    wearing(world, json::array({"bug"}));
    CHECK(world.forge->relabel(world.issue, {"agent"}, {"bug"}).has_value());
    CHECK(world.server.seen(change_labels).empty());
}

TEST_CASE("what became of a label on GitLab is told by the issue's record") {
    World world;
    world.server.on(on_project("GET", "/issues/7/resource_label_events"),
                    json::array({label_entry(11, "add", "agent", 5, "2026-03-01T14:03:20.500Z"),
                                 label_entry(12, "add", "", 5, "2026-03-01T14:03:20Z"),
                                 label_entry(13, "add", "bug", 5, "2026-03-01T14:03:20Z"),
                                 label_entry(14, "remove", "agent", 6, "2026-03-01T14:05:00Z")}));
    const auto events = world.forge->label_events(world.issue, "Agent");
    REQUIRE(events.has_value());
    REQUIRE(events->size() == 2);
    CHECK(events->at(0).id == "11");
    CHECK(events->at(0).set);
    CHECK(events->at(0).by.id == "5");
    CHECK(events->at(0).at == integrations::parse_timestamp("2026-03-01T14:03:20Z"));
    CHECK_FALSE(events->at(1).set);
}

TEST_CASE("of several labels changed at once on GitLab the record tells which") {
    World world;
    world.server.on(on_project("GET", "/issues/7/resource_label_events"),
                    json::array({label_entry(11, "add", "agent", 5, "2026-03-01T14:03:20Z"),
                                 label_entry(12, "add", "bug", 6, "2026-03-01T14:03:20Z"),
                                 label_entry(13, "remove", "agent", 5, "2026-03-01T14:04:00Z"),
                                 label_entry(14, "add", "agent:careful", 5, "2026-03-01T14:04:00Z")}));
    const integrations::LabelsChanged changed{.issue = world.issue, .by = {.login = "u5", .id = "5"}};
    const auto events = world.forge->completed(changed);
    REQUIRE(events.has_value());
    REQUIRE(events->size() == 2);
    CHECK(std::get<integrations::IssueUnlabelled>(events->at(0)).label == "agent");
    const auto& set = std::get<integrations::IssueLabelled>(events->at(1));
    CHECK(set.label == "agent:careful");
    CHECK(set.event_id == "14");
    const integrations::LabelsChanged by_us{.issue = world.issue, .by = {.login = "robot", .id = "9"}};
    CHECK(world.forge->completed(by_us).value().empty());
}

TEST_CASE("the sweep on GitLab finds labelled issues of named projects and of those that fit a pattern") {
    World world;
    const auto forge = world.connect({"octo/tools/app", "octo/*"});
    world.server.on("GET " + api + "/projects/octo%2Ftools%2Fapp", World::body("octo/tools/app", 41));
    world.server.on("GET " + api + "/projects",
                    json::array({World::body("octo/deep/er/lib", 42), World::body("else/app", 43)}));
    world.server.on(on_project("GET", "/labels"),
                    json::array({{{"name", "agent"}}, {{"name", "agent:careful"}}, {{"name", "agents"}}}));
    world.server.on(
        on_project("GET", "/issues"), [](const httplib::Request& request, httplib::Response& response) {
            const auto label = request.get_param_value("labels");
            const auto issues = label == "agent"
                                    ? json::array({{{"iid", 7}, {"updated_at", "2026-03-01T14:03:20Z"}}})
                                    : json::array();
            response.set_content(issues.dump(), "application/json");
        });
    world.server.on(on_project("GET", "/issues/7/resource_label_events"),
                    json::array({label_entry(11, "add", "agent", 5, "2026-03-01T14:03:20Z")}));
    world.server.on("GET " + api + "/projects/42/labels", json::array());
    const auto found = forge->labelled("agent");
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 1);
    CHECK(found->at(0).issue == world.issue);
    CHECK(found->at(0).by.login == "u5");
    CHECK(found->at(0).event_id == "11");
    CHECK(world.server.seen("GET " + api + "/projects/42/labels").size() == 1);
    CHECK(world.server.seen("GET " + api + "/projects/43/labels").empty());
    const auto asked = world.server.seen("GET " + api + "/projects");
    REQUIRE(asked.size() == 1);
    CHECK(asked[0].query.find("membership=true") != std::string::npos);
}
