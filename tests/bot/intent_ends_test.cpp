// Ends that are told late: what people undid since is none.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "bot/intent.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"
#include "tests/bot/ledger_fixture.hpp"

using namespace bot;  // NOLINT: the tests read as sentences
using namespace std::chrono_literals;

namespace {

const integrations::RepoRef shop{
    .forge = "github", .id = "7", .full_name = "acme/shop", .default_branch = "main"};
const integrations::ThreadRef issue_told{.repo = shop, .number = 12};

Facts at_work(std::int64_t pull_request = 0) {
    Facts facts{.repository_allowed = true,
                .issue = integrations::IssueSnapshot{.title = "Fix the till", .open = true},
                .repository = shop};
    facts.now = std::chrono::system_clock::now();
    facts.active_job = Job{.id = {5},
                           .assignment = {.issue = issue_told},
                           .state = pull_request > 0 ? JobState::review : JobState::working,
                           .pull_request = pull_request};
    return facts;
}

template <typename Expected>
Expected told(const Request& request, const Facts& facts) {
    const auto intent = decide(request, facts, {});
    REQUIRE(std::holds_alternative<Expected>(intent));
    return std::get<Expected>(intent);
}

ProposalOver closed_pull_request(bool merged = false) {
    return {.pull_request = {.repo = shop, .number = 44, .kind = integrations::ThreadRef::Kind::pull_request},
            .merged = merged};
}

}  // namespace

TEST_CASE("a conversation that was locked and is not any more stops nothing") {
    auto facts = at_work();
    IssueOver locked{
        .issue = issue_told, .how = "locked", .locked = true, .label = {}, .at = facts.now - 10min};
    CHECK(told<Ignore>(locked, facts).reason == "locked, and unlocked since");
    facts.issue->locked = true;
    (void)told<Stop>(locked, facts);
    facts.issue.reset();  // not to be seen
    (void)told<Stop>(locked, facts);
}

TEST_CASE("a pull request that is open when the forge is asked has not ended") {
    auto facts = at_work(44);
    CHECK_FALSE(told<EndReview>(closed_pull_request(), facts).merged);
    facts.proposal = integrations::PullRequest{.number = 44, .open = true};
    (void)told<Ignore>(closed_pull_request(), facts);
}

TEST_CASE("a pull request that was closed, opened again and merged is merged, whichever is told") {
    auto facts = at_work(44);
    facts.proposal = integrations::PullRequest{.number = 44, .open = false, .merged = true};
    CHECK(told<EndReview>(closed_pull_request(), facts).merged);
    facts.proposal->merged = false;
    CHECK_FALSE(told<EndReview>(closed_pull_request(true), facts).merged);
}

TEST_CASE("a repository is called what the forge calls it now") {
    auto facts = at_work();
    facts.repository->full_name = "acme/till";
    const Renamed renamed{{.forge = "github", .id = "7", .full_name = "acme/old"}};
    CHECK(told<Rename>(renamed, facts).repo.full_name == "acme/till");
    facts.repository_allowed = false;  // it went where we do not work
    (void)told<Abandon>(renamed, facts);
    facts.repository.reset();  // another one bears that name by now
    (void)told<Ignore>(renamed, facts);
}

TEST_CASE("who asks where nobody tells for days who may do what is told so, and not that they may not") {
    auto facts = at_work();
    facts.permission_hidden = true;
    const AskStop stop{.thread = issue_told, .by = {.login = "ada"}, .comment_id = "9"};
    CHECK(told<Refuse>(stop, facts).answer == sentence::permission_hidden);
    facts.permission_hidden = false;
    CHECK(told<Refuse>(stop, facts).answer == report::not_permitted("ada"));
}

TEST_CASE_FIXTURE(LedgerFixture, "since when a forge is worked for is remembered, for each by itself") {
    auto& book = open();
    const auto since = book.served_since("github");
    pass(std::chrono::days(25));
    CHECK(book.served_since("github") == since);
    CHECK(book.served_since("gitlab") == since + std::chrono::days(25));
    CHECK(open().served_since("github") == since);
}

TEST_CASE_FIXTURE(LedgerFixture, "jobs in repositories that can be reached again go on") {
    auto& book = open();
    const auto id = book.carry_out(start(1)).value();
    integrations::AccessEnded gone{.how = integrations::AccessEnded::How::archived,
                                   .forge = thread(1).repo.forge,
                                   .installation = thread(1).repo.installation,
                                   .repositories = {thread(1).repo.id}};
    CHECK(book.shut(gone) == std::vector{job(id).assignment.issue.repo});
    Facts facts;
    facts.reachable = {thread(1).repo.id};
    (void)book.carry_out(decide(AccessOver{gone}, facts, {}));
    CHECK(job(id).state == JobState::queued);
    (void)book.carry_out(decide(AccessOver{gone}, Facts{}, {}));
    CHECK(job(id).state == JobState::stopped);
    CHECK(book.shut(gone).empty());
}
