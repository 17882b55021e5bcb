// What people say to the bot, as a forge tells it: what is a command and what is none, and how each is
// answered. What commands do at each state of a job is in lifecycle_table_test.cpp.
#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::repository;
using scenarios::visitor;

namespace {

/// Somebody says something on an issue of its own.
struct Talk {
    Factory& factory;
    std::int64_t issue;
    std::int64_t comment;

    Talk(Factory& where, std::string_view words, std::string_view by = maintainer)
        : factory(where),
          issue(where.forge.create_issue(repository, "Words are missing", "Please.", maintainer)),
          comment(where.forge.comment(repository, issue, words, by)) {}

    Talk(Factory& where, std::int64_t on_issue, std::int64_t said)
        : factory(where), issue(on_issue), comment(said) {}

    [[nodiscard]] std::vector<std::string> reactions() const {
        std::vector<std::string> found;
        for (const auto& each : factory.forge.issue(repository, issue).comments)
            if (each.id == comment)
                for (const auto& reaction : each.reactions) found.push_back(reaction.content);
        return found;
    }
    /// The bot's only words besides the status; empty when it says none, or more.
    [[nodiscard]] std::string answer() const {
        const auto said = factory.answers(issue);
        return said.size() == 1 ? said.front() : std::string();
    }
    [[nodiscard]] bool gets(const std::vector<std::string>& wanted) const {
        const bool got = PracticeForge::eventually([&] { return reactions() == wanted; });
        if (!got) MESSAGE("reactions: " << fmt::format("{}", fmt::join(reactions(), ", ")));
        return got;
    }
    [[nodiscard]] bool is_told(std::string_view words) const {
        const bool told = PracticeForge::eventually([&] { return contains(answer(), words); });
        if (!told) MESSAGE("told: " << answer());
        return told;
    }
};

const std::vector<std::string> done{"eyes", "rocket"};
const std::vector<std::string> refused{"-1"};

bool all_is_decided(Factory& factory) {
    return factory.forge.hooks_sent() && PracticeForge::eventually([&] {
               const auto rows = scenarios::rows_of(factory.state_dir() / "ledger.sqlite");
               return rows.at("inbox") == 0 && rows.at("outcomes") == rows.at("deliveries");
           });
}

}  // namespace

TEST_CASE("what is quoted, shown, hidden, edited into a comment, talk, or said by a bot is no command") {
    if (!can_run("bubblewrap")) return;
    Factory factory({});
    auto& forge = factory.forge;
    const auto another_bot = scenarios::login_of_another_bot();
    forge.add_collaborator(repository, another_bot, practice_forge::Permission::write);
    std::vector<Talk> talks;
    for (const auto* words :
         {"> /agent run", "```\n/agent run\n```", "    /agent run", "Say `/agent run` to start it.",
          "Please, /agent run", "<!--\n/agent run\n-->", "/agentrun", "@shopfloor-practice thank you"})
        talks.emplace_back(factory, words);
    talks.emplace_back(factory, "/agent run", another_bot);
    auto& edited = talks.emplace_back(factory, "Nothing yet.");
    forge.edit_comment(repository, edited.comment, "/agent run", maintainer);
    const Talk heard(factory, "/agent status");
    CHECK(heard.gets(done));
    REQUIRE(all_is_decided(factory));
    for (const auto& talk : talks) {
        CHECK(talk.reactions().empty());
        CHECK(forge.issue(repository, talk.issue).comments.size() == 1);
    }
    CHECK(scenarios::rows_of(factory.state_dir() / "ledger.sqlite").at("jobs") == 0);
}

TEST_CASE("a command is taken or refused where it stands, with one line that says why not") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.agents = {{"worker", "echo started; sleep 60"}}});
    const Talk misspelt(factory, "/agent stauts");
    const Talk unknown(factory, "/agent sing");
    const Talk nothing_to_stop(factory, "/agent cancel");
    const Talk nothing_waits(factory, "/agent resume +$5");
    const Talk nothing_open(factory, "/agent refine more");
    const Talk nothing_to_pick(factory, "/agent pick 1");
    const Talk too_many(factory, "/agent run x9");
    const Talk strange_run(factory, "/agent run", visitor);
    const Talk strange_stop(factory, "/agent stop", visitor);
    const Talk strange_status(factory, "/agent status", visitor);
    for (const auto& [talk, line] : std::vector<std::pair<const Talk&, std::string>>{
             {misspelt, "Did you mean `/agent status`?"},
             {unknown, "There is no command `sing`."},
             {nothing_waits, "waits"},
             {nothing_open, scenarios::as_read("«pull request»")},
             {nothing_to_pick, "tries"},
             {too_many, "tries"},
             {strange_run, "`eve` has no write access"},
             {strange_stop, "`eve` has no write access"}}) {
        CAPTURE(line);
        CHECK(talk.is_told(line));
        CHECK(talk.gets(refused));
    }
    for (const auto* talk : {&nothing_to_stop, &strange_status}) {
        CHECK(talk->is_told("No job is at work here"));
        CHECK(talk->gets(done));
    }
}

TEST_CASE("the bot's name begins a command too, and cancel is another word for stop") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.agents = {{"worker", "echo started; sleep 60"}}});
    auto& forge = factory.forge;
    const Talk run(factory, "Hello!\n\n@shopfloor-practice run\n\nThank you.");
    REQUIRE(PracticeForge::eventually([&] { return contains(factory.log("job-1/agent-1.log"), "started"); }));
    CHECK(run.reactions() == std::vector<std::string>{"eyes"});
    const auto cancel = forge.comment(repository, run.issue, "/agent cancel", maintainer);
    CHECK(
        PracticeForge::eventually([&] { return contains(factory.status(run.issue), "Stopped by `ada`."); }));
    CHECK(Talk(factory, run.issue, cancel).gets(done));
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}

TEST_CASE("help lists what this person may say here now") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.agents = {{"worker", "echo started; sleep 60"}, {"zealous", "true"}}});
    auto& forge = factory.forge;
    const Talk mine(factory, "/agent help");
    const Talk strange(factory, "/agent help", visitor);
    CHECK(mine.is_told("`/agent run"));
    CHECK(mine.gets(done));
    CHECK_FALSE(contains(mine.answer(), "`/agent stop`"));
    CHECK(contains(mine.answer(), "zealous"));
    CHECK(strange.is_told("Starting and steering jobs takes write access"));
    CHECK(strange.gets(done));
    CHECK_FALSE(contains(strange.answer(), "`/agent run"));
    const auto issue = factory.ask("Words are missing");
    REQUIRE(PracticeForge::eventually([&] { return contains(factory.log("job-1/agent-1.log"), "started"); }));
    forge.comment(repository, issue, "/agent help", maintainer);
    REQUIRE(PracticeForge::eventually([&] { return factory.answers(issue).size() == 1; }));
    CHECK(contains(factory.answers(issue).front(), "`/agent stop`"));
}
