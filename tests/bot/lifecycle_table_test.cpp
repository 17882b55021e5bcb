// Every event at every state of a job, and where the job is then: from the event as a forge tells it, through
// what is decided on it, to the ledger.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bot/intent.hpp"
#include "tests/bot/ledger_fixture.hpp"
#include "tests/bot/lifecycle_table.hpp"
#include "tests/bot/report_samples.hpp"

using bot::JobState;
using bot::Signal;
using integrations::Event;

namespace {

const integrations::Person mona{.login = "mona", .id = "9"};
constexpr std::int64_t issue = 1;
constexpr std::int64_t proposal = 101;

Event says(const std::string& words) {
    return integrations::CommentCreated{
        .thread = LedgerFixture::thread(issue), .comment_id = "900", .body = words, .by = mona};
}
Event ended(integrations::IssueEnded::How how) {
    return integrations::IssueEnded{.issue = LedgerFixture::thread(issue), .how = how, .by = mona};
}
Event proposal_ended(bool merged) {
    return integrations::PullRequestEnded{
        .pull_request = LedgerFixture::thread(proposal), .merged = merged, .by = mona};
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

struct Column {
    const char* name;
    Event event;
};
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
    {"review",
     integrations::ChangesRequested{
         .pull_request = LedgerFixture::thread(proposal), .review_id = "7", .body = "more", .by = mona}},
    {"pick", says("/agent pick 2")},
    {"resume", says("/agent resume yes")},
    {"words", says("yes, do that")},
    {"stop", says("/agent stop")},
    {"status", says("/agent status")},
    {"why", says("/agent why")},
    {"help", says("/agent help")},
    {"closed", ended(How::closed)},
    {"locked", ended(How::locked)},
    {"moved", ended(How::transferred)},
    {"deleted", ended(How::deleted)},
    {"merged", proposal_ended(true)},
    {"closed_pr", proposal_ended(false)},
    {"red_ci", integrations::ChecksFailed{.repo = LedgerFixture::thread(issue).repo, .head_sha = "head"}},
    {"renamed", integrations::RepositoryRenamed{.repo = LedgerFixture::thread(issue).repo}},
    {"archived", access_ended(Access::archived)},
    {"erased", access_ended(Access::deleted)},
    {"removed", access_ended(Access::removed)},
    {"uninstalled", access_ended(Access::uninstalled)},
};

/// A job in that state, and the lease of who works on it.
struct Stage : LedgerFixture {
    bot::JobId id;
    std::optional<bot::Lease> lease;

    explicit Stage(const std::string& state) {
        auto& book = open();
        const auto green = to_json(samples::green());
        if (state == "queued") id = book.carry_out(start(issue)).value();
        if (state == "competing") {
            auto several = start(issue);
            several.tries = {"a", "b"};
            id = book.carry_out(several).value();
        }
        if (id.value != 0) return;
        const auto claim = working(issue);
        id = claim.job.id;
        lease = claim.lease;
        if (state == "working") return;
        if (state == "waiting") {
            book.finish(*lease,
                        {.signal = Signal::ask, .waits_for = bot::WaitsFor::answer, .question = "Which?"});
            lease.reset();
            return;
        }
        if (state == "answered" || state == "failed" || state == "stopped") {
            book.finish(*lease, {.signal = state == "answered" ? Signal::nothing
                                           : state == "failed" ? Signal::fail
                                                               : Signal::stop,
                                 .reason = "over"});
            lease.reset();
            return;
        }
        book.store_verdict(*lease, green, "agent/issue-1");
        book.store_head(*lease, "head", "agent/issue-1");
        if (state == "publishing") return;
        book.finish(*lease, {.signal = Signal::proposed, .pull_request = proposal});
        lease.reset();
        if (state == "merged" || state == "closed")
            (void)book.carry_out(bot::EndReview{.job = id, .merged = state == "merged", .reason = "over"});
        if (state == "changing") change();
    }

    /// People want the pull request changed, and somebody works on that.
    void change() {
        (void)ledger->carry_out(bot::Refine{.job = id,
                                            .asks = {{.key = "comment=1", .by = mona, .words = "more"}},
                                            .reason = "wanted",
                                            .thread = thread(proposal)});
        pass(std::chrono::minutes(1));
        lease = ledger->claim({}).value().lease;
        (void)ledger->take_asks(*lease);
    }

    [[nodiscard]] bot::Facts facts(const Event& event = integrations::Pinged{}) const {
        bot::Facts facts{
            .permission = integrations::Permission::write,
            .repository_allowed = true,
            .active_job = ledger->job(id),
            .issue = integrations::IssueSnapshot{.title = "t", .labels = {"agent"}, .author = mona},
            .base_branch = "main",
            .base_commit = std::string(40, 'a'),
            .repository = thread(issue).repo};
        if (std::holds_alternative<integrations::IssueEnded>(event)) facts.issue->open = false;
        if (std::holds_alternative<integrations::IssueUnlabelled>(event)) facts.issue->labels.clear();
        facts.failed = {{.name = "windows"}};
        return facts;
    }

    /// Where the job is after the event; `.` is where it was. Where somebody works on it: also once that one
    /// gives up.
    [[nodiscard]] std::string after(const Event& event) {
        const auto before = job(id).state;
        const auto count = ledger->jobs(100).size();
        for (const auto& request : bot::recognise(event, {}, "shopfloor[bot]"))
            (void)ledger->carry_out(decide(request, facts(event), {}));
        if (ledger->jobs(100).size() > count) return "+";
        std::string said = job(id).state == before ? "." : std::string(name(job(id).state));
        if (!lease) return said;
        const auto end = job(id).changes_proposal() ? Signal::back : Signal::fail;
        ledger->finish(*lease, {.signal = end, .reason = "it gave up"});
        return said + "/" + std::string(name(job(id).state));
    }
};

/// As `Stage::after` tells it.
std::string expected_of(const std::string& state, const std::string& event, bool somebody_works) {
    auto end = lifecycle::expected(state, event);
    if (end == "-") end = ".";
    if (!somebody_works || end == "+") return end;
    if (end != ".") return "./" + end;
    if (state != "changing") return "./failed";
    return event == "refine" || event == "review" ? "./queued" : "./review";
}

/// Every state of a job that events are about, with every event, and what the table says of it.
void for_each_cell(
    const std::function<void(Stage& stage, const Event& event, const std::string& expected)>& look) {
    const std::vector<std::string> over{"answered", "failed", "stopped", "merged", "closed"};
    for (const auto& row : lifecycle::table) {
        const std::string state(row.state);
        for (const auto& here : state == "over" ? over : std::vector{state}) {
            for (const auto& column : columns) {
                CAPTURE(here);
                CAPTURE(column.name);
                Stage stage(here);
                REQUIRE(name(stage.job(stage.id).state) == (here == "changing" ? "working" : here));
                look(stage, column.event, expected_of(state, column.name, stage.lease.has_value()));
            }
        }
    }
}

}  // namespace

TEST_CASE("the table of states and events has every state that events are about, and every event") {
    std::vector<std::string_view> told;
    for (const auto& column : columns) told.emplace_back(column.name);
    CHECK(std::ranges::equal(told, lifecycle::events));
    for (const auto state : bot::all_states)
        if (bot::is_active(state)) CHECK_NOTHROW((void)lifecycle::expected(name(state), "stop"));
}

TEST_CASE("every event at every state of a job leads where it should") {
    for_each_cell(
        [](Stage& stage, const Event& event, const std::string& end) { CHECK(stage.after(event) == end); });
}

TEST_CASE("told twice, every event at every state leads to the same end") {
    for_each_cell([](Stage& stage, const Event& event, const std::string& end) {
        const auto before = stage.facts(event);
        const auto count = stage.ledger->jobs(100).size();
        for (int told = 0; told < 2; ++told)  // on what was known the first time
            for (const auto& request : bot::recognise(event, {}, "shopfloor[bot]"))
                (void)stage.ledger->carry_out(decide(request, before, {}));
        CHECK(stage.ledger->jobs(100).size() == count + (end == "+" ? 1 : 0));
        if (!stage.lease && end != "." && end != "+") CHECK(name(stage.job(stage.id).state) == end);
    });
}

TEST_CASE("stop, said at any moment, is the end, whatever the worker has come to") {
    for (const auto ending : {Signal::nothing, Signal::fail, Signal::ask, Signal::proposed}) {
        for (const bool published : {false, true}) {
            if (!published && ending == Signal::proposed) continue;
            if (published && (ending == Signal::nothing || ending == Signal::ask)) continue;
            for (const bool stop_first : {true, false}) {
                CAPTURE(name(ending));
                CAPTURE(published);
                CAPTURE(stop_first);
                Stage stage(published ? "publishing" : "working");
                const auto stop = [&] {
                    for (const auto& request : bot::recognise(says("/agent stop"), {}, "shopfloor[bot]"))
                        (void)stage.ledger->carry_out(decide(request, stage.facts(), {}));
                };
                const auto finish = [&] {
                    stage.ledger->finish(*stage.lease,
                                         {.signal = ending,
                                          .reason = "over",
                                          .pull_request = proposal,
                                          .waits_for = ending == Signal::ask ? bot::WaitsFor::answer
                                                                             : bot::WaitsFor::nothing});
                };
                if (stop_first) stop();
                finish();
                if (!stop_first) stop();
                const bool was_over = !stop_first && (ending == Signal::nothing || ending == Signal::fail);
                CHECK((stage.job(stage.id).state == JobState::stopped) == !was_over);
                CHECK_FALSE(stage.ledger->active_job(LedgerFixture::thread(issue)));
            }
        }
    }
}
