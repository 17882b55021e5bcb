#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>
#include <utility>

#include "sandbox/descriptor.hpp"
#include "sandbox_stage.hpp"

/// What a hostile program tries, and must not get, of either backend.

namespace {

using namespace std::chrono_literals;
using sandbox::Sandbox;
using stage::on_both;
using End = sandbox::RunOutcome::End;

/// Listens on every address of the host and counts who comes.
class Listener {
 public:
    Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(socket_.get(), 8) == 0);
        socklen_t size = sizeof address;
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
    }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] bool visited() const {
        pollfd waiting{socket_.get(), POLLIN, 0};
        return ::poll(&waiting, 1, 0) > 0;
    }

 private:
    sandbox::Descriptor socket_;
    int port_ = 0;
};

std::string number(int error) { return std::to_string(error); }

}  // namespace

TEST_CASE("there is no way out: only a loopback of its own") {
    on_both([](Sandbox& sandbox) {
        const Listener host;
        auto results = stage::probe(sandbox, {"network", std::to_string(host.port()), "172.17.0.1"});
        CHECK(results["host"] == number(ECONNREFUSED));
        for (const auto* place : {"bridge", "metadata", "internet", "udp"}) {
            CAPTURE(place);
            CHECK(results[place] == number(ENETUNREACH));
        }
        for (const auto* place : {"internet6", "udp6"}) {
            CAPTURE(place);
            const bool unreachable =
                results[place] == number(ENETUNREACH) || results[place] == number(EADDRNOTAVAIL);
            CHECK(unreachable);
        }
        CHECK(results["icmp"] == number(EPERM));
        CHECK(results["own loopback"] == "OPEN");
        CHECK_FALSE(host.visited());

        stage::PlainWorkspace workspace;
        const auto devices =
            stage::run(sandbox, stage::script(sandbox, "tail -n +3 /proc/net/dev | cut -d: -f1"), workspace);
        CHECK(devices.output == "    lo\n");
        const auto resolved =
            stage::run(sandbox, stage::script(sandbox, "getent hosts localhost | head -1"), workspace);
        CHECK(resolved.output.contains("localhost"));
    });
}

TEST_CASE("system calls that lead out of a sandbox are denied") {
    on_both([](Sandbox& sandbox) {
        const auto results = stage::probe(sandbox, {"calls"});
        CHECK(results.size() == 23);
        for (const auto& [name, result] : results) {
            CAPTURE(name);
            CHECK(result != "OPEN");
            CHECK(result != number(EFAULT));  // it was looked at
        }
        // Denied by the filter, not by chance.
        for (const auto* name : {"io_uring", "vsock", "alg", "packet", "clone3 user"}) {
            CAPTURE(name);
            const auto result = results.at(name);
            const bool filtered = result == number(ENOSYS) || result == number(EPERM);
            CHECK(filtered);
        }
        for (const auto* name :
             {"keyctl", "add_key", "bpf", "unshare user", "unshare net", "mount", "userfaultfd"}) {
            CAPTURE(name);
            CHECK(results.at(name) == number(EPERM));
        }
    });
}

TEST_CASE("nothing of the host can be written, and none of its secrets read") {
    on_both([](Sandbox& sandbox) {
        for (const auto& [name, result] : stage::probe(sandbox, {"files"})) {
            CAPTURE(name);
            CHECK(result != "OPEN");
        }
        stage::PlainWorkspace workspace;
        const auto ran = stage::run(
            sandbox,
            stage::script(sandbox,
                          "find / -xdev -maxdepth 3 -type s 2>/dev/null; "
                          "touch /x /etc/x /usr/x /var/x /run/x /home/x 2>/dev/null; ls -d /x /etc/x /usr/x "
                          "/var/x /run/x /home/x 2>/dev/null; ls /root /home 2>/dev/null"),
            workspace);
        // bwrap owns the empty folders it makes, and /home holds nothing but the agent's.
        CHECK(ran.output.find("/x") == std::string::npos);
        CHECK(ran.output.find(".sock") == std::string::npos);
    });
}

TEST_CASE("the program has no capability, gains no privilege and is filtered") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto ran = stage::run(
            sandbox,
            stage::script(sandbox,
                          "grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Groups):' "
                          "/proc/self/status | tr -d ' \\t'"),
            workspace);
        const auto groups = ran.output.substr(0, ran.output.find('\n'));
        CHECK((groups == "Groups:" || groups == fmt::format("Groups:{}", sandbox::sandbox_uid())));
        CHECK(ran.output.substr(groups.size() + 1) ==
              "CapInh:0000000000000000\nCapPrm:0000000000000000\nCapEff:0000000000000000\n"
              "CapBnd:0000000000000000\nCapAmb:0000000000000000\nNoNewPrivs:1\nSeccomp:2\n");
    });
}

TEST_CASE("a program owned by root with the setuid bit stays the sandbox user's") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        workspace.bring_probe();
        const auto tool = workspace.root() / "tool";
        std::filesystem::copy_file(workspace.root() / "probe", tool);
        if (::geteuid() == 0) REQUIRE(::chown(tool.c_str(), 0, 0) == 0);
        REQUIRE(::chmod(tool.c_str(), 06755) == 0);
        const auto ran = stage::run(
            sandbox, stage::program(sandbox, {"/workspace/probe", "setuid", "/workspace/tool"}), workspace);
        CHECK(ran.output == fmt::format("ids: {0} {0} {0} {0}\n", sandbox::sandbox_uid()));
    });
}

TEST_CASE("seen from the host, the program is not root and cannot see others") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto marker = stage::unique_sleep();
        auto spec = stage::script(sandbox, fmt::format("ls /proc | grep -c '^[0-9]'; exec sleep {}", marker));
        std::stop_source cancel;
        std::string uid;
        spec.on_output = [&](std::string_view) {
            if (cancel.stop_requested() || !stage::appears(marker)) return;
            for (int attempt = 0; uid.empty() && attempt < 200; ++attempt) {
                for (const int pid : stage::processes_with(marker)) {
                    const auto status = stage::read_file(fmt::format("/proc/{}/status", pid));
                    if (!status.contains("Name:\tsleep")) continue;
                    const auto at = status.find("Uid:\t") + 5;
                    uid = status.substr(at, status.find('\n', at) - at);
                }
                std::this_thread::sleep_for(20ms);
            }
            cancel.request_stop();
        };
        const auto ran = stage::run(sandbox, spec, workspace, {.cancel = cancel.get_token()});
        CHECK(uid == fmt::format("{0}\t{0}\t{0}\t{0}", sandbox::sandbox_uid()));
        CHECK(std::stoi(ran.output) <= 6);
    });
}

TEST_CASE("a memory bomb is told as out of memory, whatever it fills") {
    on_both([](Sandbox& sandbox) {
        for (const auto* bomb :
             {"./probe heap", "./probe memfd", "head -c 300M /dev/zero > /tmp/big",
              "for i in 1 2 3 4 5 6 7 8; do head -c 60M /dev/zero > /dev/shm/$i || exit 9; done"}) {
            CAPTURE(bomb);
            stage::PlainWorkspace workspace;
            workspace.bring_probe();
            auto spec = stage::script(sandbox, bomb);
            spec.limits.memory_bytes = 48ULL << 20;
            spec.limits.total = 30s;
            const auto ran = stage::run(sandbox, spec, workspace);
            INFO(ran.output);
            CHECK(sandbox::name(ran.outcome.end) == "out_of_memory");
        }
    });
}

TEST_CASE("a program that only fails is not called out of memory") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        CHECK(stage::run(sandbox, stage::script(sandbox, "kill -KILL $$"), workspace).outcome.end ==
              End::signalled);
    });
}

TEST_CASE("a fork bomb stays under its limit, and others run on") {
    on_both([](Sandbox& sandbox) {
        bool bombing = false;
        int others = 0;
        std::vector<sandbox::RunSpec> specs;
        for (int i = 0; i < 3; ++i)
            specs.push_back(stage::script(sandbox, "sh -c 'sh -c true' && echo fine"));

        stage::PlainWorkspace workspace;
        workspace.bring_probe();
        auto spec = stage::script(sandbox, "./probe forks; while [ ! -e go ]; do :; done");
        spec.limits.pids = 50;
        spec.on_output = [&](std::string_view) {
            if (std::exchange(bombing, true)) return;
            for (const auto& calm : specs) {
                stage::PlainWorkspace own;
                const auto outcome = sandbox.run(calm, own, {});
                if (outcome && outcome->ok()) ++others;
            }
            std::ofstream(workspace.root() / "go") << "";
        };
        const auto ran = stage::run(sandbox, spec, workspace);
        CHECK(others == 3);
        REQUIRE(ran.output.starts_with("children: "));
        CHECK(std::stoi(ran.output.substr(10)) < 50);
        CHECK(std::stoi(ran.output.substr(10)) > 30);
    });
}

TEST_CASE("nothing survives a daemon that is killed outright, once the next one has swept") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto marker = stage::unique_sleep();
        const auto backend = std::string(sandbox.backend());
        const auto instance = stage::instance() + "-killed";
        auto spec = stage::script(sandbox, fmt::format("trap '' TERM; setsid sleep {0} & sleep {0}", marker));
        spec.name = "orphan";

        const pid_t daemon = ::fork();
        REQUIRE(daemon >= 0);
        if (daemon == 0) {
            const auto own = sandbox::make_sandbox(stage::settings(backend), instance);
            if (own) (void)(*own)->run(spec, workspace, {});
            ::_exit(0);
        }
        REQUIRE(stage::appears(marker, 20s));
        ::kill(daemon, SIGKILL);
        REQUIRE(::waitpid(daemon, nullptr, 0) == daemon);

        const auto next = sandbox::make_sandbox(stage::settings(backend), instance);
        REQUIRE(next.has_value());
        const auto kept = (*next)->sweep([](std::string_view name) { return name == "orphan"; });
        REQUIRE(kept.has_value());
        CHECK(kept->empty());
        const auto swept = (*next)->sweep([](std::string_view) { return false; });
        REQUIRE(swept.has_value());
        CHECK(*swept == std::vector<std::string>{"orphan"});
        CHECK(stage::gone(marker));
        CHECK((*next)->sweep([](std::string_view) { return false; })->empty());
    });
}

TEST_CASE("a run that a sweep is told to keep may be taken over while the sweep still asks") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto marker = stage::unique_sleep();
        const auto instance = stage::instance() + "-taken-over";
        const auto backend = std::string(sandbox.backend());
        auto spec = stage::script(sandbox, fmt::format("[ -e go ] || sleep {}", marker));
        spec.name = "kept";

        const pid_t daemon = ::fork();
        REQUIRE(daemon >= 0);
        if (daemon == 0) {
            const auto own = sandbox::make_sandbox(stage::settings(backend), instance);
            if (own) (void)(*own)->run(spec, workspace, {});
            ::_exit(0);
        }
        REQUIRE(stage::appears(marker, 20s));
        ::kill(daemon, SIGKILL);
        REQUIRE(::waitpid(daemon, nullptr, 0) == daemon);
        std::ofstream(workspace.root() / "go") << "";

        const auto next = sandbox::make_sandbox(stage::settings(backend), instance);
        REQUIRE(next.has_value());
        int asked = 0;
        const auto swept = (*next)->sweep([&](std::string_view name) {
            CHECK(name == "kept");
            if (++asked > 1) return true;
            for (const auto pid : stage::processes_with(marker)) ::kill(pid, SIGKILL);  // where it went on
            CHECK((*next)->run(spec, workspace, {}).has_value());
            return true;
        });
        REQUIRE(swept.has_value());
        CHECK(swept->empty());
        CHECK(asked == 1);
        CHECK((*next)->sweep([](std::string_view) { return false; })->empty());
    });
}

TEST_CASE("a sweep takes what nobody has in hand, and never a run that goes on") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        auto spec = stage::script(sandbox, "echo up; while [ ! -e go ]; do sleep 0.05; done; echo done");
        bool swept = false;
        spec.on_output = [&](std::string_view) {
            if (std::exchange(swept, true)) return;
            const auto gone = sandbox.sweep([](std::string_view) { return false; });
            CHECK(gone.has_value());
            CHECK(gone->empty());
            // Nor is its name free for a second one, which would end it.
            const auto second = sandbox.run(spec, workspace, {});
            REQUIRE_FALSE(second.has_value());
            CHECK(second.error().kind == sandbox::Error::Kind::unavailable);
            std::ofstream(workspace.root() / "go") << "";
        };
        const auto ran = stage::run(sandbox, spec, workspace);
        CHECK(swept);
        CHECK(ran.outcome.ok());
        CHECK(ran.output == "up\ndone\n");
    });
}
