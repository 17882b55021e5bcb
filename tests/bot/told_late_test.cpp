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

TEST_CASE_FIXTURE(LedgerFixture, "what was said last about an issue is known, in whatever order it is told") {
    auto& book = open();
    const auto noon = now();
    CHECK_FALSE(book.said(thread(1)).asked);
    CHECK_FALSE(book.said(thread(1)).stop);
    const auto stop_at = [&](bot::Time at, const std::string& comment) {
        return bot::Answer{
            .thread = thread(1),
            .answer = "No job is at work here.",
            .marker = "answer issue=1 comment=" + comment,
            .comment_id = comment,
            .reason = "nothing to stop",
            .stop = bot::SaidStop{.issue = thread(1), .at = at, .by = "mona", .comment_id = comment}};
    };
    (void)book.carry_out(stop_at(noon + 10s, "502"));
    (void)book.carry_out(stop_at(noon, "501"));
    REQUIRE(book.said(thread(1)).stop);
    CHECK(book.said(thread(1)).stop->at == noon + 10s);
    CHECK(book.said(thread(1)).stop->comment_id == "502");
    CHECK_FALSE(book.said(thread(2)).stop);
    auto begin = start(1);
    begin.at = noon + 5s;
    begin.stopped_by = "mona";
    const auto id = book.carry_out(begin).value();
    CHECK(book.said(thread(1)).asked == noon + 5s);
    CHECK(job(id).state == JobState::stopped);
    CHECK(job(id).reason == "Stopped by `mona`.");
}

TEST_CASE("what people asked for before they said stop is over, and what they asked for after it is not") {
    const LedgerFixture fixture;
    const auto issue = LedgerFixture::thread(1);
    const bot::Time noon = bot::from_ms(1'800'000'000'000);
    bot::Facts facts{.permission = integrations::Permission::write,
                     .repository_allowed = true,
                     .issue = integrations::IssueSnapshot{.title = "t", .labels = {"agent"}},
                     .base_branch = "main",
                     .base_commit = std::string(40, 'a')};
    facts.repository = issue.repo;
    facts.said.stop = bot::SaidStop{.issue = issue, .at = noon, .by = "ada", .comment_id = "99"};
    const config::Settings settings;
    const auto stopped_by = [&](const bot::AskStart& ask) {
        const auto intent = decide(ask, facts, settings);
        REQUIRE(std::holds_alternative<bot::Start>(intent));
        return std::get<bot::Start>(intent).stopped_by;
    };
    const auto label = [&](integrations::Moment at) {
        return bot::AskStart{.issue = issue, .by = {.login = "mona"}, .label = "agent", .at = at};
    };
    const auto comment = [&](integrations::Moment at, const std::string& id) {
        return bot::AskStart{.issue = issue, .by = {.login = "mona"}, .comment_id = id, .at = at};
    };
    CHECK(stopped_by(label(noon - 1s)) == "ada");
    CHECK(stopped_by(label(noon)) == "ada");  // which came first within a second is not known
    CHECK(stopped_by(label(noon + 1s)).empty());
    CHECK(stopped_by(label({})).empty());  // the forge does not say when
    CHECK(stopped_by(comment(noon - 1s, "98")) == "ada");
    CHECK(stopped_by(comment(noon, "98")) == "ada");
    CHECK(stopped_by(comment(noon, "100")).empty());
    CHECK(stopped_by(comment(noon, "99")).empty());  // below it in the same comment
    CHECK(stopped_by(comment(noon + 1s, "100")).empty());
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "stop, or an end of the issue, from before the job was asked for leaves it alone") {
    auto& book = open();
    const auto id = book.carry_out(start(1)).value();
    bot::Facts facts{.permission = integrations::Permission::write,
                     .repository_allowed = true,
                     .active_job = book.job(id)};
    facts.said.asked = now();
    const auto stop = [&](integrations::Moment at) {
        return decide(bot::AskStop{.thread = thread(1), .by = {.login = "mona"}, .comment_id = "5", .at = at},
                      facts, {});
    };
    const auto locked = [&](integrations::Moment at) {
        return decide(
            bot::IssueOver{.issue = thread(1), .how = "the conversation was locked", .by = {}, .at = at},
            facts, {});
    };
    REQUIRE(std::holds_alternative<bot::Answer>(stop(now() - 1s)));
    CHECK(std::get<bot::Answer>(stop(now() - 1s)).answer == bot::report::stop_said_before());
    CHECK(std::holds_alternative<bot::Ignore>(locked(now() - 1s)));
    for (const integrations::Moment at :
         {integrations::Moment(now()), integrations::Moment(now() + 1s), integrations::Moment()}) {
        CHECK(std::holds_alternative<bot::Stop>(stop(at)));
        CHECK(std::holds_alternative<bot::Stop>(locked(at)));
    }
}

TEST_CASE("a label that is still to be taken off is another request when it was set again, and else a copy") {
    const bot::Time noon = bot::from_ms(1'800'000'000'000);
    bot::Facts facts{.permission = integrations::Permission::write,
                     .repository_allowed = true,
                     .issue = integrations::IssueSnapshot{.title = "t", .labels = {"agent"}},
                     .base_branch = "main",
                     .base_commit = std::string(40, 'a')};
    facts.label_coming_off = true;
    facts.said.asked = noon;
    const auto label = [&](integrations::Moment at) {
        return decide(
            bot::AskStart{
                .issue = LedgerFixture::thread(1), .by = {.login = "mona"}, .label = "agent", .at = at},
            facts, {});
    };
    CHECK(std::holds_alternative<bot::Ignore>(label(noon)));
    CHECK(std::holds_alternative<bot::Ignore>(label({})));
    CHECK(std::holds_alternative<bot::Start>(label(noon + 1s)));
}
