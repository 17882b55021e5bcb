// The one way out, through the whole bot: model calls are metered and paid for, a person is asked when money
// or knowledge is missing, what is refused is told, and no key is ever inside.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using practice_forge::PracticeForge;
using practice_model::PracticeModel;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::repository;
using scenarios::visitor;

namespace {

constexpr std::string_view model_key = "practice-key-of-the-model-77c01d9e4b";

/// Calls the model once, through the gateway; exit status 1 and the answer when that fails.
constexpr std::string_view call_program = R"(import json, os, sys, urllib.error, urllib.request
body = {"model": os.environ["SHOPFLOOR_MODEL"], "max_tokens": 10,
        "messages": [{"role": "user", "content": " ".join(sys.argv[1:]) or "go"}]}
request = urllib.request.Request(os.environ["SHOPFLOOR_MODEL_URL"] + "/v1/messages", json.dumps(body).encode(),
    {"content-type": "application/json", "x-api-key": os.environ["SHOPFLOOR_MODEL_KEY"]})
try:
    print(urllib.request.urlopen(request).read().decode(), flush=True)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode(), flush=True)
    sys.exit(1)
)";

/// An agent that is a shell script with a model service. A token read costs two cents, one written a tenth of
/// one.
Plan with_model(const PracticeModel& model, const std::string& script,
                const std::string& backend = "bubblewrap") {
    return {
        .files = {{.path = "tests/run.sh", .content = "true\n"},
                  {.path = "call.py", .content = std::string(call_program)}},
        .agents = {{"worker", script}},
        .backend = backend,
        .change = [url = model.url()](config::Settings& settings) {
            config::ModelProvider lab{.name = "lab", .api = config::ModelApi::anthropic, .url = url};
            lab.keys.emplace_back(std::string(model_key));
            lab.models = {{.name = "careful", .price = {.input = 1'000, .cached = 1'000, .output = 1'000}}};
            settings.models.providers.push_back(std::move(lab));
            settings.models.run.dollars = 1'000;
            settings.models.job.dollars = 1'000;
            settings.models.day.dollars = 10'000;
            settings.profiles.front().provider = "lab";
        }};
}

/// A model that answers every call, for `input` tokens each.
void answer_all(PracticeModel& model, std::uint64_t input) {
    model.accept_keys({std::string(model_key)});
    practice_model::Script script{.costs =
                                      practice_model::Usage{.requests = 1, .input = input, .output = 10}};
    for (int i = 0; i < 40; ++i) script.steps.push_back(practice_model::say("well"));
    model.play(std::move(script));
}

}  // namespace

TEST_CASE("what models cost stands in the pull request, as metered, and the key is only at the service") {
    if (!can_run("bubblewrap")) return;
    PracticeModel model;
    answer_all(model, 50);
    Factory factory(
        with_model(model,
                   "env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null; python3 call.py && python3 "
                   "call.py && echo more >> README.md"));
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    INFO(proposal->body);
    CHECK(contains(proposal->body, "Tokens: 100 in, 0 in from cache, 20 out. Cost: $0.12."));
    CHECK(model.usage(std::string(model_key)).requests == 2);
    for (const auto& request : model.requests()) CHECK(request.key == model_key);
    CHECK_FALSE(contains(factory.heard(issue), model_key));
    CHECK(contains(factory.heard(issue), "SHOPFLOOR_MODEL_URL=http://127.0.0.1:3128/lab"));
}

TEST_CASE("a spent budget asks on the issue and keeps the work; more money lets it go on") {
    if (!can_run("bubblewrap")) return;
    PracticeModel model;
    answer_all(model, 3'000);  // $3.01 each; $4.20 may come of one, so the third does not fit into ten
    auto plan = with_model(
        model,
        "touch progress; while [ $(wc -l < progress) -lt 4 ]; do python3 call.py || sleep 60; echo "
        "step >> progress; done");
    const auto more = plan.change;
    plan.change = [more](config::Settings& settings) {
        more(settings);
        settings.models.job.dollars = 10;
    };
    Factory factory(std::move(plan));
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "waiting"));
    REQUIRE(PracticeForge::eventually([&] { return !factory.answers(issue).empty(); }));
    CHECK(contains(factory.answers(issue).back(), "The budget for this job is spent"));
    CHECK(PracticeForge::eventually([&] { return contains(factory.status(issue), "a budget is spent"); }));
    CHECK(model.usage(std::string(model_key)).requests == 2);

    factory.forge.comment(repository, issue, "/agent resume", maintainer);
    REQUIRE(PracticeForge::eventually([&] {
        return std::ranges::any_of(factory.answers(issue), [](const std::string& each) {
            return contains(each, "so going on needs an amount");
        });
    }));
    factory.forge.comment(repository, issue, "/agent resume +$50", maintainer);
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    CHECK(factory.forge.file(repository, proposal->head_sha, "progress") == "step\nstep\nstep\nstep\n");
    CHECK(contains(proposal->body, "Cost: $12.04."));
    CHECK(factory.leftovers().empty());
}

TEST_CASE("an agent's question stands on the issue, and a plain comment of a maintainer answers it") {
    for (const std::string backend : {"docker", "bubblewrap"}) {
        if (!can_run(backend)) continue;
        Factory factory(
            {.files = {{.path = "tests/run.sh", .content = "true\n"}},
             .agents = {{"worker",
                         "cat > /tmp/prompt; if grep -q 'in euros' /tmp/prompt; then echo euros >> "
                         "README.md; echo Done.; else echo half > half; echo 'Begun.'; echo; echo "
                         "'QUESTION: Which currency?'; fi"}},
             .backend = backend});
        const auto issue = factory.ask("Anything");
        REQUIRE(factory.reaches(issue, "waiting"));
        REQUIRE(PracticeForge::eventually([&] { return !factory.answers(issue).empty(); }));
        CHECK(contains(factory.answers(issue).back(), "Which currency?"));
        CHECK(factory.forge.pull_requests(repository).empty());

        factory.forge.comment(repository, issue, "Count in euros!", visitor);  // may not answer
        factory.stop();
        factory.start();  // a question outlives the process
        factory.forge.comment(repository, issue, "Please count in euros, thank you.", maintainer);
        REQUIRE(factory.reaches(issue, "review"));
        const auto proposal = factory.pull_request_of(issue);
        REQUIRE(proposal);
        CHECK(factory.forge.file(repository, proposal->head_sha, "README.md") == "# widget\neuros\n");
        CHECK(factory.forge.file(repository, proposal->head_sha, "half") == "half\n");  // the work was kept
        CHECK(factory.leftovers().empty());
    }
}

TEST_CASE("a service that says not before an hour parks the job, and costs it no attempt") {
    if (!can_run("bubblewrap")) return;
    PracticeModel model;
    answer_all(model, 50);
    model.fail(
        {.status = 429, .times = practice_model::Fault::always, .retry_after = std::chrono::seconds(3600)});
    Factory factory(with_model(model, "python3 call.py || sleep 60"));
    const auto issue = factory.ask("Anything");
    REQUIRE(PracticeForge::eventually(
        [&] { return contains(factory.status(issue), "takes no more requests for now"); },
        std::chrono::seconds(60)));
    CHECK(contains(factory.status(issue), "the next try is not before"));
    CHECK_FALSE(contains(factory.status(issue), "(try "));
    const auto called = model.requests().size();
    const auto other = factory.ask("Another");  // does not even call
    REQUIRE(PracticeForge::eventually(
        [&] { return contains(factory.status(other), "takes no more requests for now"); },
        std::chrono::seconds(60)));
    CHECK(model.requests().size() == called);
}

TEST_CASE(
    "an agent that gives up because its model service is broken is not blamed: the job is tried again") {
    if (!can_run("bubblewrap")) return;
    PracticeModel model;
    answer_all(model, 50);
    model.fail({.status = 500, .times = 1});
    Factory factory(with_model(model, "python3 call.py && echo more >> README.md"));
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "review"));
    CHECK(model.requests().size() == 2);
}

TEST_CASE("hosts that programs wanted to reach and may not are told in the pull request, by step") {
    for (const std::string backend : {"docker", "bubblewrap"}) {
        if (!can_run(backend)) continue;
        const std::string reach =
            "perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(\"127.0.0.1:3128\") or die; print $s "
            "\"CONNECT "
            "$ARGV[0]:443 HTTP/1.1\\r\\nHost: $ARGV[0]:443\\r\\n\\r\\n\"; print scalar <$s>' ";
        Plan plan{.files = {{.path = "tests/run.sh", .content = "true\n"}},
                  .recipe = "setup: |\n  " + reach +
                            "packages.example.org\nchecks:\n  - name: tests\n    run: sh "
                            "tests/run.sh\negress:\n  setup: [packages.example.org]\n",
                  .agents = {{"worker", reach + "exfiltration.example.net; " + reach +
                                            "169.254.169.254; echo more >> README.md"}},
                  .backend = backend};
        Factory factory(std::move(plan));
        const auto issue = factory.ask("Anything");
        REQUIRE(factory.reaches(issue, "review"));
        CHECK(contains(factory.heard(issue), "HTTP/1.1 403"));
        const auto proposal = factory.pull_request_of(issue);
        REQUIRE(proposal);
        CHECK(contains(proposal->body, "## Hosts refused"));
        CHECK(contains(proposal->body, "| `packages.example.org` | setup | 1 |"));
        CHECK(contains(proposal->body, "| `exfiltration.example.net` | agent | 1 |"));
        CHECK(contains(proposal->body, "169.254.169.254"));
    }
}

TEST_CASE("a secret of ours in the result is not published, nor shown to anybody on the way") {
    if (!can_run("bubblewrap")) return;
    const std::string token(scenarios::bot_token);
    Factory factory(
        {.files = {{.path = "tests/run.sh", .content = "true\n"}},
         .agents = {{"worker", "printf '%s' " + token + " | base64 > notes.txt; echo the token is " + token +
                                   "; echo more >> README.md"}},
         .app = false});
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "blocked"));
    REQUIRE(PracticeForge::eventually([&] { return contains(factory.status(issue), "looks like a key"); }));
    CHECK(contains(factory.status(issue), "notes.txt"));
    CHECK(factory.forge.branches(repository).size() == 1);
    for (const auto& comment : factory.forge.issue(repository, issue).comments)
        CHECK_FALSE(contains(comment.body, token));
}
