#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <variant>

#include "bot/intent.hpp"

using namespace bot;  // NOLINT: the tests read as sentences
using integrations::Permission;

namespace on_its_pull_request {

namespace {

const integrations::ThreadRef issue{
    .repo = {.forge = "github", .id = "7", .full_name = "acme/shop", .default_branch = "main"}, .number = 12};
const integrations::Person alice{.login = "alice", .id = "1"};

Facts good() { return {.permission = Permission::write, .repository_allowed = true}; }

Facts with_job(JobState state) {
    auto facts = good();
    facts.active_job = Job{
        .id = {5}, .assignment = {.issue = issue, .requested_by = alice}, .state = state, .pull_request = 44};
    return facts;
}

AskRefine asked(std::string words) {
    const auto requests = recognise(
        integrations::CommentCreated{
            .thread = issue, .comment_id = "501", .body = std::move(words), .by = alice},
        {}, "shopfloor[bot]");
    REQUIRE(requests.size() == 1);
    return std::get<AskRefine>(requests.front());
}

template <typename T>
T expect(const Intent& intent) {
    INFO(reason(intent));
    REQUIRE(std::holds_alternative<T>(intent));
    CHECK_FALSE(reason(intent).empty());
    return std::get<T>(intent);
}

}  // namespace

TEST_CASE("a review that asks for changes is a wish for each thing it says") {
    auto facts = with_job(JobState::review);
    facts.beside_lines = {
        {.id = "8", .path = "till.py", .line = 3, .diff_hunk = "@@ -1 +1 @@", .body = "Why?"},
        {.id = "9", .path = "till.py", .line = 4, .body = " <!-- hidden --> "}};
    const AskRefine ask{
        .thread = issue, .by = alice, .words = "Please<!-- not --> explain.", .review_id = "77"};
    const auto refine = expect<Refine>(decide(ask, facts, {}));
    REQUIRE(refine.asks.size() == 2);
    CHECK(refine.asks[0] == Ask{.key = "review=77", .by = alice, .words = "Please explain."});
    CHECK(refine.asks[1] == Ask{.key = "review=77 beside=8",
                                .by = alice,
                                .words = "Why?",
                                .inline_id = "8",
                                .path = "till.py",
                                .line = 3,
                                .diff_hunk = "@@ -1 +1 @@"});
    facts.permission = Permission::read;
    expect<Ignore>(decide(ask, facts, {}));
    expect<Ignore>(decide(ask, good(), {}));  // of a pull request that is not ours
    facts = with_job(JobState::merged);
    expect<Ignore>(decide(ask, facts, {}));
}

TEST_CASE("a wish by a command is carried out on an open pull request of ours, and answered when it is not") {
    const auto ask = asked("/agent refine use fewer words");
    CHECK(ask.words == "use fewer words");
    CHECK(ask.comment_id == "501");
    for (const auto state :
         {JobState::review, JobState::queued, JobState::working, JobState::publishing, JobState::waiting})
        CHECK(expect<Refine>(decide(ask, with_job(state), {})).asks.front().words == "use fewer words");
    for (const auto state : {JobState::stopped, JobState::merged, JobState::closed})
        expect<Refuse>(decide(ask, with_job(state), {}));
    auto facts = with_job(JobState::working);
    facts.active_job->pull_request = 0;
    expect<Refuse>(decide(ask, facts, {}));
    expect<Refuse>(decide(ask, good(), {}));
    expect<Refuse>(decide(asked("/agent refine"), with_job(JobState::review), {}));
    facts = with_job(JobState::review);
    facts.permission = Permission::read;
    CHECK(expect<Refuse>(decide(ask, facts, {})).answer.find("no write access") != std::string::npos);
    // What stands below the command belongs to it.
    CHECK(asked("/agent refine two things:\n- one\n- two").words == "two things:\n- one\n- two");
}

}  // namespace on_its_pull_request
