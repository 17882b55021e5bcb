#include "bot/contest.hpp"

#include <doctest/doctest.h>

#include "bot/intent.hpp"
#include "tests/bot/ledger_fixture.hpp"
#include "tests/bot/report_samples.hpp"

using bot::Job;
using bot::JobState;
using bot::Signal;
using bot::Verdict;

namespace {

Job tried(int number, const Verdict& verdict) {
    Job job{.state = JobState::judged,
            .verdict = to_json(verdict),
            .contest = bot::JobId{1},
            .try_number = number};
    job.assignment.profile = "p" + std::to_string(number);
    return job;
}

int best_of(const std::vector<Job>& tries) {
    for (const auto& rival : bot::compare(tries))
        if (rival.chosen) return rival.number;
    return 0;
}

Verdict of_size(Verdict verdict, std::size_t files) {
    verdict.files = files;
    return verdict;
}

bot::Start contest(std::int64_t issue, const std::vector<std::string>& profiles) {
    return {.assignment = {.issue = LedgerFixture::thread(issue),
                           .requested_by = {.login = "mona", .id = "9"},
                           .title = "t",
                           .base_branch = "main",
                           .base_commit = std::string(40, 'a')},
            .tries = profiles,
            .reason = "asked",
            .comment_id = "77",
            .label = {}};
}

}  // namespace

TEST_CASE("of several tries the green one is better than the small one, and the small one than the large") {
    const auto green = samples::green();
    const auto red = samples::red();
    CHECK(best_of({tried(1, of_size(red, 1)), tried(2, of_size(green, 9))}) == 2);
    CHECK(best_of({tried(1, of_size(green, 9)), tried(2, of_size(green, 2))}) == 2);
    CHECK(best_of({tried(1, green), tried(2, green)}) == 1);
    auto touching = green;
    touching.evidence.touched.changed = {"tests/till.cpp"};
    CHECK(best_of({tried(1, touching), tried(2, of_size(green, 9))}) == 2);
}

TEST_CASE("a try without a result is never the best") {
    Job failed{.state = JobState::failed, .try_number = 1};
    CHECK(best_of({failed, tried(2, samples::red())}) == 2);
    CHECK(best_of({failed}) == 0);
    CHECK(best_of({}) == 0);
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "the job of several tries waits for all of them, and the best is published") {
    auto& book = open();
    const auto id = book.carry_out(contest(1, {"a", "b"})).value();
    CHECK(book.job(id)->state == JobState::competing);
    CHECK(book.active_job(thread(1))->id == id);
    CHECK_FALSE(book.carry_out(contest(1, {"a", "b"})));  // told twice
    REQUIRE(book.tries(id).size() == 2);
    const auto first = book.claim({}).value();
    const auto second = book.claim({}).value();
    CHECK_FALSE(book.claim({}));
    CHECK(first.job.assignment.profile == "a");
    CHECK(second.job.contest == id);
    book.store_verdict(first.lease, to_json(of_size(samples::green(), 5)), "");
    CHECK(book.job(id)->state == JobState::competing);
    book.store_verdict(second.lease, to_json(of_size(samples::green(), 2)), "");
    const auto won = book.job(id).value();
    CHECK(won.state == JobState::publishing);
    CHECK(won.assignment.profile == "b");
    const auto verdict = bot::verdict_from_json(won.verdict).value();
    REQUIRE(verdict.rivals.size() == 2);
    CHECK(verdict.rivals[1].chosen);
    const auto publishing = book.claim({}).value();
    CHECK(publishing.job.id == id);
}

TEST_CASE_FIXTURE(LedgerFixture, "tries that come to nothing end the job that they are for") {
    auto& book = open();
    const auto id = book.carry_out(contest(1, {"a", "b"})).value();
    const auto first = book.claim({}).value();
    const auto second = book.claim({}).value();
    book.finish(first.lease, {.signal = Signal::nothing, .reason = "nothing to change"});
    SUBCASE("all of them answered") {
        book.finish(second.lease, {.signal = Signal::nothing, .reason = "nothing to change"});
        CHECK(book.job(id)->state == JobState::answered);
    }
    SUBCASE("one failed") {
        book.finish(second.lease, {.signal = Signal::fail, .reason = "it gave up"});
        CHECK(book.job(id)->state == JobState::failed);
        CHECK(book.job(id)->reason.find("it gave up") != std::string::npos);
    }
    SUBCASE("one was stopped by the end of its budgeted attempts") {
        book.store_verdict(second.lease, to_json(samples::green()), "");
        CHECK(book.job(id)->state == JobState::publishing);
    }
}

TEST_CASE_FIXTURE(LedgerFixture, "stop ends the job and its tries, whoever works on them") {
    auto& book = open();
    const auto id = book.carry_out(contest(1, {"a", "b"})).value();
    const auto working = book.claim({}).value();
    (void)book.carry_out(
        bot::Stop{.job = id, .reason = "Stopped by mona.", .comment_id = "78", .thread = thread(1)});
    CHECK(book.job(id)->state == JobState::stopped);
    CHECK(book.renew(working.lease) == bot::Ledger::Renewal::stop_requested);
    book.finish(working.lease, {.signal = Signal::nothing, .reason = "nothing"});
    for (const auto& each : book.tries(id)) CHECK(each.state == JobState::stopped);
    CHECK(book.job(id)->state == JobState::stopped);
    CHECK_FALSE(book.active_job(thread(1)));
}

TEST_CASE_FIXTURE(LedgerFixture, "the history of a job is its own runs and those of its tries") {
    auto& book = open();
    const auto id = book.carry_out(contest(1, {"a", "b"})).value();
    for (const auto* profile : {"a", "b"}) {
        const auto claim = book.claim({}).value();
        (void)book.begin_run(claim.lease, bot::Run::Kind::first, profile, "log");
    }
    CHECK(book.runs(id).empty());
    REQUIRE(book.history(id).size() == 2);
    CHECK(book.history(id)[1].profile == "b");
    CHECK(book.history(book.tries(id)[0].id).size() == 1);
}
