#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "integrations/forge.hpp"
#include "tests/integrations/github_world.hpp"

using forge_tests::Server;
using forge_tests::World;
using integrations::Conversation;
using integrations::Remark;
using nlohmann::json;

namespace {

const std::string in_conversation = "/repos/octo/app/issues/31/comments";
const std::string in_reviews = "/repos/octo/app/pulls/31/reviews";
const std::string at_lines = "/repos/octo/app/pulls/31/comments";

json by(const std::string& login) { return {{"login", login}, {"id", 1}, {"type", "User"}}; }

json issue_comment(int id, const std::string& body, const std::string& when) {
    return {{"id", id}, {"user", by("ann")}, {"body", body}, {"created_at", when}};
}

/// A list in pages, with the links that GitHub gives.
Server::Answer paged(const Server& server, const std::string& path, const json& all) {
    return [&server, path, all](const httplib::Request& request, httplib::Response& response) {
        const auto number = [&](const char* name, std::size_t otherwise) {
            return request.has_param(name) ? std::stoul(request.get_param_value(name)) : otherwise;
        };
        const auto size = number("per_page", 30);
        const auto page = number("page", 1);
        const auto last = std::max<std::size_t>((all.size() + size - 1) / size, 1);
        auto items = json::array();
        for (auto i = (page - 1) * size; i < std::min(page * size, all.size()); ++i) items.push_back(all[i]);
        const auto link = [&](std::size_t to, const std::string& relation) {
            return "<" + server.url() + path + "?per_page=" + std::to_string(size) +
                   "&page=" + std::to_string(to) + ">; rel=\"" + relation + "\"";
        };
        if (page < last) response.set_header("Link", link(page + 1, "next") + ", " + link(last, "last"));
        response.set_content(items.dump(), "application/json");
    };
}

struct Talk : World {
    integrations::ThreadRef pull_request{
        .repo = repo, .number = 31, .kind = integrations::ThreadRef::Kind::pull_request};

    Talk() {
        for (const auto& path : {in_conversation, in_reviews, at_lines})
            server.on("GET " + path, json::array());
    }
    void lists(const std::string& path, const json& all) {
        server.on("GET " + path, paged(server, path, all));
    }
    integrations::ForgeResult<Conversation> heard() { return with_token()->conversation(pull_request); }
};

}  // namespace

TEST_CASE("what was said on a pull request is one conversation in the order of time, wherever it was said") {
    Talk talk;
    talk.lists(in_conversation, {issue_comment(7, "After that.", "2026-01-02T10:00:03Z"),
                                 issue_comment(8, "The end.", "2026-01-02T10:00:09Z")});
    talk.lists(in_reviews, {{{"id", 7},
                             {"user", by("ben")},
                             {"body", "Hm."},
                             {"state", "CHANGES_REQUESTED"},
                             {"submitted_at", "2026-01-02T10:00:05Z"}},
                            {{"id", 9}, {"user", by("ben")}, {"body", ""}, {"state", "COMMENTED"}},
                            {{"id", 10}, {"user", by("robot")}, {"body", "Not yet."}, {"state", "PENDING"}}});
    talk.lists(at_lines, {{{"id", 20},
                           {"user", by("ben")},
                           {"body", "Why?"},
                           {"path", "till.py"},
                           {"line", 3},
                           {"side", "RIGHT"},
                           {"diff_hunk", "@@ -1 +1,3 @@\n+till"},
                           {"created_at", "2026-01-02T10:00:01Z"}},
                          {{"id", 21},
                           {"user", nullptr},
                           {"body", "It was so."},
                           {"path", "till.py"},
                           {"line", nullptr},
                           {"side", "LEFT"},
                           {"in_reply_to_id", 20},
                           {"created_at", "2026-01-02T10:00:07Z"}}});
    const auto said = talk.heard();
    REQUIRE(said.has_value());
    CHECK(said->whole);
    REQUIRE(said->remarks.size() == 5);
    std::vector<std::string> words;
    for (const auto& remark : said->remarks) words.push_back(remark.body);
    CHECK(words == std::vector<std::string>{"Why?", "After that.", "Hm.", "It was so.", "The end."});

    const auto& first = said->remarks[0];
    CHECK(first.where == Remark::Where::line);
    CHECK(first.id == "20");
    CHECK(first.by.login == "ben");
    CHECK(first.path == "till.py");
    CHECK(first.line == 3);
    CHECK(first.side == Remark::Side::after);
    CHECK(first.diff_hunk == "@@ -1 +1,3 @@\n+till");
    CHECK(first.answers.empty());
    CHECK(said->remarks[1].where == Remark::Where::comment);
    CHECK(said->remarks[1].path.empty());
    CHECK(said->remarks[2].where == Remark::Where::review);
    CHECK(said->remarks[2].verdict == "changes_requested");
    const auto& reply = said->remarks[3];
    CHECK(reply.by.login.empty());  // the account is gone
    CHECK(reply.line == 0);
    CHECK(reply.side == Remark::Side::before);
    CHECK(reply.answers == "20");
}

TEST_CASE("of a conversation that is too long the newest is kept, and it is said that there was more") {
    Talk talk;
    auto all = json::array();
    for (int i = 1; i <= 730; ++i)
        all.push_back(issue_comment(i, "No. " + std::to_string(i), "2026-01-02T10:00:00Z"));
    talk.lists(in_conversation, all);
    const auto said = talk.heard();
    REQUIRE(said.has_value());
    CHECK_FALSE(said->whole);
    REQUIRE(said->remarks.size() == 430);
    CHECK(said->remarks.front().body == "No. 301");
    CHECK(said->remarks.back().body == "No. 730");
    CHECK(talk.server.seen("GET " + in_conversation).size() == 6);
}

TEST_CASE("a conversation of some pages is read whole, each page once") {
    Talk talk;
    auto all = json::array();
    for (int i = 1; i <= 230; ++i)
        all.push_back(issue_comment(i, "No. " + std::to_string(i), "2026-01-02T10:00:00Z"));
    talk.lists(in_conversation, all);
    const auto said = talk.heard();
    REQUIRE(said.has_value());
    CHECK(said->whole);
    CHECK(said->remarks.size() == 230);
    CHECK(talk.server.seen("GET " + in_conversation).size() == 3);
}

TEST_CASE("one remark cannot fill the conversation: its words and its piece of the diff are cut") {
    Talk talk;
    std::string hunk = "@@ -1 +1,900 @@";
    for (int i = 0; i < 900; ++i) hunk += "\n+line " + std::to_string(i);
    talk.lists(at_lines, {{{"id", 20},
                           {"user", by("ben")},
                           {"body", std::string(60'000, 'x')},
                           {"path", "till.py"},
                           {"line", 900},
                           {"diff_hunk", hunk}}});
    const auto said = talk.heard();
    REQUIRE(said.has_value());
    REQUIRE(said->remarks.size() == 1);
    CHECK(said->remarks[0].body.size() < 16'100);
    CHECK(said->remarks[0].diff_hunk.size() <= 4096);
    CHECK(said->remarks[0].diff_hunk.starts_with("+line "));
    CHECK(said->remarks[0].diff_hunk.ends_with("+line 899"));
}

TEST_CASE("a conversation of which a part cannot be read is not taken for the whole") {
    for (const auto& path : {in_conversation, in_reviews, at_lines}) {
        Talk talk;
        talk.server.on("GET " + path, {{"message", "Server Error"}}, 502);
        const auto said = talk.heard();
        REQUIRE_FALSE(said.has_value());
        CHECK(said.error().kind == integrations::ForgeError::Kind::unreachable);
    }
}
