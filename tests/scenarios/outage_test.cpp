#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include "bot/ledger.hpp"
#include "bot/service.hpp"
#include "tests/scenarios/daemon.hpp"
#include "tests/scenarios/factory.hpp"

using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::repository;

namespace {

Plan quick_change() {
    return {.files = {{.path = "tests/run.sh", .content = "true\n"}},
            .agents = {{"worker", "echo more >> README.md"}}};
}

/// Takes connections and never says anything.
class SilentServer {
 public:
    SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        auto* plain = reinterpret_cast<sockaddr*>(&address_);
        REQUIRE(::bind(socket_, plain, size) == 0);
        REQUIRE(::listen(socket_, 64) == 0);
        REQUIRE(::getsockname(socket_, plain, &size) == 0);
    }
    ~SilentServer() { ::close(socket_); }
    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;
    [[nodiscard]] std::string url() const {
        return fmt::format("http://127.0.0.1:{}", ntohs(address_.sin_port));
    }

 private:
    int socket_;
    sockaddr_in address_{};
};

/// What the daemon says there, whatever the status.
std::string get(const bot::Service& service, std::string_view path) {
    std::string said;
    const auto command = fmt::format("curl -s -m 10 http://127.0.0.1:{}{}", service.port(), path);
    FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
    ::pclose(pipe);
    return said;
}

std::string first_word(const std::filesystem::path& file) {
    std::string word;
    std::ifstream(file) >> word;
    return word;
}

}  // namespace

TEST_CASE("a container that nobody knows of is found while the daemon runs, and running jobs are spared") {
    if (!can_run("docker")) return;
    auto plan = quick_change();
    plan.backend = "docker";
    plan.agents = {{"worker", "echo started; sleep 6; echo more >> README.md"}};
    Factory factory(std::move(plan));
    const auto issue = factory.ask("Anything");
    REQUIRE(PracticeForge::eventually(
        [&] { return factory.log("job-1/agent-1.log").find("started") != std::string::npos; }));
    factory.stop();  // the agent goes on
    // Two daemons' lives in one: what the first one leaves behind here, the second one's start has not seen.
    bot::Service service(factory.settings(), scenarios::daemon_program());
    const auto instance = first_word(factory.state_dir() / "instance");
    const auto leaked = fmt::format("shopfloor-{}-j999-base-1", instance);
    REQUIRE(std::system(fmt::format("docker run -d --rm --name {0} --label shopfloor.instance={1} "
                                    "--label shopfloor.name={0} debian:bookworm-slim sleep 1000 >/dev/null",
                                    leaked, instance)
                            .c_str()) == 0);
    const std::jthread serving([&](const std::stop_token& stop) { service.run(stop); });
    CHECK(PracticeForge::eventually(
        [&] { return std::system(fmt::format("docker inspect {} >/dev/null 2>&1", leaked).c_str()) != 0; }));
    CHECK(factory.reaches(issue, "review"));
}

TEST_CASE("a forge that never answers holds up no report to another one") {
    if (!can_run("bubblewrap")) return;
    std::optional<SilentServer> silent(std::in_place);
    auto plan = quick_change();
    plan.change = [&](config::Settings& settings) {
        settings.forges.push_back({.name = "silent",
                                   .api_url = silent->url(),
                                   .webhook_secrets = {config::Secret("secret")},
                                   .token = config::Secret("token"),
                                   .repositories = {"*"}});
    };
    Factory factory(std::move(plan));
    factory.stop();
    {
        bot::Ledger book(factory.state_dir() / "ledger.sqlite", {});
        for (int issue = 1; issue <= 10; ++issue)
            (void)book.carry_out(
                bot::Answer{.thread = {.repo = {.forge = "silent",
                                                .id = "1",
                                                .full_name = "acme/quiet",
                                                .clone_url = silent->url() + "/acme/quiet.git",
                                                .default_branch = "main"},
                                       .number = issue},
                            .answer = "Hello.",
                            .marker = "help",
                            .comment_id = {},
                            .reason = "asked"});
    }
    factory.start();
    const auto issue = factory.ask("Anything");
    CHECK(factory.reaches(issue, "review"));
    silent.reset();  // connections end, so that the factory need not wait for their time to run out
}

TEST_CASE("while the forge is down it is asked now and then, not for each delivery, and none is lost") {
    if (!can_run("bubblewrap")) return;
    auto plan = quick_change();
    Factory factory(std::move(plan));
    const auto first = factory.ask("First");
    REQUIRE(factory.reaches(first, "review"));
    factory.forge.fail(
        scenarios::at(scenarios::Asked::anything, {.name = "down", .times = -1, .status = 502}));
    factory.forge.forget_requests();
    constexpr int many = 12;
    for (int i = 0; i < many; ++i)
        factory.forge.comment(repository, first, fmt::format("/agent help {}", i), maintainer);
    REQUIRE(factory.forge.hooks_sent());
    // Long enough for each of them to have been asked about several times.
    CHECK_FALSE(PracticeForge::eventually([&] { return factory.forge.requests().size() > many; },
                                          std::chrono::seconds(5)));
    CHECK_FALSE(factory.forge.requests().empty());
    factory.forge.clear_faults();
    CHECK(PracticeForge::eventually([&] { return factory.answers(first).size() >= many; },
                                    std::chrono::seconds(90)));
}

TEST_CASE("who asks while the bot is not told who may do what is not refused, but served when it is") {
    if (!can_run("bubblewrap")) return;
    Factory factory(quick_change());
    auto& forge = factory.forge;
    forge.fail(scenarios::at(scenarios::Asked::permission, {.name = "shut out", .times = -1, .status = 403}));
    const auto issue = factory.ask("Anything");
    REQUIRE(PracticeForge::eventually(
        [&] { return std::ranges::count(forge.requests(), "shut out", &practice_forge::Request::fault) > 1; },
        std::chrono::seconds(60)));
    forge.clear_faults();
    CHECK(factory.reaches(issue, "review"));
    CHECK(factory.answers(issue).empty());
}

TEST_CASE("who asked for a job stops it though the bot is not told who may do what, and nobody else does") {
    if (!can_run("bubblewrap")) return;
    auto plan = quick_change();
    plan.agents = {{"worker", "sleep 300"}};
    Factory factory(std::move(plan));
    auto& forge = factory.forge;
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "working"));
    forge.fail(scenarios::at(scenarios::Asked::permission, {.name = "shut out", .times = -1, .status = 403}));
    forge.comment(repository, issue, "/agent stop", scenarios::visitor);
    REQUIRE(PracticeForge::eventually([&] { return factory.answers(issue).size() == 1; }));
    CHECK(factory.answers(issue).front().starts_with("The forge does not tell Shopfloor who may do what"));
    forge.comment(repository, issue, "/agent stop", scenarios::maintainer);
    CHECK(PracticeForge::eventually(
        [&] { return factory.status(issue).find("Stopped by `ada`") != std::string::npos; }));
}

TEST_CASE("a label set while neither daemon nor forge was there is found as soon as the forge answers") {
    if (!can_run("bubblewrap")) return;
    Factory factory(quick_change());
    factory.stop();
    const auto issue = factory.ask("Anything");
    factory.forge.fail({.name = "down", .path = "/*", .times = -1, .status = 502});
    factory.forge.forget_requests();
    factory.start();
    REQUIRE(PracticeForge::eventually([&] { return !factory.forge.requests().empty(); }));
    factory.forge.clear_faults();
    CHECK(factory.reaches(issue, "review"));  // well before the time of the usual next sweep
}

TEST_CASE("while the disk is nearly full a job waits and says so, and goes on when there is room") {
    if (!can_run("bubblewrap")) return;
    auto plan = quick_change();
    plan.change = [](config::Settings& settings) { settings.min_free_bytes = 1ULL << 60; };
    Factory factory(std::move(plan));
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "queued"));
    CHECK(PracticeForge::eventually(
        [&] { return factory.status(issue).find("short of disk space") != std::string::npos; }));
    CHECK(factory.status(issue).find(factory.state_dir().string()) == std::string::npos);
    CHECK(factory.log("job-1/agent-1.log").empty());
    factory.stop();
    {
        bot::Service full(factory.settings(), scenarios::daemon_program());
        const auto ready = get(full, "/readyz");
        CHECK(ready.find(factory.state_dir().string()) != std::string::npos);
        CHECK(ready.find("less than min_free") != std::string::npos);
    }
    auto roomier = factory.settings();
    roomier.min_free_bytes = 0;
    bot::Service service(roomier, scenarios::daemon_program());
    CHECK(get(service, "/readyz") == "ready\n");
    CHECK(get(service, "/metrics").find("shopfloor_deliveries_dead 0") != std::string::npos);
    const std::jthread serving([&](const std::stop_token& stop) { service.run(stop); });
    CHECK(factory.reaches(issue, "review"));
}
