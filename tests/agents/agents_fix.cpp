// From a label to a tested pull request with the real agent programs, each in its container: the practice
// forge, the practice model behind the gateway, and everything between them as an operator runs it.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using practice_forge::PracticeForge;
using practice_model::PracticeModel;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::repository;

namespace {

constexpr std::string_view model_key = "practice-key-of-the-model-77c01d9e4b";
constexpr std::string_view wrong = "echo $(($1 - $2))\n", right = "echo $(($1 + $2))\n";

struct Preset {
    std::string adapter;
    config::ModelApi api;
    std::string model;
};

const std::vector<Preset> presets{{"claude", config::ModelApi::anthropic, "claude-sonnet-4-5"},
                                  {"codex", config::ModelApi::openai, "practice-1"},
                                  {"opencode", config::ModelApi::openai, "practice-1"},
                                  {"pi", config::ModelApi::anthropic, "practice-1"},
                                  {"gemini", config::ModelApi::gemini, "gemini-2.5-pro"}};

/// What `./dev test --agents` has made.
std::string made(const char* variable) {
    const char* value = std::getenv(variable);
    REQUIRE_MESSAGE(value != nullptr, variable, " is not set: run `./dev test --agents`");
    return value;
}

/// A repository whose only test fails, and a profile that runs the preset against the model.
Plan failing_test(const PracticeModel& model, const Preset& preset, const std::string& backend) {
    return {.files = {{.path = "calc.sh", .content = std::string(wrong)},
                      {.path = "tests/run.sh", .content = "test \"$(sh calc.sh 2 3)\" = 5\n"}},
            .backend = backend,
            .change = [&preset, url = model.url(), docker = backend == "docker"](config::Settings& settings) {
                config::ModelProvider lab{.name = "lab", .api = preset.api, .url = url};
                lab.keys.emplace_back(std::string(model_key));
                lab.models = {{.name = preset.model, .price = {.input = 3, .cached = 0.3, .output = 15}}};
                settings.models.providers.push_back(std::move(lab));
                auto& profile = settings.profiles.front();
                profile = {
                    .name = "worker", .adapter = preset.adapter, .provider = "lab", .model = preset.model};
                if (docker) {
                    profile.image = made("SHOPFLOOR_AGENT_IMAGE");
                } else {
                    profile.mounts = {{"/opt/agents", made("SHOPFLOOR_AGENT_FOLDER")}};
                    profile.environment = {{"PATH", "/opt/agents/bin:/usr/bin:/bin"}};
                }
            }};
}

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
    for (const auto& preset : presets) {
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
    Factory factory(failing_test(model, presets[3], "bubblewrap"));
    const auto issue = factory.ask("Sums are wrong");
    if (!factory.reaches(issue, "review")) FAIL(factory.heard(issue));
    expect_mended(factory, model, issue);
}

TEST_CASE("a question of a real agent program waits for its answer") {
    PracticeModel model;
    model.accept_keys({std::string(model_key)});
    model.play({.name = "asks", .steps = {practice_model::ask("Which operands?")}});
    model.play({.name = "goes on",
                .when = "the first two",
                .steps = {practice_model::read("calc.sh"),
                          practice_model::edit("calc.sh", std::string(wrong), std::string(right)),
                          practice_model::say("The sum was a difference; the sign is mended.")}});
    Factory factory(failing_test(model, presets[0], "docker"));
    const auto issue = factory.ask("Sums are wrong");
    if (!factory.reaches(issue, "waiting")) FAIL(factory.heard(issue));
    REQUIRE(PracticeForge::eventually([&] { return !factory.answers(issue).empty(); }));
    CHECK(contains(factory.answers(issue).back(), "Which operands?"));
    factory.forge.comment(repository, issue, "Add the first two.", maintainer);
    if (!factory.reaches(issue, "review")) FAIL(factory.heard(issue));
    CHECK(factory.forge.file(repository, factory.pull_request_of(issue)->head_sha, "calc.sh") == right);
}

TEST_CASE("a spent budget stops each agent program, whatever it makes of it, and keeps the job") {
    for (const auto& preset : presets) {
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
