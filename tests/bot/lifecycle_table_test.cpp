// Every event at every state of a job, and where the job is then: from the event as a forge tells it, through
// what is decided on it, to the ledger. Where somebody works on the job, the second word is where it is once
// the worker has come to its end.
#include <doctest/doctest.h>

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "bot/intent.hpp"
#include "tests/bot/ledger_fixture.hpp"
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

struct Column {
    const char* name;
    Event event;
};
using How = integrations::IssueEnded::How;
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
    {"closed", ended(How::closed)},
    {"locked", ended(How::locked)},
    {"moved", ended(How::transferred)},
    {"deleted", ended(How::deleted)},
    {"merged", proposal_ended(true)},
    {"closed_pr", proposal_ended(false)},
    {"red_ci", integrations::ChecksFailed{.repo = LedgerFixture::thread(issue).repo, .head_sha = "head"}},
    {"renamed", integrations::RepositoryRenamed{.repo = LedgerFixture::thread(issue).repo}},
    {"gone", integrations::AccessEnded{.how = integrations::AccessEnded::How::uninstalled,
                                       .forge = "github",
                                       .installation = "5",
                                       .repositories = {}}},
};

/// `.`: stays as it is.
const std::map<std::string, std::string> table{
    // A label or a command to a job that is at work changes nothing; the end of the issue ends it.
    {"queued",
     "label=. unlabel=stopped run=. retry=. refine=. review=. pick=. resume=. words=. stop=stopped status=. "
     "closed=stopped locked=stopped moved=stopped deleted=stopped merged=. closed_pr=. red_ci=. renamed=. "
     "gone=stopped"},
    {"working",
     "label=./failed unlabel=./stopped run=./failed retry=./failed refine=./failed review=./failed "
     "pick=./failed resume=./failed words=./failed stop=./stopped status=./failed closed=./stopped "
     "locked=./stopped moved=./stopped deleted=./stopped merged=./failed closed_pr=./failed "
     "red_ci=./failed renamed=./failed gone=./stopped"},
    {"publishing",
     "label=./failed unlabel=./stopped run=./failed retry=./failed refine=./failed review=./failed "
     "pick=./failed resume=./failed words=./failed stop=./stopped status=./failed closed=./stopped "
     "locked=./stopped moved=./stopped deleted=./stopped merged=./failed closed_pr=./failed "
     "red_ci=./failed renamed=./failed gone=./stopped"},
    {"competing",
     "label=. unlabel=stopped run=. retry=. refine=. review=. pick=. resume=. words=. stop=stopped "
     "status=. closed=stopped locked=stopped moved=stopped deleted=stopped merged=. closed_pr=. "
     "red_ci=. renamed=. gone=stopped"},
    {"waiting",
     "label=. unlabel=stopped run=. retry=. refine=. review=. pick=. resume=queued words=queued "
     "stop=stopped status=. closed=stopped locked=stopped moved=stopped deleted=stopped merged=. "
     "closed_pr=. red_ci=. renamed=. gone=stopped"},
    // An open pull request outlives its issue; merging it closes that.
    {"review",
     "label=. unlabel=. run=. retry=queued refine=queued review=queued pick=. resume=. words=. "
     "stop=stopped status=. closed=. locked=. moved=. deleted=. merged=merged closed_pr=closed "
     "red_ci=queued renamed=. gone=stopped"},
    // What is over stays so: the label or a command begins another job.
    {"over",
     "label=+ unlabel=. run=+ retry=+ refine=. review=. pick=. resume=. words=. stop=. status=. closed=. "
     "locked=. moved=. deleted=. merged=. closed_pr=. red_ci=. renamed=. gone=."},
};

std::string expected(const std::string& state, const std::string& column) {
    std::istringstream words(table.at(state));
    for (std::string word; words >> word;)
        if (word.starts_with(column + "=")) return word.substr(column.size() + 1);
    return "not in the table";
}

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
    }

    [[nodiscard]] bot::Facts facts() const {
        bot::Facts facts{
            .permission = integrations::Permission::write,
            .repository_allowed = true,
            .active_job = ledger->job(id),
            .issue = integrations::IssueSnapshot{.title = "t", .labels = {"agent"}, .author = mona},
            .base_branch = "main",
            .base_commit = std::string(40, 'a'),
            .repository = thread(issue).repo};
        facts.failed = {{.name = "windows"}};
        return facts;
    }

    /// Where the job is after the event.
    [[nodiscard]] std::string after(const Event& event) {
        const auto before = job(id).state;
        const auto count = ledger->jobs(100).size();
        for (const auto& request : bot::recognise(event, {}, "shopfloor[bot]"))
            (void)ledger->carry_out(decide(request, facts(), {}));
        if (ledger->jobs(100).size() > count) return "+";
        std::string said = job(id).state == before ? "." : std::string(name(job(id).state));
        if (!lease) return said;
        ledger->finish(*lease, {.signal = Signal::fail, .reason = "it gave up"});
        return said + "/" + std::string(name(job(id).state));
    }
};

/// Every state of a job that events are about, with every event, and what the table says of it.
void for_each_cell(
    const std::function<void(Stage& stage, const Event& event, const std::string& expected)>& look) {
    for (const auto state : bot::all_states) {
        if (state == JobState::judged) continue;  // of a try
        const std::string here(name(state));
        for (const auto& column : columns) {
            CAPTURE(here);
            CAPTURE(column.name);
            Stage stage(here);
            REQUIRE(stage.job(stage.id).state == state);
            look(stage, column.event, expected(table.contains(here) ? here : "over", column.name));
        }
    }
}

}  // namespace

TEST_CASE("every event at every state of a job leads where it should") {
    for_each_cell(
        [](Stage& stage, const Event& event, const std::string& end) { CHECK(stage.after(event) == end); });
}

TEST_CASE("told twice, every event at every state leads to the same end") {
    for_each_cell([](Stage& stage, const Event& event, const std::string& end) {
        const auto before = stage.facts();
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
