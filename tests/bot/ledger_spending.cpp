// Money: calls are paid for before they are made, and nothing passes a limit.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <thread>
#include <vector>

#include "bot/ledger.hpp"
#include "tests/bot/ledger_fixture.hpp"

using namespace bot;  // NOLINT: the tests read as sentences
using namespace std::chrono_literals;
using Paid = sandbox::Purse::Answer;

namespace {

constexpr std::uint64_t dollar = 1'000'000;

sandbox::ModelUse cost(std::uint64_t micro_dollars, std::uint64_t tokens = 1) {
    return {.requests = 1, .input_tokens = tokens, .micro_dollars = micro_dollars};
}

config::ModelSettings budgets(double run, double job, double day) {
    config::ModelSettings settings;
    settings.run = {.dollars = run};
    settings.job = {.dollars = job};
    settings.day = {.dollars = day};
    return settings;
}

struct Spending : LedgerFixture {
    /// Another pass each time.
    RunId run(const Lease& lease) {
        return ledger->begin_run(lease, Run::Kind::first, "fast", fmt::format("agent-{}.log", ++passes));
    }
    int passes = 0;
};

}  // namespace

TEST_CASE_FIXTURE(Spending, "what is reserved is as good as spent until it is known what it came to") {
    open();
    const auto claim = working();
    const auto first = run(claim.lease);
    const auto limits = budgets(1, 5, 100);

    const auto granted = ledger->reserve(first, cost(dollar * 6 / 10), limits);
    REQUIRE(granted.reservation.answer == Paid::granted);
    const auto held_up = ledger->reserve(first, cost(dollar / 2), limits);
    CHECK(held_up.reservation.answer == Paid::busy);
    CHECK(held_up.limit == Ledger::Reserved::Limit::run);
    CHECK(ledger->reserve(first, cost(dollar * 2), limits).reservation.answer == Paid::spent);

    ledger->settle_call(granted.reservation.id, cost(dollar / 10));
    CHECK(ledger->spent(claim.job.id).micro_dollars == dollar / 10);
    CHECK(ledger->reserve(first, cost(dollar * 9 / 10), limits).reservation.answer == Paid::granted);
    CHECK(ledger->reserve(first, cost(1), limits).reservation.answer == Paid::busy);
}

TEST_CASE_FIXTURE(Spending, "a job's passes share its budget, and the day's is shared by all jobs") {
    open();
    const auto claim = working(1);
    const auto first = run(claim.lease);
    const auto spend = [&](RunId of, std::uint64_t amount, const config::ModelSettings& limits) {
        const auto reserved = ledger->reserve(of, cost(amount), limits);
        if (reserved.reservation.answer == Paid::granted)
            ledger->settle_call(reserved.reservation.id, cost(amount));
        return reserved;
    };
    CHECK(spend(first, dollar, budgets(1, 1.5, 100)).reservation.answer == Paid::granted);
    const auto second = run(claim.lease);
    const auto over_job = spend(second, dollar, budgets(1, 1.5, 100));
    CHECK(over_job.reservation.answer == Paid::spent);
    CHECK(over_job.limit == Ledger::Reserved::Limit::job);
    CHECK(spend(second, dollar / 2, budgets(1, 1.5, 100)).reservation.answer == Paid::granted);

    const auto other = run(working(2).lease);
    const auto over_day = spend(other, dollar, budgets(1, 1.5, 2));
    CHECK(over_day.reservation.answer == Paid::spent);
    CHECK(over_day.limit == Ledger::Reserved::Limit::day);
    pass(24h);
    CHECK(spend(other, dollar, budgets(1, 1.5, 2)).reservation.answer == Paid::granted);
}

TEST_CASE_FIXTURE(Spending, "tokens and requests are limits of their own") {
    open();
    const auto first = run(working().lease);
    config::ModelSettings limits;
    limits.run = {.tokens = 100, .requests = 2};
    CHECK(ledger->reserve(first, cost(0, 101), limits).reservation.answer == Paid::spent);
    for (int i = 0; i < 2; ++i) {
        const auto call = ledger->reserve(first, cost(0, 40), limits);
        REQUIRE(call.reservation.answer == Paid::granted);
        ledger->settle_call(call.reservation.id, cost(0, 10));
    }
    CHECK(ledger->reserve(first, cost(0, 1), limits).reservation.answer == Paid::spent);
}

TEST_CASE_FIXTURE(Spending, "a person who lets a job go on grants its tokens and requests once more") {
    open();
    const auto claim = working();
    config::ModelSettings limits;
    limits.job = {.requests = 1};
    const auto call = [&](RunId of) { return ledger->reserve(of, cost(0), limits).reservation; };
    const auto first = call(run(claim.lease));
    REQUIRE(first.answer == Paid::granted);
    ledger->settle_call(first.id, cost(0));
    ledger->finish(claim.lease, {.signal = Signal::ask, .waits_for = WaitsFor::job_budget, .question = "?"});
    (void)ledger->carry_out(
        Resume{.job = claim.job.id, .reason = "mona answered", .comment_id = "c9", .thread = thread(1)});
    const auto again = ledger->claim({});
    REQUIRE(again);
    const auto pass = run(again->lease);
    const auto second = call(pass);
    REQUIRE(second.answer == Paid::granted);
    ledger->settle_call(second.id, cost(0));
    CHECK(call(pass).answer == Paid::spent);
}

TEST_CASE_FIXTURE(Spending, "calls that the last process left open are spent as reserved") {
    open();
    const auto claim = working();
    REQUIRE(ledger->reserve(run(claim.lease), cost(dollar), budgets(2, 2, 2)).reservation.answer ==
            Paid::granted);
    open();
    (void)ledger->take_over();
    CHECK(ledger->spent(claim.job.id).micro_dollars == dollar);
    ledger->settle_call(1, cost(5));  // told too late: it was counted already
    CHECK(ledger->spent(claim.job.id).micro_dollars == dollar);
}

TEST_CASE_FIXTURE(Spending, "many calls at once never pass the limit together") {
    open();
    const auto claim = working();
    const auto only = run(claim.lease);
    const auto limits = budgets(1, 1, 1);
    std::atomic<int> granted{0};
    {
        std::vector<std::jthread> callers;
        for (int i = 0; i < 50; ++i)
            callers.emplace_back([&] {
                if (ledger->reserve(only, cost(dollar / 10), limits).reservation.answer == Paid::granted)
                    ++granted;
            });
    }
    CHECK(granted == 10);
    CHECK(ledger->spent(claim.job.id).micro_dollars == dollar);
}

TEST_CASE_FIXTURE(Spending, "a pass that is begun anew after a fault has no second budget") {
    open();
    const auto claim = working();
    const auto spend = [&](const std::string& log) {
        const auto pass = ledger->begin_run(claim.lease, Run::Kind::first, "fast", log);
        const auto call = ledger->reserve(pass, cost(dollar), budgets(1, 9, 9)).reservation;
        if (call.answer == Paid::granted) ledger->settle_call(call.id, cost(dollar));
        return call.answer;
    };
    CHECK(spend("agent-1.log") == Paid::granted);
    CHECK(spend("agent-1.log") == Paid::spent);
    CHECK(spend("agent-2.log") == Paid::granted);
}

TEST_CASE_FIXTURE(Spending, "a job that asks waits, keeps its issue, and goes on with the answer") {
    open();
    const auto claim = working();
    (void)post_all();
    ledger->finish(claim.lease, {.signal = Signal::ask,
                                 .reason = "a person must answer first",
                                 .waits_for = WaitsFor::answer,
                                 .question = "Which currency?"});
    auto waiting = job(claim.job.id);
    CHECK(waiting.state == JobState::waiting);
    CHECK(waiting.waits_for == WaitsFor::answer);
    CHECK(waiting.question == "Which currency?");
    CHECK_FALSE(ledger->claim({}));
    CHECK_FALSE(ledger->carry_out(start(1)));  // its issue is taken
    bool asked = false;
    for (const auto& report : post_all())
        asked = asked || (report.kind == Report::Kind::answer && report.body == "Which currency?");
    CHECK(asked);

    const Resume answer{.job = claim.job.id,
                        .answer = "Euro.",
                        .micro_dollars = 2 * dollar,
                        .reason = "mona answered",
                        .comment_id = "c9",
                        .thread = thread(1)};
    CHECK(ledger->carry_out(answer) == claim.job.id);
    CHECK_FALSE(ledger->carry_out(answer));  // told twice
    waiting = job(claim.job.id);
    CHECK(waiting.state == JobState::queued);
    CHECK(waiting.waits_for == WaitsFor::nothing);
    CHECK(waiting.question.empty());
    CHECK(waiting.answer == "Euro.");
    CHECK(waiting.resumed_at == now());
    CHECK(waiting.budget_added == 2 * dollar);
    const auto again = ledger->claim({});
    REQUIRE(again);
    CHECK(ledger->reserve(run(again->lease), cost(3 * dollar), budgets(9, 1, 100)).reservation.answer ==
          Paid::granted);
}

TEST_CASE_FIXTURE(Spending, "stop wins over a question asked at the same time") {
    open();
    const auto claim = working();
    (void)ledger->carry_out(Stop{.job = claim.job.id, .reason = "Stopped by mona.", .thread = thread(1)});
    ledger->finish(claim.lease,
                   {.signal = Signal::ask, .waits_for = WaitsFor::answer, .question = "Which currency?"});
    CHECK(job(claim.job.id).state == JobState::stopped);
}
