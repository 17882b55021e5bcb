// A request is refused while other work goes on. That work turns out to have been stopped before it: the
// request is decided on again, as it would have been, had stop been told first.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "bot/intent.hpp"
#include "bot/report.hpp"
#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::JobState;

namespace {

/// Work goes on that was asked for now; later is said by `said_after`.
struct Busy : LedgerFixture {
    bot::Ledger& book = open();
    bot::JobId at_work = begun();

    bot::JobId begun() {
        auto first = start(1);
        first.asked = {.at = now(), .by = "mona", .comment_id = "500"};
        return book.carry_out(first).value();
    }
    /// What a comment or the label asks for then, as it is decided now.
    [[nodiscard]] bot::Intent wanted(std::chrono::seconds said_after, std::optional<std::string> comment,
                                     bool refused_before = false) const {
        const bool by_label = !comment;
        bot::Facts facts{.permission = integrations::Permission::write,
                         .repository_allowed = true,
                         .active_job = book.active_job(thread(1)),
                         .issue = integrations::IssueSnapshot{.title = "t"},
                         .base_branch = "main",
                         .base_commit = std::string(40, 'a'),
                         .said = book.said(thread(1))};
        if (by_label && !refused_before) facts.issue->labels = {"agent"};
        return decide(bot::AskStart{.issue = thread(1),
                                    .by = {.login = "mona", .id = "9"},
                                    .comment_id = std::move(comment),
                                    .label = by_label ? "agent" : "",
                                    .at = now_at_first + said_after,
                                    .refused_before = refused_before},
                      facts, {});
    }
    /// Told by a delivery of that name, and decided on.
    void tell(const std::string& name, const bot::Intent& what) {
        REQUIRE(book.record(delivery(name)) == bot::Ledger::Recorded::fresh);
        const auto hand = book.next_delivery();
        REQUIRE(hand);
        CHECK_FALSE(hand->refused_before);
        (void)book.settle(hand->id, what);
    }
    [[nodiscard]] bot::Stop stop(std::chrono::seconds said_after, const std::string& comment = "550") const {
        return {.job = at_work,
                .reason = "Stopped by mona.",
                .comment_id = comment.empty() ? std::nullopt : std::optional(comment),
                .thread = thread(1),
                .at = now_at_first + said_after,
                .too_late = {}};
    }
    /// What is in the inbox within two seconds.
    std::optional<bot::StoredDelivery> comes_back() {
        pass(2s);
        return book.next_delivery();
    }

    bot::Time now_at_first = now();
};

}  // namespace

TEST_CASE_FIXTURE(Busy,
                  "a run that was refused is heard again when the work is stopped that was in its way") {
    tell("run", wanted(60s, "600"));
    CHECK(job(at_work).state == JobState::queued);
    CHECK_FALSE(comes_back());
    tell("stop", stop(30s));
    CHECK(job(at_work).state == JobState::stopped);
    const auto again = comes_back();
    REQUIRE(again);
    CHECK(again->delivery.delivery_id() == "run");
    CHECK(again->refused_before);
    const auto begun = book.settle(again->id, wanted(60s, "600", true));
    REQUIRE(begun);
    CHECK(job(*begun).state == JobState::queued);
    CHECK_FALSE(comes_back());
}

TEST_CASE_FIXTURE(Busy, "a run that was refused and said before stop stays refused") {
    tell("run", wanted(60s, "600"));
    SUBCASE("a minute before") { tell("stop", stop(120s, "650")); }
    SUBCASE("a moment before") { tell("stop", stop(60s, "601")); }
    SUBCASE("in the same comment") { tell("stop", stop(60s, "600")); }
    CHECK(job(at_work).state == JobState::stopped);
    CHECK_FALSE(comes_back());
}

TEST_CASE_FIXTURE(Busy, "a label that was refused is heard again, though we took it off, and once") {
    tell("label", wanted(60s, std::nullopt));
    const auto reports = post_all();
    CHECK(std::ranges::find(reports, "off:agent", &bot::Report::marker) != reports.end());
    SUBCASE("after a stop") { tell("stop", stop(30s)); }
    SUBCASE("after what ended the issue within the same second") { tell("locked", stop(60s, "")); }
    const auto again = comes_back();
    REQUIRE(again);
    REQUIRE(book.settle(again->id, wanted(60s, std::nullopt, true)));
    // The same one, told by another hook.
    CHECK(std::holds_alternative<bot::Ignore>(wanted(60s, std::nullopt)));
    CHECK_FALSE(comes_back());
}

TEST_CASE_FIXTURE(Busy, "of several that were refused the first that was said after stop is heard again") {
    tell("third", wanted(90s, "900"));
    tell("first", wanted(30s, "300"));
    tell("second", wanted(60s, "600"));
    tell("stop", stop(45s, "450"));
    auto again = comes_back();
    REQUIRE(again);
    CHECK(again->delivery.delivery_id() == "second");
    at_work = book.settle(again->id, wanted(60s, "600", true)).value();
    CHECK_FALSE(comes_back());
    tell("stop once more", stop(75s, "750"));
    again = comes_back();
    REQUIRE(again);
    CHECK(again->delivery.delivery_id() == "third");
}

TEST_CASE_FIXTURE(Busy, "a run said while stopped work is ending is not refused: it waits for the end") {
    const auto claim = book.claim({});
    REQUIRE(claim);
    tell("stop", stop(30s));
    CHECK(job(at_work).state == JobState::working);
    (void)post_all();
    tell("run", wanted(60s, "600"));
    for (int seconds = 0; seconds < 3; ++seconds) {
        const auto again = comes_back();
        REQUIRE(again);
        CHECK(again->refused_before);
        (void)book.settle(again->id, wanted(60s, "600", true));
    }
    for (const auto& each : post_all()) CHECK(each.kind != bot::Report::Kind::answer);
    book.finish(claim->lease, {.signal = bot::Signal::stop, .reason = "Stopped by mona."});
    const auto again = comes_back();
    REQUIRE(again);
    CHECK(book.settle(again->id, wanted(60s, "600", true)));
}

TEST_CASE_FIXTURE(Busy, "a run for which another job has begun meanwhile is decided on again") {
    (void)book.carry_out(stop(30s));
    const auto decided = wanted(60s, "600");
    REQUIRE(std::holds_alternative<bot::Start>(decided));
    (void)book.carry_out(start(1));  // by a sweep
    tell("run", decided);
    (void)post_all();
    const auto again = comes_back();
    REQUIRE(again);
    const auto then = wanted(60s, "600", true);
    REQUIRE(std::holds_alternative<bot::Refuse>(then));
    (void)book.settle(again->id, then);
    const auto said = post_all();
    CHECK(std::ranges::find(said, bot::Report::Kind::answer, &bot::Report::kind) != said.end());
    CHECK_FALSE(comes_back());
}

TEST_CASE_FIXTURE(Busy, "work that ends by itself before its stop is told leaves room for what came after") {
    tell("run", wanted(60s, "600"));
    const auto claim = book.claim({});
    REQUIRE(claim);
    book.finish(claim->lease, {.signal = bot::Signal::nothing, .reason = "nothing to change"});
    tell("stop", bot::Answer{.thread = thread(1),
                             .answer = "No job is at work here.",
                             .marker = "answer issue=1 comment=550",
                             .comment_id = "550",
                             .reason = "nothing to stop",
                             .stop = bot::Word{.at = now_at_first + 30s, .by = "mona", .comment_id = "550"},
                             .issue = thread(1)});
    const auto again = comes_back();
    REQUIRE(again);
    CHECK(again->delivery.delivery_id() == "run");
}

TEST_CASE_FIXTURE(Busy, "of a comment with several commands those from the refused one on are heard again") {
    REQUIRE(book.record(delivery("two")) == bot::Ledger::Recorded::fresh);
    const auto hand = book.next_delivery();
    REQUIRE(hand);
    (void)book.carry_out(hand->id, bot::Ignore{"talk"});
    (void)book.carry_out(hand->id, wanted(60s, "600"));
    (void)book.carry_out(stop(30s));
    CHECK_FALSE(comes_back());  // it is in hand still
    (void)book.settle(hand->id, bot::Ignore{"talk"});
    const auto again = comes_back();
    REQUIRE(again);
    CHECK(again->carried_out == 1);
    CHECK(again->refused_before);
}
