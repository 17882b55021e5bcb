#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "bot/conversation.hpp"

using bot::Ask;
using bot::besides;
using integrations::Conversation;
using integrations::Remark;

namespace {

Remark said(Remark::Where where, std::string id, std::string body = "Words.") {
    return {.where = where, .id = std::move(id), .body = std::move(body), .by = {.login = "ada"}};
}

Remark beside(std::string id, std::string answers = {}) {
    auto remark = said(Remark::Where::line, std::move(id));
    remark.path = "till.py";
    remark.diff_hunk = "@@ -1 +1 @@";
    remark.answers = std::move(answers);
    return remark;
}

}  // namespace

TEST_CASE("what is asked for now is not told a second time, whatever else bears the same number") {
    using enum Remark::Where;
    const Conversation all{.remarks = {said(comment, "7", "Say more.\n"), said(review, "7"), beside("7"),
                                       said(comment, "8"), said(review, "8"), beside("8")}};
    const auto left = besides(all, {Ask{.key = "comment=7", .words = "Say more."}, Ask{.key = "review=8"},
                                    Ask{.key = "review=8 beside=8", .inline_id = "8"}});
    REQUIRE(left.remarks.size() == 3);
    CHECK(left.remarks[0].where == review);
    CHECK(left.remarks[1].where == line);
    CHECK(left.remarks[2].where == comment);
    CHECK(left.remarks[0].id == "7");
    CHECK(left.remarks[1].id == "7");
    CHECK(left.remarks[2].id == "8");
    CHECK(left.whole);
}

TEST_CASE("what somebody wrote above a command is no part of the wish, and is told with the rest") {
    const Conversation all{.remarks = {said(Remark::Where::comment, "7", "Tabs break it.\n\nhandle them\n"),
                                       said(Remark::Where::comment, "8", "say more\nas the manual does\n")}};
    const auto left = besides(all, {Ask{.key = "comment=7", .words = "handle them"},
                                    Ask{.key = "comment=8", .words = "say more\nas the manual does"}});
    REQUIRE(left.remarks.size() == 1);
    CHECK(left.remarks[0].body == "Tabs break it.\n\n");
}

TEST_CASE("a reply has its piece of the diff only when what it answers is not there") {
    const Conversation all{.remarks = {beside("1"), beside("2", "1"), beside("3", "99")}};
    const auto left = besides(all, {});
    CHECK_FALSE(left.remarks.at(0).diff_hunk.empty());
    CHECK(left.remarks.at(1).diff_hunk.empty());
    CHECK_FALSE(left.remarks.at(2).diff_hunk.empty());
    CHECK_FALSE(
        besides(all, {Ask{.key = "review=5 beside=1", .inline_id = "1"}}).remarks.at(0).diff_hunk.empty());
}

TEST_CASE("of what is too long for a prompt the newest stays, and it is not called whole") {
    Conversation all;
    for (int i = 0; i < 10; ++i)
        all.remarks.push_back(said(Remark::Where::comment, std::to_string(i), std::string(15'000, 'x')));
    const auto left = besides(all, {});
    CHECK_FALSE(left.whole);
    REQUIRE(left.remarks.size() == 4);
    CHECK(left.remarks.front().id == "6");
    CHECK(left.remarks.back().id == "9");
}
