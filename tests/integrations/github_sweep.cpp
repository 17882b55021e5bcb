#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "integrations/delivery.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_json.hpp"
#include "tests/integrations/github_world.hpp"

using forge_tests::World;
using Kind = integrations::ForgeError::Kind;
using nlohmann::json;

namespace {

void label_issues(World& world) {
    const std::string base = "/repos/octo/app";
    world.server.on(
        "GET " + base + "/labels",
        {{{"name", "Agent"}}, {{"name", "agent:hard"}}, {{"name", "agent-state: done"}}, {{"name", "bug"}}});
    world.server.on("GET " + base + "/issues",
                    [](const httplib::Request& request, httplib::Response& response) {
                        CHECK(request.get_param_value("state") == "open");
                        const auto label = request.get_param_value("labels");
                        auto issues = json::array();
                        if (label == "Agent") {
                            issues.push_back({{"number", 12}});
                            issues.push_back({{"number", 13}, {"pull_request", {{"url", "x"}}}});
                        } else if (label == "agent:hard") {
                            issues.push_back({{"number", 14}, {"updated_at", "2026-03-01T14:05:00Z"}});
                        } else {
                            FAIL("asked for the label " << label);
                        }
                        response.set_content(issues.dump(), "application/json");
                    });
    const auto event = [](const std::string& what, const std::string& label, const std::string& login) {
        return json{{"event", what},
                    {"label", {{"name", label}}},
                    {"actor", {{"login", login}, {"id", 3}, {"type", "User"}}},
                    {"created_at", login == "ann" ? "2026-03-01T14:03:20Z" : "2026-03-01T14:00:00Z"}};
    };
    world.server.on("GET " + base + "/issues/12/events", {event("labeled", "agent", "bob"),
                                                          event("unlabeled", "agent", "bob"),
                                                          event("labeled", "agent", "ann"),
                                                          event("labeled", "bug", "carl"),
                                                          {{"event", "closed"}}});
}

/// The account that GitHub keeps of an App's deliveries: `newest` down to 1, all handed over but `lost`. Its
/// pages go by cursor, and the last of them links to nothing.
/// https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook
void keep_account(World& world, const std::string& linked_as, int newest, const std::vector<int>& lost) {
    const std::string path = "/app/hook/deliveries";
    world.server.on("GET " + path, [=](const httplib::Request& request, httplib::Response& response) {
        const auto size = std::stoi(request.get_param_value("per_page"));
        const auto from = request.has_param("cursor") ? std::stoi(request.get_param_value("cursor")) : newest;
        const auto next = std::max(from - size, 0);
        auto page = json::array();
        for (auto id = from; id > next; --id)
            page.push_back({{"id", id},
                            {"guid", "delivery-" + std::to_string(id)},
                            {"delivered_at", "2026-03-01T14:05:00Z"},
                            {"status_code", std::ranges::count(lost, id) == 0 ? 200 : 502}});
        if (next > 0)
            response.set_header("Link", "<" + linked_as + path + "?per_page=" + std::to_string(size) +
                                            "&cursor=" + std::to_string(next) + ">; rel=\"next\"");
        response.set_content(page.dump(), "application/json");
    });
    for (const auto id : lost)
        world.server.on("GET " + path + "/" + std::to_string(id),
                        {{"id", id},
                         {"request",
                          {{"headers",
                            {{"X-GitHub-Delivery", "delivery-" + std::to_string(id)},
                             {"X-GitHub-Event", "issues"},
                             {"X-GitHub-Hook-ID", "7"}}},
                           {"payload", {{"action", "labeled"}}}}}});
}

}  // namespace

TEST_CASE("labelled issues are found without any event, with who set the label and when") {
    World world;
    label_issues(world);
    const auto found = world.with_token()->labelled("agent");
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 2);
    CHECK(found->at(0).issue == world.issue);
    CHECK(found->at(0).label == "Agent");
    CHECK(found->at(0).by.login == "ann");
    CHECK(found->at(0).at == integrations::parse_timestamp("2026-03-01T14:03:20Z"));
    CHECK(found->at(1).issue.number == 14);
    CHECK(found->at(1).label == "agent:hard");
    CHECK(found->at(1).by.login.empty());  // its events do not say: nobody, who may do nothing
    CHECK(found->at(1).at == integrations::parse_timestamp("2026-03-01T14:05:00Z"));  // its last change
}

TEST_CASE("an App looks through its installations, and only at repositories that it shall serve") {
    World world;
    label_issues(world);
    world.server.on("GET /app/installations", {{{"id", 99}, {"suspended_at", nullptr}},
                                               {{"id", 98}, {"suspended_at", "2026-01-01T00:00:00Z"}}});
    auto foreign = World::repository();
    foreign["id"] = 80;
    foreign["full_name"] = "someone/else";
    auto archived = World::repository();
    archived["id"] = 81;
    archived["full_name"] = "octo/old";
    archived["archived"] = true;
    world.server.on("GET /installation/repositories",
                    {{"total_count", 3}, {"repositories", {World::repository(), foreign, archived}}});
    const auto found = world.with_app()->labelled("agent");
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 2);
    CHECK(found->at(0).issue.repo.installation == "99");
    CHECK(found->at(0).by.login == "ann");
    const auto minted = world.server.seen("POST /app/installations/99/access_tokens");
    REQUIRE(minted.size() == 2);
    CHECK(minted[0].body == json{{"permissions", {{"issues", "read"}, {"metadata", "read"}}}});
}

TEST_CASE("a repository that is gone does not hide the others, a forge that is down is an error") {
    World world;
    label_issues(world);
    world.server.on("GET /repos/octo/app", {{"message", "Not Found"}}, 404);
    const auto forge = world.with_token();
    const auto none = forge->labelled("agent");
    REQUIRE(none.has_value());
    CHECK(none->empty());
    world.server.on("GET /repos/octo/app", {{"message", "oops"}}, 503);
    CHECK(forge->labelled("agent").error().kind == Kind::unreachable);
}

TEST_CASE("an issue or a repository that cannot be read now does not hide the others") {
    World world;
    label_issues(world);
    world.server.on("GET /repos/octo/app/issues/12/events", {{"message", "oops"}}, 500);
    world.server.on("GET /repos/octo/bad", {{"message", "oops"}}, 500);
    const auto forge = integrations::connect_github({.name = "work",
                                                     .api_url = world.server.url(),
                                                     .token = config::Secret("ghp_plain"),
                                                     .repositories = {"octo/bad", "octo/app"}},
                                                    world.clock());
    const auto found = forge->labelled("agent");
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 1);
    CHECK(found->at(0).issue.number == 14);
}

TEST_CASE("of many repositories each call looks at some, and goes on where the last one ended") {
    World world;
    std::vector<std::string> names;
    for (int number = 0; number < 50; ++number) {
        names.push_back("octo/r" + std::to_string(number));
        auto repository = World::repository();
        repository["id"] = 100 + number;
        repository["full_name"] = names.back();
        world.server.on("GET /repos/" + names.back(), repository);
        world.server.on("GET /repos/" + names.back() + "/labels", json::array());
    }
    const auto forge = integrations::connect_github({.name = "work",
                                                     .api_url = world.server.url(),
                                                     .token = config::Secret("ghp_plain"),
                                                     .repositories = names},
                                                    world.clock());
    for (int call = 1; call <= 3; ++call) {
        REQUIRE(forge->labelled("agent").has_value());
        CHECK(world.server.seen().size() == static_cast<std::size_t>(call) * 40);
    }
    for (const auto& name : names) CHECK_FALSE(world.server.seen("GET /repos/" + name + "/labels").empty());
}

TEST_CASE("what failed to reach an App is found on every page of GitHub's account, which goes by cursor") {
    World world;
    std::string linked_as = world.server.url();
    SUBCASE("and links to where we ask") {}
    SUBCASE("and links to the forge itself though a proxy stands before it") {
        linked_as = "https://forge.example";
    }
    keep_account(world, linked_as, 200, {1, 100, 101, 150});
    const auto known = [](const std::string& id) { return id == "delivery-101"; };
    const auto found = world.with_app()->undelivered({}, known);
    REQUIRE(found.has_value());
    std::vector<std::string> ids;
    for (const auto& delivery : *found) ids.push_back(delivery.delivery_id());
    CHECK(ids == std::vector<std::string>{"delivery-1", "delivery-100", "delivery-150"});
    std::vector<std::string> asked;
    for (const auto& request : world.server.seen("GET /app/hook/deliveries")) asked.push_back(request.query);
    CHECK(asked == std::vector<std::string>{"per_page=100", "per_page=100&cursor=100"});
}
