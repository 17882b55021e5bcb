#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "bot/listener_process.hpp"
#include "tests/bot/inside.hpp"
#include "tests/bot/listener_fixture.hpp"

using namespace std::chrono_literals;

namespace {

/// The listener's own process over a real ledger in this one.
struct ProcessFixture : ListenerFixture {
    ~ProcessFixture() { process.reset(); }

    static std::filesystem::path shopfloor() {
        return std::filesystem::canonical("/proc/self/exe").parent_path() / "../shopfloor";
    }
    void start(const std::filesystem::path& program = shopfloor()) {
        config::ForgeSettings forge;
        forge.name = "github";
        forge.webhook_secrets.emplace_back("first secret");
        forge.token = config::Secret("a-forge-token-that-nobody-else-has");
        keeper = std::make_unique<bot::ListenerLedger>(
            bot::ListenerLedger::Options{.ring = [this] { ++rings; }, .ready = [this] { return reasons(); }},
            *ledger, metrics);
        process = std::make_unique<bot::ListenerProcess>(
            bot::ListenerProcess::Options{.forges = {forge}, .log_level = "off", .program = program},
            *keeper);
        port_ = process->port();
    }
    [[nodiscard]] std::set<std::string> stored() const {
        SQLite::Database book(file().string(), SQLite::OPEN_READONLY);
        SQLite::Statement rows(book, "SELECT delivery_id FROM deliveries");
        std::set<std::string> ids;
        while (rows.executeStep()) ids.insert(rows.getColumn(0).getString());
        return ids;
    }
    /// The process there is now, which may be being started.
    [[nodiscard]] pid_t pid() const {
        for (int i = 0; i < 1000; ++i) {
            if (process->pid() > 0) return process->pid();
            std::this_thread::sleep_for(10ms);
        }
        throw std::runtime_error("the listener does not come back");
    }

    void be_unready(const std::string& why) {
        const std::lock_guard lock(mutex_);
        not_ready = {why};
    }

    std::unique_ptr<bot::ListenerProcess> process;

 private:
    [[nodiscard]] std::vector<std::string> reasons() {
        const std::lock_guard lock(mutex_);
        return not_ready;
    }
    std::mutex mutex_;  // the keeper asks in a thread of its own
};

std::string status_of(pid_t process, std::string_view key) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(key)) return line.substr(line.find('\t') + 1);
    return {};
}

}  // namespace

TEST_CASE_FIXTURE(ProcessFixture,
                  "a delivery goes through the listener's own process to the keeper's ledger") {
    start();
    CHECK(process->pid() != ::getpid());
    const auto answer = post("guid-1", R"({"action":"labeled"})");
    REQUIRE(answer);
    CHECK(answer->status == 202);
    CHECK(answer->body == R"({"status":"accepted"})");
    CHECK(rings == 1);
    CHECK(post("guid-1", R"({"action":"labeled"})")->body == R"({"status":"duplicate"})");
    CHECK(rings == 1);
    CHECK(post("guid-2", "{}", "another secret")->status == 401);
    CHECK(stored() == std::set<std::string>{"guid-1"});
    const auto next = ledger->next_delivery();
    REQUIRE(next);
    CHECK(next->delivery.forge() == "github");
    CHECK(next->delivery.hook_id() == "77");
    CHECK(next->delivery.event_name() == "issues");
    CHECK(next->delivery.body() == R"({"action":"labeled"})");
}

TEST_CASE_FIXTURE(ProcessFixture, "the largest delivery, and many at a time, go from process to process") {
    start();
    CHECK(post("guid-large", std::string(limit(), 'x'))->status == 202);
    CHECK(ledger->next_delivery()->delivery.body().size() == limit());
    std::atomic<int> accepted{0};
    {
        std::vector<std::jthread> senders;
        for (int sender = 0; sender < 8; ++sender)
            senders.emplace_back([&, sender] {
                for (int i = 0; i < 25; ++i) {
                    const auto answer =
                        post("guid-" + std::to_string(sender) + "-" + std::to_string(i), "{}");
                    if (answer && answer->body == R"({"status":"accepted"})") ++accepted;
                }
            });
    }
    CHECK(accepted == 200);
    CHECK(stored().size() == 201);
    CHECK(rings > 0);
}

TEST_CASE_FIXTURE(ProcessFixture,
                  "what the keeper knows is told by the listener, beside what it counts itself") {
    start();
    (void)post("guid-1", "{}");
    const auto text = get("/metrics")->body;
    for (const auto* line :
         {R"(shopfloor_deliveries_total{forge="github",outcome="accepted"} 1)",
          R"(shopfloor_acknowledge_seconds_count{forge="github"} 1)", "shopfloor_deliveries_waiting 1"}) {
        INFO(line);
        CHECK(text.find(line) != std::string::npos);
    }
    CHECK(get("/readyz")->status == 200);
    CHECK(get("/healthz")->body == "alive\n");
    be_unready("the sandbox engine does not answer");
    break_ledger();
    CHECK(post("guid-2", "{}")->status == 503);
    const auto refused = get("/readyz");
    CHECK(refused->status == 503);
    CHECK(refused->body.starts_with("the sandbox engine does not answer\n"));
    CHECK(refused->body.contains("broken on purpose"));
    mend_ledger();
    CHECK(post("guid-2", "{}")->status == 202);
}

TEST_CASE_FIXTURE(ProcessFixture, "a listener's process that does not come up is told at the start") {
    CHECK_THROWS_WITH_AS(start("/bin/false"), doctest::Contains("the listener's process does not come up"),
                         std::runtime_error);
}

TEST_CASE_FIXTURE(
    ProcessFixture,
    "a listener that is killed in the middle of deliveries loses none it has answered, and comes back "
    "on the same port") {
    start();
    std::mutex mutex;
    std::set<std::string> answered;
    std::atomic<bool> enough{false};
    std::vector<std::jthread> senders;
    for (int sender = 0; sender < 4; ++sender)
        senders.emplace_back([&, sender] {
            for (int i = 0; !enough; ++i) {
                const auto id = "guid-" + std::to_string(sender) + "-" + std::to_string(i);
                const auto answer = post(id, "{}");
                if (!answer || answer->status != 202) continue;
                const std::lock_guard lock(mutex);
                answered.insert(id);
            }
        });
    const auto answered_now = [&] {
        const std::lock_guard lock(mutex);
        return answered.size();
    };
    std::set<pid_t> killed;
    for (int round = 0; round < 3; ++round) {
        const auto before = answered_now();
        for (int i = 0; i < 1000 && answered_now() < before + 20; ++i) std::this_thread::sleep_for(10ms);
        REQUIRE(answered_now() >= before + 20);
        killed.insert(pid());
        ::kill(pid(), SIGKILL);
    }
    enough = true;
    senders.clear();
    const auto book = stored();
    for (const auto& id : answered) CHECK(book.contains(id));
    const auto after = post("guid-after", "{}");
    REQUIRE(after);
    CHECK(after->status == 202);
    CHECK(killed.size() == 3);
    CHECK_FALSE(killed.contains(pid()));
}

TEST_CASE_FIXTURE(ProcessFixture,
                  "the listener's process has the webhook secrets and no other secret of the daemon") {
    if (!Inside::can_look()) return;
    ::setenv("SHOPFLOOR_TEST_MODEL_KEY", "a-model-key-that-nobody-else-has", 1);
    start();
    CHECK(post("guid-1", R"({"text":"a delivery in passing"})")->status == 202);
    CHECK(memory_holds(pid(), "first secret"));
    CHECK_FALSE(memory_holds(pid(), "a-forge-token-that-nobody-else-has"));
    CHECK_FALSE(memory_holds(pid(), "a-model-key-that-nobody-else-has"));
    CHECK(memory_holds(::getpid(), "a-forge-token-that-nobody-else-has"));
    ::unsetenv("SHOPFLOOR_TEST_MODEL_KEY");
}

TEST_CASE_FIXTURE(ProcessFixture,
                  "the listener's process can reach no file, no network and no other process") {
    if (!Inside::can_look()) return;
    start();
    const auto its_process = pid();
    CHECK(status_of(its_process, "Uid:").starts_with("61001\t61001\t61001"));
    CHECK(status_of(its_process, "Gid:").starts_with("61001\t61001\t61001"));
    CHECK(status_of(its_process, "Groups:").find_first_not_of(" \n") == std::string::npos);
    for (const auto* set : {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"})
        CHECK(status_of(its_process, set) == "0000000000000000");
    CHECK(status_of(its_process, "NoNewPrivs:") == "1");
    CHECK(status_of(its_process, "Seccomp:") == "2");

    Inside inside(its_process);
    CHECK(inside.call(SYS_getppid) == ::getpid());  // it does call
    const auto here = static_cast<std::uint64_t>(AT_FDCWD);
    const auto keeper_process = static_cast<std::uint64_t>(::getpid());
    for (const auto* path : {"/etc/passwd", "/proc/self/mem", "/dev/null"}) {
        INFO(path);
        const auto text = inside.put(path);
        CHECK(inside.call(SYS_open, {text, O_RDONLY}) == -EPERM);
        CHECK(inside.call(SYS_openat, {here, text, O_RDONLY}) == -EPERM);
        CHECK(inside.call(SYS_execve, {text, 0, 0}) == -EPERM);
    }
    for (const std::uint64_t family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET})
        CHECK(inside.call(SYS_socket, {family, SOCK_STREAM, 0}) == -EPERM);
    CHECK(inside.call(SYS_connect, {4, inside.put(std::string("\x02\0\0\x50\x7f\0\0\1", 8)), 16}) == -EPERM);
    CHECK(inside.call(SYS_fork) == -EPERM);
    CHECK(inside.call(SYS_clone, {SIGCHLD, 0, 0, 0, 0}) < 0);
    CHECK(inside.call(SYS_kill, {keeper_process, 0}) == -EPERM);
    CHECK(inside.call(SYS_ptrace, {16, keeper_process, 0, 0}) == -EPERM);
    CHECK(inside.call(SYS_process_vm_readv, {keeper_process, 0, 0, 0, 0, 0}) == -EPERM);
    CHECK(inside.call(SYS_setuid, {0}) == -EPERM);
}
