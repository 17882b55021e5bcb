// The doors in their own process, as the daemon has them: calls and tunnels of a run go through the real two
// processes, and the second one is killed in the middle.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bot/doors.hpp"
#include "bot/doors_kept.hpp"
#include "bot/ledger.hpp"
#include "config/models.hpp"
#include "sandbox/descriptor.hpp"
#include "sandbox/part.hpp"
#include "sandbox/sandbox.hpp"
#include "tests/bot/inside.hpp"
#include "tests/way_out/gateway_stage.hpp"

namespace fs = std::filesystem;
using namespace gateway_stage;
using sandbox::ModelUse;

namespace {

constexpr auto messages = "/svc/v1/messages";
const std::string request = R"({"model":"good-model","max_tokens":100,"stream":true,"messages":[]})";
constexpr auto started =
    "data: "
    "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\n";
constexpr auto ended = "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":100}}\n\n";
/// What a call that ends so comes to, in millionths of a dollar.
constexpr std::uint64_t each = 10 * 3 + 100 * 15;

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// A keeper with its part of the doors, and a run with a door.
class Keeper {
 public:
    explicit Keeper(const std::string& url) {
        models_.providers = {
            {.name = "svc",
             .api = config::ModelApi::anthropic,
             .url = url,
             .keys = {config::Secret(key_one)},
             .models = {{.name = "good-model", .price = {.input = 3, .output = 15}, .max_output = 1000}}}};
        auto pattern = (fs::temp_directory_path() / "shopfloor-doors-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        folder_ = pattern;
        fs::permissions(folder_, fs::perms(0711));
        doors.emplace(fs::canonical("/proc/self/exe").parent_path() / "../shopfloor", models_);
    }
    ~Keeper() {
        run.reset();
        doors.reset();
        fs::remove_all(folder_);
    }
    Keeper(const Keeper&) = delete;
    Keeper& operator=(const Keeper&) = delete;

    void open() {
        auto opened = doors->open({.directory = folder_ / "door",
                                   .hosts = {"nowhere.invalid"},
                                   .record = folder_ / "run.door",
                                   .models = bot::DoorOrder::Models{.provider = "svc",
                                                                    .models = {"good-model"},
                                                                    .purse = books,
                                                                    .record = folder_ / "run.calls",
                                                                    .on_halt = [this] { ++halts; }}});
        REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
        run = std::move(*opened);
    }

    /// A program inside: the sandbox's user.
    [[nodiscard]] Program connect() const {
        sandbox::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        (run->directory() / "door.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
        const bool root = ::geteuid() == 0;
        // Of this thread alone, past the C library, which would change all of them.
        if (root) REQUIRE(::syscall(SYS_setresuid, -1, sandbox::sandbox_uid(), -1) == 0);
        const int done = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
        if (root) REQUIRE(::syscall(SYS_setresuid, -1, 0, -1) == 0);
        REQUIRE(done == 0);
        return Program(std::move(socket));
    }
    [[nodiscard]] Reply call() const {
        auto program = connect();
        program.post(messages, request);
        return program.reply();
    }
    /// Kills the part; waits for the next one.
    void kill_part() {
        const auto first = doors->pid();
        REQUIRE(first > 0);
        REQUIRE(::kill(first, SIGKILL) == 0);
        REQUIRE(eventually([&] { return doors->pid() > 0 && doors->pid() != first; }));
    }
    [[nodiscard]] std::string record(const char* name) const { return text_of(folder_ / name); }

    Books books;
    std::atomic<int> halts{0};
    std::optional<bot::Doors> doors;
    std::unique_ptr<bot::DoorHandle> run;

 private:
    config::ModelSettings models_;
    fs::path folder_;
};

Service::Handler answering() {
    return [](const httplib::Request&, httplib::Response& response) {
        response.set_content(std::string(started) + ended, "text/event-stream");
    };
}

std::string status_line(pid_t process, std::string_view key) {
    std::istringstream status(text_of(fmt::format("/proc/{}/status", process)));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(key)) return line.substr(key.size() + 1);
    return {};
}

}  // namespace

TEST_CASE("a run's model calls go through the process of the doors and are paid by the keeper") {
    Service service(answering());
    Keeper keeper(service.url());
    keeper.open();
    for (int i = 0; i < 3; ++i) {
        const auto reply = keeper.call();
        CHECK(reply.status == 200);
        CHECK(reply.body == std::string(started) + ended);
    }
    CHECK(eventually([&] { return keeper.books.open() == 0; }));
    CHECK(keeper.books.spent().micro_dollars == 3 * each);
    const auto report = keeper.run->report();
    CHECK(report.models.used == keeper.books.spent());
    CHECK(report.models.used.requests == 3);
    CHECK(service.arrived().at(0).headers.find("x-api-key")->second == key_one);
    CHECK(keeper.record("run.calls").contains("\"model\":\"good-model\""));
    CHECK_FALSE(keeper.doors->parked_until("svc"));
}

TEST_CASE("a run's tunnels are judged in the process of the doors, and what it refused is reported") {
    Service service(answering());
    Keeper keeper(service.url());
    keeper.open();
    auto program = keeper.connect();
    program.send("CONNECT evil.example.com:443 HTTP/1.1\r\nHost: evil.example.com:443\r\n\r\n");
    CHECK(program.reply().status == 403);
    auto allowed = keeper.connect();  // looked up there, and RFC 2606 says that there is no such name
    allowed.send("CONNECT nowhere.invalid:443 HTTP/1.1\r\nHost: nowhere.invalid:443\r\n\r\n");
    CHECK(allowed.reply().status >= 502);
    const auto report = keeper.run->report();
    REQUIRE(report.refused.size() == 1);
    CHECK(report.refused[0].name == "evil.example.com");
    CHECK(keeper.record("run.door").contains(R"("decision":"refused","host":"evil.example.com")"));
    CHECK(keeper.record("run.door").contains(R"("decision":"failed","host":"nowhere.invalid")"));
}

TEST_CASE("fifty streams at once through the process of the doors never spend more than a small budget") {
    Service service([](const httplib::Request&, httplib::Response& response) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // so that they overlap
        response.set_content(std::string(started) + ended, "text/event-stream");
    });
    Keeper keeper(service.url());
    keeper.open();
    CHECK(keeper.call().status == 200);
    CHECK(eventually([&] { return keeper.books.open() == 0; }));
    const auto most = keeper.books.last_reserved().micro_dollars;
    keeper.books.most_micro_dollars = each + 3 * most;
    std::vector<Program> programs;
    for (int i = 0; i < 50; ++i) programs.push_back(keeper.connect());
    std::atomic<int> answered{0}, refused{0};
    {
        std::vector<std::jthread> threads;
        for (auto& program : programs)
            threads.emplace_back([&] {
                program.post(messages, request);
                const auto reply = program.reply();
                if (reply.status == 200 && reply.whole) ++answered;
                if (reply.status == 429 && reply.body.contains("budget")) ++refused;
                program.hang_up();
            });
    }
    CHECK(answered + refused == 50);
    CHECK(answered > 3);
    CHECK(refused > 0);
    CHECK(eventually([&] { return keeper.books.open() == 0; }));
    CHECK(keeper.books.most_ever() <= keeper.books.most_micro_dollars);
    CHECK(keeper.books.spent().micro_dollars == static_cast<std::uint64_t>(answered + 1) * each);
    CHECK(eventually([&] { return keeper.halts == 1; }));
    const auto report = keeper.run->report();
    CHECK(report.models.budget_spent);
    CHECK(report.models.used == keeper.books.spent());
}

TEST_CASE("a run goes on when the process of the doors is killed: what its calls had reserved is spent") {
    std::atomic<bool> slow{true};
    RawService service([&](int socket, const std::stop_token& stop) {
        gateway_stage::send_all(socket, std::string(stream_head) + chunk(started));
        while (slow && !stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
        gateway_stage::send_all(socket, chunk(ended) + "0\r\n\r\n");
    });
    Keeper keeper(service.url());
    keeper.open();
    auto cut = keeper.connect();
    cut.post(messages, request);
    (void)cut.read_until("message_start");
    CHECK(keeper.books.open() == 1);
    const auto most = keeper.books.last_reserved();
    keeper.kill_part();
    CHECK(cut.ended());
    slow = false;
    const auto reply = keeper.call();  // on the same socket
    CHECK(reply.status == 200);
    CHECK(reply.whole);
    CHECK(eventually([&] { return keeper.books.open() == 0; }));
    CHECK(keeper.books.spent().micro_dollars == most.micro_dollars + each);
    CHECK(keeper.run->report().models.used == keeper.books.spent());
    CHECK(keeper.halts == 0);
    // Hosts that were refused before and after stand in one report.
    for (int i = 0; i < 2; ++i) {
        auto program = keeper.connect();
        program.send("CONNECT evil.example.com:443 HTTP/1.1\r\nHost: evil.example.com:443\r\n\r\n");
        CHECK(program.reply().status == 403);
        CHECK(keeper.run->report().refused.at(0).times == i + 1);
        if (i == 0) keeper.kill_part();
    }
}

TEST_CASE("a budget that was spent before the process of the doors was killed stays spent") {
    Service service(answering());
    Keeper keeper(service.url());
    keeper.open();
    keeper.books.most_micro_dollars = 1;
    CHECK(keeper.call().status == 429);
    CHECK(keeper.run->report().models.budget_spent);
    keeper.kill_part();
    CHECK(keeper.run->report().models.budget_spent);
    CHECK(keeper.call().status == 429);
    CHECK(service.arrived().empty());
}

TEST_CASE("a door that is closed is gone from the process of the doors, and others stay") {
    Service service(answering());
    Keeper keeper(service.url());
    keeper.open();
    auto program = keeper.connect();
    keeper.run.reset();
    CHECK(program.ended());
    keeper.open();
    CHECK(keeper.call().status == 200);
}

TEST_CASE("a door that says a call came to more than it asked for spends what it asked for") {
    Books books;
    auto pattern = (fs::temp_directory_path() / "shopfloor-kept-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    const fs::path folder = pattern;
    auto files = sandbox::DoorFiles::make(folder / "door", folder / "run.door");
    REQUIRE(files);
    bot::KeptDoor door(1,
                       {.directory = folder / "door",
                        .hosts = {},
                        .record = folder / "run.door",
                        .models = bot::DoorOrder::Models{.provider = "svc",
                                                         .models = {"good-model"},
                                                         .purse = books,
                                                         .record = folder / "run.calls",
                                                         .on_halt = {}}},
                       std::move(*files), {});
    door.begin_era(1);
    const sandbox::ModelUse most{.requests = 1, .input_tokens = 10, .output_tokens = 10, .micro_dollars = 50};
    const auto reservation = door.reserve(1, most);
    auto claimed = most;
    claimed.output_tokens = claimed.micro_dollars = 1'000'000'000;
    door.settle(1, reservation.id, claimed);
    door.settle(1, reservation.id, claimed);  // nor twice
    CHECK(books.spent().tokens() == most.tokens());
    CHECK(books.spent().micro_dollars == most.micro_dollars);
    CHECK(door.report().models.used == books.spent());
    fs::remove_all(folder);
}

TEST_CASE("the process of the doors remembers model keys and no other secret of the keeper's") {
    if (::geteuid() != 0) return;  // only root may look
    const std::string forge_token = fmt::format("forge-token-{}-of-the-keeper", ::getpid());
    ::setenv("SHOPFLOOR_TEST_TOKEN", forge_token.c_str(), 1);
    Service service(answering());
    Keeper keeper(service.url());
    keeper.open();
    CHECK(keeper.call().status == 200);
    const auto part = keeper.doors->pid();
    CHECK(memory_holds(part, key_one));
    CHECK_FALSE(memory_holds(part, forge_token));
    CHECK(memory_holds(::getpid(), forge_token));
    ::unsetenv("SHOPFLOOR_TEST_TOKEN");
}

TEST_CASE("the process of the doors is walled in, has a user of its own and holds nothing but its doors") {
    Service service(answering());
    Keeper keeper(service.url());
    const auto part = keeper.doors->pid();
    CHECK(status_line(part, "NoNewPrivs:") == "1");
    CHECK(status_line(part, "Seccomp:") == "2");
    if (::geteuid() != 0) return;
    CHECK(status_line(part, "Uid:") == "61002\t61002\t61002\t61002");
    CHECK(status_line(part, "Gid:") == "61002\t61002\t61002\t61002");
    CHECK(status_line(part, "CapEff:") == "0000000000000000");
    keeper.open();
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", part))) {
        const auto number = entry.path().filename().string();
        const auto target = fs::read_symlink(entry).string();
        const bool ours = target.ends_with("run.door") || target.ends_with("run.calls");
        if (number > "2" && !ours && !target.starts_with("socket:") && !target.starts_with("anon_inode:"))
            files.push_back(target);
    }
    CHECK_MESSAGE(files.empty(), fmt::format("{}", fmt::join(files, ", ")));
}

TEST_CASE("the user of the doors' process can open neither the ledger nor what only root may read") {
    if (::geteuid() != 0) return;
    auto pattern = (fs::temp_directory_path() / "shopfloor-state-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    const fs::path state = pattern;
    fs::permissions(state, fs::perms(0711));  // as the daemon's state_dir is
    {
        const bot::Ledger ledger(state / "ledger.sqlite", {});
        std::ofstream(state / "shopfloor.yaml") << "secret";
        fs::permissions(state / "shopfloor.yaml", fs::perms(0600));
        REQUIRE(::syscall(SYS_setresuid, -1, sandbox::door_user, -1) == 0);
        std::vector<int> opened;
        for (const auto* name : {"ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "shopfloor.yaml"})
            opened.push_back(::open((state / name).c_str(), O_RDONLY | O_CLOEXEC) < 0 ? errno : 0);
        // Where there is an engine, its socket is root's and its group's.
        sandbox::Descriptor engine(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "/var/run/docker.sock"};
        const bool reached =
            ::connect(engine.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        REQUIRE(::syscall(SYS_setresuid, -1, 0, -1) == 0);
        CHECK(opened == std::vector<int>(4, EACCES));
        CHECK_FALSE(reached);
    }
    fs::remove_all(state);
}

TEST_CASE("the process of the doors ends with its keeper") {
    Service service(answering());
    Keeper keeper(service.url());
    keeper.open();
    const auto part = keeper.doors->pid();
    keeper.run.reset();
    keeper.doors.reset();
    CHECK(::kill(part, 0) != 0);
    CHECK(errno == ESRCH);
}
