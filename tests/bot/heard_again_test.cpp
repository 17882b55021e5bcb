// A request is refused while other work goes on. That work turns out to have been ended before it: the
// request is decided on again, as it would have been, had the end been told first.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "bot/intent.hpp"
#include "bot/report.hpp"
#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::JobState;

namespace {

/// Work goes on that was asked for at noon; what else is said is said some seconds later.
struct Busy : LedgerFixture {
    bot::Ledger& book = open();
    bot::Time noon = now();
    bot::JobId at_work = begun();

    bot::JobId begun() {
        auto first = start(1);
        first.asked = {.at = noon, .by = "mona", .comment_id = "500"};
        return book.carry_out(first).value();
    }
    [[nodiscard]] bot::Facts facts() const {
        return {.permission = integrations::Permission::write,
                .repository_allowed = true,
                .active_job = book.active_job(thread(1)),
                .issue = integrations::IssueSnapshot{.title = "t"},
                .base_branch = "main",
                .base_commit = std::string(40, 'a'),
                .said = book.said(thread(1)),
                .now = now()};
    }
    /// `run` in a comment, as it is decided now.
    [[nodiscard]] bot::Intent run(std::chrono::seconds later, const std::string& comment,
                                  int tries = 1) const {
        return decide(bot::AskStart{.issue = thread(1),
                                    .by = {.login = "mona", .id = "9"},
                                    .comment_id = comment,
                                    .tries = tries,
                                    .at = noon + later},
                      facts(), {});
    }
    /// The label, which is on the issue, or was taken off by us.
    [[nodiscard]] bot::Intent label(std::chrono::seconds later, bool revived = false) const {
        auto known = facts();
        if (!revived) known.issue->labels = {"agent"};
        return decide(bot::AskStart{.issue = thread(1),
                                    .by = {.login = "mona", .id = "9"},
                                    .label = "agent",
                                    .at = noon + later,
                                    .label_event = std::to_string(later.count()),
                                    .revived = revived},
                      known, {});
    }
    [[nodiscard]] bot::Intent stop(std::chrono::seconds later, const std::string& comment = "550") const {
        return decide(bot::AskStop{.thread = thread(1),
                                   .by = {.login = "mona", .id = "9"},
                                   .comment_id = comment,
                                   .at = noon + later},
                      facts(), {});
    }
    /// That label taken off, by the issue's record.
    [[nodiscard]] bot::Intent off(std::chrono::seconds later, const std::string& event,
                                  const std::string& which = "agent") const {
        auto known = facts();
        known.label_off = bot::LabelSet{.at = noon + later, .event = event};
        return decide(bot::IssueOver{.issue = thread(1),
                                     .how = "the label was taken off",
                                     .by = {.login = "mona", .id = "9"},
                                     .label = which,
                                     .at = noon + later + 5s},  // the issue was changed once more since
                      known, {});
    }
    [[nodiscard]] bot::Intent locked(std::chrono::seconds later) const {
        auto known = facts();
        known.issue->locked = true;
        return decide(bot::IssueOver{.issue = thread(1),
                                     .how = "the conversation was locked",
                                     .by = {.login = "mona", .id = "9"},
                                     .locked = true,
                                     .at = noon + later},
                      known, {});
    }
    /// Told by a delivery of that name, and decided on.
    std::optional<bot::JobId> tell(const std::string& name, const bot::Intent& what) {
        REQUIRE(book.record(delivery(name)) == bot::Ledger::Recorded::fresh);
        const auto hand = book.next_delivery();
        REQUIRE(hand);
        REQUIRE(hand->delivery.delivery_id() == name);
        CHECK_FALSE(hand->revived);
        return settle(*hand, what);
    }
    std::optional<bot::JobId> settle(const bot::StoredDelivery& hand, const bot::Intent& what) {
        if (const auto* wait = std::get_if<bot::Wait>(&what)) {
            book.wait_for_end(hand.id, wait->job, wait->reason);
            return std::nullopt;
        }
        return book.settle(hand.id, what);
    }
    /// The delivery of that name is in the inbox once more, after a refusal.
    bot::StoredDelivery comes_back(const std::string& name) {
        auto hand = book.next_delivery();
        REQUIRE(hand);
        REQUIRE(hand->delivery.delivery_id() == name);
        CHECK(hand->revived);
        return std::move(*hand);
    }
    [[nodiscard]] bool nothing_comes_back() const { return !book.next_delivery(); }
    /// Reactions and answers, all that is due.
    std::vector<std::string> said() {
        std::vector<std::string> words;
        for (const auto& each : post_all())
            if (each.kind == bot::Report::Kind::answer || each.kind == bot::Report::Kind::reaction)
                words.push_back(each.body);
        return words;
    }
};

bool has(const std::vector<std::string>& said, const std::string& words) {
    return std::ranges::find(said, words) != said.end();
}

}  // namespace

TEST_CASE_FIXTURE(Busy,
                  "a run that was refused counts after all when the work is stopped that was in its way") {
    tell("run", run(60s, "600"));
    CHECK(has(said(), bot::report::already_active(job(at_work))));
    CHECK(nothing_comes_back());
    tell("stop", stop(30s));
    CHECK(job(at_work).state == JobState::stopped);
    CHECK(has(said(), bot::report::heard_after_all()));
    const auto begun = settle(comes_back("run"), run(60s, "600"));
    REQUIRE(begun);
    CHECK(job(*begun).state == JobState::queued);
    CHECK(nothing_comes_back());
}

TEST_CASE_FIXTURE(Busy, "a run that was refused and said before the end of the work stays refused") {
    tell("run", run(60s, "600"));
    SUBCASE("a minute before stop") { tell("stop", stop(120s, "650")); }
    SUBCASE("a moment before stop") { tell("stop", stop(60s, "601")); }
    SUBCASE("in the same comment as stop") { tell("stop", stop(60s, "600")); }
    SUBCASE("before the conversation was locked") { tell("locked", locked(61s)); }
    CHECK(job(at_work).state == JobState::stopped);
    CHECK(nothing_comes_back());
    tell("an older stop", stop(30s, "530"));
    CHECK(nothing_comes_back());
}

TEST_CASE_FIXTURE(Busy, "a label that was refused counts after all, though we took it off, and once") {
    tell("label", label(60s));
    const auto reports = post_all();
    CHECK(std::ranges::find(reports, "off:agent", &bot::Report::marker) != reports.end());
    tell("stop", stop(30s));
    REQUIRE(settle(comes_back("label"), label(60s, true)));
    CHECK(std::holds_alternative<bot::Ignore>(label(60s)));  // the same, told by another hook
    CHECK(nothing_comes_back());
}

TEST_CASE_FIXTURE(
    Busy, "within one second labels count by their events, and a lock as done after all that was said") {
    SUBCASE("another label was taken off before this one was set, which is at work: it goes on") {
        tell("stop", stop(30s));
        at_work = tell("label", label(60s)).value();
        tell("off", off(60s, "59", "agent:other"));
        CHECK(job(at_work).state == JobState::queued);
    }
    SUBCASE("another label was taken off before this one was set, which was refused: it counts") {
        tell("label", label(60s));
        tell("off", off(60s, "59", "agent:other"));
        const auto begun = settle(comes_back("label"), label(60s, true));
        REQUIRE(begun);
        CHECK(job(*begun).state == JobState::queued);
    }
    SUBCASE("another label was taken off after this one was set, which was refused: it does not count") {
        tell("label", label(60s));
        tell("off", off(60s, "61", "agent:other"));
        CHECK(job(at_work).state == JobState::stopped);
        CHECK(nothing_comes_back());
    }
    SUBCASE("a lock") {
        tell("run", run(60s, "600"));
        tell("locked", locked(60s));
        CHECK(nothing_comes_back());
        const auto late = tell("run of the same second, told late", run(60s, "601"));
        REQUIRE(late);
        CHECK(job(*late).state == JobState::stopped);
    }
}

TEST_CASE_FIXTURE(Busy,
                  "a label taken off is remembered: a run said before it and told later ends as it begins") {
    tell("off", off(90s, "90"));
    CHECK(job(at_work).state == JobState::stopped);
    const auto late = tell("run", run(60s, "600"));
    REQUIRE(late);
    CHECK(job(*late).state == JobState::stopped);
    CHECK(job(*late).reason.find("label was taken off") != std::string::npos);
    const auto after = tell("run after it", run(91s, "700"));
    REQUIRE(after);
    CHECK(job(*after).state == JobState::queued);
}

TEST_CASE_FIXTURE(Busy,
                  "a request that was to be decided on again is over with what people ended meanwhile") {
    const auto claim = book.claim({});
    REQUIRE(claim);
    tell("label", label(60s));
    tell("stop", stop(30s));
    (void)settle(comes_back("label"), label(60s, true));  // it waits for the end of the work
    tell("off", off(61s, "61", "agent:other"));
    book.finish(claim->lease, {.signal = bot::Signal::stop, .reason = "Stopped by mona."});
    const auto hand = book.next_delivery();
    REQUIRE(hand);
    CHECK_FALSE(hand->revived);
}

TEST_CASE_FIXTURE(Busy, "one is decided on again at a time, however often the end is told") {
    tell("second", run(60s, "600"));
    tell("third", run(90s, "900"));
    const auto claim = book.claim({});
    REQUIRE(claim);
    tell("locked", locked(30s));
    (void)settle(comes_back("second"), run(60s, "600"));
    tell("locked, by another hook", locked(30s));
    CHECK(nothing_comes_back());
}

TEST_CASE_FIXTURE(Busy, "a delivery that is put aside is not brought back") {
    tell("run", run(60s, "600"));
    tell("stop", stop(30s));
    for (int i = 0; i < 3; ++i) {
        REQUIRE(book.next_delivery());  // and it breaks us
        pass(10min);
    }
    CHECK(nothing_comes_back());
    tell("another", bot::Ignore{"talk"});
    CHECK(nothing_comes_back());
    CHECK(book.figures().deliveries_dead == 1);
}

TEST_CASE_FIXTURE(Busy, "of several that were refused the first that comes to something counts") {
    tell("third", run(90s, "900"));
    tell("second", run(60s, "600", 99));  // more tries than are allowed
    tell("first", run(30s, "300"));
    tell("stop", stop(45s, "450"));
    (void)post_all();
    CHECK_FALSE(settle(comes_back("second"), run(60s, "600", 99)));
    const auto reports = post_all();
    const auto told = std::ranges::find(reports, bot::report::heard_after_all(), &bot::Report::body);
    REQUIRE(told != reports.end());  // to "third", where it was refused
    CHECK(told->thread == thread(1));
    CHECK(told->marker.find("900") != std::string::npos);
    at_work = settle(comes_back("third"), run(90s, "900")).value();
    CHECK(nothing_comes_back());
}

TEST_CASE_FIXTURE(Busy,
                  "what is refused again for the work that counted instead waits for a late end of that") {
    tell("second", run(60s, "600"));
    tell("third", run(90s, "900"));
    tell("stop", stop(30s));
    at_work = settle(comes_back("second"), run(60s, "600")).value();
    CHECK(nothing_comes_back());
    tell("stop once more", stop(75s, "750"));
    CHECK(settle(comes_back("third"), run(90s, "900")));
}

TEST_CASE_FIXTURE(Busy,
                  "a run said while stopped work is ending waits for the end, and nothing is said of it") {
    const auto claim = book.claim({});
    REQUIRE(claim);
    tell("stop", stop(30s));
    CHECK(job(at_work).state == JobState::working);
    (void)post_all();
    tell("run", run(60s, "600"));
    tell("run of another hook", run(60s, "600"));
    CHECK(nothing_comes_back());
    CHECK(said().empty());
    book.finish(claim->lease, {.signal = bot::Signal::stop, .reason = "Stopped by mona."});
    (void)post_all();
    auto hand = book.next_delivery();
    REQUIRE(hand);
    CHECK_FALSE(hand->revived);
    CHECK(book.settle(hand->id, run(60s, "600")));
    hand = book.next_delivery();
    REQUIRE(hand);
    CHECK(book.heard(thread(1), "600"));  // so the other hook's copy is nothing new
    CHECK(said() == std::vector<std::string>{"eyes"});
}

TEST_CASE_FIXTURE(Busy, "work that has ended before the wait for it is written down is not waited for") {
    const auto claim = book.claim({});
    REQUIRE(claim);
    tell("stop", stop(30s));
    const auto decided = run(60s, "600");
    REQUIRE(std::holds_alternative<bot::Wait>(decided));
    book.finish(claim->lease, {.signal = bot::Signal::stop, .reason = "Stopped by mona."});
    tell("run", decided);
    CHECK(book.next_delivery());
}

TEST_CASE_FIXTURE(Busy, "a run that counts after all waits for stopped work that is ending") {
    const auto claim = book.claim({});
    REQUIRE(claim);
    tell("run", run(60s, "600"));
    tell("stop", stop(30s));
    (void)settle(comes_back("run"), run(60s, "600"));
    CHECK(nothing_comes_back());
    book.finish(claim->lease, {.signal = bot::Signal::stop, .reason = "Stopped by mona."});
    CHECK(settle(comes_back("run"), run(60s, "600")));
}

TEST_CASE_FIXTURE(Busy, "work that ends by itself before its end is told leaves room for what came after") {
    tell("run", run(60s, "600"));
    const auto claim = book.claim({});
    REQUIRE(claim);
    book.finish(claim->lease, {.signal = bot::Signal::nothing, .reason = "nothing to change"});
    SUBCASE("stop") { tell("stop", stop(30s)); }
    SUBCASE("the conversation locked") { tell("locked", locked(30s)); }
    CHECK(settle(comes_back("run"), run(60s, "600")));
}

TEST_CASE_FIXTURE(Busy, "a late end of earlier work does not bring back what later work was in the way of") {
    tell("stop", stop(10s, "510"));
    at_work = tell("second", run(40s, "540")).value();
    tell("run", run(60s, "600"));
    const auto claim = book.claim({});
    REQUIRE(claim);
    book.finish(claim->lease, {.signal = bot::Signal::nothing, .reason = "nothing to change"});
    tell("late stop", stop(30s, "530"));
    CHECK(nothing_comes_back());
}

TEST_CASE_FIXTURE(Busy, "a lock is remembered: what was said before it and is told later ends as it begins") {
    tell("locked", locked(90s));
    CHECK(job(at_work).state == JobState::stopped);
    const auto begun = tell("run", run(60s, "600"));
    REQUIRE(begun);
    CHECK(job(*begun).state == JobState::stopped);
    const auto after = tell("run after it", run(91s, "700"));
    REQUIRE(after);
    CHECK(job(*after).state == JobState::queued);
}

TEST_CASE_FIXTURE(Busy,
                  "of a comment with several commands those from the refused one on are decided on again") {
    REQUIRE(book.record(delivery("two")) == bot::Ledger::Recorded::fresh);
    const auto hand = book.next_delivery();
    REQUIRE(hand);
    (void)book.carry_out(hand->id, bot::Ignore{"talk"});
    (void)book.carry_out(hand->id, run(60s, "600"));
    (void)book.carry_out(stop(30s));
    CHECK(nothing_comes_back());  // it is in hand still
    (void)book.settle(hand->id, bot::Ignore{"talk"});
    CHECK(comes_back("two").carried_out == 1);
}
