#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "sandbox_stage.hpp"

/// What holds for every backend, asked of the real ones. The walls are in sandbox_walls_test.cpp.

namespace {

using namespace std::chrono_literals;
using sandbox::RunOutcome;
using sandbox::Sandbox;
using stage::on_both;
using End = RunOutcome::End;

/// kB of this process, resident.
long resident_kilobytes() {
    std::istringstream statm(stage::read_file("/proc/self/statm"));
    long size = 0, resident = 0;
    statm >> size >> resident;
    return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

}  // namespace

TEST_CASE("the exit status of the program is told as it is") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto good = stage::run(sandbox, stage::script(sandbox, "true"), workspace);
        CHECK(good.outcome.ok());
        CHECK(good.outcome.end == End::exited);
        CHECK_FALSE(good.outcome.adopted);

        const auto bad = stage::run(sandbox, stage::script(sandbox, "exit 7"), workspace);
        CHECK(bad.outcome.end == End::exited);
        CHECK(bad.outcome.exit_code == 7);

        const auto killed = stage::run(sandbox, stage::script(sandbox, "kill -SEGV $$"), workspace);
        CHECK(killed.outcome.end == End::signalled);
        CHECK(killed.outcome.exit_code == 139);
    });
}

TEST_CASE(
    "what became of a program is told once, its output complete, before anything of the run is removed") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        auto spec = stage::script(sandbox, "echo said; exit 7");
        std::string printed;
        spec.on_output = [&](std::string_view part) { printed += part; };
        int told = 0;
        spec.on_end = [&](const RunOutcome& outcome) {
            ++told;
            CHECK(outcome.exit_code == 7);
            CHECK(printed == "said\n");
            // In hand as long as this lasts: the next try is told to come later.
            const auto second = sandbox.run(spec, workspace, {});
            REQUIRE_FALSE(second);
            CHECK(second.error().kind == sandbox::Error::Kind::unavailable);
        };
        CHECK(stage::run(sandbox, spec, workspace).outcome.exit_code == 7);
        CHECK(told == 1);
    });
}

TEST_CASE("a program that is not there ends with 127, and that is the program's fault") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto ran = stage::run(sandbox, stage::program(sandbox, {"no-such-program"}), workspace);
        CHECK(ran.outcome.end == End::exited);
        CHECK(ran.outcome.exit_code == 127);
    });
}

TEST_CASE("standard input arrives whole, and without one it is empty") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        auto spec = stage::script(sandbox, "cksum");
        spec.standard_input = "hello\n";
        CHECK(stage::run(sandbox, spec, workspace).output == "3015617425 6\n");

        spec = stage::script(sandbox, "wc -c");
        spec.standard_input = std::string(3'000'000, 'x');
        CHECK(stage::run(sandbox, spec, workspace).output == "3000000\n");

        spec = stage::script(sandbox, "wc -c");
        CHECK(stage::run(sandbox, spec, workspace).output == "0\n");

        // A program that does not want its input is not hurt by it.
        spec = stage::script(sandbox, "exit 3");
        spec.standard_input = std::string(3'000'000, 'x');
        CHECK(stage::run(sandbox, spec, workspace).outcome.exit_code == 3);
    });
}

TEST_CASE("the environment holds what was given and nothing of the daemon's") {
    on_both([](Sandbox& sandbox) {
        ::setenv("SHOPFLOOR_TEST_SECRET", "canary-3141", 1);
        stage::PlainWorkspace workspace;
        auto spec = stage::script(
            sandbox,
            "env | grep -Ev '^(PWD|SHLVL|_|HOSTNAME)=' | sort; cat /proc/*/environ 2>/dev/null | "
            "tr '\\0' '\\n' | grep -c canary");
        spec.environment = {{"GIVEN", "a value with = and spaces"}, {"LANG", "C"}};
        const auto ran = stage::run(sandbox, spec, workspace);
        CHECK(ran.output ==
              "GIVEN=a value with = and spaces\nHOME=/home/agent\nLANG=C\n"
              "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n0\n");
        ::unsetenv("SHOPFLOOR_TEST_SECRET");
    });
}

TEST_CASE("workspace, home and /tmp can be written, as the sandbox user") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto ran = stage::run(
            sandbox,
            stage::script(sandbox,
                          "pwd; echo made > file; echo kept > $HOME/note; "
                          "printf '#!/bin/sh\\necho ran' > /tmp/tool; chmod +x /tmp/tool; /tmp/tool; "
                          "echo said > /dev/stdout; id -u; id -g"),
            workspace);
        CHECK(ran.output == fmt::format("/workspace\nran\nsaid\n{0}\n{0}\n", sandbox::sandbox_uid()));
        CHECK(stage::read_file(workspace.root() / "file") == "made\n");
        CHECK(stage::read_file(workspace.home() / "note") == "kept\n");
        struct stat status{};
        REQUIRE(::stat((workspace.root() / "file").c_str(), &status) == 0);
        CHECK(status.st_uid == sandbox::sandbox_uid());
        CHECK(status.st_gid == sandbox::sandbox_uid());
    });
}

TEST_CASE("files for home are there before the start, and never through a link that an earlier run left") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto victim = workspace.folder() / "victim";
        std::ofstream(victim) << "untouched";
        std::filesystem::create_symlink(victim, workspace.home() / "settings.json");
        auto spec =
            stage::script(sandbox, "cat ~/.config/agent/rules ~/settings.json; echo more >> ~/settings.json");
        spec.home_files = {{".config/agent/rules", "be kind\n"}, {"settings.json", "{}\n"}};
        const auto ran = stage::run(sandbox, spec, workspace);
        CHECK(ran.output == "be kind\n{}\n");
        CHECK(stage::read_file(victim) == "untouched");

        std::filesystem::remove_all(workspace.home() / ".config");
        std::filesystem::create_directory_symlink(workspace.folder(), workspace.home() / ".config");
        const auto refused = sandbox.run(spec, workspace, {});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().kind == sandbox::Error::Kind::refused);
        CHECK_FALSE(std::filesystem::exists(workspace.folder() / "agent"));
    });
}

TEST_CASE("a folder of the host is shown read-only, and the engine's socket is never shown") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto tools = workspace.folder() / "tools";
        std::filesystem::create_directories(tools);
        std::ofstream(tools / "agent.txt") << "the agent\n";
        auto spec = stage::script(
            sandbox, "cat /opt/tools/agent.txt; touch /opt/tools/new 2>/dev/null || echo read-only");
        spec.mounts = {{tools, "/opt/tools"}};
        CHECK(stage::run(sandbox, spec, workspace).output == "the agent\nread-only\n");

        for (const auto& [source, target] :
             std::vector<std::pair<std::string, std::string>>{{"/var/run", "/opt/run"},
                                                              {"/", "/opt/host"},
                                                              {"/run/docker.sock", "/opt/sock"},
                                                              {tools, "/workspace/x"},
                                                              {tools, "/proc"},
                                                              {tools, "/opt/../etc"},
                                                              {tools, "relative"},
                                                              {tools / "missing", "/opt/tools"}}) {
            CAPTURE(source);
            CAPTURE(target);
            if (source == "/var/run" && !std::filesystem::exists("/var/run/docker.sock")) continue;
            spec.mounts = {{source, target}};
            const auto refused = sandbox.run(spec, workspace, {});
            REQUIRE_FALSE(refused.has_value());
            CHECK(refused.error().kind == sandbox::Error::Kind::refused);
        }
    });
}

TEST_CASE("output is kept in the log file as it appears") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        auto spec = stage::script(
            sandbox, "echo one; echo two >&2; while [ ! -e go ]; do sleep 0.05; done; echo three");
        spec.log_file = workspace.folder() / "log";
        std::string seen_early;
        std::string all;
        spec.on_output = [&](std::string_view part) {
            all.append(part);
            if (!all.contains("one") || !all.contains("two") || !seen_early.empty()) return;
            seen_early = stage::read_file(spec.log_file);
            std::ofstream(workspace.root() / "go") << "";
        };
        const auto outcome = sandbox.run(spec, workspace, {});
        REQUIRE(outcome.has_value());
        CHECK(seen_early.size() == 8);
        CHECK(all.size() == 14);
        CHECK(stage::read_file(spec.log_file) == all);
        CHECK(outcome->output_bytes == 14);
        CHECK(outcome->dropped_bytes == 0);
    });
}

TEST_CASE("a gigabyte of output neither fills the log, nor the daemon, nor stops the program") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        auto spec = stage::script(
            sandbox, "yes $(printf '%01023d' 7) | head -c 1073741824; echo last words; echo done > finished");
        spec.log_file = workspace.folder() / "log";
        spec.limits.log_bytes = 1 << 20;
        const auto before = resident_kilobytes();
        const auto outcome = sandbox.run(spec, workspace, {});
        const auto after = resident_kilobytes();
        REQUIRE(outcome.has_value());
        CHECK(outcome->ok());
        CHECK(outcome->output_bytes == 1073741824 + 11);
        CHECK(outcome->dropped_bytes > 1072000000);
        const auto log = stage::read_file(spec.log_file);
        CHECK(log.size() <= spec.limits.log_bytes);
        CHECK(log.contains(fmt::format("\n[… {} bytes left out …]\n", outcome->dropped_bytes)));
        CHECK(log.ends_with("7\nlast words\n"));
        CHECK(stage::read_file(workspace.root() / "finished") == "done\n");
        CHECK(after - before < 16 * 1024);
    });
}

TEST_CASE("the total deadline ends a program that keeps talking") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto marker = stage::unique_sleep();
        auto spec = stage::script(
            sandbox, fmt::format("sleep {} & while true; do echo tick; sleep 0.1; done", marker));
        spec.limits.total = 2s;
        const auto ran = stage::run(sandbox, spec, workspace);
        CHECK(ran.outcome.end == End::total_deadline);
        CHECK(ran.outcome.duration >= 2s);
        CHECK(ran.outcome.duration < 11s);
        CHECK(stage::processes_with(marker).empty());
    });
}

TEST_CASE("the idle deadline ends a program that has fallen silent, and no other") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        auto talking = stage::script(sandbox, "for i in 1 2 3 4 5 6; do echo $i; sleep 0.5; done");
        talking.limits.idle = 2s;
        CHECK(stage::run(sandbox, talking, workspace).outcome.ok());

        const auto marker = stage::unique_sleep();
        auto silent = stage::script(sandbox, fmt::format("echo hello; exec sleep {}", marker));
        silent.limits.idle = 2s;
        const auto ran = stage::run(sandbox, silent, workspace);
        CHECK(ran.outcome.end == End::idle_deadline);
        CHECK(ran.output == "hello\n");
        CHECK(stage::processes_with(marker).empty());
    });
}

TEST_CASE("a cancelled program may clean up") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        auto spec = stage::script(sandbox,
                                  "trap 'echo bye; exit 5' TERM; echo ready; while true; do sleep 0.1; done");
        std::stop_source cancel;
        spec.on_output = [&](std::string_view part) {
            if (part.contains("ready")) cancel.request_stop();
        };
        const auto ran = stage::run(sandbox, spec, workspace, {.cancel = cancel.get_token()});
        CHECK(ran.outcome.end == End::cancelled);
        CHECK(ran.output.starts_with("ready\n"));
        CHECK(ran.output.contains("bye\n"));  // the shell may tell of its killed sleep before or after
    });
}

TEST_CASE(
    "a cancelled program that ignores TERM, and its children in sessions of their own, are gone in ten "
    "seconds") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto marker = stage::unique_sleep();
        auto spec = stage::script(
            sandbox,
            fmt::format(
                "trap '' TERM HUP INT; (setsid sh -c \"trap '' TERM; while true; do sleep {0}; done\" &); "
                "echo ready; while true; do sleep {0}; done",
                marker));
        std::stop_source cancel;
        std::chrono::steady_clock::time_point asked;
        spec.on_output = [&](std::string_view part) {
            if (!part.contains("ready")) return;
            CHECK(stage::appears(marker));
            asked = std::chrono::steady_clock::now();
            cancel.request_stop();
        };
        const auto ran = stage::run(sandbox, spec, workspace, {.cancel = cancel.get_token()});
        CHECK(ran.outcome.end == End::cancelled);
        CHECK(stage::processes_with(marker).empty());
        CHECK(std::chrono::steady_clock::now() - asked < 11s);
    });
}

TEST_CASE("a background child does not outlive its program") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto marker = stage::unique_sleep();
        const auto ran = stage::run(
            sandbox,
            stage::script(sandbox,
                          fmt::format("(setsid sleep {0} >/dev/null 2>&1 &); sleep {0} & exit 4", marker)),
            workspace);
        CHECK(ran.outcome.exit_code == 4);
        CHECK(stage::processes_with(marker).empty());
    });
}

TEST_CASE("the same name can run again, and its second run is its own") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        auto spec = stage::script(sandbox, "echo x >> count; wc -l < count");
        CHECK(stage::run(sandbox, spec, workspace).output == "1\n");
        const auto again = stage::run(sandbox, spec, workspace);
        CHECK(again.output == "2\n");
        CHECK_FALSE(again.outcome.adopted);
    });
}

TEST_CASE("an image that is not there is told by name, with what to do") {
    on_both([](Sandbox& sandbox) {
        const auto missing = sandbox.resolve("shopfloor-test/no-such-image:1", {});
        REQUIRE_FALSE(missing.has_value());
        CHECK(missing.error().kind == sandbox::Error::Kind::no_image);
        CHECK(missing.error().message.contains("shopfloor-test/no-such-image:1"));
        CHECK(missing.error().message.contains("sandbox."));

        stage::PlainWorkspace workspace;
        auto spec = stage::script(sandbox, "true");
        spec.image = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
        const auto refused = sandbox.run(spec, workspace, {});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().kind == sandbox::Error::Kind::no_image);
    });
}

TEST_CASE("a run whose name or program makes no sense is refused before anything happens") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        for (const auto* name : {"", "UPPER", "a/b", "../up", "a b"}) {
            auto spec = stage::script(sandbox, "true");
            spec.name = name;
            CAPTURE(name);
            const auto refused = sandbox.run(spec, workspace, {});
            REQUIRE_FALSE(refused.has_value());
            CHECK(refused.error().kind == sandbox::Error::Kind::refused);
        }
        auto spec = stage::program(sandbox, {});
        CHECK_FALSE(sandbox.run(spec, workspace, {}).has_value());
    });
}

TEST_CASE("twenty runs at once do not disturb each other") {
    on_both([](Sandbox& sandbox) {
        std::vector<std::jthread> threads;
        std::atomic<int> good{0};
        std::vector<sandbox::RunSpec> specs;
        for (int i = 0; i < 20; ++i) specs.push_back(stage::script(sandbox, fmt::format("cat; exit {}", i)));
        for (int i = 0; i < 20; ++i) {
            threads.emplace_back([&, i] {
                stage::PlainWorkspace workspace;
                auto& spec = specs[static_cast<std::size_t>(i)];
                spec.standard_input = fmt::format("I am {}", i);
                std::string output;
                spec.on_output = [&](std::string_view part) { output.append(part); };
                const auto outcome = sandbox.run(spec, workspace, {});
                if (outcome && outcome->exit_code == i && output == spec.standard_input) ++good;
            });
        }
        threads.clear();
        CHECK(good == 20);
    });
}

TEST_CASE("a backend says in one line what it is and what it enforces") {
    on_both([](Sandbox& sandbox) {
        const auto line = sandbox.describe();
        CHECK(line.contains("cgroup v"));
        CHECK(line.contains(std::to_string(sandbox::sandbox_uid())));
        CHECK_FALSE(line.contains('\n'));
    });
}

TEST_CASE("a backend of an unknown name is refused with the names there are") {
    const auto made = sandbox::make_sandbox(stage::settings("podmann"), "test");
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().message.contains("docker"));
    CHECK(made.error().message.contains("bubblewrap"));
}

TEST_CASE("auto takes bubblewrap when no engine answers") {
    auto settings = stage::settings("auto");
    settings.docker_host = "unix:///nonexistent/engine.sock";
    if (stage::backend("bubblewrap") == nullptr) return;
    const auto made = sandbox::make_sandbox(settings, stage::instance());
    REQUIRE(made.has_value());
    CHECK((*made)->backend() == "bubblewrap");
}

TEST_CASE("an engine that does not answer is told with its address") {
    auto settings = stage::settings("docker");
    settings.docker_host = "unix:///nonexistent/engine.sock";
    const auto made = sandbox::make_sandbox(settings, "test");
    REQUIRE_FALSE(made.has_value());
    CHECK(made.error().kind == sandbox::Error::Kind::unavailable);
    CHECK(made.error().message.contains("unix:///nonexistent/engine.sock"));
}
