#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

#include "bot/runner.hpp"
#include "bot/runner_values.hpp"
#include "sandbox/workspace.hpp"
#include "tests/parts/stage.hpp"

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using bot::Runner;
using sandbox::Error;
using sandbox::RunOutcome;
using sandbox::RunSpec;
using End = RunOutcome::End;

namespace {

config::SandboxSettings walls(const std::string& backend = "bubblewrap") {
    config::SandboxSettings settings{.backend = backend, .default_image = "host"};
    settings.roots = {{"host", "/"}};
    return settings;
}

struct RunnerScene {
    parts::Folder folder;
    Runner runner{parts::program(), walls(), fmt::format("parts-{}", ::getpid())};
    sandbox::Workspaces workspaces{{.directory = folder.path() / "workspaces"}};
    sandbox::SharedLayer layer = *workspaces.layer("base", [](const fs::path& into) {
        parts::spit(into / "README", "base");
        return std::expected<void, Error>{};
    });
    std::unique_ptr<sandbox::Workspace> workspace = *workspaces.open("one", {layer}, {});
    std::string image = runner.resolve("host", {})->id;

    [[nodiscard]] RunSpec spec(const std::string& script) const {
        return {.name = "one-run",
                .image = image,
                .argv = {"/bin/sh", "-c", script},
                .log_file = folder.path() / "log"};
    }
    [[nodiscard]] std::string log() const {
        std::ifstream in(folder.path() / "log");
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }
};

void wait_for(const std::function<bool()>& what) {
    for (int i = 0; i < 600 && !what(); ++i) std::this_thread::sleep_for(50ms);
    REQUIRE(what());
}

}  // namespace

TEST_CASE("a program runs in the runner's sandbox; its output, its end and its files come back") {
    RunnerScene scene;
    auto spec = scene.spec("cat; printf \"$WORD\"; echo made > file; exit 3");
    spec.standard_input = "asked\n";
    spec.environment["WORD"] = std::string("caf\xe9");  // bytes stay what they are
    std::string printed;
    RunOutcome told;
    spec.on_output = [&](std::string_view piece) { printed += piece; };
    spec.on_end = [&](const RunOutcome& outcome) { told = outcome; };
    const auto outcome = scene.runner.run(spec, *scene.workspace, {});
    REQUIRE(outcome);
    CHECK(outcome->end == End::exited);
    CHECK(outcome->exit_code == 3);
    CHECK(scene.log() == "asked\ncaf\xe9");
    CHECK(printed == scene.log());
    CHECK(told.exit_code == 3);
    CHECK(scene.workspace->read("file", 100) == "made\n");
}

TEST_CASE("what the keeper throws at a run's end comes back to whoever asked for the run") {
    RunnerScene scene;
    auto spec = scene.spec("true");
    spec.on_end = [](const RunOutcome&) { throw std::domain_error("the lease is lost"); };
    CHECK_THROWS_WITH_AS(std::ignore = scene.runner.run(spec, *scene.workspace, {}), "the lease is lost",
                         std::domain_error);
}

TEST_CASE("a run is cancelled through the runner, also one that is cancelled before it begins") {
    RunnerScene scene;
    std::stop_source early;
    early.request_stop();
    const auto never =
        scene.runner.run(scene.spec("sleep 600"), *scene.workspace, {.cancel = early.get_token()});
    REQUIRE(never);
    CHECK(never->end == End::cancelled);

    std::stop_source cancel;
    std::jthread later([&] {
        wait_for([&] { return scene.log().contains("started"); });
        cancel.request_stop();
    });
    const auto outcome = scene.runner.run(scene.spec("echo started; exec sleep 600"), *scene.workspace,
                                          {.cancel = cancel.get_token()});
    REQUIRE(outcome);
    CHECK(outcome->end == End::cancelled);
}

TEST_CASE("a runner that dies costs the runs it had, and the next one is there for the next run") {
    RunnerScene scene;
    std::jthread killer([&] {
        wait_for([&] { return scene.log().contains("started"); });
        ::kill(scene.runner.pid(), SIGKILL);
    });
    const auto lost = scene.runner.run(scene.spec("echo started; exec sleep 600"), *scene.workspace, {});
    REQUIRE_FALSE(lost);
    CHECK(lost.error().kind == Error::Kind::unavailable);
    killer.join();
    auto next = scene.spec("echo again");
    next.name = "another-run";
    const auto outcome = scene.runner.run(next, *scene.workspace, {});
    REQUIRE(outcome);
    CHECK(outcome->ok());
}

TEST_CASE("what is done with a run's end is done to its end, also when the runner dies meanwhile") {
    RunnerScene scene;
    auto spec = scene.spec("echo done");
    bool taken_in = false;
    spec.on_end = [&](const RunOutcome&) {
        const auto runner = scene.runner.pid();
        ::kill(runner, SIGKILL);
        wait_for([&] { return scene.runner.pid() != runner; });
        std::this_thread::sleep_for(200ms);  // by now the call of the run has been told that it is lost
        taken_in = true;
    };
    const auto lost = scene.runner.run(spec, *scene.workspace, {});
    CHECK(taken_in);
    REQUIRE_FALSE(lost);
    CHECK(lost.error().kind == Error::Kind::unavailable);
}

TEST_CASE("what the keeper throws that is no exception of the library comes back too") {
    struct LeaseLost {};
    RunnerScene scene;
    auto spec = scene.spec("true");
    spec.on_end = [](const RunOutcome&) { throw LeaseLost{}; };
    CHECK_THROWS_AS(std::ignore = scene.runner.run(spec, *scene.workspace, {}), LeaseLost);
    spec.on_end = nullptr;
    spec.name = "another-run";
    CHECK(scene.runner.run(spec, *scene.workspace, {}));
}

TEST_CASE(
    "a signal to the whole group, as a service manager sends it, ends no run behind the keeper's back") {
    RunnerScene scene;
    const auto runner = scene.runner.pid();
    std::jthread manager([&] {
        wait_for([&] { return scene.log().contains("started"); });
        for (const int signal : {SIGTERM, SIGINT}) ::kill(runner, signal);
    });
    const auto outcome = scene.runner.run(scene.spec("echo started; sleep 1"), *scene.workspace, {});
    REQUIRE(outcome);
    CHECK(outcome->ok());
    CHECK(scene.runner.pid() == runner);
}

TEST_CASE("a sandbox that cannot be had is told in the words of the backend") {
    CHECK_THROWS_WITH_AS(Runner(parts::program(), walls("podman"), "parts"), doctest::Contains("podman"),
                         std::runtime_error);
}

TEST_CASE("the runner holds no network: nothing but an unconfigured loopback") {
    if (::geteuid() != 0) return;
    const RunnerScene scene;
    const auto links = [](pid_t process) {
        std::set<std::string> names;
        std::ifstream devices(fmt::format("/proc/{}/net/dev", process));
        for (std::string line; std::getline(devices, line);)
            if (const auto colon = line.find(':'); colon != std::string::npos)
                names.insert(line.substr(line.find_first_not_of(' '), colon - line.find_first_not_of(' ')));
        return names;
    };
    CHECK(links(scene.runner.pid()) == std::set<std::string>{"lo"});
    CHECK(links(::getpid()).size() > 1);
}

TEST_CASE("what a run is told with arrives whole at the runner") {
    RunSpec spec{.name = "n",
                 .labels = {{"a", "b"}},
                 .image = "i",
                 .argv = {"x", "\xff"},
                 .environment = {{"K", "\x01"}},
                 .standard_input = std::string("\0z", 2),
                 .mounts = {{.source = "/s", .target = "/t"}},
                 .door = "/d",
                 .home_files = {{".f", "\xfe"}},
                 .log_file = "/l",
                 .survives = true};
    spec.limits.cpus = 1.5;
    spec.limits.idle = 7s;
    const auto got = bot::runner::unpack(bot::runner::pack(spec));
    CHECK(got.name == spec.name);
    CHECK(got.labels == spec.labels);
    CHECK(got.image == spec.image);
    CHECK(got.argv == spec.argv);
    CHECK(got.environment == spec.environment);
    CHECK(got.standard_input == spec.standard_input);
    REQUIRE(got.mounts.size() == 1);
    CHECK(got.mounts[0].source == "/s");
    CHECK(got.mounts[0].target == "/t");
    CHECK(got.door == spec.door);
    CHECK(got.home_files == spec.home_files);
    CHECK(got.limits == spec.limits);
    CHECK(got.log_file == spec.log_file);
    CHECK(got.survives);
}
