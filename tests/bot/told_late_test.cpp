// What was true when it was said, and is not when it is heard.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bot/intent.hpp"
#include "tests/bot/ledger_fixture.hpp"

using bot::JobState;
using bot::Signal;

namespace {

bot::Stop stop_of(bot::JobId job) {
    return {.job = job,
            .reason = "Stopped by mona.",
            .comment_id = "501",
            .thread = LedgerFixture::thread(1),
            .too_late = bot::Answer{.thread = LedgerFixture::thread(1),
                                    .answer = "No job is at work here.",
                                    .marker = "answer issue=1 comment=501",
                                    .comment_id = "501",
                                    .reason = "nothing to stop"}};
}

/// Answers and reactions, in words.
std::vector<std::string> said_of(const std::vector<bot::Report>& reports) {
    std::vector<std::string> said;
    for (const auto& each : reports)
        if (each.kind == bot::Report::Kind::answer || each.kind == bot::Report::Kind::reaction)
            if (each.comment_id == "501" || each.kind == bot::Report::Kind::answer) said.push_back(each.body);
    std::ranges::sort(said);
    return said;
}

}  // namespace

TEST_CASE_FIXTURE(LedgerFixture,
                  "stop for a job that came to its end a moment ago is told that none is at work") {
    auto& book = open();
    const auto claim = working();
    book.finish(claim.lease, {.signal = Signal::nothing, .reason = "nothing to change"});
    CHECK_FALSE(book.carry_out(stop_of(claim.job.id)));
    CHECK(job(claim.job.id).state == JobState::answered);
    CHECK(said_of(post_all()) == std::vector<std::string>{"No job is at work here.", "eyes", "rocket"});
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "stop that the end of the pull request overtakes is told that it has ended") {
    auto& book = open();
    const auto id = review();
    (void)post_all();
    (void)book.carry_out(bot::Refine{.job = id,
                                     .asks = {{.key = "comment=500",
                                               .by = {.login = "mona", .id = "9"},
                                               .words = "say more",
                                               .comment_id = "500"}},
                                     .may_wait = true,
                                     .too_late = "too late",
                                     .renewed = {},
                                     .reason = "mona asked for changes",
                                     .comment_id = "500",
                                     .thread = thread(1)});
    pass(std::chrono::seconds(6));
    const auto claim = book.claim({});
    REQUIRE(claim);
    (void)book.carry_out(stop_of(id));
    (void)book.carry_out(bot::EndReview{.job = id, .merged = true, .reason = "The pull request was merged."});
    book.finish(claim->lease, {.signal = Signal::stop, .reason = "stopped"});
    CHECK(job(id).state == JobState::merged);
    CHECK(said_of(post_all()) == std::vector<std::string>{"The pull request was merged.", "eyes", "rocket"});
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "a comment that was heard, and a label that is still to be taken off, are known") {
    auto& book = open();
    auto by_label = start(1);
    by_label.label = "agent";
    CHECK_FALSE(book.label_coming_off(thread(1), "agent"));
    const auto id = book.carry_out(by_label).value();
    CHECK(book.label_coming_off(thread(1), "agent"));
    CHECK_FALSE(book.label_coming_off(thread(2), "agent"));
    CHECK_FALSE(book.label_coming_off(thread(1), "agent:other"));
    (void)post_all();
    CHECK_FALSE(book.label_coming_off(thread(1), "agent"));  // set again, it is another request
    CHECK_FALSE(book.heard(thread(1), "501"));
    (void)book.carry_out(stop_of(id));
    CHECK(book.heard(thread(1), "501"));
    CHECK_FALSE(book.heard(thread(1), "502"));
    CHECK_FALSE(book.heard(thread(1, "another"), "501"));
}

TEST_CASE_FIXTURE(LedgerFixture, "an end of the issue that was undone before it is told ends nothing") {
    auto& book = open();
    const auto id = book.carry_out(start(1)).value();
    bot::Facts facts{.permission = integrations::Permission::write,
                     .repository_allowed = true,
                     .active_job = book.job(id),
                     .issue = integrations::IssueSnapshot{.title = "t", .labels = {"Agent"}}};
    const bot::Request closed = bot::IssueOver{
        .issue = thread(1), .how = "the issue was closed", .by = {}, .closed = true, .label = {}};
    const bot::Request taken_off =
        bot::IssueOver{.issue = thread(1), .how = "the label was taken off", .by = {}, .label = "agent"};
    for (const auto& over : {closed, taken_off})
        CHECK(std::holds_alternative<bot::Ignore>(decide(over, facts, {})));
    facts.issue->labels.clear();
    facts.issue->open = false;
    for (const auto& over : {closed, taken_off})
        CHECK(std::holds_alternative<bot::Stop>(decide(over, facts, {})));
    facts.issue.reset();  // it cannot be seen any more
    for (const auto& over : {closed, taken_off})
        CHECK(std::holds_alternative<bot::Stop>(decide(over, facts, {})));
}
