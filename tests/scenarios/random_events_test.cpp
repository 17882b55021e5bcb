// Whatever people, the network and the machine do, in whatever order: never two pull requests for one issue,
// never a branch touched that the bot did not begin, never a person's commit overwritten, and nothing lost.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/random_rest.hpp"
#include "tests/scenarios/random_steps.hpp"
#include "tests/scenarios/random_watch.hpp"

using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::Play;
using scenarios::repository;
using scenarios::rests;
using scenarios::Watch;

namespace {

using namespace std::chrono_literals;

/// For long runs by hand; the sequences of the suite are always the same.
std::uint64_t wished(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void tell(std::uint64_t seed, const Play& play, const std::vector<std::string>& wrong) {
    if (wrong.empty()) return;
    std::string words;
    for (const auto& each : wrong) words += "  " + each + "\n";
    FAIL_CHECK(
        fmt::format("\n{}after these steps of SHOPFLOOR_RANDOM_SEED={}:\n{}", words, seed, play.told()));
}

/// For a while: a sweep may find something still.
bool stays_at_rest(Factory& factory) {
    const auto ledger = factory.state_dir() / "ledger.sqlite";
    if (!rests(ledger) || !factory.forge.hooks_sent()) return false;
    return !PracticeForge::eventually([&] { return !rests(ledger); }, 700ms);
}

/// And stops it there; false when that does not come.
[[nodiscard]] bool comes_to_rest(Factory& factory, const Play& play, std::uint64_t seed) {
    const auto ledger = factory.state_dir() / "ledger.sqlite";
    for (int tries = 0; tries < 5; ++tries) {
        if (!PracticeForge::eventually([&] { return stays_at_rest(factory); }, 120s)) break;
        factory.stop();
        if (rests(ledger)) return true;
        factory.start();  // a sweep has found something at the last moment
    }
    auto wrong = scenarios::unrest(ledger);
    wrong.emplace_back("it does not come to rest");
    tell(seed, play, wrong);
    return false;
}

/// A question that nobody answers keeps its workspace: people end it. What else is left goes at the latest
/// when the next daemon starts.
[[nodiscard]] bool nothing_is_left(Factory& factory, Play& play, std::uint64_t seed) {
    factory.start();
    play.end_what_waits();
    if (!comes_to_rest(factory, play, seed)) return false;
    tell(seed, play, factory.leftovers());
    return true;
}

void sequence(std::uint64_t seed, std::size_t length) {
    constexpr std::size_t issues = 3;
    Factory factory(scenarios::plan_of_random_steps());
    Watch watch(factory.forge, std::string(repository), factory.forge.app_login());
    Play play(factory, watch, issues);
    const auto ledger = factory.state_dir() / "ledger.sqlite";
    for (const auto& step : scenarios::drawn_steps(seed, length, issues)) {
        play.act(step);
        tell(seed, play, watch.look());
        tell(seed, play, scenarios::wrong_in_ledger(ledger));
    }
    play.mend();
    if (!comes_to_rest(factory, play, seed) || !nothing_is_left(factory, play, seed)) return;
    tell(seed, play, watch.look());
    tell(seed, play, scenarios::wrong_in_ledger(ledger));
    tell(seed, play, scenarios::wrong_at_rest(factory, watch, play));
    INFO(play.told());  // told by `--success`
    CHECK_FALSE(factory.forge.issue(repository, play.issues().front()).comments.empty());
}

/// A repository without a daemon, in which the bot's deeds are made up.
struct MadeUp {
    static constexpr std::string_view bot = "shopfloor-practice[bot]";
    static constexpr std::string_view branch = "agent/issue-1-words";
    PracticeForge forge;
    Watch watch;
    std::string first;

    MadeUp()
        : watch((forge.create_repository(
                     {.full_name = std::string(repository), .files = {{"words", "none\n"}}}),
                 forge),
                std::string(repository), std::string(bot)),
          first(forge.branches(repository).at("main")) {}
    void as_bot(const std::string& git) const {
        scenarios::in_repository(forge.git_directory(repository),
                                 fmt::format("export REMOTE_USER='{}'; {}", bot, git));
    }
    /// A commit of the bot's on top of a branch, for a branch.
    void bot_commits(std::string_view onto, std::string_view to) const {
        as_bot(fmt::format(
            "git update-ref refs/heads/{1} $(git commit-tree -p {0} -m 'By the bot' {0}^{{tree}})", onto,
            to));
    }
    void person_commits(std::string_view to) {
        forge.commit_files(repository, to, {{"by-hand", "mine\n"}}, "By hand", scenarios::maintainer);
    }
    std::int64_t bot_proposes(std::string_view from) {
        return forge.open_pull_request(repository, from, "main", "Words", "", bot);
    }
    bool notices(std::string_view words) {
        const auto wrong = watch.look();
        INFO(fmt::format("{}", fmt::join(wrong, "\n")));
        return wrong.size() == 1 && contains(wrong.front(), words);
    }
};

}  // namespace

TEST_CASE(
    "who watches the bot finds nothing wrong with work on its own branch, and notices each wrong deed") {
    MadeUp made;
    made.bot_commits("main", made.branch);
    made.person_commits(made.branch);
    made.bot_commits(made.branch, made.branch);
    made.person_commits("agent/issue-1-words-2");
    const auto proposal = made.bot_proposes(made.branch);
    REQUIRE(made.watch.look().empty());
    REQUIRE(made.watch.unexplained().empty());
    REQUIRE(made.watch.begun_for(1) == std::vector{std::string(made.branch)});
    SUBCASE("a person's commit is overwritten") {
        made.bot_commits("main", made.branch);
        CHECK(made.notices("the bot dropped a person's commit"));
    }
    SUBCASE("a branch with a person's commit is deleted") {
        made.as_bot(fmt::format("git update-ref -d refs/heads/{}", made.branch));
        CHECK(made.notices("the bot dropped a person's commit"));
    }
    SUBCASE("a branch that people began is moved, if only onwards") {
        made.bot_commits("agent/issue-1-words-2", "agent/issue-1-words-2");
        CHECK(made.notices("the bot moved a branch that people began"));
    }
    SUBCASE("a branch of its own that people deleted and began anew is moved") {
        made.forge.delete_branch(repository, made.branch);
        made.person_commits(made.branch);
        made.bot_commits(made.branch, made.branch);
        CHECK(made.notices("the bot moved a branch that people began"));
    }
    SUBCASE("a branch with another kind of name is begun") {
        made.bot_commits("main", "feature");
        CHECK(made.notices("none of its own"));
    }
    SUBCASE("a second pull request for the issue is opened") {
        made.bot_commits("main", "agent/issue-1-words-3");
        made.bot_proposes("agent/issue-1-words-3");
        CHECK(made.notices("issue 1 has two pull requests open"));
    }
    SUBCASE("a second one is opened once the first is closed, which a person opens again") {
        made.forge.close(repository, proposal, scenarios::maintainer);
        made.bot_commits("main", "agent/issue-1-words-3");
        made.bot_proposes("agent/issue-1-words-3");
        made.watch.reopened(proposal);
        made.forge.reopen(repository, proposal, scenarios::maintainer);
        CHECK(made.watch.look().empty());
    }
    SUBCASE("a branch of people is proposed") {
        made.forge.close(repository, proposal, scenarios::maintainer);
        made.bot_proposes("agent/issue-1-words-2");
        CHECK(made.notices("which the bot did not begin"));
    }
    SUBCASE("a branch is moved behind git's back") {
        made.as_bot(fmt::format("echo {} > refs/heads/{}", made.first, made.branch));
        CHECK(made.watch.look().empty());
        CHECK(made.watch.unexplained().size() == 1);
    }
}

TEST_CASE("who compares the bot's book with the forge notices what is missing there") {
    if (!can_run("bubblewrap")) return;
    Factory factory(scenarios::plan_of_random_steps());
    Watch watch(factory.forge, std::string(repository), factory.forge.app_login());
    Play play(factory, watch, 2);
    const auto issue = play.issues().front();
    factory.forge.add_label(repository, issue, "agent", scenarios::maintainer);
    REQUIRE(factory.reaches(issue, "review"));
    REQUIRE(comes_to_rest(factory, play, 0));
    REQUIRE(watch.look().empty());
    REQUIRE(scenarios::wrong_at_rest(factory, watch, play).empty());
    std::string words;
    SUBCASE("an answer to the label") {
        factory.forge.add_label(repository, play.issues().back(), "agent:slow", scenarios::maintainer);
        words = "has its label agent:slow still";
    }
    SUBCASE("the status comment") {
        for (const auto& comment : factory.forge.issue(repository, issue).comments)
            factory.forge.delete_comment(repository, comment.id, scenarios::maintainer);
        words = "job 1 has 0 status comments";
    }
    SUBCASE("the truth in the status comment") {
        for (const auto& comment : factory.forge.issue(repository, issue).comments)
            if (contains(comment.body, "-status -->"))
                factory.forge.edit_comment(repository, comment.id, "### Lost\n<!-- job-1-status -->",
                                           scenarios::maintainer);
        words = "job 1 is said to be";
    }
    SUBCASE("the label of its state") {
        factory.forge.remove_label(repository, issue, "agent-state: review", scenarios::maintainer);
        words = "and its job is review";
    }
    SUBCASE("the end of the pull request") {
        factory.forge.close(repository, watch.proposals(issue).front(), scenarios::maintainer);
        words = "job 1 is review";
    }
    const auto wrong = scenarios::wrong_at_rest(factory, watch, play);
    INFO(fmt::format("{}", fmt::join(wrong, "\n")));
    REQUIRE(wrong.size() == 1);
    CHECK(contains(wrong.front(), words));
}

TEST_CASE("random events and crashes: one pull request for an issue, and what is people's stays theirs") {
    if (!can_run("bubblewrap")) return;
    const auto length = wished("SHOPFLOOR_RANDOM_STEPS", 25);
    const auto first = wished("SHOPFLOOR_RANDOM_SEED", 1);
    const auto last = first + wished("SHOPFLOOR_RANDOM_SEQUENCES", 3);
    for (auto seed = first; seed < last; ++seed) {
        CAPTURE(seed);
        sequence(seed, length);
    }
}
