// Stop, said at the moment at which a job goes from one state to the next, of every such step: many issues at
// once, each a little earlier or later than the last. Where it comes first it is the end, and nothing comes
// after; where something else was the end already, the answer says so.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/post_office.hpp"

using practice_forge::Fault;
using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::proposals_of;
using scenarios::repository;

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What comes at the same moment as stop, on the issue or its pull request.
using Rival = std::function<void(PracticeForge&, std::int64_t issue, const practice_forge::PullRequest&)>;

struct Race {
    const char* name;
    const char* title = "Words are missing";
    const char* begin = "";       ///< the comment that begins the job; empty: the label does
    const char* first = "";       ///< is waited for before `then`; empty: nothing
    Rival then = {};              ///< leads to where stop is wanted
    const char* moment = "";      ///< the state after whose beginning stop is said
    std::vector<int> after = {};  ///< ms after it, one try each
    Rival against = {};           ///< at the same moment: in every second try before stop, else behind it
};

Rival says(const std::string& words) {
    return [words](PracticeForge& forge, std::int64_t issue, const auto&) {
        forge.comment(repository, issue, words, maintainer);
    };
}

void turns_red(PracticeForge& forge, std::int64_t, const practice_forge::PullRequest& proposal) {
    forge.finish_check(repository, proposal.head_sha, "windows", "failure", {}, "too few words\n");
}
void is_merged(PracticeForge& forge, std::int64_t, const practice_forge::PullRequest& proposal) {
    forge.merge(repository, proposal.number, maintainer);
}
void is_closed(PracticeForge& forge, std::int64_t, const practice_forge::PullRequest& proposal) {
    forge.close(repository, proposal.number, maintainer);
}

/// Every step in which the table of states has a job that can be stopped.
const std::vector<Race> races{
    {.name = "queued", .moment = "queued", .after = {0, 60}},
    {.name = "queued -> working", .moment = "working", .after = {0, 40}},
    {.name = "working -> publishing", .moment = "working", .after = {350, 500, 650}},
    {.name = "publishing -> review", .moment = "publishing", .after = {0, 250, 500, 700, 900}},
    {.name = "publishing -> failed",
     .title = "Guarded",
     .moment = "publishing",
     .after = {0, 300, 1200, 2000}},
    {.name = "waiting -> queued",
     .begin = "/agent run zz-asker",
     .moment = "waiting",
     .after = {0, 0, 50, 50},
     .against = says("Please count in euros.")},
    {.name = "review -> queued by a wish",
     .moment = "review",
     .after = {0, 0, 60, 60},
     .against = says("/agent refine say more")},
    {.name = "review -> queued by another try",
     .moment = "review",
     .after = {0, 0},
     .against = says("/agent retry")},
    {.name = "review -> queued by red CI", .moment = "review", .after = {0, 0}, .against = turns_red},
    {.name = "a change: working -> publishing",
     .first = "review",
     .then = says("/agent refine say more"),
     .moment = "working",
     .after = {350, 500, 650}},
    {.name = "a change: publishing -> review",
     .first = "review",
     .then = says("/agent refine say more"),
     .moment = "publishing",
     .after = {0, 300, 600}},
    {.name = "competing -> judged",
     .begin = "/agent run x2",
     .moment = "competing",
     .after = {0, 400, 800, 1200}},
    {.name = "review -> merged", .moment = "review", .after = {0, 0, 40, 40}, .against = is_merged},
    {.name = "review -> closed", .moment = "review", .after = {0, 0, 40, 40}, .against = is_closed},
};

/// One race with one offset, in an issue of its own.
struct Try {
    const Race* race;
    int after = 0;
    bool stop_first = false;
    std::int64_t issue = 0;
    std::string head = {};                      ///< of its pull request before `then`
    bool led = false;                           ///< `first` was reached and `then` was done
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
    return state == "stopped" || state == "failed" || state == "merged" || state == "closed";
}

/// A job may go on quicker than it is looked at.
bool is_beyond(const std::string& state, const std::string& moment) {
    static const std::vector<std::string> way{"",        "queued",     "competing", "working",
                                              "waiting", "publishing", "review"};
    return std::ranges::find(way, state) > std::ranges::find(way, moment);
}

bool changed(const Factory& factory, const Try& each) {
    const auto proposals = proposals_of(factory, each.issue);
    return !proposals.empty() && proposals.front().head_sha != each.head;
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
        if (!first.empty()) each.head = proposals_of(factory, each.issue).front().head_sha;
        if (each.race->then) each.race->then(factory.forge, each.issue, {});
        each.led = true;
        if (!first.empty()) return false;
    }
    const bool missed = first.empty() ? is_beyond(state, each.race->moment)
                                      : each.led && changed(factory, each) && state == "review";
    if (!each.due && each.led && (state == each.race->moment || missed))
        each.due = Clock::now() + std::chrono::milliseconds(missed ? 0 : each.after);
    if (each.due && Clock::now() >= *each.due) say_stop(factory, each);
    return false;
}

std::vector<Try> begin(Factory& factory) {
    auto& forge = factory.forge;
    std::vector<Try> tries;
    for (const auto& race : races)
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
    std::size_t over = 0;
    for (const auto until = Clock::now() + 300s; over < tries.size() && Clock::now() < until;
         std::this_thread::sleep_for(5ms)) {
        auto states = scenarios::all_states(factory);
        over = 0;
        for (auto& each : tries)
            if (go_on(factory, each, states[each.issue])) ++over;
    }
    if (over == tries.size()) return;
    auto states = scenarios::all_states(factory);
    for (const auto& each : tries)
        if (!is_over(states[each.issue]))
            FAIL_CHECK(each.race->name << ", " << each.after << " ms: is " << states[each.issue]
                                       << (each.comment == 0 ? ", stop was not said" : ", stop was said"));
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
        std::ranges::copy(factory.answers(proposal.number), std::back_inserter(answers));
    CHECK(std::ranges::any_of(answers, [](const std::string& said) {
        return contains(said, "No job is at work here") || contains(said, "The pull request was");
    }));
    std::vector<std::string> labels;
    if (state == "failed") labels = {"agent-state: blocked"};
    if (state == "merged") labels = {"agent-state: done"};
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

TEST_CASE("stop, said at the moment of any step of a job, is the end of it or is told what was") {
    if (!can_run("bubblewrap")) return;
    Factory factory(
        {.files = {{.path = "tests/run.sh", .content = "true\n"}},
         .agents =
             {{"worker", "sleep 0.2; mktemp ./words-XXXXXXXX"},
              {"zz-asker",
               "if grep -q 'in euros'; then mktemp ./words-XXXXXXXX; else echo 'QUESTION: Which?'; fi"}},
         .change = [](config::Settings& settings) { settings.max_parallel = 6; }});
    auto& forge = factory.forge;
    forge.protect_branch(repository, "agent/issue-*-guarded*");
    for (const auto& [method, path, latency] :  // so that publishing takes its time
         {std::tuple("POST", "*/git-receive-pack", 500ms), std::tuple("POST", "*/check-runs", 200ms),
          std::tuple("POST", "*/pulls", 200ms), std::tuple("PATCH", "*/pulls/*", 200ms)})
        forge.fail({.name = "slow",
                    .kind = Fault::Kind::latency,
                    .method = method,
                    .path = path,
                    .times = -1,
                    .latency = latency});
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
