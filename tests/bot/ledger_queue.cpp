#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::JobState;

TEST_CASE_FIXTURE(LedgerFixture, "a repository with many jobs does not keep another one waiting") {
    auto& book = open();
    for (int issue = 1; issue <= 5; ++issue) (void)book.carry_out(start(issue, "busy"));
    for (int issue = 1; issue <= 2; ++issue) (void)book.carry_out(start(issue, "quiet"));
    std::string order;
    while (const auto claim = book.claim({}))
        order += claim->job.assignment.issue.repo.full_name == "acme/busy" ? 'b' : 'q';
    CHECK(order == "bqbqbbb");
}

TEST_CASE_FIXTURE(LedgerFixture, "of two repositories the one served longest ago is next") {
    auto& book = open();
    for (const auto* repo : {"one", "two"}) (void)book.carry_out(start(1, repo));
    const auto first = book.claim({});
    pass(1s);
    const auto second = book.claim({});
    for (const auto& claim : {first, second})
        book.finish(claim->lease, {.signal = bot::Signal::nothing, .reason = "n"});
    (void)book.carry_out(start(2, "two"));
    (void)book.carry_out(start(2, "one"));
    CHECK(book.claim({})->job.assignment.issue.repo.full_name == "acme/one");
}

TEST_CASE_FIXTURE(LedgerFixture, "priority goes first, and publishing before everything") {
    auto& book = open();
    const auto published = publishing(1);
    book.release(published.lease);
    const auto plain = book.carry_out(start(2)).value();
    const auto urgent = book.carry_out(start(3, "shop", true)).value();
    CHECK(book.claim({})->job.id == published.job.id);
    CHECK(book.claim({})->job.id == urgent);
    CHECK(book.claim({})->job.id == plain);
}

TEST_CASE_FIXTURE(LedgerFixture, "no more at once than the operator allows, in all and for one repository") {
    auto& book = open();
    for (int issue = 1; issue <= 4; ++issue) (void)book.carry_out(start(issue, "busy"));
    for (int issue = 1; issue <= 4; ++issue) (void)book.carry_out(start(issue, "quiet"));
    const bot::Ledger::Turn turn{.max_parallel = 5, .max_per_repository = 2};
    int taken = 0;
    std::map<std::string, int> by_repository;
    std::optional<bot::Claim> last;
    while (const auto claim = book.claim(turn)) {
        ++taken;
        ++by_repository[claim->job.assignment.issue.repo.full_name];
        last = claim;
    }
    CHECK(taken == 4);
    CHECK(by_repository == std::map<std::string, int>{{"acme/busy", 2}, {"acme/quiet", 2}});
    CHECK(book.claim({.max_parallel = 5, .max_per_repository = 3}));
    CHECK_FALSE(book.claim({.max_parallel = 5, .max_per_repository = 3}));
    book.finish(last->lease, {.signal = bot::Signal::nothing, .reason = "n"});
    CHECK(book.claim({.max_parallel = 5, .max_per_repository = 3}));
}

TEST_CASE_FIXTURE(LedgerFixture, "twenty workers at once never take the same job") {
    auto& book = open();
    for (int issue = 1; issue <= 40; ++issue)
        (void)book.carry_out(start(issue, "r" + std::to_string(issue % 3)));
    std::mutex mutex;
    std::set<std::int64_t> taken;
    int count = 0;
    {
        std::vector<std::jthread> workers;
        for (int i = 0; i < 20; ++i) {
            workers.emplace_back([&] {
                while (const auto claim = book.claim({.max_parallel = 100, .max_per_repository = 100})) {
                    const std::lock_guard lock(mutex);
                    taken.insert(claim->job.id.value);
                    ++count;
                }
            });
        }
    }
    CHECK(count == 40);
    CHECK(taken.size() == 40);
}

TEST_CASE_FIXTURE(LedgerFixture, "the position that is told is the order in which jobs are taken") {
    auto& book = open();
    std::vector<bot::JobId> ids;
    for (int issue = 1; issue <= 6; ++issue)
        ids.push_back(book.carry_out(start(issue, issue < 5 ? "busy" : "quiet", issue == 4)).value());
    std::map<std::int64_t, int> told;
    for (const auto id : ids) told[id.value] = book.position(id);
    int place = 0;
    while (const auto claim = book.claim({})) CHECK(told[claim->job.id.value] == ++place);
    CHECK(place == 6);
    CHECK(book.position(ids[0]) == 0);
    CHECK(book.position({999}) == 0);
}

TEST_CASE_FIXTURE(LedgerFixture, "a job that waits out a pause stands at the end of the queue") {
    auto& book = open();
    const auto paused = working(1);
    book.give_back(paused.lease, "down");
    const auto other = book.carry_out(start(2)).value();
    CHECK(book.position(other) == 1);
    CHECK(book.position(paused.job.id) == 2);
    pass(1min);
    CHECK(book.position(paused.job.id) == 1);
}

TEST_CASE_FIXTURE(LedgerFixture, "a status comment is due again when its place has changed, and only then") {
    auto& book = open({.report_gap = 15s});
    for (int issue = 1; issue <= 3; ++issue) (void)book.carry_out(start(issue));
    book.refresh_positions();
    (void)post_all();
    pass(1min);
    book.refresh_positions();
    CHECK(post_all().empty());
    pass(1s);
    (void)book.claim({});
    book.refresh_positions();
    std::set<std::int64_t> jobs;
    for (const auto& report : post_all())
        if (report.kind == bot::Report::Kind::status) jobs.insert(report.job->value);
    CHECK(jobs == std::set<std::int64_t>{1, 2, 3});
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "a long queue is looked at once a second, and the last change is not forgotten") {
    auto& book = open({.report_gap = 0s});
    for (int issue = 1; issue <= 3; ++issue) (void)book.carry_out(start(issue));
    book.refresh_positions();
    (void)post_all();
    (void)book.claim({});
    book.refresh_positions();  // in the same second
    CHECK(post_all().size() == 2);
    pass(1s);
    CHECK(post_all().size() == 2);
    pass(1s);
    CHECK(post_all().empty());
}

TEST_CASE_FIXTURE(LedgerFixture, "the figures say how much waits and since when") {
    auto& book = open();
    const auto began = now();
    (void)book.carry_out(start(1));
    pass(10s);
    (void)book.carry_out(start(2));
    auto figures = book.figures();
    CHECK(figures.jobs[JobState::queued] == 2);
    CHECK(figures.oldest_queued == began);
    CHECK(figures.oldest_report == began);
    CHECK(figures.reports_waiting == 6);
    (void)post_all();
    (void)book.claim({});
    (void)book.claim({});
    figures = book.figures();
    CHECK(figures.jobs[JobState::working] == 2);
    CHECK_FALSE(figures.oldest_queued);
    CHECK(figures.jobs[JobState::merged] == 0);
}

TEST_CASE_FIXTURE(LedgerFixture, "when nothing may begin, what has its result is still published") {
    auto& book = open();
    const auto finished = publishing(1);
    book.release(finished.lease);
    (void)book.carry_out(start(2));
    CHECK(book.claim({.publishing_only = true})->job.id == finished.job.id);
    CHECK_FALSE(book.claim({.publishing_only = true}));
    CHECK(book.claim({}));
}

TEST_CASE_FIXTURE(LedgerFixture, "what holds up the queue is told in each waiting job's comment") {
    auto& book = open({.report_gap = 0s});
    const auto busy = working(1);
    const auto waiting = book.carry_out(start(2)).value();
    (void)post_all();
    book.tell_queued();
    const auto said = post_all();
    REQUIRE(said.size() == 1);
    CHECK(said[0].kind == bot::Report::Kind::status);
    CHECK(said[0].job == waiting);
}

TEST_CASE_FIXTURE(LedgerFixture, "a repository is busy until the last job on it is published or over") {
    auto& book = open();
    using Busy = std::set<std::pair<std::string, std::string>>;
    CHECK(book.busy_repositories().empty());
    (void)review(1);
    CHECK(book.busy_repositories().empty());
    (void)book.carry_out(start(2, "waits"));
    (void)book.carry_out(start(3, "ends"));
    const Busy both{{"github", "id-waits"}, {"github", "id-ends"}};
    CHECK(book.busy_repositories() == both);
    (void)book.carry_out(bot::Stop{.job = book.active_job(thread(3, "ends"))->id,
                                   .reason = "stop",
                                   .comment_id = {},
                                   .thread = thread(3, "ends")});
    CHECK(book.busy_repositories() == Busy{{"github", "id-waits"}});
}
