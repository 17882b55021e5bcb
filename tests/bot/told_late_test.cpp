// What was true when it was said, and is not when it is heard.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "bot/intent.hpp"
#include "bot/ledger_inside.hpp"
#include "bot/report.hpp"
#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
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
    const auto posted = post_all();
    CHECK(said_of(posted) == std::vector<std::string>{"The pull request was merged.", "eyes", "rocket"});
    for (const auto& each : posted)  // on the issue, where it was said
        if (each.comment_id == "501") CHECK(each.thread == thread(1));
}

TEST_CASE_FIXTURE(
    LedgerFixture,
    "a comment that was heard is known, also one on the pull request that asked for another job") {
    auto& book = open();
    const auto id = book.carry_out(start(1)).value();
    CHECK_FALSE(book.heard(thread(1), "501"));
    (void)book.carry_out(stop_of(id));
    CHECK(book.heard(thread(1), "501"));
    CHECK_FALSE(book.heard(thread(1), "502"));
    CHECK_FALSE(book.heard(thread(1, "another"), "501"));
    auto again = start(1);
    again.comment_id = "503";
    again.asked_on = pull_request(101);
    REQUIRE(book.carry_out(again));
    CHECK(book.heard(pull_request(101), "503"));
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

namespace {

constexpr bot::Time noon = bot::Time(std::chrono::milliseconds(1'800'000'000'000));

/// "Nothing to stop", as it is decided while no job is at work.
bot::Answer nothing_to_stop(bot::Time at, const std::string& comment) {
    return {.thread = LedgerFixture::thread(1),
            .answer = "No job is at work here.",
            .marker = "answer issue=1 comment=" + comment,
            .comment_id = comment,
            .reason = "nothing to stop",
            .stop = bot::Word{.at = at, .by = "mona", .comment_id = comment},
            .issue = LedgerFixture::thread(1)};
}

bot::Start asked_for_at(bot::Time at, const std::string& comment = {}) {
    auto begin = LedgerFixture::start(1);
    begin.asked = bot::Word{.at = at, .by = "mona", .comment_id = comment};
    if (!comment.empty()) begin.comment_id = comment;
    return begin;
}

}  // namespace

TEST_CASE_FIXTURE(LedgerFixture, "what was said last about an issue is known, in whatever order it is told") {
    auto& book = open();
    CHECK_FALSE(book.said(thread(1)).asked);
    CHECK_FALSE(book.said(thread(1)).stop);
    (void)book.carry_out(nothing_to_stop(noon + 10s, "502"));
    (void)book.carry_out(nothing_to_stop(noon, "501"));
    REQUIRE(book.said(thread(1)).stop);
    CHECK(book.said(thread(1)).stop->at == noon + 10s);
    CHECK(book.said(thread(1)).stop->comment_id == "502");
    CHECK_FALSE(book.said(thread(2)).stop);
    (void)book.carry_out(asked_for_at(noon + 5s));
    REQUIRE(book.said(thread(1)).asked);
    CHECK(book.said(thread(1)).asked->at == noon + 5s);
}

TEST_CASE_FIXTURE(
    LedgerFixture,
    "what people asked for before they said stop is stopped as it begins, what came after it goes on") {
    const auto begun = [this](const bot::Start& wanted) {
        auto& book = open();
        (void)book.carry_out(nothing_to_stop(noon, "99"));
        const auto id = book.carry_out(wanted).value();
        const auto found = job(id);
        if (found.state == JobState::stopped) CHECK(found.reason == "Stopped by `mona`.");
        return found.state;
    };
    SUBCASE("the label") { CHECK(begun(asked_for_at(noon - 1s)) == JobState::stopped); }
    SUBCASE("the label, within the same second") { CHECK(begun(asked_for_at(noon)) == JobState::stopped); }
    SUBCASE("the label, after it") { CHECK(begun(asked_for_at(noon + 1s)) == JobState::queued); }
    SUBCASE("the label, and nobody says when") { CHECK(begun(start(1)) == JobState::queued); }
    SUBCASE("a comment") { CHECK(begun(asked_for_at(noon - 1s, "98")) == JobState::stopped); }
    SUBCASE("the comment before") { CHECK(begun(asked_for_at(noon, "98")) == JobState::stopped); }
    SUBCASE("the comment after") { CHECK(begun(asked_for_at(noon, "100")) == JobState::queued); }
    SUBCASE("below it in the same comment") { CHECK(begun(asked_for_at(noon, "99")) == JobState::queued); }
    SUBCASE("a later comment") { CHECK(begun(asked_for_at(noon + 1s, "100")) == JobState::queued); }
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "stop ends also the job that began while it was decided that none is at work") {
    auto& book = open();
    const auto id = book.carry_out(asked_for_at(noon)).value();
    SUBCASE("a stop from before it leaves it alone") {
        CHECK_FALSE(book.carry_out(nothing_to_stop(noon - 1s, "501")));
        CHECK(job(id).state == JobState::queued);
        CHECK(said_of(post_all()) == std::vector<std::string>{"No job is at work here.", "eyes", "rocket"});
    }
    SUBCASE("a stop after it ends it") {
        CHECK(book.carry_out(nothing_to_stop(noon + 1s, "501")) == id);
        CHECK(job(id).state == JobState::stopped);
        CHECK(job(id).reason == "Stopped by `mona`.");
        CHECK(said_of(post_all()) == std::vector<std::string>{"eyes", "rocket"});
    }
    SUBCASE("a stop of the job before it ends it too") {
        (void)book.carry_out(
            bot::Stop{.job = id, .reason = "by mona", .comment_id = {}, .thread = thread(1), .too_late = {}});
        const auto next = book.carry_out(asked_for_at(noon + 1s)).value();
        auto late = stop_of(id);
        late.said = bot::Word{.at = noon + 2s, .by = "mona", .comment_id = "501"};
        late.too_late->stop = late.said;
        late.too_late->issue = thread(1);
        CHECK(book.carry_out(late) == next);
        CHECK(job(next).state == JobState::stopped);
    }
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "stop, or an end of the issue, from before the job was asked for leaves it alone") {
    auto& book = open();
    const auto id = book.carry_out(start(1)).value();
    bot::Facts facts{.permission = integrations::Permission::write,
                     .repository_allowed = true,
                     .active_job = book.job(id)};
    facts.said.asked = bot::Word{.at = now(), .by = "mona", .comment_id = "6"};
    const auto stop = [&](integrations::Moment at) {
        return decide(bot::AskStop{.thread = thread(1), .by = {.login = "mona"}, .comment_id = "5", .at = at},
                      facts, {});
    };
    const auto locked = [&](integrations::Moment at) {
        return decide(
            bot::IssueOver{.issue = thread(1), .how = "the conversation was locked", .by = {}, .at = at},
            facts, {});
    };
    REQUIRE(std::holds_alternative<bot::Answer>(stop(now())));  // it is comment 5, that was 6
    REQUIRE(std::holds_alternative<bot::Answer>(stop(now() - 1s)));
    CHECK(std::get<bot::Answer>(stop(now() - 1s)).answer == bot::report::stop_said_before());
    CHECK(std::holds_alternative<bot::Over>(locked(now() - 1s)));
    CHECK(std::holds_alternative<bot::Stop>(locked(now())));  // it counts as done after all of its second
    for (const integrations::Moment at : {integrations::Moment(now() + 1s), integrations::Moment()}) {
        CHECK(std::holds_alternative<bot::Stop>(stop(at)));
        CHECK(std::holds_alternative<bot::Stop>(locked(at)));
    }
    facts.said.asked->comment_id.clear();  // a label, set within the same second
    CHECK(std::holds_alternative<bot::Stop>(stop(now())));
}

TEST_CASE_FIXTURE(LedgerFixture, "who asks while another job begins is told so, and the label comes off") {
    auto& book = open();
    (void)book.carry_out(start(1));
    (void)post_all();
    SUBCASE("with a comment") {
        auto wanted = start(1);
        wanted.comment_id = "501";
        CHECK_FALSE(book.carry_out(wanted));
        const auto said = said_of(post_all());
        REQUIRE(said.size() == 2);
        CHECK(said.back() == "thumbs_down");
    }
    SUBCASE("with a label") {
        auto wanted = start(1);
        wanted.label = "agent";
        CHECK_FALSE(book.carry_out(wanted));
        const auto reports = post_all();
        CHECK(std::ranges::find(reports, "off:agent", &bot::Report::marker) != reports.end());
    }
}

TEST_CASE("the stop of somebody who may not write reaches the job that they asked for, and no other one") {
    bot::Facts facts{.permission = integrations::Permission::read, .repository_allowed = true};
    facts.active_job = bot::Job{.id = bot::JobId{1}, .state = JobState::closed};
    facts.active_job->assignment.requested_by = {.login = "mona", .id = "9"};
    const bot::AskStop ask{.thread = LedgerFixture::pull_request(101),
                           .by = {.login = "mona", .id = "9"},
                           .comment_id = "5",
                           .at = noon};
    auto intent = decide(ask, facts, {});
    REQUIRE(std::holds_alternative<bot::Answer>(intent));
    CHECK_FALSE(std::get<bot::Answer>(intent).stop);
    facts.active_job->state = JobState::working;
    intent = decide(ask, facts, {});
    REQUIRE(std::holds_alternative<bot::Stop>(intent));
    CHECK_FALSE(std::get<bot::Stop>(intent).said);
}

TEST_CASE_FIXTURE(LedgerFixture, "of several commands in a delivery each is carried out once") {
    auto& book = open();
    REQUIRE(book.record(delivery("two")) == bot::Ledger::Recorded::fresh);
    auto hand = book.next_delivery();
    REQUIRE(hand);
    CHECK(hand->carried_out == 0);
    REQUIRE(book.carry_out(hand->id, start(1)));
    book.postpone(hand->id, now(), "the forge is down");
    hand = book.next_delivery();
    REQUIRE(hand);
    CHECK(hand->carried_out == 1);
    CHECK(book.settle(hand->id, start(2)));
    CHECK_FALSE(book.carry_out(hand->id, start(3)));
    CHECK_FALSE(book.active_job(thread(3)));
}
