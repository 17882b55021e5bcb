// Model services, their prices, and what they may cost.
#include "config/models.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/config/said.hpp"
#include "tests/config/settings_text.hpp"

namespace {

const std::string service =
    "name: lab, api: anthropic, url: 'https://models.example.org/', keys: [{env: TEST_MODEL}], models: "
    "[{name: quick, price: {input: 1, output: 5}}, {name: slow-1, price: {input: 3, cached: 0.3, "
    "cache_write: 3.75, output: 15}, max_output: 64000, context: 1000000}]";

auto with_models(const std::string& models,
                 const std::string& profiles = "[{name: demo, command: [/bin/true]}]") {
    const Variable hook("TEST_HOOK", "hook-secret"), token("TEST_TOKEN", "token-secret"),
        key("TEST_MODEL", "model-secret");
    return config::parse_settings(forge + "profiles: " + profiles + "\nmodels: {" + models + "}\n", "s.yaml");
}

auto with_service(const std::string& profile) {
    return with_models("providers: [{" + service + "}]", "[{" + profile + "}]");
}

}  // namespace

TEST_CASE("a model service has an address, keys, and models with their prices") {
    const auto settings = with_models("providers: [{" + service + "}]");
    REQUIRE_MESSAGE(settings.has_value(), said(settings.error()));
    const auto* lab = config::find_provider(settings->models, "lab");
    REQUIRE(lab != nullptr);
    CHECK(lab->api == config::ModelApi::anthropic);
    CHECK(lab->url == "https://models.example.org");
    CHECK(lab->keys.at(0).expose() == "model-secret");
    CHECK(*config::find_model(*lab, "slow-1") ==
          config::Model{.name = "slow-1",
                        .price = {.input = 3, .cached = 0.3, .cache_write = 3.75, .output = 15},
                        .max_output = 64'000,
                        .context = 1'000'000});
    CHECK(config::find_model(*lab, "quick")->price.cached == 1);  // as input, when nothing is said
    CHECK(config::find_model(*lab, "quic") == nullptr);
    CHECK(config::find_provider(settings->models, "la") == nullptr);
}

TEST_CASE("without a word about it no model service is reached, and jobs have budgets all the same") {
    const auto settings = with("");
    REQUIRE(settings.has_value());
    CHECK(settings->models.providers.empty());
    CHECK(settings->models.job.dollars == 10);
}

TEST_CASE("budgets are dollars, tokens and requests, of a run, a job and a day") {
    const auto settings =
        with_models("budget: {run: {tokens: 1000}, job: {dollars: 2.5, requests: 40}, day: {dollars: 50}}");
    REQUIRE_MESSAGE(settings.has_value(), said(settings.error()));
    CHECK(settings->models.run == config::Budget{.dollars = 5, .tokens = 1000});
    CHECK(settings->models.job == config::Budget{.dollars = 2.5, .requests = 40});
    CHECK(settings->models.day == config::Budget{.dollars = 50});
    for (const char* bad :
         {"{dollars: 0}", "{dollars: -1}", "{dollars: many}", "{tokens: 0}", "{euros: 3}"}) {
        CAPTURE(bad);
        CHECK(
            contains(complaint(with_models("budget: {job: " + std::string(bad) + "}")), "models.budget.job"));
    }
}

TEST_CASE("what is missing or wrong in a model service is told with its place") {
    const std::string nothing = complaint(with_models("providers: [{}]"));
    for (const char* key : {"name", "api", "url", "keys", "models"}) {
        CAPTURE(key);
        CHECK(contains(nothing, "models.providers[0]." + std::string(key) + ": is missing"));
    }
    struct Case {
        const char *instead_of, *text, *said;
    };
    for (const auto& [instead_of, text, wanted] :
         {Case{"api: anthropic", "api: smoke", "models.providers[0].api"},
          Case{"https://", "http://", "without TLS"},
          Case{"[{env: TEST_MODEL}]", "[sk-ant-0123456789abcdef]", "looks like a secret"},
          Case{"[{env: TEST_MODEL}]", "[]", "keys: is empty"},
          Case{"name: slow-1", "name: quick", "another of them is named `quick`"},
          Case{"input: 1, ", "", "price.input: is missing"},
          Case{"output: 5", "output: -5", "price.output"}}) {
        CAPTURE(text);
        auto changed = service;
        changed.replace(changed.find(instead_of), std::string_view(instead_of).size(), text);
        CHECK(contains(complaint(with_models("providers: [{" + changed + "}]")), wanted));
    }
    CHECK(contains(complaint(with_models("providers: [{" + service + "}, {" + service + "}]")),
                   "models.providers[1]: another of them is named `lab`"));
}

TEST_CASE("a profile names a provider that is there, one of its models, and labels of its own") {
    CHECK(with_service("name: a, command: [a], provider: lab, model: slow-1, effort: high, arguments: [--x], "
                       "labels: [deep], good_at: research")
              .has_value());
    CHECK(contains(complaint(with_service("name: a, command: [a], provider: attic")),
                   "profiles[0]: there is no model provider `attic`"));
    CHECK(contains(complaint(with_service("name: a, command: [a], provider: lab, model: huge")),
                   "the provider `lab` has no model `huge`"));
    CHECK(contains(complaint(with_service("name: a, command: [a], labels: [b]}, {name: b, command: [b]")),
                   "the label `b` means another profile already"));
}

TEST_CASE("a label picks its profile, and a name comes before a label") {
    const auto settings =
        with_service("name: a, command: [a], labels: [deep, quick]}, {name: b, command: [b], labels: [wide]");
    REQUIRE_MESSAGE(settings.has_value(), said(settings.error()));
    CHECK(config::find_profile(*settings, "deep")->name == "a");
    CHECK(config::find_profile(*settings, "wide")->name == "b");
    CHECK(config::find_profile(*settings, "b")->name == "b");
    CHECK(config::find_profile(*settings, "shallow") == nullptr);
}
