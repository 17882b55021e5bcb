// The one way out, through the whole bot: model calls are metered and paid for, a person is asked when money
// or knowledge is missing, what is refused is told, and no key is ever inside.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/model_plan.hpp"

using practice_forge::PracticeForge;
using practice_model::PracticeModel;
using scenarios::answer_all;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::model_key;
using scenarios::Plan;
using scenarios::repository;
using scenarios::visitor;
using scenarios::with_model;

TEST_CASE("what models cost stands in the pull request, as metered, and the key is only at the service") {
    if (!can_run("bubblewrap")) return;
    PracticeModel model;
    answer_all(model, 50);
    Factory factory(with_model(model,
                               "env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null; perl call.pl && perl "
                               "call.pl && echo more >> README.md"));
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
    auto plan =
        with_model(model,
                   "touch progress; while [ $(wc -l < progress) -lt 4 ]; do perl call.pl || sleep 60; echo "
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
    Factory factory(with_model(model, "perl call.pl || sleep 60"));
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
    Factory factory(with_model(model, "perl call.pl && echo more >> README.md"));
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
