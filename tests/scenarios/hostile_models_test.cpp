#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/model_plan.hpp"

/// Programs that spend all at once, and model services that fail in every way: what becomes of the job.

using practice_forge::PracticeForge;
using practice_model::Fault;
using practice_model::PracticeModel;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::model_key;
using scenarios::repository;

namespace {

using namespace std::chrono_literals;

/// How many callers inside printed an answer of this status.
std::ptrdiff_t answers_with(const std::string& heard, std::string_view status) {
    std::istringstream lines(heard);
    std::ptrdiff_t count = 0;
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(fmt::format("HTTP/1.1 {}", status))) ++count;
    return count;
}

/// The most memory that a process ever had, in bytes.
/// https://man7.org/linux/man-pages/man5/proc_pid_status.5.html
std::int64_t peak_of(pid_t process) {
    const auto status = scenarios::bytes_of(fmt::format("/proc/{}/status", process));
    constexpr std::string_view field = "VmHWM:";
    const auto at = status.find(field);
    REQUIRE(at != std::string::npos);
    return std::stoll(status.substr(at + field.size())) * 1024;
}

/// A sanitizer keeps what was freed, to know it again: its memory is not the program's.
#ifdef SHOPFLOOR_SANITIZED
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

/// An answer without an end is read to the end of what is allowed, which takes its time under a sanitizer.
bool reaches_in_time(Factory& factory, std::int64_t issue, std::string_view state) {
    bool reached = factory.reaches(issue, state);
    for (int minute = 1; minute < 4 && !reached; ++minute) reached = factory.reaches(issue, state);
    return reached;
}

/// All that the forge was told of a job, as it was told: status comments are overwritten.
std::string told(const Factory& factory) {
    std::string all;
    for (const auto& request : factory.forge.requests()) all += request.body + "\n";
    return all;
}

/// A service that fails, and what is to come of it.
struct Case {
    std::string name;
    std::vector<Fault> faults;
    std::string script;
    std::string state;  ///< at last; empty: it is put back as long as that goes on
    int runs = 1;       ///< of the agent; 2: the job was put back and tried again
    std::string words;  ///< said on the issue, now or at one time
};

std::vector<Case> cases() {
    const auto agent = [](std::string_view how) {
        return fmt::format(
            "perl call.pl {} > /tmp/heard; good=$?; head -c 400 /tmp/heard; [ $good = 0 ] && "
            "echo more >> README.md",
            how);
    };
    const auto plain = agent("");
    const auto stream = agent("stream");
    using Kind = Fault::Kind;
    return {{.name = "429 for a second, and the program tries again",
             .faults = {{.status = 429, .retry_after = 1s}},
             .script = "perl call.pl > /tmp/heard || { sleep 1; " + plain + "; }",
             .state = "review",
             .words = "agent-state: review"},
            {.name = "500 always",
             .faults = {{.status = 500, .times = Fault::always}},
             .script = plain,
             .runs = 2,
             .words = "Something outside of this issue went wrong (try 2)"},
            {.name = "a stream is cut",
             .faults = {{.kind = Kind::cut}},
             .script = stream,
             .state = "review",
             .runs = 2,
             .words = "the model service broke off its answer"},
            {.name = "a plain answer is cut",
             .faults = {{.kind = Kind::cut}},
             .script = plain,
             .state = "review",
             .runs = 2,
             .words = "the model service broke off its answer"},
            {.name = "no answer at all, and a reset",
             .faults = {{.kind = Kind::stall, .patience = 1500ms}},
             .script = plain,
             .state = "review",
             .runs = 2,
             .words = "the model service does not answer"},
            {.name = "half a stream, nothing for a while, and a reset",
             .faults = {{.kind = Kind::stall_midway, .patience = 1500ms}},
             .script = stream,
             .state = "review",
             .runs = 2,
             .words = "the model service broke off its answer"},
            {.name = "a stream without an end",
             .faults = {{.kind = Kind::endless}},
             .script = stream,
             .state = "review",
             .runs = 2,
             .words = "the model service's answer is l"},
            {.name = "a plain answer without an end",
             .faults = {{.kind = Kind::endless}},
             .script = plain,
             .state = "review",
             .runs = 2,
             .words = "the model service's answer is l"},
            {.name = "a gzip bomb",
             .faults = {{.kind = Kind::gzip_bomb}},
             .script = plain,
             .state = "review",
             .runs = 2,
             .words = "sends its answer compressed"},
            {.name = "the key in an error of the request's",
             .faults = {{.status = 400, .times = Fault::always, .echo_key = true}},
             .script = plain,
             .state = "blocked",
             .words = "gave up"},
            {.name = "the key in an error of the service's",
             .faults = {{.status = 500, .echo_key = true}},
             .script = plain,
             .state = "review",
             .runs = 2,
             .words = "a fault of practice: the key was"},
            {.name = "the key in its refusal",
             .faults = {{.status = 401, .echo_key = true}},
             .script = plain,
             .state = "review",
             .runs = 2,
             .words = "a fault of practice: the key was"}};
}

void ends_as_told(const Case& each) {
    CAPTURE(each.name);
    PracticeModel model;
    scenarios::answer_all(model, 50);
    for (const auto& fault : each.faults) model.fail(fault);
    auto plan = scenarios::with_model(model, each.script, "bubblewrap");
    plan.process = true;
    Factory factory(std::move(plan));
    const auto peak = peak_of(factory.process());
    const auto issue = factory.ask("Anything");
    if (!each.state.empty()) CHECK(reaches_in_time(factory, issue, each.state));
    CHECK(PracticeForge::eventually([&] { return contains(told(factory), each.words); }, 60s));
    INFO(factory.status(issue));
    INFO(factory.heard(issue));
    if (each.faults.front().times == 1) CHECK(model.faults_left() == 0);
    CHECK(scenarios::rows_of(factory.state_dir() / "ledger.sqlite")["runs"] == each.runs);
    if (!sanitized) CHECK(peak_of(factory.process()) - peak < 64 << 20);

    // The key came to the service; nobody else has it.
    REQUIRE_FALSE(model.requests().empty());
    for (const auto& request : model.requests()) CHECK(request.key == model_key);
    const std::set<std::string> key{std::string(model_key)};
    CHECK(scenarios::files_with(factory.state_dir(), key) == std::vector<std::string>{});
    CHECK_FALSE(contains(told(factory), model_key));
    CHECK_FALSE(contains(scenarios::bytes_of(factory.directory() / "shopfloor.log"), model_key));

    if (each.state
            .empty()) {  // what was put back keeps its tree until a sweep, at the latest the next start's
        factory.forge.close(repository, issue, maintainer);
        CHECK(PracticeForge::eventually(
            [&] { return contains(factory.status(issue), "the issue was closed"); }));
        factory.stop();
        factory.start();
    }
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}

}  // namespace

TEST_CASE(
    "fifty calls at once never spend more than the job's budget; the rest hear 429, and a person is asked") {
    scenarios::on_both([](const std::string& backend) {
        static constexpr double limit = 20;
        PracticeModel model;
        scenarios::answer_all(model, 4'000);          // $4.01 each, and little more is reserved for one
        model.fail({.kind = Fault::Kind::no_usage});  // is paid as what was reserved
        model.fail({.kind = Fault::Kind::slow, .times = Fault::always, .patience = 1s});  // all overlap
        auto plan = scenarios::with_model(
            model,
            "trap '' TERM; for i in $(seq 50); do perl call.pl stream > $HOME/said-$i & done; wait; "
            "perl call.pl > $HOME/said-later; cat $HOME/said-*; echo all were answered; sleep 60",
            backend);
        plan.change = [with = plan.change](config::Settings& settings) {
            with(settings);
            settings.models.job.dollars = limit;
        };
        Factory factory(std::move(plan));
        const auto issue = factory.ask("Anything");
        REQUIRE(factory.reaches(issue, "waiting"));
        REQUIRE(PracticeForge::eventually([&] { return !factory.answers(issue).empty(); }));
        CHECK(contains(factory.answers(issue).back(), "The budget for this job is spent"));

        const auto truth = model.usage(std::string(model_key));
        const auto dollars = static_cast<double>(truth.input + truth.cached + truth.output) / 1'000;
        CHECK(dollars <= limit);
        CHECK(dollars > limit / 2);  // and what is there may be spent
        const auto heard = factory.heard(issue);
        INFO(heard);
        REQUIRE(contains(heard, "all were answered"));
        CHECK(answers_with(heard, "200") == static_cast<std::ptrdiff_t>(truth.requests));
        CHECK(answers_with(heard, "200") + answers_with(heard, "429") == 51);
        CHECK(contains(heard, "the budget for model calls is spent"));
        CHECK(factory.forge.pull_requests(repository).empty());
    });
}

TEST_CASE(
    "whatever way a model service fails, the job ends in its class, memory holds and the key is nowhere") {
    if (!scenarios::can_run("bubblewrap")) return;
    for (const auto& each : cases()) ends_as_told(each);
}
