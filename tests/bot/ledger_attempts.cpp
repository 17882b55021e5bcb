// What fails without anybody's fault is tried again, later and not for ever.
#include <doctest/doctest.h>

#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::JobState;
using bot::Signal;

TEST_CASE_FIXTURE(LedgerFixture,
                  "faults of ours are tried again after growing pauses, five times, and then told") {
    auto& book = open({.max_infra_attempts = 5});
    (void)book.carry_out(start(1));
    for (int attempt = 1; attempt <= 4; ++attempt) {
        const auto claim = book.claim({});
        REQUIRE(claim);
        book.give_back(claim->lease, "the engine does not answer");
        const auto back = job(claim->job.id);
        CHECK(back.state == JobState::queued);
        CHECK(back.infra_attempts == attempt);
        const auto pause = back.retry_at.value() - now();
        const auto plain = std::vector<std::chrono::seconds>{1min, 4min, 15min, 15min}.at(
            static_cast<std::size_t>(attempt) - 1);
        CHECK(pause >= plain * 8 / 10);
        CHECK(pause <= plain);
        CHECK_FALSE(book.claim({}));
        pass(std::chrono::ceil<std::chrono::milliseconds>(pause));
    }
    const auto last = book.claim({});
    REQUIRE(last);
    book.give_back(last->lease, "the engine does not answer");
    CHECK(job(last->job.id).state == JobState::failed);
    CHECK(job(last->job.id).reason == "the engine does not answer (given up after 5 attempts)");
}

TEST_CASE_FIXTURE(LedgerFixture, "no pause is longer than fifteen minutes") {
    auto& book = open({.max_infra_attempts = 40});
    (void)book.carry_out(start(1));
    for (int attempt = 1; attempt <= 20; ++attempt) {
        const auto claim = book.claim({});
        REQUIRE(claim);
        book.give_back(claim->lease, "down");
        CHECK(job(claim->job.id).retry_at.value() - now() <= 15min);
        pass(15min);
    }
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "when the forge says when, the job waits until then and no attempt is charged") {
    auto& book = open();
    (void)book.carry_out(start(1));
    for (int i = 0; i < 10; ++i) {
        const auto claim = book.claim({});
        REQUIRE(claim);
        book.give_back(claim->lease, "rate limited", now() + 1h);
        CHECK(job(claim->job.id).retry_at == now() + 1h);
        CHECK(job(claim->job.id).infra_attempts == 0);
        pass(59min);
        CHECK_FALSE(book.claim({}));
        pass(1min);
    }
}

TEST_CASE_FIXTURE(LedgerFixture, "an operator in a hurry shortens the first pause, and the others with it") {
    auto& book = open({.first_pause = 1s});
    (void)book.carry_out(start(1));
    for (const auto plain : {1s, 4s, 16s, 64s}) {
        const auto claim = book.claim({});
        REQUIRE(claim);
        book.give_back(claim->lease, "down");
        CHECK(job(claim->job.id).retry_at.value() - now() <= plain);
        CHECK(job(claim->job.id).retry_at.value() - now() >= plain * 8 / 10);
        pass(plain);
    }
}

TEST_CASE_FIXTURE(LedgerFixture, "what is finished is published soon after the forge is back") {
    auto& book = open();
    auto claim = publishing();
    for (const auto plain : {5s, 10s, 20s, 40s, 80s, 160s, 300s, 300s}) {
        book.give_back(claim.lease, "the forge is down");
        CHECK(job(claim.job.id).retry_at.value() - now() <= plain);
        CHECK(job(claim.job.id).retry_at.value() - now() >= plain * 8 / 10);
        pass(plain);
        claim = book.claim({}).value();
    }
}

TEST_CASE_FIXTURE(LedgerFixture, "publishing is tried for seventy-two hours and never pays the agent again") {
    auto& book = open();
    auto claim = publishing();
    const auto began = now();
    int tries = 0;
    for (;;) {
        book.give_back(claim.lease, "the forge is down");
        ++tries;
        if (job(claim.job.id).state == JobState::failed) break;
        REQUIRE(job(claim.job.id).state == JobState::publishing);
        pass(15min);
        auto again = book.claim({});
        REQUIRE(again);
        CHECK(again->job.state == JobState::publishing);
        CHECK(again->job.verdict == R"({"ok":true})");
        claim = *again;
    }
    CHECK(now() - began >= 72h);
    CHECK(now() - began <= 73h);
    CHECK(tries > 5);
}

TEST_CASE_FIXTURE(LedgerFixture, "a daemon that is stopped gives its jobs back free of charge") {
    auto& book = open();
    const auto claim = working();
    book.release(claim.lease);
    CHECK(job(claim.job.id).state == JobState::queued);
    CHECK(job(claim.job.id).infra_attempts == 0);
    CHECK(book.claim({}));
}

TEST_CASE_FIXTURE(
    LedgerFixture,
    "a daemon that was killed finds its jobs again at once, and one that kills it comes to an end") {
    open({.max_infra_attempts = 3});
    const auto first = working();
    for (int crash = 1; crash <= 2; ++crash) {
        auto& book = open({.max_infra_attempts = 3});
        CHECK(book.take_over() == std::vector{first.job.id});
        const auto again = book.claim({});
        REQUIRE(again);
        CHECK(again->job.infra_attempts == crash);
    }
    auto& book = open({.max_infra_attempts = 3});
    (void)book.take_over();
    CHECK(job(first.job.id).state == JobState::failed);
}
