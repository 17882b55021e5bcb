#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::JobState;
using bot::Ledger;
using bot::Signal;

TEST_CASE_FIXTURE(LedgerFixture, "a job remembers what it was asked") {
    auto& book = open();
    const auto id = book.carry_out(start(7)).value();
    const auto made = job(id);
    CHECK(made.assignment == start(7).assignment);
    CHECK(made.state == JobState::queued);
    CHECK(made.reason == "mona set the label");
    CHECK(made.created_at == now());
    CHECK_FALSE(made.started_at);
    CHECK(book.active_job(thread(7))->id == id);
    CHECK_FALSE(book.active_job(thread(8)));
    auto renamed = thread(7);
    renamed.repo.full_name = "acme/renamed";
    CHECK(book.active_job(renamed)->id == id);
}

TEST_CASE_FIXTURE(LedgerFixture, "one active job an issue, whoever races") {
    auto& book = open();
    std::atomic<int> started{0};
    {
        std::vector<std::jthread> racers;
        for (int i = 0; i < 20; ++i)
            racers.emplace_back([&] { started += book.carry_out(start(1)) ? 1 : 0; });
    }
    CHECK(started == 1);
    CHECK(book.jobs(50).size() == 1);
    CHECK(book.carry_out(start(1, "other-repository")));
    (void)book.carry_out(
        bot::Stop{.job = {1}, .reason = "mona said stop", .comment_id = {}, .thread = thread(1)});
    CHECK(book.carry_out(start(1)));
    CHECK(book.jobs_since(thread(1), now() - 24h) == 2);
    CHECK(book.jobs_since(thread(1), now() + 1s) == 0);
}

TEST_CASE_FIXTURE(LedgerFixture, "from label to merge, every step in the book") {
    auto& book = open();
    (void)book.carry_out(start(1));
    pass(5s);
    auto claim = book.claim({});
    REQUIRE(claim);
    CHECK(claim->job.state == JobState::working);
    CHECK(claim->job.started_at == now());
    book.phase(claim->lease, "agent");
    CHECK(job(claim->job.id).phase == "agent");
    const auto run = book.begin_run(claim->lease, bot::Run::Kind::first, "fast", "/logs/1");
    pass(60s);
    book.end_run(claim->lease, run, "exited",
                 {.input_tokens = 10, .cached_tokens = 5, .output_tokens = 3, .cost_usd = 0.25});
    book.store_verdict(claim->lease, "{}", "agent/issue-1-tax");
    CHECK(job(claim->job.id).state == JobState::publishing);
    book.store_head(claim->lease, std::string(40, 'b'), "agent/issue-1-tax-2");
    book.finish(claim->lease,
                {.signal = Signal::proposed, .reason = "open", .pull_request = 12, .pull_request_url = "u"});
    const auto open_job = job(claim->job.id);
    CHECK(open_job.state == JobState::review);
    CHECK(open_job.pull_request == 12);
    CHECK(open_job.branch == "agent/issue-1-tax-2");
    CHECK(open_job.head_commit == std::string(40, 'b'));
    CHECK(open_job.infra_attempts == 0);
    CHECK(book.job_of_pull_request(pull_request(12))->id == open_job.id);
    CHECK(book.carry_out(bot::EndReview{.job = open_job.id, .merged = true, .reason = "merged"}) ==
          open_job.id);
    CHECK(job(open_job.id).state == JobState::merged);
    CHECK(job(open_job.id).ended_at == now());
    CHECK_FALSE(book.carry_out(bot::EndReview{.job = open_job.id, .merged = false, .reason = "closed"}));
    const auto runs = book.runs(open_job.id);
    REQUIRE(runs.size() == 1);
    CHECK(runs[0].outcome == "exited");
    CHECK(runs[0].usage.cost_usd == 0.25);
    CHECK(runs[0].usage.cached_tokens == 5);
    CHECK(runs[0].ended_at == now());
}

TEST_CASE_FIXTURE(LedgerFixture, "what the table does not have does not happen") {
    auto& book = open();
    const auto claim = working();
    CHECK_THROWS_AS(
        book.finish(claim.lease, {.signal = Signal::proposed, .reason = "no verdict", .pull_request = 4}),
        std::logic_error);
    CHECK_THROWS_AS(book.finish(claim.lease, {.signal = Signal::merge, .reason = "no"}), std::logic_error);
    CHECK(job(claim.job.id).state == JobState::working);
    CHECK(job(claim.job.id).pull_request == 0);
    CHECK(book.renew(claim.lease) == Ledger::Renewal::held);
}

TEST_CASE_FIXTURE(LedgerFixture, "a worker that lost its lease can change nothing any more") {
    auto& book = open({.lease = 60s});
    const auto old = working();
    const auto run = book.begin_run(old.lease, bot::Run::Kind::first, "fast", "/logs/1");
    pass(61s);
    CHECK(book.expire_leases() == std::vector{old.job.id});
    const auto fresh = book.claim({});
    REQUIRE(fresh);
    CHECK(fresh->job.id == old.job.id);
    CHECK(fresh->lease.token() > old.lease.token());
    CHECK(fresh->job.infra_attempts == 1);
    CHECK(book.renew(old.lease) == Ledger::Renewal::lost);
    CHECK_THROWS_AS(book.phase(old.lease, "checks"), bot::LeaseLost);
    CHECK_THROWS_AS(book.end_run(old.lease, run, "exited", {}), bot::LeaseLost);
    CHECK_THROWS_AS((void)book.begin_run(old.lease, bot::Run::Kind::retry, "fast", ""), bot::LeaseLost);
    CHECK_THROWS_AS(book.store_verdict(old.lease, "{}", "b"), bot::LeaseLost);
    CHECK_THROWS_AS(book.store_head(old.lease, "c", "b"), bot::LeaseLost);
    CHECK_THROWS_AS(book.finish(old.lease, {.signal = Signal::fail, .reason = "late"}), bot::LeaseLost);
    CHECK_THROWS_AS(book.give_back(old.lease, "late"), bot::LeaseLost);
    CHECK_THROWS_AS(book.release(old.lease), bot::LeaseLost);
    CHECK(job(old.job.id).state == JobState::working);
    CHECK(book.runs(old.job.id).front().outcome == "infrastructure");
}

TEST_CASE_FIXTURE(LedgerFixture, "a lease that is renewed does not run out") {
    auto& book = open({.lease = 60s});
    const auto claim = working();
    for (int i = 0; i < 5; ++i) {
        pass(50s);
        CHECK(book.renew(claim.lease) == Ledger::Renewal::held);
        CHECK(book.expire_leases().empty());
    }
    pass(60s);
    CHECK(book.expire_leases().size() == 1);
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "a clock that is set takes no job from its worker, and keeps none for a lost one") {
    auto& book = open({.lease = 60s});
    const auto claim = working();
    SUBCASE("an hour on") {
        set_clock(1h);
        CHECK(book.expire_leases().empty());
        CHECK_FALSE(book.claim({}));
        pass(59s);
        CHECK(book.expire_leases().empty());
        CHECK(book.renew(claim.lease) == Ledger::Renewal::held);
        pass(59s);
        CHECK(book.expire_leases().empty());
    }
    SUBCASE("an hour back") {
        set_clock(-1h);
        pass(59s);
        CHECK(book.expire_leases().empty());
    }
    pass(1s);
    CHECK(book.expire_leases() == std::vector{claim.job.id});
    CHECK(book.renew(claim.lease) == Ledger::Renewal::lost);
}

TEST_CASE_FIXTURE(LedgerFixture, "a lease that another process gave runs out by the wall clock") {
    (void)(open({.lease = 60s}), working());
    auto& book = open({.lease = 60s});
    pass(59s);
    CHECK(book.expire_leases().empty());
    pass(1s);
    CHECK(book.expire_leases().size() == 1);
}

TEST_CASE_FIXTURE(LedgerFixture, "stop ends a waiting job at once and a reviewed one too") {
    auto& book = open();
    const auto waiting = book.carry_out(start(1)).value();
    CHECK(book.carry_out(bot::Stop{
              .job = waiting, .reason = "mona said stop", .comment_id = "55", .thread = thread(1)}) ==
          waiting);
    CHECK(job(waiting).state == JobState::stopped);
    CHECK(job(waiting).reason == "mona said stop");
    const auto proposed = review(2);
    (void)book.carry_out(
        bot::Stop{.job = proposed, .reason = "enough", .comment_id = {}, .thread = thread(2)});
    CHECK(job(proposed).state == JobState::stopped);
    CHECK_FALSE(
        book.carry_out(bot::Stop{.job = proposed, .reason = "again", .comment_id = {}, .thread = thread(2)}));
}

TEST_CASE_FIXTURE(LedgerFixture, "stop reaches a working job through its lease, and overrules how it ends") {
    auto& book = open({.lease = 60s});
    const auto stop = [&](bot::JobId id) {
        return book.carry_out(
            bot::Stop{.job = id, .reason = "mona said stop", .comment_id = {}, .thread = thread(1)});
    };
    SUBCASE("the worker fails") {
        const auto claim = working();
        CHECK(stop(claim.job.id) == claim.job.id);
        CHECK(job(claim.job.id).state == JobState::working);
        CHECK(book.renew(claim.lease) == Ledger::Renewal::stop_requested);
        book.finish(claim.lease, {.signal = Signal::fail, .reason = "the agent was ended"});
        CHECK(job(claim.job.id).state == JobState::stopped);
        CHECK(job(claim.job.id).reason == "mona said stop");
    }
    SUBCASE("the worker gives back") {
        const auto claim = working();
        (void)stop(claim.job.id);
        book.give_back(claim.lease, "the forge is down");
        CHECK(job(claim.job.id).state == JobState::stopped);
    }
    SUBCASE("the worker is dead: a stop does not renew its lease") {
        const auto claim = working();
        (void)stop(claim.job.id);
        pass(40s);
        CHECK(book.renew(claim.lease) == Ledger::Renewal::stop_requested);
        pass(21s);
        CHECK(book.expire_leases().size() == 1);
        CHECK(job(claim.job.id).state == JobState::stopped);
    }
    SUBCASE("the pull request is there already") {
        const auto claim = publishing();
        (void)stop(claim.job.id);
        book.finish(
            claim.lease,
            {.signal = Signal::proposed, .reason = "open", .pull_request = 5, .pull_request_url = "u"});
        CHECK(job(claim.job.id).state == JobState::stopped);
        CHECK(job(claim.job.id).pull_request == 5);  // it is open, and left alone
    }
    SUBCASE("publishing waits for the forge") {
        const auto claim = publishing();
        book.give_back(claim.lease, "the forge is down");
        (void)stop(claim.job.id);
        CHECK(job(claim.job.id).state == JobState::stopped);
    }
}

TEST_CASE_FIXTURE(LedgerFixture, "stop and finish at the same moment: one of them wins, whole") {
    auto& book = open();
    for (int round = 1; round <= 30; ++round) {
        const auto claim = working(round);
        {
            const std::jthread person([&] {
                (void)book.carry_out(bot::Stop{
                    .job = claim.job.id, .reason = "stop", .comment_id = {}, .thread = thread(round)});
            });
            const std::jthread worker(
                [&] { book.finish(claim.lease, {.signal = Signal::nothing, .reason = "nothing"}); });
        }
        const auto ended = job(claim.job.id);
        const bool stopped = ended.state == JobState::stopped && ended.reason == "stop";
        const bool answered = ended.state == JobState::answered && ended.reason == "nothing";
        CHECK((stopped || answered));
        CHECK(ended.ended_at);
    }
}

TEST_CASE_FIXTURE(LedgerFixture, "runs are numbered within their job and end once") {
    auto& book = open();
    const auto claim = working();
    for (const auto* outcome : {"infrastructure", "cancelled", "quota", "unavailable"}) {
        const auto run = book.begin_run(claim.lease, bot::Run::Kind::retry, "fast", "");
        book.end_run(claim.lease, run, outcome, {});
    }
    const auto run = book.begin_run(claim.lease, bot::Run::Kind::repair, "fast", "");
    book.end_run(claim.lease, run, "total_deadline", {});
    const auto runs = book.runs(claim.job.id);
    CHECK(runs.back().number == 5);
    CHECK(runs.back().kind == bot::Run::Kind::repair);
    CHECK_THROWS_AS(book.end_run(claim.lease, run, "exited", {}), std::logic_error);
}

TEST_CASE_FIXTURE(LedgerFixture, "baselines are kept by key") {
    auto& book = open();
    CHECK_FALSE(book.baseline("k"));
    book.store_baseline("k", "[1]");
    book.store_baseline("k", "[2]");
    CHECK(book.baseline("k") == "[2]");
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "the jobs that wait for people are looked at in turn, and from the start again") {
    auto& book = open();
    const auto first = review(1);
    (void)working(2);
    const auto third = review(3);
    const auto ids = [&](bot::JobId after, std::size_t most) {
        std::vector<std::int64_t> found;
        for (const auto& job : book.waiting_for_people(after, most)) found.push_back(job.id.value);
        return found;
    };
    CHECK(ids({0}, 9) == std::vector{first.value, third.value});
    CHECK(ids(first, 9) == std::vector{third.value, first.value});
    CHECK(ids(first, 1) == std::vector{third.value});
    CHECK(ids(third, 9) == std::vector{first.value, third.value});
}

TEST_CASE_FIXTURE(LedgerFixture, "a branch is a base while an open pull request stands on it") {
    auto& book = open();
    const auto repo = thread(1).repo;
    CHECK(book.on_base(repo, "main").empty());
    const auto id = review(1);
    CHECK(book.on_base(repo, "main").size() == 1);
    CHECK(book.on_base(repo, "other").empty());
    CHECK(book.on_base(thread(1, "elsewhere").repo, "main").empty());
    (void)book.carry_out(bot::EndReview{.job = id, .merged = true, .reason = "merged"});
    CHECK(book.on_base(repo, "main").empty());
}
