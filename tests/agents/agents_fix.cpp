// From a label to a tested pull request with the real agent programs, each in its container: the practice
// forge, the practice model behind the gateway, and everything between them as an operator runs it.
#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tests/agents/real_agents.hpp"
#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using practice_forge::PracticeForge;
using practice_model::PracticeModel;
using real_agents::failing_test;
using real_agents::model_key;
using real_agents::presets;
using real_agents::right;
using real_agents::wrong;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::repository;

namespace {

void mend(PracticeModel& model) {
    model.accept_keys({std::string(model_key)});
    model.play({.steps = {practice_model::read("calc.sh"),
                          practice_model::edit("calc.sh", std::string(wrong), std::string(right)),
                          practice_model::shell("sh tests/run.sh"),
                          practice_model::say("The sum was a difference; the sign is mended.")}});
}

void expect_mended(Factory& factory, PracticeModel& model, std::int64_t issue) {
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    CHECK_FALSE(proposal->draft);
    CHECK(factory.forge.file(repository, proposal->head_sha, "calc.sh") == right);
    CHECK(contains(proposal->body, "The sum was a difference; the sign is mended."));
    CHECK(contains(proposal->body, "Tokens: "));
    CHECK(contains(proposal->body, "Cost: $"));
    CHECK(model.usage(std::string(model_key)).requests >= 4);
    for (const auto& request : model.requests()) CHECK(request.key == model_key);
    CHECK_FALSE(contains(factory.heard(issue), model_key));
    CHECK(factory.leftovers().empty());
}

}  // namespace

TEST_CASE(
    "each agent program mends a failing test in its container, and the pull request tells what it cost") {
    for (const auto& preset : presets()) {
        SUBCASE(preset.adapter.c_str()) {
            PracticeModel model;
            mend(model);
            Factory factory(failing_test(model, preset, "docker"));
            const auto issue = factory.ask("Sums are wrong");
            if (!factory.reaches(issue, "review")) FAIL(factory.heard(issue));
            expect_mended(factory, model, issue);
        }
    }
}

TEST_CASE("an agent program mends a failing test in bubblewrap") {
    PracticeModel model;
    mend(model);
    Factory factory(failing_test(model, real_agents::preset("pi"), "bubblewrap"));
    const auto issue = factory.ask("Sums are wrong");
    if (!factory.reaches(issue, "review")) FAIL(factory.heard(issue));
    expect_mended(factory, model, issue);
}

TEST_CASE("a question of a real agent program waits for its answer") {
    PracticeModel model;
    model.accept_keys({std::string(model_key)});
    model.play({.name = "asks", .steps = {practice_model::ask("Which operands?")}});
    model.play({.name = "goes on",
                .when = {"the first two"},
                .steps = {practice_model::read("calc.sh"),
                          practice_model::edit("calc.sh", std::string(wrong), std::string(right)),
                          practice_model::say("The sum was a difference; the sign is mended.")}});
    Factory factory(failing_test(model, real_agents::preset("claude"), "docker"));
    const auto issue = factory.ask("Sums are wrong");
    if (!factory.reaches(issue, "waiting")) FAIL(factory.heard(issue));
    REQUIRE(PracticeForge::eventually([&] { return !factory.answers(issue).empty(); }));
    CHECK(contains(factory.answers(issue).back(), "Which operands?"));
    factory.forge.comment(repository, issue, "Add the first two.", maintainer);
    if (!factory.reaches(issue, "review")) FAIL(factory.heard(issue));
    CHECK(factory.forge.file(repository, factory.pull_request_of(issue)->head_sha, "calc.sh") == right);
}

TEST_CASE("a spent budget stops each agent program, whatever it makes of it, and keeps the job") {
    for (const auto& preset : presets()) {
        SUBCASE(preset.adapter.c_str()) {
            PracticeModel model;
            mend(model);
            auto plan = failing_test(model, preset, "docker");
            const auto more = plan.change;
            plan.change = [more](config::Settings& settings) {
                more(settings);
                settings.models.job = {.requests = 2};
            };
            Factory factory(std::move(plan));
            const auto issue = factory.ask("Sums are wrong");
            if (!factory.reaches(issue, "waiting")) FAIL(factory.heard(issue));
            CHECK(model.usage(std::string(model_key)).requests == 2);
        }
    }
}
