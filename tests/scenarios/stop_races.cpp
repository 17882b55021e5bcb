#include "tests/scenarios/stop_races.hpp"

#include <fmt/format.h>

#include <chrono>

#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/model_plan.hpp"

namespace scenarios {

namespace {

using bot::JobState;
using bot::Signal;
using practice_forge::Fault;
using practice_forge::PracticeForge;
using practice_forge::PullRequest;

Deed says(const std::string& words) {
    return [words](PracticeForge& forge, std::int64_t issue, const auto&) {
        forge.comment(repository, issue, words, maintainer);
    };
}

constexpr const char* change = "/agent refine say more";

/// Later than any job takes: stop is said when the job is over, as soon as that is seen.
constexpr int at_its_end = 3'600'000;

void turns_red(PracticeForge& forge, std::int64_t, const PullRequest& proposal) {
    forge.finish_check(repository, proposal.head_sha, "windows", "failure", {}, "too few words\n");
}
void is_merged(PracticeForge& forge, std::int64_t, const PullRequest& proposal) {
    forge.merge(repository, proposal.number, maintainer);
}
void is_closed(PracticeForge& forge, std::int64_t, const PullRequest& proposal) {
    forge.close(repository, proposal, maintainer);
}

void picks_the_other(PracticeForge& forge, std::int64_t, const PullRequest& proposal) {
    const int other = contains(proposal.body, "| 1 **here**") ? 2 : 1;
    forge.comment(repository, proposal, fmt::format("/agent pick {}", other), maintainer);
}

/// The base gets a file of its own where the pull request has one.
void base_moves(PracticeForge& forge, std::int64_t, const PullRequest& proposal) {
    auto file =
        in_repository(forge.git_directory(repository),
                      "git diff --name-only main..." + proposal.head_sha + " -- 'words-*' | head -n 1");
    while (file.ends_with('\n')) file.pop_back();
    (void)forge.commit_files(repository, "main", {{.path = file, .content = "theirs\n"}}, "Theirs");
}

/// From now on its branch takes no pushes.
void is_guarded(PracticeForge& forge, std::int64_t issue, const PullRequest& proposal) {
    forge.protect_branch(repository, proposal.head_branch);
    says(change)(forge, issue, proposal);
}

/// The forge is not there for its pull request, twice.
void is_down(PracticeForge& forge, std::int64_t issue, const PullRequest& proposal) {
    auto down = at(Asked::change_pull_request, {.name = "down", .times = 2});
    down.path.replace(down.path.rfind('*'), 1, std::to_string(proposal.number));
    forge.fail(down);
    says(change)(forge, issue, proposal);
}

/// Stop comes while a job goes its way to the pull request.
std::vector<Race> on_the_way() {
    using enum JobState;
    return {
        {.name = "queued", .steps = {{queued, Signal::stop}}, .moment = "queued", .after = {0, 60}},
        {.name = "queued -> working",
         .steps = {{queued, Signal::claim}},
         .moment = "working",
         .after = {0, 40}},
        {.name = "working -> publishing",
         .steps = {{working, Signal::verdict}, {working, Signal::stop}},
         .moment = "working",
         .after = {350, 500, 650}},
        {.name = "working -> waiting",
         .steps = {{working, Signal::ask}},
         .begin = "/agent run zz-asker",
         .moment = "working",
         .after = {200, 500, 900}},
        {.name = "working -> answered",
         .steps = {{working, Signal::nothing}},
         .begin = "/agent run zz-idle",
         .moment = "working",
         .after = {200, 500, 900, at_its_end}},
        {.name = "working -> failed",
         .steps = {{working, Signal::fail}},
         .begin = "/agent run zz-lost",
         .moment = "working",
         .after = {200, 500, 900, at_its_end}},
        {.name = "working -> queued again",
         .steps = {{working, Signal::requeue}},
         .begin = "/agent run zz-poor",
         .moment = "working",
         .after = {150, 300, 450, 1500}},
        {.name = "publishing -> review",
         .steps = {{publishing, Signal::proposed}, {publishing, Signal::stop}},
         .moment = "publishing",
         .after = {0, 250, 500, 700, 900}},
        {.name = "publishing -> failed",
         .steps = {{publishing, Signal::fail}},
         .title = "Guarded",
         .moment = "publishing",
         .after = {0, 300, 1200, 2000, at_its_end}},
        {.name = "waiting -> queued",
         .steps = {{waiting, Signal::resume}, {waiting, Signal::stop}},
         .begin = "/agent run zz-asker",
         .moment = "waiting",
         .after = {0, 0, 50, 50},
         .against = says("Please count in euros.")},
        {.name = "competing -> judged",
         .steps = {{competing, Signal::verdict}, {competing, Signal::stop}, {working, Signal::judged}},
         .begin = "/agent run x2",
         .moment = "competing",
         .after = {0, 400, 800, 1200}},
        {.name = "competing -> answered",
         .steps = {{competing, Signal::nothing}},
         .begin = "/agent run zz-idle zz-idle",
         .moment = "competing",
         .after = {300, 800, 1400, at_its_end}},
        {.name = "competing -> failed",
         .steps = {{competing, Signal::fail}},
         .begin = "/agent run zz-lost zz-lost",
         .moment = "competing",
         .after = {300, 800, 1400, at_its_end}},
    };
}

/// While its pull request is open and nobody works on it.
std::vector<Race> in_review() {
    using enum JobState;
    return {
        {.name = "review -> queued by a wish",
         .steps = {{review, Signal::refine}, {review, Signal::stop}},
         .moment = "review",
         .after = {0, 0, 60, 60},
         .against = says(change)},
        {.name = "review -> queued by another try",
         .steps = {{review, Signal::refine}},
         .moment = "review",
         .after = {0, 0},
         .against = says("/agent retry")},
        {.name = "review -> queued by red CI",
         .steps = {{review, Signal::refine}},
         .moment = "review",
         .after = {0, 0},
         .against = turns_red},
        {.name = "review -> queued by a pick",
         .steps = {{review, Signal::refine}},
         .begin = "/agent run x2",
         .moment = "review",
         .after = {0, 0},
         .against = picks_the_other},
        {.name = "review -> queued by a conflict",
         .steps = {{review, Signal::refine}},
         .moment = "review",
         .after = {0, 0, 60},
         .against = base_moves},
        {.name = "review -> merged",
         .steps = {{review, Signal::merge}},
         .moment = "review",
         .after = {0, 0, 40, 40},
         .against = is_merged},
        {.name = "review -> closed",
         .steps = {{review, Signal::close}},
         .moment = "review",
         .after = {0, 0, 40, 40},
         .against = is_closed},
    };
}

/// While that is changed.
std::vector<Race> at_a_change() {
    using enum JobState;
    return {
        {.name = "a change: working -> publishing",
         .steps = {{working, Signal::verdict}},
         .first = "review",
         .then = says(change),
         .moment = "working",
         .after = {350, 500, 650}},
        {.name = "a change: publishing -> review",
         .steps = {{publishing, Signal::proposed}},
         .first = "review",
         .then = says(change),
         .moment = "publishing",
         .after = {0, 300, 600}},
        {.name = "a change that comes to nothing: working -> review",
         .steps = {{working, Signal::back}},
         .begin = "/agent run zz-content",
         .first = "review",
         .then = says(change),
         .moment = "working",
         .after = {200, 500, 900}},
        {.name = "a change that cannot be pushed: publishing -> review",
         .steps = {{publishing, Signal::back}},
         .first = "review",
         .then = is_guarded,
         .moment = "publishing",
         .after = {0, 250, 500}},
        {.name = "a change while the forge is down: publishing -> publishing",
         .steps = {{publishing, Signal::requeue}, {publishing, Signal::claim}},
         .first = "review",
         .then = is_down,
         .moment = "publishing",
         .after = {300, 700, 1100, 2500}},
    };
}

/// While that is changed, and people are done with it.
std::vector<Race> at_the_end_of_a_change() {
    std::vector<Race> found;
    for (const auto state : {JobState::queued, JobState::working, JobState::publishing, JobState::waiting})
        for (const bool merged : {true, false})
            found.push_back(
                {.name = fmt::format("a change: {} -> {}", name(state), merged ? "merged" : "closed"),
                 .steps = {{state, merged ? Signal::merge : Signal::close}},
                 .begin = state == JobState::waiting ? "/agent run zz-doubter" : "",
                 .first = "review",
                 .then = says(change),
                 .moment = std::string(name(state)),
                 .after = {0, 0},
                 .against = merged ? is_merged : is_closed});
    return found;
}

}  // namespace

const std::vector<Race>& races() {
    static const std::vector<Race> all = [] {
        std::vector<Race> found;
        for (const auto& some : {on_the_way(), in_review(), at_a_change(), at_the_end_of_a_change()})
            found.insert(found.end(), some.begin(), some.end());
        return found;
    }();
    return all;
}

const std::vector<NoRace>& no_races() {
    static const std::vector<NoRace> all{
        {{JobState::queued, Signal::compete},
         "the transaction that begins the job does it: before that there is none to be stopped"},
    };
    return all;
}

Plan plan_of_races(const practice_model::PracticeModel& model) {
    const std::string some = "mktemp ./words-XXXXXXXX";
    auto plan = with_model(model, "sleep 0.2; " + some);
    plan.agents.insert(
        {{"zz-asker", "if grep -q 'in euros'; then " + some + "; else echo 'QUESTION: Which?'; fi"},
         {"zz-content", "ls words-* > /dev/null 2>&1 || " + some},
         {"zz-doubter", "if grep -q 'say more'; then echo 'QUESTION: More of what?'; else " + some + "; fi"},
         {"zz-idle", "echo 'Nothing to do.'"},
         {"zz-lost", "exit 9"},
         {"zz-poor", "perl call.pl || exit 9; " + some}});
    plan.change = [with_lab = plan.change](config::Settings& settings) {
        with_lab(settings);
        settings.max_parallel = 12;
        for (auto& profile : settings.profiles) profile.provider = profile.name == "zz-poor" ? "lab" : "";
    };
    return plan;
}

}  // namespace scenarios
