#include <doctest/doctest.h>
#include <sys/types.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

namespace {

using practice_forge::PracticeForge;

/// The listener's process of that daemon; -1 when there is none.
pid_t listener_of(pid_t keeper) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        pid_t process = -1;
        const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), process);
        if (fault != std::errc() || end != name.data() + name.size()) continue;
        const auto words = scenarios::bytes_of(entry.path() / "cmdline");
        if (!scenarios::contains(words, std::string("part\0listener\0", 14))) continue;
        const auto status = scenarios::bytes_of(entry.path() / "status");
        if (scenarios::contains(status, "\nPPid:\t" + std::to_string(keeper) + "\n")) return process;
    }
    return -1;
}

bool lives(pid_t process) { return std::filesystem::exists("/proc/" + std::to_string(process)); }

}  // namespace

TEST_CASE("an issue that is labelled while the listener is dead gets its pull request all the same") {
    if (!scenarios::can_run("bubblewrap")) return;
    scenarios::Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}},
                                .agents = {{"worker", "echo made > made.txt"}},
                                .process = true});
    const auto port = factory.port();
    const auto first = listener_of(factory.process());
    REQUIRE(first > 0);
    ::kill(first, SIGKILL);
    const auto issue = factory.ask("Make it");
    CHECK(factory.reaches(issue, "review"));
    // Waits in the socket until somebody takes it.
    CHECK(scenarios::exchange(port, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
              .starts_with("HTTP/1.1 200"));
    const auto second = listener_of(factory.process());
    CHECK(second > 0);
    CHECK(second != first);
    CHECK(scenarios::contains(scenarios::bytes_of(factory.directory() / "shopfloor.log"),
                              "the listener is gone"));
}

TEST_CASE("a daemon that is killed leaves no listener behind, and its successor has one") {
    if (!scenarios::can_run("bubblewrap")) return;
    scenarios::Factory factory({.process = true});
    const auto listener = listener_of(factory.process());
    REQUIRE(listener > 0);
    factory.kill();
    CHECK(PracticeForge::eventually([&] { return !lives(listener); }));
    factory.start();
    CHECK(listener_of(factory.process()) > 0);
}
