// Every event at every state of a job, and where the job is then: from the event as a forge tells it, through
// what is decided on it, to the ledger.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bot/lifecycle_stage.hpp"
#include "tests/bot/lifecycle_table.hpp"

using bot::JobState;
using integrations::Event;
using lifecycle::Column;
using lifecycle::issue;
using lifecycle::mona;
using lifecycle::proposal;
using lifecycle::says;
using lifecycle::Stage;

namespace {

Event ended(integrations::IssueEnded::How how) {
    return integrations::IssueEnded{.issue = LedgerFixture::thread(issue), .how = how, .by = mona};
}
Event proposal_ended(bool merged) {
    return integrations::PullRequestEnded{
        .pull_request = LedgerFixture::pull_request(proposal), .merged = merged, .by = mona};
}

Event access_ended(integrations::AccessEnded::How how) {
    using Access = integrations::AccessEnded;
    if (how == Access::How::uninstalled)
        return Access{.how = how, .forge = "github", .installation = "5", .repositories = {}};
    return Access{.how = how,
                  .forge = "github",
                  .installation = "5",
                  .repositories = {LedgerFixture::thread(issue).repo.id}};
}

using How = integrations::IssueEnded::How;
using Access = integrations::AccessEnded::How;
const std::vector<Column> columns{
    {"label",
     integrations::IssueLabelled{.issue = LedgerFixture::thread(issue), .label = "agent", .by = mona}},
    {"unlabel",
     integrations::IssueUnlabelled{.issue = LedgerFixture::thread(issue), .label = "agent", .by = mona}},
    {"run", says("/agent run")},
    {"retry", says("/agent retry")},
    {"refine", says("/agent refine more")},
    {"review", integrations::ChangesRequested{.pull_request = LedgerFixture::pull_request(proposal),
                                              .review_id = "7",
                                              .body = "more",
                                              .by = mona}},
    {"pick", says("/agent pick 1")},
    {"picked", says("/agent pick 2")},
    {"resume", says("/agent resume yes")},
    {"money", says("/agent resume +$5")},
    {"words", says("yes, do that")},
    {"stop", says("/agent stop")},
    {"status", says("/agent status")},
    {"why", says("/agent why")},
    {"help", says("/agent help")},
    {"closed", ended(How::closed)},
    {"reopened", integrations::Ignored{"issues.reopened is not for us"}},
    {"locked", ended(How::locked)},
    {"unlocked", integrations::Ignored{"issues.unlocked is not for us"}},
    {"moved", ended(How::transferred)},
    {"deleted", ended(How::deleted)},
    {"merged", proposal_ended(true)},
    {"closed_pr", proposal_ended(false)},
    {"reopened_pr", integrations::Ignored{"pull_request.reopened is not for us"}},
    {"red_ci", integrations::ChecksFailed{.repo = LedgerFixture::thread(issue).repo, .head_sha = "head"}},
    {"pushed",
     integrations::BranchPushed{
         .repo = LedgerFixture::thread(issue).repo, .branch = "agent/issue-1", .by = mona}},
    {"conflict",
     integrations::BranchPushed{.repo = LedgerFixture::thread(issue).repo, .branch = "main", .by = mona}},
    {"renamed", integrations::RepositoryRenamed{.repo = LedgerFixture::thread(issue).repo}},
    {"given_away", integrations::RepositoryRenamed{.repo = LedgerFixture::thread(issue).repo}},
    {"archived", access_ended(Access::archived)},
    {"erased", access_ended(Access::deleted)},
    {"removed", access_ended(Access::removed)},
    {"suspended", access_ended(Access::uninstalled)},
    {"uninstalled", access_ended(Access::uninstalled)},
};

/// As `Stage::after` tells it.
std::string expected_of(const std::string& state, const std::string& event, bool somebody_works) {
    auto end = lifecycle::expected(state, event);
    if (end == "-") end = ".";
    if (!somebody_works || end == "+") return end;
    if (end != ".") return "./" + end;
    if (!state.starts_with("chang")) return "./failed";
    return event == "refine" || event == "review" ? "./queued" : "./review";
}

/// The ledger's word for it.
std::string stands(const std::string& state) {
    if (state == "changing") return "working";
    if (state == "job_budget") return "waiting";
    return state.starts_with("change_") ? state.substr(state.find('_') + 1) : state;
}

/// Every state of a job that events are about, with every event, and what the table says of it.
void for_each_cell(
    const std::function<void(Stage& stage, const Column& column, const std::string& expected)>& look) {
    for (const auto& state : lifecycle::states()) {
        for (const auto& column : columns) {
            CAPTURE(state);
            CAPTURE(column.name);
            Stage stage(state);
            REQUIRE(name(stage.job(stage.id).state) == stands(state));
            look(stage, column, expected_of(state, column.name, stage.lease.has_value()));
        }
    }
}

}  // namespace

TEST_CASE("the table of states and events has every state that events are about, and every event") {
    std::vector<std::string_view> told;
    for (const auto& column : columns) told.emplace_back(column.name);
    CHECK(std::ranges::equal(told, lifecycle::events));
    const auto states = lifecycle::states();
    const auto is_told = [&](std::string_view state) { return std::ranges::count(states, state) == 1; };
    for (const auto state : bot::all_states) {
        CAPTURE(name(state));
        CHECK((state == JobState::judged || is_told(name(state))));  // a try has no voice
        // A job can be there with an open pull request too, if it can be there after that was to be changed.
        const bool changes =
            state == JobState::queued || state == JobState::publishing || state == JobState::waiting;
        if (changes) CHECK(is_told("change_" + std::string(name(state))));
    }
    CHECK(is_told("changing"));
    for (const auto& state : states)
        for (const auto event : lifecycle::events) CHECK_NOTHROW((void)lifecycle::expected(state, event));
}

TEST_CASE("every event at every state of a job leads where it should") {
    for_each_cell([](Stage& stage, const Column& column, const std::string& end) {
        CHECK(stage.after(column) == end);
    });
}

TEST_CASE("told twice, every event at every state leads to the same end") {
    for_each_cell([](Stage& stage, const Column& column, const std::string& end) {
        const auto before = stage.facts(column);
        const auto count = stage.ledger->jobs(100).size();
        for (int told = 0; told < 2; ++told) stage.tell(column, before);  // on what was known the first time
        CHECK(stage.ledger->jobs(100).size() == count + (end == "+" ? 1 : 0));
        if (!stage.lease && end != "." && end != "+") CHECK(name(stage.job(stage.id).state) == end);
    });
}
