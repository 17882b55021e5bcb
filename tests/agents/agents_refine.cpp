// What comes after the pull request, with the real agent programs: a review with comments beside two lines
// becomes a second commit, and each comment has its answer.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "tests/agents/real_agents.hpp"
#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using practice_forge::PracticeForge;
using practice_model::PracticeModel;
using real_agents::model_key;
using real_agents::right;
using real_agents::wrong;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::repository;

namespace {

const std::string news = "Sums are sums.\n", longer_news = "Sums are sums: `calc.sh` adds.\n";
const std::string explained = "# Adds two whole numbers.\n" + std::string(right);
const std::string objection = "The sign is right, but nobody can tell why.";
const practice_forge::InlineComment beside_sum{
    .path = "calc.sh", .line = 1, .body = "Say above this line what it adds."};
const practice_forge::InlineComment beside_news{
    .path = "NEWS.md", .line = 1, .body = "Name the script here."};

/// A comment as the program is told of it: where it stands, the lines it stands at, its words.
std::string told(const practice_forge::InlineComment& comment) {
    return fmt::format("file=\"{}\" line=\"{}\">\n| @@ -1 +1 @@\n\n{}\n</wish>", comment.path, comment.line,
                       comment.body);
}

/// The second conversation is had only with who passes on the issue, the review and both of its comments.
/// Its edits fit only what the first one left.
const practice_model::Script second{
    .name = "second",
    .when = {"Sums are wrong", objection, told(beside_sum), told(beside_news)},
    .steps = {practice_model::read("calc.sh"), practice_model::edit("calc.sh", std::string(right), explained),
              practice_model::read("NEWS.md"), practice_model::edit("NEWS.md", news, longer_news),
              practice_model::shell("sh tests/run.sh"),
              practice_model::say("The sum is explained, and the news names its script.")}};

void script(PracticeModel& model) {
    model.accept_keys({std::string(model_key)});
    model.play({.name = "first",
                .steps = {practice_model::read("calc.sh"),
                          practice_model::edit("calc.sh", std::string(wrong), std::string(right)),
                          practice_model::write("NEWS.md", news),
                          practice_model::say("The sum was a difference; the sign is mended.")}});
    model.play(second);
}

/// What the model was asked in the second conversation: every step of it, in order.
void expect_whole_second_conversation(const PracticeModel& model) {
    std::vector<std::size_t> steps;
    for (const auto& request : model.requests()) {
        CHECK(request.key == model_key);
        if (request.script == "second" && request.step) steps.push_back(*request.step);
    }
    std::vector<std::size_t> all(second.steps.size());
    for (std::size_t step = 0; step < all.size(); ++step) all[step] = step;
    CHECK(steps == all);
}

/// One commit more on the same branch, by the same pull request, and it is green.
void expect_second_commit(const Factory& factory, const practice_forge::PullRequest& before,
                          const practice_forge::PullRequest& now) {
    const auto& forge = factory.forge;
    CHECK(now.number == before.number);
    CHECK(now.head_branch == before.head_branch);
    CHECK(forge.pull_requests(repository).size() == 1);
    CHECK(forge.branches(repository).at(now.head_branch) == now.head_sha);
    const auto commit = forge.commit(repository, now.head_sha);
    CHECK(commit.parents == std::vector{before.head_sha});
    CHECK(contains(commit.message, "Address review"));
    CHECK(forge.file(repository, now.head_sha, "calc.sh") == explained);
    CHECK(forge.file(repository, now.head_sha, "NEWS.md") == longer_news);
    const auto check = forge.check_runs(repository).back();
    CHECK(check.head_sha == now.head_sha);
    CHECK(check.conclusion == "success");
    CHECK_FALSE(now.draft);
}

/// The evidence in the description is that of the new commit, and of no other.
void expect_new_evidence(const practice_forge::PullRequest& before, const practice_forge::PullRequest& now) {
    const auto evidence_of = [](const practice_forge::PullRequest& proposal) {
        return "on this branch's commit `" + proposal.head_sha.substr(0, 10);
    };
    CHECK(contains(before.body, evidence_of(before)));
    CHECK(contains(now.body, evidence_of(now)));
    CHECK_FALSE(contains(now.body, before.head_sha.substr(0, 10)));
    CHECK(contains(now.body, "**fixed**"));
    CHECK(contains(now.body, "Tokens: "));
    CHECK(contains(now.body, "Cost: $"));
}

/// Each comment beside a line has one answer in its thread, which names the new commit; the pull request has
/// the agent's own words.
void expect_answers(const Factory& factory, const practice_forge::PullRequest& now) {
    const auto commit = "`" + now.head_sha.substr(0, 10) + "`";
    const auto comments = factory.forge.review_comments(repository, now.number);
    for (const auto& asked : {beside_sum, beside_news}) {
        const auto root = std::ranges::find_if(comments, [&](const auto& each) {
            return each.in_reply_to == 0 && each.path == asked.path && each.body == asked.body;
        });
        REQUIRE(root != comments.end());
        std::vector<std::string> replies;
        for (const auto& each : comments)
            if (each.in_reply_to == root->id) replies.push_back(each.body);
        REQUIRE(replies.size() == 1);
        CHECK(contains(replies.front(), "`" + asked.path + "` was changed in " + commit));
    }
    const auto answers = factory.answers(now.number);
    CHECK(std::ranges::any_of(answers, [&](const auto& answer) {
        return contains(answer, "Changed in " + commit) &&
               contains(answer, "The sum is explained, and the news names its script.");
    }));
}

void expect_refined(const real_agents::Preset& preset, const std::string& backend) {
    constexpr std::chrono::seconds patience(60);
    PracticeModel model;
    script(model);
    Factory factory(real_agents::failing_test(model, preset, backend));
    const auto issue = factory.ask("Sums are wrong");
    if (!factory.reaches(issue, "review")) FAIL(factory.heard(issue));
    const auto before = factory.pull_request_of(issue).value();
    CHECK(factory.forge.file(repository, before.head_sha, "calc.sh") == right);

    factory.forge.review(repository, before.number, "changes_requested", objection, {beside_sum, beside_news},
                         maintainer);
    const auto now = [&] { return factory.pull_request_of(issue).value(); };
    if (!PracticeForge::eventually([&] { return now().head_sha != before.head_sha; }, patience))
        FAIL(factory.log("job-1/agent-2.log"));
    REQUIRE(factory.reaches(issue, "review"));
    REQUIRE(PracticeForge::eventually(
        [&] { return factory.forge.review_comments(repository, before.number).size() == 4; }, patience));
    expect_whole_second_conversation(model);
    expect_second_commit(factory, before, now());
    expect_new_evidence(before, now());
    expect_answers(factory, now());
    CHECK_FALSE(contains(factory.log("job-1/agent-2.log"), model_key));
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}

}  // namespace

TEST_CASE(
    "each agent program answers a review in its container: a second commit, green, and every comment heard") {
    for (const auto& preset : real_agents::presets()) {
        SUBCASE(preset.adapter.c_str()) { expect_refined(preset, "docker"); }
    }
}

TEST_CASE("an agent program answers a review in bubblewrap") {
    expect_refined(real_agents::preset("pi"), "bubblewrap");
}
