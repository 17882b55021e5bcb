#include "tests/bot/lifecycle_stage.hpp"

#include <chrono>
#include <string_view>

#include "tests/bot/report_samples.hpp"

namespace lifecycle {

using bot::JobState;
using bot::Signal;

namespace {

config::Settings settings() {
    config::Settings some;
    some.models.job.dollars = 10;
    return some;
}

}  // namespace

integrations::Event says(const std::string& words) {
    return integrations::CommentCreated{
        .thread = LedgerFixture::thread(issue), .comment_id = "900", .body = words, .by = mona};
}

std::string verdict_of_two() {
    auto verdict = samples::green();
    verdict.rivals = {{.number = 1, .head_commit = "head", .chosen = true},
                      {.number = 2, .head_commit = "other"}};
    return to_json(verdict);
}

Stage::Stage(const std::string& state) {
    auto& book = open();
    if (state == "queued") id = book.carry_out(start(issue)).value();
    if (state == "competing" || state == "trying") {  // that is one of its tries
        auto several = start(issue);
        several.tries = {"a", "b"};
        id = book.carry_out(several).value();
    }
    if (state == "trying") take();
    if (id.value == 0) work(state);
}

void Stage::work(const std::string& state) {
    const auto claim = working(issue);
    id = claim.job.id;
    lease = claim.lease;
    if (state == "working") return;
    if (state == "waiting") return ask(bot::WaitsFor::answer);
    if (state == "job_budget") return ask(bot::WaitsFor::job_budget);
    if (state == "answered" || state == "failed")
        return finish({.signal = state == "answered" ? Signal::nothing : Signal::fail, .reason = "over"});
    publish();
    if (state == "publishing") return;
    finish({.signal = Signal::proposed, .pull_request = proposal});
    if (state == "stopped")
        (void)ledger->carry_out(bot::Stop{
            .job = id, .reason = "over", .comment_id = {}, .thread = pull_request(proposal), .too_late = {}});
    if (state == "merged" || state == "closed")
        (void)ledger->carry_out(bot::EndReview{.job = id, .merged = state == "merged", .reason = "over"});
    if (state.starts_with("chang")) change(state);
}

void Stage::finish(const bot::Ending& ending) {
    ledger->finish(*lease, ending);
    lease.reset();
}
void Stage::ask(bot::WaitsFor what) {
    finish({.signal = Signal::ask, .waits_for = what, .question = "Which?"});
}
void Stage::publish() {
    ledger->store_verdict(*lease, verdict_of_two(), "agent/issue-1");
    ledger->store_head(*lease, "head", "agent/issue-1");
}
void Stage::change(const std::string& state) {
    (void)ledger->carry_out(bot::Refine{.job = id,
                                        .asks = {{.key = "comment=1", .by = mona, .words = "more"}},
                                        .reason = "wanted",
                                        .thread = pull_request(proposal)});
    if (state == "change_queued") return;
    take();
    (void)ledger->take_asks(*lease);
    if (state == "change_waiting") return ask(bot::WaitsFor::answer);
    if (state == "change_publishing") publish();
}

void Stage::take() {
    pass(std::chrono::minutes(1));
    if (const auto claim = ledger->claim({})) lease = claim->lease;
}
void Stage::give_up() {
    const auto end = job(id).changes_proposal() ? Signal::back : Signal::fail;
    finish({.signal = end, .reason = "it gave up"});
}
void Stage::stop() const {
    const Column said{"stop", says("/agent stop")};
    tell(said, facts(said));
}

bot::Facts Stage::facts(const Column& column) const {
    const std::string_view event = column.name;
    const auto now = ledger->job(id);
    bot::Facts facts{.permission = integrations::Permission::write,
                     .repository_allowed = event != "given_away",
                     .active_job = now,
                     .issue = integrations::IssueSnapshot{.title = "t", .labels = {"agent"}, .author = mona},
                     .base_branch = "main",
                     .base_commit = std::string(40, 'a'),
                     .repository = thread(issue).repo};
    if (event == "unlabel") facts.issue->labels.clear();
    facts.issue->locked = event == "locked";
    facts.issue->open =
        !std::holds_alternative<integrations::IssueEnded>(column.event) && now->state != JobState::merged;
    if (now->state == JobState::stopped) facts.closing = {{.number = proposal}};
    facts.failed = {{.name = "windows"}};
    return facts;
}

void Stage::tell(const Column& column, const bot::Facts& known) const {
    for (const auto& request : bot::recognise(column.event, {}, "shopfloor[bot]"))
        (void)ledger->carry_out(decide(request, known, settings()));
    if (column.name != std::string_view("conflict")) return;
    (void)ledger->carry_out(bot::Refine{.job = id,
                                        .asks = {{.key = "conflict=head", .what = bot::Ask::What::conflict}},
                                        .cycle = bot::Cycle::rebase,
                                        .reason = "in the way",
                                        .thread = pull_request(proposal)});
}

std::string Stage::after(const Column& column) {
    const auto before = job(id).state;
    const auto count = ledger->jobs(100).size();
    tell(column, facts(column));
    if (ledger->jobs(100).size() > count) return "+";
    std::string said = job(id).state == before ? "." : std::string(name(job(id).state));
    if (!lease) return said;
    give_up();
    return said + "/" + std::string(name(job(id).state));
}

}  // namespace lifecycle
