// Stop, said before and after every step that a job can take: both orders come to the same end.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include "bot/job_state.hpp"
#include "tests/bot/lifecycle_stage.hpp"

using bot::JobState;
using bot::Signal;
using lifecycle::issue;
using lifecycle::proposal;
using lifecycle::Stage;
using lifecycle::verdict_of_two;

namespace {

/// A step of the table of states, as it is done, and at which stage.
struct StepOf {
    JobState from;
    Signal on;
    const char* stage = "";
    std::function<void(Stage&)> done = {};  ///< none: stop cannot come in between
};

std::function<void(Stage&)> finishes(Signal how) {
    return [how](Stage& stage) {
        if (how == Signal::ask) return stage.ask(bot::WaitsFor::answer);
        stage.finish({.signal = how, .reason = "over", .pull_request = proposal});
    };
}
/// Every try of it comes to this.
std::function<void(Stage&)> all_finish(Signal how) {
    return [how](Stage& stage) {
        for (const auto& each : stage.ledger->tries(stage.id)) {
            const auto claim = bot::is_active(each.state) ? stage.ledger->claim({}) : std::nullopt;
            if (!claim) continue;
            if (how == Signal::verdict)
                stage.ledger->store_verdict(claim->lease, verdict_of_two(), "");
            else
                stage.ledger->finish(claim->lease, {.signal = how, .reason = "over"});
        }
    };
}
std::function<void(Stage&)> people_are_done(bool merged) {
    return [merged](Stage& stage) {
        (void)stage.ledger->carry_out(bot::EndReview{.job = stage.id, .merged = merged, .reason = "over"});
    };
}
void stops(Stage& stage) { stage.stop(); }
void is_taken(Stage& stage) { stage.take(); }
void is_given_back(Stage& stage) {
    stage.ledger->give_back(*stage.lease, "the forge is down");
    stage.lease.reset();
}

using enum JobState;
const std::vector<StepOf> steps{
    {queued, Signal::claim, "queued", is_taken},
    {queued, Signal::stop, "queued", stops},
    {queued, Signal::compete},  // the transaction that begins the job does it
    {competing, Signal::verdict, "competing", all_finish(Signal::verdict)},
    {competing, Signal::nothing, "competing", all_finish(Signal::nothing)},
    {competing, Signal::fail, "competing", all_finish(Signal::fail)},
    {competing, Signal::stop, "competing", stops},
    {working, Signal::judged, "trying",
     [](Stage& stage) {
         stage.ledger->store_verdict(*stage.lease, verdict_of_two(), "");
         stage.lease.reset();
     }},
    {working, Signal::requeue, "working", is_given_back},
    {working, Signal::verdict, "working", [](Stage& stage) { stage.publish(); }},
    {working, Signal::ask, "working", finishes(Signal::ask)},
    {working, Signal::nothing, "working", finishes(Signal::nothing)},
    {working, Signal::fail, "working", finishes(Signal::fail)},
    {working, Signal::stop, "working", stops},
    {working, Signal::back, "changing", finishes(Signal::back)},
    {working, Signal::merge, "changing", people_are_done(true)},
    {working, Signal::close, "changing", people_are_done(false)},
    {waiting, Signal::resume, "waiting",
     [](Stage& stage) {
         (void)stage.ledger->carry_out(
             bot::Resume{.job = stage.id, .answer = "yes", .reason = "answered", .comment_id = {}});
     }},
    {waiting, Signal::stop, "waiting", stops},
    {waiting, Signal::merge, "change_waiting", people_are_done(true)},
    {waiting, Signal::close, "change_waiting", people_are_done(false)},
    {publishing, Signal::claim, "publishing",
     [](Stage& stage) {
         is_given_back(stage);
         stage.take();
     }},
    {publishing, Signal::requeue, "publishing", is_given_back},
    {publishing, Signal::proposed, "publishing", finishes(Signal::proposed)},
    {publishing, Signal::fail, "publishing", finishes(Signal::fail)},
    {publishing, Signal::stop, "publishing", stops},
    {publishing, Signal::back, "change_publishing", finishes(Signal::back)},
    {publishing, Signal::merge, "change_publishing", people_are_done(true)},
    {publishing, Signal::close, "change_publishing", people_are_done(false)},
    {review, Signal::refine, "review", [](Stage& stage) { stage.change("change_queued"); }},
    {review, Signal::stop, "review", stops},
    {review, Signal::merge, "review", people_are_done(true)},
    {review, Signal::close, "review", people_are_done(false)},
    {queued, Signal::merge, "change_queued", people_are_done(true)},
    {queued, Signal::close, "change_queued", people_are_done(false)},
};

}  // namespace

TEST_CASE("stop and any step of the table of states come to the same end, whichever is first") {
    for (const auto& row : bot::transitions) {
        CAPTURE(name(row.from));
        CAPTURE(name(row.on));
        const auto step = std::ranges::find_if(
            steps, [&](const StepOf& each) { return each.from == row.from && each.on == row.on; });
        REQUIRE((step != steps.end()));
        if (!step->done) continue;
        for (const bool stop_first : {true, false}) {
            CAPTURE(stop_first);
            Stage stage(step->stage);
            const bool at_work = stage.lease.has_value();
            if (stop_first) stage.stop();
            step->done(stage);
            // People are done with a pull request whatever else they said while somebody worked on it.
            const bool people_end = row.on == Signal::merge || row.on == Signal::close;
            const bool when_let_go = at_work && (people_end || row.on == Signal::stop);
            if (!stop_first && !when_let_go && row.on != Signal::judged)
                CHECK(name(stage.job(stage.id).state) == name(row.to));
            if (!stop_first) stage.stop();
            if (stage.lease) stage.give_up();
            const bool was_over =
                bot::is_final(row.to) && row.on != Signal::judged && (!stop_first || (people_end && at_work));
            CHECK(name(stage.job(stage.id).state) == name(was_over ? row.to : JobState::stopped));
            CHECK_FALSE(stage.ledger->active_job(LedgerFixture::thread(issue)));
        }
    }
}
