#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>

#include "sandbox/descriptor.hpp"
#include "sandbox/sandbox.hpp"
#include "tests/sandbox/probe.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

/// Programs of a job that try the walls: with a whole bot around them, not only with a backend.

using practice_forge::PracticeForge;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::repository;

namespace {

using namespace std::chrono_literals;

practice_forge::File probe() {
    return {.path = "probe", .content = stage::probe_program(), .executable = true};
}

/// Listens on every address of this machine, of both versions, over TCP and UDP, and notices who comes.
class Everywhere {
 public:
    Everywhere() {
        sockaddr_in6 all{};
        all.sin6_family = AF_INET6;  // and version 4, mapped
        socklen_t size = sizeof all;
        auto* address = reinterpret_cast<sockaddr*>(&all);
        const int off = 0;
        ::setsockopt(tcp_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        ::setsockopt(udp_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        REQUIRE(::bind(tcp_.get(), address, size) == 0);
        REQUIRE(::listen(tcp_.get(), 8) == 0);
        ::getsockname(tcp_.get(), address, &size);
        port_ = ntohs(all.sin6_port);
        REQUIRE(::bind(udp_.get(), address, size) == 0);
    }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] bool visited() const {
        std::array<pollfd, 2> waiting{pollfd{tcp_.get(), POLLIN, 0}, pollfd{udp_.get(), POLLIN, 0}};
        return ::poll(waiting.data(), waiting.size(), 0) > 0;
    }

 private:
    sandbox::Descriptor tcp_{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sandbox::Descriptor udp_{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    int port_ = 0;
};

/// The addresses by which this machine can be reached: of its networks and of the engine's bridges.
std::set<std::string> own_addresses() {
    std::set<std::string> found;
    ifaddrs* first = nullptr;
    REQUIRE(::getifaddrs(&first) == 0);
    for (const auto* one = first; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
        std::array<char, INET_ADDRSTRLEN> text{};
        const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
        ::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
        found.insert(text.data());
    }
    ::freeifaddrs(first);
    return found;
}

/// What a program may learn when it dials: its own loopback answers, nothing else is there at all.
void nobody_there(const std::string& log) {
    std::istringstream lines(log);
    int attempts = 0;
    for (std::string line; std::getline(lines, line);) {
        const bool attempt = line.starts_with("tcp ") || line.starts_with("udp ") || line.starts_with("icmp");
        if (!attempt) continue;
        ++attempts;
        CAPTURE(line);
        const auto name = line.substr(0, line.rfind(": "));
        const auto result = line.substr(line.rfind(": ") + 2);
        const bool own = name.ends_with(" 127.0.0.1") || name.ends_with(" ::1");
        if (own && name.starts_with("udp")) continue;  // sent to its own loopback, where nobody listens
        if (own) {
            CHECK((result == std::to_string(ECONNREFUSED) || result == std::to_string(EADDRNOTAVAIL)));
        } else if (name.starts_with("icmp")) {
            CHECK(result != "OPEN");
        } else {
            CHECK((result == std::to_string(ENETUNREACH) || result == std::to_string(EADDRNOTAVAIL)));
        }
    }
    CHECK(attempts > 20);
}

std::vector<std::string> logs_with(const Factory& factory, const std::string& words) {
    auto files = scenarios::files_with(factory.state_dir() / "logs", {words});
    std::erase_if(files, [](const auto& file) { return !file.ends_with(".log"); });  // prompts name them too
    return files;
}

/// Of the .invalid domain, which nobody resolves: whether it was looked up shows in the answer.
constexpr std::string_view open_name = "packages.invalid";

/// Refused for what they are, whatever they would lead to.
constexpr std::array<std::string_view, 14> never_open{"169.254.169.254:443",
                                                      "127.1:443",
                                                      "127.0.0.1:443",
                                                      "0x7f000001:443",
                                                      "2130706433:443",
                                                      "[::ffff:127.0.0.1]:443",
                                                      "[::1]:443",
                                                      "packages.invalid:22",
                                                      "packages.invalid:80",
                                                      "anybody@packages.invalid:443",
                                                      "elsewhere.invalid:443",
                                                      "packages.invalid.elsewhere.invalid:443",
                                                      "notpackages.invalid:443",
                                                      "p\xd0\xb0"
                                                      "ckages.invalid:443"};

/// Asks the door for each, and prints how it answers.
constexpr std::string_view connect_program = R"(use strict;
use IO::Socket::INET;
$SIG{PIPE} = 'IGNORE';
for my $target (@ARGV) {
    my $line = IO::Socket::INET->new('127.0.0.1:3128') or die "no door: $!";
    print $line "CONNECT $target HTTP/1.1\r\nHost: $target\r\n\r\n";
    my $status = <$line> // 'nothing';
    $status =~ s/\s+$//;
    print "connect $target: $status\n";
}
)";

enum class Doors { none, open_for_one_name };

/// What setup, agent and checks dial.
std::string dialling(int port, Doors doors) {
    auto addresses = own_addresses();
    CHECK(addresses.contains("127.0.0.1"));
    CHECK(addresses.size() > 1);
    for (const auto* more : {"::1", "169.254.169.254", "192.0.2.1", "10.0.0.1", "172.17.0.1", "8.8.8.8",
                             "2001:db8::1", "fd00::1", "::ffff:169.254.169.254"})
        addresses.insert(more);
    std::string script = "./probe reach";
    for (const auto& address : addresses) script += fmt::format(" {} {}", address, port);
    script += "\necho devices $(tail -n +3 /proc/net/dev | cut -d: -f1)\n";
    if (doors == Doors::none) return script;
    script += fmt::format("perl connect.pl {}:443", open_name);
    for (const auto target : never_open) script += fmt::format(" '{}'", target);
    return script + "\n";
}

void reach_nothing(const std::string& backend, Doors doors) {
    const Everywhere listener;
    const bool open = doors == Doors::open_for_one_name;
    std::string recipe = "setup: sh dial.sh\nchecks:\n  - name: tests\n    run: sh dial.sh\n";
    if (open) recipe += fmt::format("egress:\n  setup: [{0}]\n  agent: [{0}]\n  checks: [{0}]\n", open_name);
    Factory factory(
        {.files = {probe(),
                   {.path = "connect.pl", .content = std::string(connect_program)},
                   {.path = "dial.sh", .content = dialling(listener.port(), doors)}},
         .recipe = recipe,
         .agents = {{"worker", "sh dial.sh; echo more >> README.md"}},
         .backend = backend,
         .change = [](config::Settings& settings) { settings.sandbox.egress = {std::string(open_name)}; }});
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "review"));
    const auto logs = logs_with(factory, "tcp 169.254.169.254");
    CHECK(logs.size() == 4);  // setup, agent, checks on base and on head
    for (const auto& log : logs) {
        CAPTURE(log);
        const auto text = scenarios::bytes_of(log);
        nobody_there(text);
        CHECK(contains(text, "\ndevices lo\n"));
        if (!open) continue;
        INFO(text);
        CHECK(contains(text, fmt::format("connect {}:443: HTTP/1.1 502", open_name)));  // was looked up
        for (const auto target : never_open)
            CHECK(contains(text, fmt::format("connect {}: HTTP/1.1 403", target)));
    }
    CHECK_FALSE(listener.visited());
    if (!open) return;
    // Whatever was refused was refused by its name: none was refused for where it leads.
    const auto record = factory.log("job-1/agent-1.door");
    CHECK(std::ranges::count(record, '\n') == static_cast<std::ptrdiff_t>(never_open.size() + 1));
    CHECK_FALSE(contains(record, "leads to"));
}

}  // namespace

TEST_CASE("setup, agent and checks reach neither this machine nor any network") {
    scenarios::on_both([](const std::string& backend) { reach_nothing(backend, Doors::none); });
}

TEST_CASE("nor do they with a door that is open for one name: no other name is even looked up") {
    scenarios::on_both([](const std::string& backend) { reach_nothing(backend, Doors::open_for_one_name); });
}

TEST_CASE("no program of a job is root on this machine, nor may it write what the kernel obeys") {
    scenarios::on_both([](const std::string& backend) {
        const auto pattern = scenarios::bytes_of("/proc/sys/kernel/core_pattern");
        const std::string look =
            "echo id $(id -u) $(id -G); for file in "
            "/proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/kernel/uevent_helper "
            "/sys/fs/cgroup/release_agent /dev/kmsg; do if (echo x > $file) 2>/dev/null; then echo opened "
            "$file; fi; done; grep ^Cap /proc/self/status | tr '\\n' ' '; echo looked";
        Factory factory(
            {.recipe = fmt::format("setup: |\n  {0}\nchecks:\n  - name: tests\n    run: |\n      "
                                   "{0}\n",
                                   look),
             .agents = {{"worker", look + "; touch ready; until test -e go; do sleep 0.1; done; rm -f "
                                          "ready go; echo more >> README.md"}},
             .backend = backend});
        const auto issue = factory.ask("Anything");
        const auto tree = scenarios::workspace_with(factory, "ready");
        // As the host sees them; the engine's own first process of a container is ours as well.
        const auto inside = scenarios::processes_inside(factory);
        CHECK_FALSE(inside.empty());
        const auto user = sandbox::sandbox_uid();
        int judged = 0;
        for (const int process : inside) {
            const auto status = scenarios::bytes_of(fmt::format("/proc/{}/status", process));
            if (status.empty()) continue;                      // gone meanwhile
            if (status.starts_with("Name:\trunc:")) continue;  // the engine's own, not yet our program
            INFO(status);
            CHECK(contains(status, fmt::format("Uid:\t{0}\t{0}\t{0}\t{0}\n", user)));
            const auto users = scenarios::bytes_of(fmt::format("/proc/{}/uid_map", process));
            if (users.empty()) {
                // Gone meanwhile, or a bubblewrap that sets up another program's walls and has no users yet.
                const bool gone = !std::filesystem::exists(fmt::format("/proc/{}", process));
                CHECK((gone || status.starts_with("Name:\tbwrap")));
                continue;
            }
            ++judged;
            std::istringstream map(users);
            unsigned first = 0, on_host = 0, count = 0;
            map >> first >> on_host >> count;
            if (backend == "bubblewrap") CHECK((on_host == user && count == 1));
        }
        CHECK(judged > 0);
        std::ofstream(tree / "go") << "";
        REQUIRE(factory.reaches(issue, "review"));
        const auto logs = logs_with(factory, "looked");
        CHECK(logs.size() == 4);
        for (const auto& log : logs) {
            CAPTURE(log);
            const auto text = scenarios::bytes_of(log);
            INFO(text);
            const auto uid = std::to_string(sandbox::sandbox_uid());
            CHECK(contains(text, fmt::format("id {0} {0}\n", uid)));
            CHECK_FALSE(contains(text, "opened"));
            for (const auto* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
                CHECK(contains(text, fmt::format("{}:\t0000000000000000", set)));
        }
        CHECK(scenarios::bytes_of("/proc/sys/kernel/core_pattern") == pattern);
    });
}

TEST_CASE("bombs in one job end that job with a word; another job and webhooks go on meanwhile") {
    scenarios::on_both([](const std::string& backend) {
        Factory factory(
            {.files = {probe()},
             .recipe = "checks:\n  - name: tests\n    run: test -f README.md\n",
             .agents = {{"calm", "for i in $(seq 20); do sh -c true || exit 1; done; echo more >> README.md"},
                        {"forks", "mkfifo $HOME/never; ./probe forks; : > bombed; read line <> $HOME/never"},
                        {"heap", "./probe heap"},
                        {"tmpfs", "head -c 300M /dev/zero > /tmp/big"},
                        {"shm", "for i in 1 2 3 4; do head -c 60M /dev/zero > /dev/shm/$i; done"}},
             .backend = backend,
             .change = [](config::Settings& settings) {
                 settings.sandbox.ceiling.memory_bytes = 48ULL << 20;
                 settings.sandbox.ceiling.pids = 40;
             }});
        const auto forks = factory.ask("Forks", "Please.", "agent:forks");
        (void)scenarios::workspace_with(factory, "bombed");
        std::vector<std::int64_t> bombs;
        for (const auto* bomb : {"heap", "tmpfs", "shm"})
            bombs.push_back(factory.ask(bomb, "Please.", fmt::format("agent:{}", bomb)));
        const auto calm = factory.ask("Calm", "Please.", "agent:calm");

        const auto begin = std::chrono::steady_clock::now();
        CHECK(contains(
            scenarios::exchange(factory.port(), "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"),
            "alive"));
        CHECK(std::chrono::steady_clock::now() - begin < 2s);
        REQUIRE(factory.reaches(calm, "review"));
        CHECK(contains(factory.status(forks), "Working"));  // and all the while the bomb lay there
        for (const auto bomb : bombs) {
            REQUIRE(factory.reaches(bomb, "blocked"));
            CHECK(PracticeForge::eventually([&] { return contains(factory.status(bomb), "out of memory"); }));
        }
        for (const auto& delivery : factory.forge.deliveries()) CHECK(delivery.status_code == 202);
        const auto heard = factory.heard(forks);
        REQUIRE(heard.starts_with("children: "));
        CHECK(std::stoi(heard.substr(10)) < 40);
        factory.forge.close(repository, forks, maintainer);
        CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }, 15s));
    });
}
