#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::Ask;
using bot::JobState;
using bot::Refine;
using bot::Signal;

namespace {

Refine wish(bot::JobId job, const std::string& comment, const std::string& words = "say more") {
    return {.job = job,
            .asks = {{.key = "comment=" + comment,
                      .by = {.login = "mona", .id = "9"},
                      .words = words,
                      .comment_id = comment}},
            .may_wait = true,
            .too_late = "too late",
            .renewed = {},
            .reason = "mona asked for changes",
            .comment_id = comment,
            .thread = LedgerFixture::pull_request(5)};
}

std::vector<std::string> words_of(const std::vector<Ask>& asks) {
    std::vector<std::string> words;
    for (const auto& ask : asks) words.push_back(ask.words);
    return words;
}

}  // namespace

TEST_CASE_FIXTURE(LedgerFixture,
                  "a wish takes the job out of review, once, and a moment later for all said") {
    auto& book = open();
    const auto id = review();
    CHECK(book.carry_out(wish(id, "501")) == id);
    CHECK(book.job(id)->state == JobState::queued);
    CHECK(book.job(id)->changes_proposal());
    CHECK_FALSE(book.claim({}));  // more may come
    pass(3s);
    (void)book.carry_out(wish(id, "502", "and louder"));
    CHECK_FALSE(book.carry_out(wish(id, "502", "and louder")));  // told twice
    pass(3s);
    CHECK_FALSE(book.claim({}));
    pass(3s);
    const auto claim = book.claim({});
    REQUIRE(claim);
    CHECK(words_of(book.take_asks(claim->lease)) == std::vector<std::string>{"say more", "and louder"});
    // What comes now is for the next time.
    (void)book.carry_out(wish(id, "503", "and softer"));
    CHECK(book.take_asks(claim->lease).size() == 2);
    CHECK(book.job(id)->state == JobState::working);
    book.finish(claim->lease, {.signal = Signal::back, .reason = "nothing to change", .words = "As it was."});
    CHECK(book.job(id)->state == JobState::queued);
    CHECK(book.job(id)->cycle == 3);
    pass(6s);
    const auto next = book.claim({});
    REQUIRE(next);
    CHECK(words_of(book.take_asks(next->lease)) == std::vector<std::string>{"and softer"});
    book.finish(next->lease, {.signal = Signal::back, .reason = "nothing to change"});
    CHECK(book.job(id)->state == JobState::review);
}

TEST_CASE_FIXTURE(LedgerFixture, "an attempt that was lost is about the same wishes, from the same commit") {
    auto& book = open();
    const auto id = review();
    (void)book.carry_out(wish(id, "501"));
    pass(6s);
    const auto first = book.claim({});
    REQUIRE(first);
    CHECK(book.go_on_from(first->lease, std::string(40, 'b')) == std::string(40, 'b'));
    CHECK(book.take_asks(first->lease).size() == 1);
    (void)book.carry_out(wish(id, "502"));
    book.give_back(first->lease, "the forge is down");
    pass(2min);
    const auto second = book.claim({});
    REQUIRE(second);
    CHECK(book.take_asks(second->lease).size() == 1);
    CHECK(book.go_on_from(second->lease, std::string(40, 'c')) == std::string(40, 'b'));
}

TEST_CASE_FIXTURE(LedgerFixture, "a pull request that cannot be changed in many attempts stays in review") {
    auto& book = open({.max_infra_attempts = 2});
    const auto id = review();
    (void)book.carry_out(wish(id, "501"));
    for (int attempt = 0; attempt < 2; ++attempt) {
        pass(1h);
        const auto claim = book.claim({});
        REQUIRE(claim);
        book.give_back(claim->lease, "the engine says @octocat <img src=x>");
    }
    CHECK(book.job(id)->state == JobState::review);
    pass(1h);
    CHECK_FALSE(book.claim({}));
    std::string told;  // others' words come harmless, with what to do about it
    while (const auto report = book.next_report()) {
        if (report->kind == bot::Report::Kind::answer) told += report->body;
        book.posted(*report, "7");
    }
    CHECK(told ==
          "Nothing was changed here; the «pull request» is as it was.\n\n"
          "the engine says `@octocat` \\<img src=x\\> (given up after 2 attempts)\n\n"
          "Say `/agent refine` and what to change, or ask for changes in a review, to have another try.");
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "the end of the pull request is the end of the job at every step of a change") {
    auto& book = open();
    const auto id = review();
    const auto end = [&](bool merged) {
        (void)book.carry_out(bot::EndReview{.job = id, .merged = merged, .reason = "people decided"});
    };
    SUBCASE("queued") {
        (void)book.carry_out(wish(id, "501"));
        end(true);
        CHECK(book.job(id)->state == JobState::merged);
    }
    SUBCASE("at work: told by the next renewal, whatever the worker comes to") {
        (void)book.carry_out(wish(id, "501"));
        pass(6s);
        const auto claim = book.claim({});
        REQUIRE(claim);
        end(false);
        CHECK(book.renew(claim->lease) == bot::Ledger::Renewal::stop_requested);
        SUBCASE("nothing came of it") {
            book.finish(claim->lease, {.signal = Signal::back, .reason = "nothing to change"});
        }
        SUBCASE("it was stopped") {
            book.finish(claim->lease, {.signal = Signal::stop, .reason = "stopped"});
        }
        SUBCASE("it gives back") { book.give_back(claim->lease, "the forge is down"); }
        CHECK(book.job(id)->state == JobState::closed);
    }
    SUBCASE("said stop before: the pull request's end says more") {
        (void)book.carry_out(wish(id, "501"));
        pass(6s);
        const auto claim = book.claim({});
        REQUIRE(claim);
        (void)book.carry_out(
            bot::Stop{.job = id, .reason = "mona said stop", .comment_id = {}, .thread = thread(1)});
        end(true);
        (void)book.carry_out(
            bot::Stop{.job = id, .reason = "mona said stop", .comment_id = {}, .thread = thread(1)});
        book.finish(claim->lease, {.signal = Signal::stop, .reason = "stopped"});
        CHECK(book.job(id)->state == JobState::merged);
    }
    CHECK_FALSE(book.carry_out(wish(id, "502")));
}
