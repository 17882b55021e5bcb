// Reviews and discussions of GitLab.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/integrations/gitlab_world.hpp"

using gitlab_tests::on_project;
using gitlab_tests::person;
using gitlab_tests::World;
using nlohmann::json;

namespace {

const auto list_discussions = on_project("GET", "/merge_requests/8/discussions");

json note_body(int id, int by, const std::string& body, int second) {
    return {{"id", id},
            {"type", nullptr},
            {"body", body},
            {"author", person(by, by == 9 ? "robot" : "u" + std::to_string(by))},
            {"created_at", "2026-03-01T14:" + std::to_string(second / 60 + 10) + ":" +
                               std::to_string(second % 60 + 10).substr(0, 2) + "Z"},
            {"system", false},
            {"resolvable", false}};
}

json system_note(int id, int by, const std::string& body, int second) {
    auto made = note_body(id, by, body, second);
    made["system"] = true;
    return made;
}

json line_note(int id, int by, const std::string& body, int second, const json& position,
               bool resolved = false) {
    auto made = note_body(id, by, body, second);
    made.update({{"type", "DiffNote"}, {"resolvable", true}, {"resolved", resolved}, {"position", position}});
    return made;
}

json discussion_body(const std::string& id, const json& notes) {
    return {{"id", id}, {"individual_note", false}, {"notes", notes}};
}

const json at_line_2 = {{"new_path", "a.txt"}, {"old_path", "a.txt"}, {"new_line", 2}, {"old_line", nullptr}};
const json at_old_line_4 = {
    {"new_path", "b.txt"}, {"old_path", "old.txt"}, {"new_line", nullptr}, {"old_line", 4}};

/// Ada (5) asks for changes twice, Bob (6) talks.
json two_reviews() {
    return json::array({
        discussion_body("d1", json::array({note_body(1, 6, "Nearly.", 0)})),
        discussion_body("d2", json::array({line_note(2, 5, "Why y?", 1, at_line_2),
                                           line_note(20, 9, "It is z now.", 30, at_line_2)})),
        discussion_body("d3", json::array({note_body(3, 5, "Mend it.", 1)})),
        discussion_body("d4", json::array({system_note(4, 5, "requested changes", 2)})),
        discussion_body("d5", json::array({line_note(5, 6, "Mine.", 3, at_line_2)})),
        discussion_body("d6", json::array({line_note(21, 5, "And this was wrong.", 31, at_old_line_4),
                                           line_note(22, 5, "Done already.", 31, at_line_2, true)})),
        discussion_body("d7", json::array({system_note(23, 5, "requested changes", 32)})),
        discussion_body("d8", json::array({system_note(24, 6, "approved this merge request", 33)})),
    });
}

}  // namespace

TEST_CASE("a review on GitLab is what its author wrote since they last asked for changes") {
    World world;
    world.server.on(list_discussions, two_reviews());
    const auto first = world.forge->review_comments(world.request, "4");
    REQUIRE(first.has_value());
    REQUIRE(first->size() == 1);
    CHECK(first->at(0).id == "2");
    CHECK(first->at(0).path == "a.txt");
    CHECK(first->at(0).line == 2);
    CHECK(first->at(0).body == "Why y?");
    CHECK(first->at(0).by.login == "u5");
    const auto second = world.forge->review_comments(world.request, "23");
    REQUIRE(second.has_value());
    REQUIRE(second->size() == 1);  // what was resolved is settled
    CHECK(second->at(0).body == "And this was wrong.");
    CHECK(second->at(0).line == 0);
    CHECK(world.forge->review_comments(world.request, "99").value().empty());
}

TEST_CASE("which reviews on GitLab ask for changes is told by the forge's own notes") {
    World world;
    world.server.on(list_discussions, two_reviews());
    const integrations::ChangesRequested told{
        .pull_request = world.request, .review_id = {}, .body = {}, .by = {.login = "u5", .id = "5"}};
    const auto whole = world.forge->completed(told);
    REQUIRE(whole.has_value());
    REQUIRE(whole->size() == 2);
    CHECK(std::get<integrations::ChangesRequested>(whole->at(0)).review_id == "4");
    CHECK(std::get<integrations::ChangesRequested>(whole->at(0)).body == "Mend it.");
    CHECK(std::get<integrations::ChangesRequested>(whole->at(1)).review_id == "23");
    CHECK(std::get<integrations::ChangesRequested>(whole->at(1)).body.empty());
    // Of Bob it does not say so: his review ends with the last that he wrote.
    auto by_bob = told;
    by_bob.by = {.login = "u6", .id = "6"};
    const auto his = world.forge->completed(by_bob);
    REQUIRE(his.has_value());
    REQUIRE(his->size() == 1);
    CHECK(std::get<integrations::ChangesRequested>(his->at(0)).review_id == "5");
    const auto lines = world.forge->review_comments(world.request, "5");
    REQUIRE(lines.has_value());
    REQUIRE(lines->size() == 1);
    CHECK(lines->at(0).body == "Mine.");
    auto by_nobody = told;
    by_nobody.by = {.login = "u7", .id = "7"};
    CHECK(world.forge->completed(by_nobody).value().empty());
}

TEST_CASE("words of long before are no review's") {
    World world;
    world.server.on(
        list_discussions,
        json::array({discussion_body("d1", json::array({note_body(1, 5, "Hello.", 0)})),
                     discussion_body("d2", json::array({system_note(2, 5, "requested changes", 70)}))}));
    const integrations::ChangesRequested told{
        .pull_request = world.request, .review_id = {}, .body = {}, .by = {.login = "u5", .id = "5"}};
    CHECK(std::get<integrations::ChangesRequested>(world.forge->completed(told).value().at(0)).body.empty());
}

TEST_CASE("what was said on a merge request is told in the order of time, as everybody may read it") {
    World world;
    auto all = two_reviews();
    auto internal = note_body(25, 6, "Between us.", 34);
    internal["internal"] = true;
    all.push_back(discussion_body("d9", json::array({internal})));
    world.server.on(list_discussions, all);
    const auto said = world.forge->conversation(world.request);
    REQUIRE(said.has_value());
    CHECK(said->whole);
    std::vector<std::string> words;
    for (const auto& remark : said->remarks) words.push_back(remark.body);
    CHECK(words == std::vector<std::string>{"Nearly.", "Why y?", "Mend it.", "Mine.", "It is z now.",
                                            "And this was wrong.", "Done already."});
    using Where = integrations::Remark::Where;
    CHECK(said->remarks[0].where == Where::comment);
    CHECK(said->remarks[1].where == Where::line);
    CHECK(said->remarks[2].where == Where::review);
    CHECK(said->remarks[2].verdict == "changes_requested");
    CHECK(said->remarks[2].id == "4");  // as it is told and asked for
    CHECK(said->remarks[4].answers == "2");
    CHECK(said->remarks[5].path == "old.txt");
    CHECK(said->remarks[5].line == 4);
    CHECK(said->remarks[5].side == integrations::Remark::Side::before);
}

TEST_CASE("an answer on GitLab stands in the discussion, which is resolved with it, once") {
    World world;
    world.server.on(
        list_discussions,
        json::array({discussion_body("d1", json::array({note_body(1, 6, "Nearly.", 0)})),
                     discussion_body("d2", json::array({line_note(2, 5, "Why y?", 1, at_line_2)}))}));
    const auto answer = on_project("POST", "/merge_requests/8/discussions/d2/notes");
    const auto resolve = on_project("PUT", "/merge_requests/8/discussions/d2");
    world.server.on(answer, {{"id", 20}}, 201);
    world.server.on(resolve, {{"id", "d2"}});
    CHECK(world.forge->reply(world.request, "2", "job=1 reply=1", "It is z now.\n/close").value() == "20");
    CHECK(world.server.seen(answer)[0].body ==
          json{{"body", "It is z now.\n /close\n\n<!-- shopfloor:v1 job=1 reply=1 -->"}});
    CHECK(world.server.seen(resolve)[0].body == json{{"resolved", true}});

    auto ours = line_note(20, 9, "It is z now.\n\n<!-- shopfloor:v1 job=1 reply=1 -->", 2, at_line_2);
    world.server.on(
        list_discussions,
        json::array({discussion_body("d2", json::array({line_note(2, 5, "Why y?", 1, at_line_2), ours}))}));
    CHECK(world.forge->reply(world.request, "2", "job=1 reply=1", "It is z now.").value() == "20");
    CHECK(world.server.seen(answer).size() == 1);
    CHECK(world.server.seen(resolve).size() == 2);  // perhaps only the answer came through before

    ours["resolved"] = true;
    world.server.on(list_discussions,
                    json::array({discussion_body(
                        "d2", json::array({line_note(2, 5, "Why y?", 1, at_line_2, true), ours}))}));
    CHECK(world.forge->reply(world.request, "2", "job=1 reply=1", "It is z now.").value() == "20");
    CHECK(world.server.seen(resolve).size() == 2);
}

TEST_CASE(
    "what is not there any more on GitLab is not answered; who may not resolve it answers all the same") {
    World world;
    world.server.on(list_discussions, json::array());
    const auto gone = world.forge->reply(world.request, "2", "job=1 reply=1", "It is z now.");
    REQUIRE_FALSE(gone.has_value());
    CHECK(gone.error().kind == integrations::ForgeError::Kind::gone);
    world.server.on(
        list_discussions,
        json::array({discussion_body("d2", json::array({line_note(2, 5, "Why y?", 1, at_line_2)}))}));
    world.server.on(on_project("POST", "/merge_requests/8/discussions/d2/notes"), {{"id", 20}}, 201);
    world.server.on(on_project("PUT", "/merge_requests/8/discussions/d2"), {{"message", "403 Forbidden"}},
                    403);
    CHECK(world.forge->reply(world.request, "2", "job=1 reply=1", "It is z now.").value() == "20");
}
