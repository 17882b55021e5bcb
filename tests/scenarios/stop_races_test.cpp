// Stop, said at the moment at which a job goes from one state to the next, of every such step: many issues at
// once, each a little earlier or later than the last. Where it comes first it is the end, and nothing comes
// after; where something else was the end already, the answer says so.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bot/job_state.hpp"
#include "bot/report.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/model_plan.hpp"
#include "tests/scenarios/post_office.hpp"
#include "tests/scenarios/stop_races.hpp"

using practice_forge::Fault;
using practice_forge::PracticeForge;
using scenarios::Asked;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::proposals_of;
using scenarios::Race;
using scenarios::repository;

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// One race with one offset, in an issue of its own.
struct Try {
    const Race* race;
    int after = 0;
    bool stop_first = false;
    std::int64_t issue = 0;
    bool led = false;                           ///< `first` was reached and `then` was done
    bool left = false;                          ///< it is not there any more, or has been elsewhere
    std::optional<Clock::time_point> due = {};  ///< when stop is to be said
    std::int64_t comment = 0;                   ///< that said it
    std::optional<std::map<std::string, std::string>> stood = {};  ///< its branches when it was stopped
};

std::map<std::string, std::string> branches_of(const Factory& factory, std::int64_t issue) {
    auto all = factory.forge.branches(repository);
    std::erase_if(all, [&](const auto& each) {
        return !each.first.starts_with(fmt::format("agent/issue-{}-", issue));
    });
    for (const auto& each : proposals_of(factory, issue))
        all.emplace(fmt::format("#{}", each.number), each.head_sha);
    return all;
}

bool is_over(const std::string& state) {
    const auto known = bot::job_state(state);
    return known && bot::is_final(*known);
}

/// A job may go on quicker than it is looked at.
bool is_beyond(const std::string& state, const std::string& moment) {
    static const std::vector<std::string> way{"",        "queued",     "competing", "working",
                                              "waiting", "publishing", "review"};
    return std::ranges::find(way, state) > std::ranges::find(way, moment);
}

void say_stop(Factory& factory, Try& each) {
    auto& forge = factory.forge;
    const auto proposal = factory.pull_request_of(each.issue);
    const auto rival = [&] {
        if (each.race->against)
            each.race->against(forge, each.issue, proposal.value_or(practice_forge::PullRequest{}));
    };
    if (!each.stop_first) rival();
    each.comment = forge.comment(repository, each.issue, "/agent stop", maintainer);
    if (each.stop_first) rival();
}

/// Leads a try on by what its job is at now. True: it is over.
bool go_on(Factory& factory, Try& each, const std::string& state) {
    if (is_over(state)) {
        if (state == "stopped" && !each.stood) each.stood = branches_of(factory, each.issue);
        if (each.comment == 0) say_stop(factory, each);  // it was quicker than its moment could be seen
        return true;
    }
    if (each.comment != 0) return false;
    const std::string first(each.race->first);
    if (!each.led && (first.empty() || state == first)) {
        if (each.race->then)
            each.race->then(factory.forge, each.issue, factory.pull_request_of(each.issue).value());
        each.led = true;
        if (!first.empty()) return false;
    }
    each.left = each.left || (each.led && !first.empty() && state != first);
    const bool missed = first.empty() ? is_beyond(state, each.race->moment) : each.left && state == first;
    if (!each.due && each.led && (state == each.race->moment || missed))
        each.due = Clock::now() + std::chrono::milliseconds(missed ? 0 : each.after);
    if (each.due && Clock::now() >= *each.due) say_stop(factory, each);
    return false;
}

std::vector<Try> begin(Factory& factory) {
    auto& forge = factory.forge;
    std::vector<Try> tries;
    for (const auto& race : scenarios::races())
        for (std::size_t i = 0; i < race.after.size(); ++i) {
            Try each{.race = &race, .after = race.after[i], .stop_first = i % 2 == 1};
            if (std::string(race.begin).empty()) {
                each.issue = factory.ask(race.title);
            } else {
                each.issue = forge.create_issue(repository, race.title, "Please.", maintainer);
                forge.comment(repository, each.issue, race.begin, maintainer);
            }
            tries.push_back(each);
        }
    return tries;
}

void bring_all_to_their_end(Factory& factory, std::vector<Try>& tries) {
    constexpr auto patience = 300s;  // with nothing that moves; all of it takes as long as the machine needs
    scenarios::JobStates seen(factory);
    std::size_t over = 0;
    std::map<std::int64_t, std::string> last;
    for (auto until = Clock::now() + patience; over < tries.size() && Clock::now() < until;
         std::this_thread::sleep_for(10ms)) {
        auto states = seen.now();
        if (states != last) until = Clock::now() + patience;
        last = states;
        over = 0;
        for (auto& each : tries)
            if (go_on(factory, each, states[each.issue])) ++over;
    }
    if (over == tries.size()) return;
    auto states = seen.now();
    for (const auto& each : tries)
        if (!is_over(states[each.issue]))
            FAIL_CHECK(each.race->name
                       << ", " << each.after << " ms: is " << states[each.issue]
                       << std::string(each.comment == 0 ? ", stop was not said" : ", stop was said"));
    REQUIRE(over == tries.size());
}

void check_stopped(const Factory& factory, const Try& each) {
    const auto now = branches_of(factory, each.issue);
    for (const auto& [name, commit] : now) {  // a branch without a pull request goes
        CAPTURE(name);
        REQUIRE(each.stood.has_value());
        REQUIRE(each.stood->contains(name));
        CHECK(each.stood->at(name) == commit);
    }
    CHECK(contains(factory.status(each.issue), "Stopped by"));
    CHECK(factory.forge.issue(repository, each.issue).labels.empty());
}

/// Something else was the end: stop is told that, whatever it was decided on.
void check_too_late(const Factory& factory, const Try& each, const std::string& state) {
    auto answers = factory.answers(each.issue);
    for (const auto& proposal : proposals_of(factory, each.issue))
        std::ranges::copy(factory.answers(proposal), std::back_inserter(answers));
    const auto ended = scenarios::as_read("The «pull request» was");
    CHECK(std::ranges::any_of(answers, [&](const std::string& said) {
        return contains(said, "No job is at work here") || contains(said, ended);
    }));
    const auto label = bot::report::state_label(*bot::job_state(state), factory.settings().labels);
    const auto labels = label.empty() ? std::vector<std::string>{} : std::vector{label};
    CHECK(factory.forge.issue(repository, each.issue).labels == labels);
}

std::vector<std::string> reactions_to(const Factory& factory, const Try& each) {
    std::vector<std::string> found;
    for (const auto& comment : factory.forge.issue(repository, each.issue).comments)
        if (comment.id == each.comment)
            for (const auto& reaction : comment.reactions) found.push_back(reaction.content);
    return found;
}

}  // namespace

TEST_CASE(
    "stop is raced with every step that the table of states has, or there is a reason why it cannot be") {
    using scenarios::JobStep;
    std::vector<JobStep> raced, excused;
    for (const auto& race : scenarios::races())
        raced.insert(raced.end(), race.steps.begin(), race.steps.end());
    for (const auto& each : scenarios::no_races()) excused.push_back(each.step);
    for (const auto& row : bot::transitions) {
        CAPTURE(name(row.from));
        CAPTURE(name(row.on));
        const bool is_raced = std::ranges::count(raced, JobStep{row.from, row.on}) > 0;
        const bool is_excused = std::ranges::count(excused, JobStep{row.from, row.on}) > 0;
        CHECK(is_raced != is_excused);
    }
    for (const auto& steps : {raced, excused})
        for (const auto& step : steps) CHECK(next(step.from, step.on).has_value());  // is in the table still
}

TEST_CASE("stop, said at the moment of any step of a job, is the end of it or is told what was") {
    if (!can_run("bubblewrap")) return;
    practice_model::PracticeModel model;
    model.accept_keys({std::string(scenarios::model_key)});
    model.fail({.status = 500, .times = practice_model::Fault::always});
    Factory factory(scenarios::plan_of_races(model));
    auto& forge = factory.forge;
    forge.protect_branch(repository, "agent/issue-*-guarded*");
    for (const auto& [asked, latency] :  // so that publishing takes its time
         {std::pair(Asked::push, 500ms), std::pair(Asked::evidence, 200ms),
          std::pair(Asked::open_pull_request, 200ms)})
        forge.fail(scenarios::at(
            asked, {.name = "slow", .kind = Fault::Kind::latency, .times = -1, .latency = latency}));
    auto tries = begin(factory);
    bring_all_to_their_end(factory, tries);
    REQUIRE(scenarios::comes_to_rest(factory));
    std::map<std::string, int> ends;
    for (const auto& each : tries) {
        INFO(each.race->name);
        CAPTURE(each.after);
        CAPTURE(each.stop_first);
        CAPTURE(factory.status(each.issue));
        const auto state = scenarios::states_of(factory, each.issue);  // of the one job there is
        CHECK(is_over(state));
        CHECK(reactions_to(factory, each) == std::vector<std::string>{"eyes", "rocket"});
        if (state == "stopped")
            check_stopped(factory, each);
        else
            check_too_late(factory, each, state);
        ++ends[fmt::format("{}: {}", each.race->name, state)];
    }
    for (const auto& [end, times] : ends) MESSAGE(end << " " << times);  // who came first, here
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}
