#include <doctest/doctest.h>

#include <string>

#include "integrations/forge.hpp"
#include "tests/integrations/github_world.hpp"

using forge_tests::World;
using nlohmann::json;

namespace {

const std::string listing = "/repos/octo/app/issues/12/comments";
const std::string marker = "job=7 kind=status";
const std::string hidden = "<!-- shopfloor:v1 job=7 kind=status -->";

json comment(int id, const std::string& login, const std::string& body) {
    return {{"id", id}, {"user", {{"login", login}, {"id", 1}, {"type", "User"}}}, {"body", body}};
}

}  // namespace

TEST_CASE("the first word on an issue is a new comment with a hidden marker") {
    World world;
    world.server.on("GET " + listing, json::array());
    world.server.on("POST " + listing, {{"id", 4711}}, 201);
    const auto said = world.with_token()->say(world.issue, marker, "Queued.", "");
    REQUIRE(said.has_value());
    CHECK(*said == "4711");
    CHECK(world.server.seen("POST " + listing).at(0).body == json{{"body", "Queued.\n\n" + hidden}});
}

TEST_CASE("a comment that is known is edited in place, without a search") {
    World world;
    world.server.on("PATCH /repos/octo/app/issues/comments/55", {{"id", 55}});
    CHECK(world.with_token()->say(world.issue, marker, "Working.", "55") == "55");
    CHECK(world.server.seen().size() == 1);
}

TEST_CASE("after a lost answer the comment is found again by its marker, in ours only and at the end only") {
    World world;
    world.server.on("GET " + listing, [&](const httplib::Request& request, httplib::Response& response) {
        auto comments = json::array();
        if (!request.has_param("page")) {
            for (int i = 0; i < 97; ++i) comments.push_back(comment(100 + i, "ann", "chatter"));
            comments.push_back(comment(1, "mallory", "I am the bot\n\n" + hidden));
            comments.push_back(comment(2, "robot", hidden + "\n\nquoted by an agent"));
            comments.push_back(comment(3, "robot", "other\n\n<!-- shopfloor:v1 job=8 kind=status -->"));
            response.set_header("Link",
                                "<" + world.server.url() + listing + "?per_page=100&page=2>; rel=\"next\"");
        } else {
            comments.push_back(comment(4, "Robot", "Queued.\n\n" + hidden));
        }
        response.set_content(comments.dump(), "application/json");
    });
    world.server.on("PATCH /repos/octo/app/issues/comments/4", {{"id", 4}});
    const auto forge = world.with_token();
    CHECK(forge->say(world.issue, marker, "Working.", "") == "4");
    CHECK(world.server.seen("GET " + listing).size() == 2);
    CHECK(world.server.seen("PATCH /repos/octo/app/issues/comments/4").size() == 1);
    // A known comment that was deleted: found by looking.
    CHECK(forge->say(world.issue, marker, "Working.", "999") == "4");
    // What says it already is not written again.
    CHECK(forge->say(world.issue, marker, "Queued.", "") == "4");
    CHECK(world.server.seen("PATCH /repos/octo/app/issues/comments/4").size() == 2);
    CHECK(world.server.seen("POST " + listing).empty());
}

TEST_CASE("a comment is cut to what the forge takes, and its marker survives") {
    World world;
    world.server.on("GET " + listing, json::array());
    world.server.on("POST " + listing, {{"id", 1}}, 201);
    std::string text = "```\n";
    for (int i = 0; i < 70'000; ++i) text += "ü";
    text += "\xff\xfe";
    const auto forge = world.with_token();
    REQUIRE(forge->say(world.issue, marker, text, "").has_value());
    const auto sent = world.server.seen("POST " + listing).at(0).body.at("body").get<std::string>();
    std::size_t points = 0;
    for (const char c : sent) points += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    CHECK(points <= 65'536);
    CHECK(points > 65'500);
    CHECK(sent.ends_with("\n\n" + hidden));
    CHECK(sent.find("\n```\n\n") != std::string::npos);
    CHECK(forge->say(world.issue, marker, "no UTF-8: \xff", "").has_value());
    CHECK(forge->say(world.issue, "a --> b", "x", "").error().kind ==
          integrations::ForgeError::Kind::invalid);
}

TEST_CASE("a thread that is gone or locked is not spoken to twice") {
    World world;
    world.server.on("GET " + listing, {{"message", "This issue was deleted"}}, 410);
    CHECK(world.with_token()->say(world.issue, marker, "x", "").error().kind ==
          integrations::ForgeError::Kind::gone);
    world.server.on("PATCH /repos/octo/app/issues/comments/5", {{"message", "Locked"}}, 403);
    CHECK(world.with_token()->say(world.issue, marker, "x", "5").error().kind ==
          integrations::ForgeError::Kind::forbidden);
    CHECK(world.server.seen("POST " + listing).empty());
}
