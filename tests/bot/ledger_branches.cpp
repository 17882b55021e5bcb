// Branches that jobs leave at the forge, and the commits that they may be taken away at.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/bot/ledger_fixture.hpp"

using bot::JobId;
using Commits = std::vector<std::string>;

namespace {

const std::string first(40, 'b');
const std::string second(40, 'c');

bot::Stop stop(JobId job, const integrations::ThreadRef& thread) {
    return {.job = job, .reason = "mona said stop", .comment_id = {}, .thread = thread, .too_late = {}};
}

}  // namespace

TEST_CASE_FIXTURE(LedgerFixture, "a push whose outcome nobody heard of may have left a branch") {
    auto& book = open();
    const auto claim = publishing(1);
    book.store_push(claim.lease, first, "agent/issue-1-tax");
    book.store_push(claim.lease, first, "agent/issue-1-tax-2");  // the name was taken
    CHECK(book.branches_to_clean(JobId{}).empty());
    book.give_back(claim.lease, "the forge is down");
    (void)book.carry_out(stop(claim.job.id, thread(1)));
    const auto left = book.branches_to_clean(JobId{});
    REQUIRE(left.size() == 1);
    CHECK(left[0].job.id == claim.job.id);
    CHECK(left[0].job.branch == "agent/issue-1-tax-2");
    CHECK(left[0].ours == Commits{first});
    book.branch_cleaned(claim.job.id);
    CHECK(book.branches_to_clean(JobId{}).empty());
}

TEST_CASE_FIXTURE(LedgerFixture, "a job that is stopped before it pushes leaves no branch") {
    auto& book = open();
    const auto claim = publishing(1);
    book.give_back(claim.lease, "the forge is down");
    (void)book.carry_out(stop(claim.job.id, thread(1)));
    CHECK(book.branches_to_clean(JobId{}).empty());
}

TEST_CASE_FIXTURE(LedgerFixture, "a branch that is known to be at our commit is taken away there only") {
    auto& book = open();
    const auto claim = publishing(1);
    book.store_push(claim.lease, first, "agent/issue-1-tax");
    book.store_head(claim.lease, first, "agent/issue-1-tax");
    book.finish(claim.lease, {.signal = bot::Signal::fail, .reason = "no pull request", .words = {}});
    const auto left = book.branches_to_clean(JobId{});
    REQUIRE(left.size() == 1);
    CHECK(left[0].ours == Commits{first});
}

TEST_CASE_FIXTURE(LedgerFixture, "a pull request closed while a change is pushed leaves one of two commits") {
    auto& book = open();
    const auto id = [&] {
        const auto claim = publishing(1);
        book.store_head(claim.lease, first, "agent/issue-1-tax");
        book.finish(
            claim.lease,
            {.signal = bot::Signal::proposed, .reason = "open", .pull_request = 12, .pull_request_url = "u"});
        return claim.job.id;
    }();
    REQUIRE(book.carry_out(bot::Refine{
        .job = id,
        .asks =
            {{.key = "comment=1", .by = {.login = "mona", .id = "9"}, .words = "more", .comment_id = "1"}},
        .may_wait = true,
        .too_late = "too late",
        .renewed = {},
        .reason = "mona asked for changes",
        .comment_id = "1",
        .thread = pull_request(12)}));
    pass(std::chrono::hours(1));
    const auto claim = book.claim({}).value();
    book.store_verdict(claim.lease, R"({"ok":true})", "agent/issue-1-tax");
    book.store_push(claim.lease, second, "agent/issue-1-tax");
    book.give_back(claim.lease, "the forge is down");
    (void)book.carry_out(bot::EndReview{.job = id, .merged = false, .reason = "closed"});
    const auto left = book.branches_to_clean(JobId{});
    REQUIRE(left.size() == 1);
    CHECK(left[0].ours == Commits{second, first});
}

TEST_CASE_FIXTURE(LedgerFixture, "branches that cannot go yet do not hide the others") {
    auto& book = open();
    std::vector<JobId> ids;
    for (const int issue : {1, 2, 3}) {
        const auto claim = publishing(issue);
        book.store_head(claim.lease, first, "agent/issue");
        book.finish(claim.lease, {.signal = bot::Signal::fail, .reason = "no pull request", .words = {}});
        ids.push_back(claim.job.id);
    }
    const auto order = [&](JobId after) {
        std::vector<JobId> found;
        for (const auto& each : book.branches_to_clean(after)) found.push_back(each.job.id);
        return found;
    };
    CHECK(order(JobId{}) == ids);
    CHECK(order(ids[1]) == std::vector{ids[2], ids[0], ids[1]});
}
