#include <doctest/doctest.h>

#include <algorithm>

#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::Report;

namespace {

std::string kinds(const std::vector<Report>& reports) {
    std::string text;
    for (const auto& report : reports) text += "SLRA"[static_cast<int>(report.kind)];
    return text;
}

}  // namespace

TEST_CASE_FIXTURE(LedgerFixture, "a job that starts gets eyes, labels and a status comment, in this order") {
    auto& book = open();
    auto asked = start(1);
    asked.comment_id = "555";
    const auto id = book.carry_out(asked).value();
    const auto said = post_all();
    REQUIRE(kinds(said) == "RLS");
    CHECK(said[0].body == "eyes");
    CHECK(said[0].comment_id == "555");
    CHECK(said[0].thread == thread(1));
    CHECK(said[1].job == id);
    CHECK(said[2].job == id);
    CHECK(said[2].marker == "job-1-status");
    CHECK(post_all().empty());
}

TEST_CASE_FIXTURE(LedgerFixture, "every change of state is told at once, and the comment is the same one") {
    auto& book = open({.report_gap = 15s});
    const auto claim = working();
    const auto first = post_all();
    book.store_verdict(claim.lease, "{}", "b");
    const auto second = post_all();
    CHECK(kinds(second) == "LS");
    CHECK(second[1].id == first[2].id);
    CHECK(second[1].remote_id == "remote-" + std::to_string(first[2].id));
    book.finish(claim.lease, {.signal = bot::Signal::fail, .reason = "refused"});
    CHECK(kinds(post_all()) == "LS");
}

TEST_CASE_FIXTURE(LedgerFixture, "progress is told every fifteen seconds at most") {
    auto& book = open({.report_gap = 15s});
    const auto claim = working();
    (void)post_all();
    pass(5s);
    for (const auto* phase : {"workspace", "setup", "agent"}) book.phase(claim.lease, phase);
    CHECK(post_all().empty());
    pass(10s);
    CHECK(kinds(post_all()) == "S");
    pass(1min);
    book.phase(claim.lease, "checks");
    CHECK(kinds(post_all()) == "S");
    book.phase(claim.lease, "checks");
    pass(1min);
    CHECK(post_all().empty());
}

TEST_CASE_FIXTURE(LedgerFixture, "what changed while it was being said is said again") {
    auto& book = open({.report_gap = 15s});
    const auto claim = working();
    (void)post_all();
    book.store_verdict(claim.lease, "{}", "b");
    (void)book.next_report();  // labels
    const auto in_flight = book.next_report();
    REQUIRE(in_flight);
    REQUIRE(in_flight->kind == Report::Kind::status);
    SUBCASE("a change of state, at once") {
        book.finish(claim.lease, {.signal = bot::Signal::fail, .reason = "refused"});
        CHECK_FALSE(book.next_report());  // not twice at the same time
        book.posted(*in_flight, "r");
        const auto again = book.next_report();
        REQUIRE(again);
        CHECK(again->id == in_flight->id);
        CHECK(again->version > in_flight->version);
    }
    SUBCASE("progress, after the gap") {
        book.phase(claim.lease, "push");
        book.posted(*in_flight, "r");
        CHECK_FALSE(book.next_report());
        pass(15s);
        CHECK(book.next_report()->id == in_flight->id);
    }
    SUBCASE("nothing: no more") {
        book.posted(*in_flight, "r");
        pass(1min);
        CHECK_FALSE(book.next_report());
    }
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "a report that the forge does not take waits, for days if need be, and keeps its age") {
    auto& book = open();
    (void)book.carry_out(start(1));
    const auto began = now();
    (void)book.next_report();
    (void)book.next_report();
    for (int i = 1; i <= 100; ++i) {
        const auto report = book.next_report();
        REQUIRE(report);
        CHECK(report->attempts == i);
        CHECK(report->created_at == began);
        book.postpone(*report, now() + 1h, "the forge is down");
        CHECK_FALSE(book.next_report().has_value());
        pass(1h);
        // The other two were handed out and forgotten: they come back first.
        if (i == 1) {
            for (int forgotten = 0; forgotten < 2; ++forgotten) book.posted(book.next_report().value(), "");
        }
    }
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "a report that cannot be said is given up, until there is something new to say") {
    auto& book = open();
    const auto claim = working();
    while (const auto report = book.next_report()) book.give_up(*report, "403");
    pass(1h);
    CHECK_FALSE(book.next_report());
    CHECK(book.figures().reports_waiting == 0);
    book.finish(claim.lease, {.signal = bot::Signal::fail, .reason = "no"});
    CHECK(kinds(post_all()) == "LS");
}

TEST_CASE_FIXTURE(LedgerFixture, "a refusal answers, frowns at the comment and takes the label off, once") {
    auto& book = open();
    const bot::Refuse no{.thread = thread(1),
                         .answer = "Only people with write permission can start a job.",
                         .reason = "no permission",
                         .marker = "refused-9",
                         .comment_id = "9",
                         .take_label_off = true,
                         .label = "agent:fast"};
    CHECK_FALSE(book.carry_out(no));
    const auto said = post_all();
    REQUIRE(kinds(said) == "RLA");
    CHECK(said[0].body == "thumbs_down");
    CHECK(said[1].body == "agent:fast");
    CHECK_FALSE(said[1].job);
    CHECK(said[2].body == no.answer);
    CHECK(said[2].marker == "refused-9");
    (void)book.carry_out(no);
    CHECK(kinds(post_all()) == "L");  // the label was set again; the words are the same
}

TEST_CASE_FIXTURE(LedgerFixture, "taking a label off does not take the state label of the issue's job") {
    auto& book = open();
    const auto id = book.carry_out(start(1)).value();
    (void)post_all();
    (void)book.carry_out(bot::Refuse{.thread = thread(1),
                                     .answer = "",
                                     .reason = "active",
                                     .marker = "m",
                                     .comment_id = {},
                                     .take_label_off = true,
                                     .label = "agent"});
    const auto said = post_all();
    REQUIRE(kinds(said) == "L");
    CHECK(said[0].job == id);
}

TEST_CASE_FIXTURE(LedgerFixture, "an answer is said once, and again only with other words") {
    auto& book = open();
    bot::Answer words{.thread = thread(1),
                      .answer = "You are third.",
                      .marker = "status-4",
                      .comment_id = "4",
                      .reason = "asked"};
    (void)book.carry_out(words);
    CHECK(kinds(post_all()) == "RRA");  // heard, and done
    (void)book.carry_out(words);
    CHECK(post_all().empty());
    words.answer = "You are second.";
    (void)book.carry_out(words);
    CHECK(kinds(post_all()) == "A");
}

TEST_CASE_FIXTURE(LedgerFixture, "after a crash in the middle of saying something it is due again") {
    (void)open().carry_out(start(1));
    while (ledger->next_report()) {
    }
    auto& book = open();
    CHECK_FALSE(book.next_report());
    (void)book.take_over();
    CHECK(kinds(post_all()) == "RLS");
}

TEST_CASE_FIXTURE(LedgerFixture, "a person is answered first, ends are told next, and progress last") {
    auto& book = open({.report_gap = 0s});
    const auto slow = working(1);
    const auto done = working(2);
    (void)post_all();
    pass(1s);
    book.phase(slow.lease, "agent");  // progress is the oldest wish of all
    pass(1s);
    const auto waiting = book.carry_out(start(3)).value();
    pass(1s);
    book.finish(done.lease, {.signal = bot::Signal::fail, .reason = "refused"});
    pass(1s);
    (void)book.carry_out(bot::Answer{
        .thread = thread(9), .answer = "Hello.", .marker = "help-1", .comment_id = "1", .reason = "asked"});
    const auto said = post_all();
    REQUIRE(kinds(said) == "RRRALSLSS");
    CHECK(said[0].thread == thread(3));  // the eyes on the third issue
    CHECK(said[3].body == "Hello.");
    CHECK(said[4].job == done.job.id);
    CHECK(said[5].job == done.job.id);
    CHECK(said[7].job == waiting);
    CHECK(said[8].job == slow.job.id);
}

TEST_CASE_FIXTURE(LedgerFixture, "what the forge would not take does not hold up the rest") {
    auto& book = open();
    (void)book.carry_out(start(1));
    const auto refused = book.next_report().value();
    book.postpone(refused, now() + 1s, "503");
    pass(2s);
    std::vector<std::int64_t> order;
    while (const auto next = book.next_report()) order.push_back(next->id);
    REQUIRE(order.size() > 1);
    CHECK(order.back() == refused.id);
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "the label that was set is taken off once, not with every state of its job") {
    auto& book = open();
    auto asked = start(1);
    asked.label = "agent:deep";
    (void)book.carry_out(asked);
    const auto offs = [](const std::vector<bot::Report>& said) {
        return std::ranges::count(said, std::string("agent:deep"), &bot::Report::body);
    };
    CHECK(offs(post_all()) == 1);
    const auto claim = book.claim({}).value();
    book.finish(claim.lease, {.signal = bot::Signal::fail, .reason = "refused"});
    pass(1min);
    const auto later = post_all();
    CHECK(kinds(later).contains('L'));
    CHECK(offs(later) == 0);
}

TEST_CASE_FIXTURE(LedgerFixture, "each forge has its own line of reports") {
    auto& book = open();
    auto elsewhere = start(1);
    elsewhere.assignment.issue.repo.forge = "elsewhere";
    (void)book.carry_out(elsewhere);
    pass(1s);
    (void)book.carry_out(start(2));
    for (int i = 0; i < 3; ++i) CHECK(book.next_report("github")->thread.repo.forge == "github");
    CHECK_FALSE(book.next_report("github"));
    CHECK(book.next_report("elsewhere")->thread.repo.forge == "elsewhere");
}

TEST_CASE_FIXTURE(LedgerFixture, "what was to be said on a forge that is gone is given up, the rest is not") {
    auto& book = open();
    auto elsewhere = start(1);
    elsewhere.assignment.issue.repo.forge = "elsewhere";
    (void)book.carry_out(elsewhere);
    (void)book.carry_out(start(2));
    CHECK(book.give_up_reports_beyond({"github", "other"}) == 3);
    CHECK(book.give_up_reports_beyond({"github", "other"}) == 0);
    CHECK(book.figures().reports_waiting == 3);
    CHECK_FALSE(book.next_report("elsewhere"));
}
