// The daemon's processes as an operator finds them: who holds what, and who may open what
// (docs/processes.md).
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include "tests/bot/inside.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/model_plan.hpp"

namespace fs = std::filesystem;
using practice_forge::PracticeForge;
using practice_model::PracticeModel;
using scenarios::Factory;

namespace {

/// "keeper" and the parts that stay, by name.
std::map<std::string, pid_t> processes_of(pid_t keeper) {
    std::map<std::string, pid_t> found{{"keeper", keeper}};
    std::error_code error;
    for (const auto& process : fs::directory_iterator("/proc", error)) {
        const auto command = scenarios::bytes_of(process.path() / "cmdline");
        const auto part = command.find(std::string("\0part\0", 6));
        if (part == std::string::npos) continue;
        if (!scenarios::bytes_of(process.path() / "status").contains(fmt::format("PPid:\t{}\n", keeper)))
            continue;
        auto name = command.substr(part + 6);
        name.resize(std::min(name.find('\0'), name.size()));
        found[name] = std::stoi(process.path().filename().string());
    }
    return found;
}

std::string status_of(pid_t process, const std::string& key) {
    std::istringstream status(scenarios::bytes_of(fmt::format("/proc/{}/status", process)));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
    return {};
}

std::string opens(Inside& inside, const std::string& path) {
    const auto result =
        inside.call(SYS_openat, {static_cast<std::uint64_t>(AT_FDCWD), inside.put(path), O_RDONLY, 0});
    if (result >= 0) return "yes";
    return result == -EACCES ? "denied" : result == -EPERM ? "forbidden" : fmt::format("errno {}", -result);
}

/// Whether it gets through to a Unix socket by its path.
std::string reaches(Inside& inside, const std::string& socket) {
    const auto made = inside.call(SYS_socket, {AF_UNIX, SOCK_STREAM, 0});
    if (made < 0) return made == -EPERM ? "forbidden" : fmt::format("errno {}", -made);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto place = inside.put({reinterpret_cast<const char*>(&address), sizeof address});
    const auto result = inside.call(SYS_connect, {static_cast<std::uint64_t>(made), place, sizeof address});
    return result == 0 ? "yes" : result == -EACCES ? "denied" : fmt::format("errno {}", -result);
}

struct ProcessScene {
    PracticeModel model;
    std::optional<Factory> factory;
    std::map<std::string, pid_t> processes;

    explicit ProcessScene(const std::string& backend) {
        scenarios::answer_all(model, 50);
        auto plan =
            scenarios::with_model(model, "perl call.pl > /dev/null && echo more >> README.md", backend);
        plan.process = true;
        plan.app = false;  // a token: one text to look for
        factory.emplace(std::move(plan));
        // Each has done its work, and so had the chance to get hold of what it should not have.
        REQUIRE(factory->reaches(factory->ask("Anything"), "review"));
        processes = processes_of(factory->process());
    }
};

}  // namespace

TEST_CASE("every secret is in the processes that need it, and in no other") {
    if (!Inside::can_look()) return;
    scenarios::on_both([](const std::string& backend) {
        ProcessScene scene(backend);
        const std::map<std::string, std::set<std::string>> holders{
            {std::string(scenarios::bot_token), {"keeper"}},
            {std::string(scenarios::model_key), {"keeper", "door"}},
            {std::string(scenarios::hook_secret), {"keeper", "listener"}}};
        REQUIRE(scene.processes.size() == 4);
        for (const auto& [secret, wanted] : holders) {
            std::set<std::string> holding;
            for (const auto& [name, process] : scene.processes)
                if (memory_holds(process, secret)) holding.insert(name);
            CHECK(holding == wanted);
        }
    });
}

TEST_CASE("each process runs as its own user, behind its own walls") {
    if (!Inside::can_look()) return;
    ProcessScene scene("bubblewrap");
    const auto user = [&](const std::string& name) {
        const auto ids = status_of(scene.processes.at(name), "Uid");
        return ids.substr(0, ids.find('\t'));
    };
    CHECK(user("listener") == "61001");
    CHECK(user("door") == "61002");
    for (const auto& [name, process] : scene.processes) {
        CAPTURE(name);
        struct stat about{};
        REQUIRE(::stat(fmt::format("/proc/{}/environ", process).c_str(), &about) == 0);
        CHECK(about.st_uid == 0);  // no debugger but root's, no core
        if (name == "keeper") continue;
        CHECK(status_of(process, "NoNewPrivs") == "1");
        if (name == "runner") continue;  // it starts programs
        CHECK(status_of(process, "Seccomp") == "2");
        CHECK(status_of(process, "CapEff") == "0000000000000000");
        CHECK(status_of(process, "CapPrm") == "0000000000000000");
    }
    const auto network = [&](const std::string& name) {
        return fs::read_symlink(fmt::format("/proc/{}/ns/net", scene.processes.at(name)));
    };
    CHECK(network("runner") != network("keeper"));
    CHECK(network("door") == network("keeper"));
}

TEST_CASE("who takes over a process opens nothing that is another's") {
    if (!Inside::can_look()) return;
    ProcessScene scene("docker");
    const auto ledger = (scene.factory->state_dir() / "ledger.sqlite").string();
    const auto token =
        (scene.factory->directory() / ("token-" + scene.factory->settings().forges.front().name)).string();
    REQUIRE(std::filesystem::exists(token));
    const std::string engine = "/var/run/docker.sock";
    {
        Inside listener(scene.processes.at("listener"));
        for (const auto& file : {ledger, token, std::string("/etc/passwd")})
            CHECK(opens(listener, file) == "forbidden");
        CHECK(reaches(listener, engine) == "forbidden");
        CHECK(listener.call(SYS_socket, {AF_INET, SOCK_STREAM, 0}) == -EPERM);
    }
    {
        Inside door(scene.processes.at("door"));
        for (const auto& file : {ledger, token, fmt::format("/proc/{}/mem", scene.processes.at("keeper"))})
            CHECK(opens(door, file) == "denied");
        CHECK(reaches(door, engine) == "denied");
        CHECK(door.call(SYS_execve, {door.put("/bin/true"), 0, 0}) == -EPERM);
    }
    {
        Inside runner(scene.processes.at("runner"));
        CHECK(reaches(runner, engine) == "yes");
    }
}

TEST_CASE("only the runner ever speaks to the engine: seen with strace") {
    if (!scenarios::can_trace()) return;
    const auto folder = Factory::fresh_folder();
    const auto trace = folder / "trace";
    {
        Factory factory({.agents = {{"worker", "echo more >> README.md"}},
                         .backend = "docker",
                         .process = true,
                         .wrapper = {"strace", "-D", "-f", "--seccomp-bpf", "-e",
                                     "trace=connect,execve,clone,clone3,fork,vfork", "-o", trace}});
        REQUIRE(factory.reaches(factory.ask("Anything"), "review"));
    }
    // Every line begins with its thread; who made a thread or process is told by the call's result.
    std::map<std::string, std::string> makers;
    std::set<std::string> runners, callers;
    std::istringstream lines(scenarios::bytes_of(trace));
    for (std::string line; std::getline(lines, line);) {
        const auto thread = line.substr(0, line.find(' '));
        if (line.contains("\"part\", \"runner\"")) runners.insert(thread);
        if (line.contains("docker.sock")) callers.insert(thread);
        const auto result = line.rfind(" = ");
        if ((line.contains("clone") || line.contains("fork")) && result != std::string::npos)
            makers[line.substr(result + 3)] = thread;
    }
    CHECK(runners.size() == 1);
    CHECK_FALSE(callers.empty());
    for (auto one : callers) {
        for (int steps = 0; steps < 100 && !runners.contains(one) && makers.contains(one); ++steps)
            one = makers.at(one);
        CHECK(runners.contains(one));
    }
    fs::remove_all(folder);
}
