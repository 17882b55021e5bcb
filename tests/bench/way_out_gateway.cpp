// Calls of a practice model on loopback, streamed, by a program that keeps its connection and sends a
// conversation of a hundred kilobytes, as agents do: through the gateway and straight, in turns. The gateway
// is in the process of the doors, as in the daemon; the purse is the ledger's, on disk, asked over the
// channel. Calls of a turn follow each other at once, so that each waits for its own reservation and for the
// settlement of the one before.
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bot/doors.hpp"
#include "bot/ledger.hpp"
#include "bot/purse.hpp"
#include "config/models.hpp"
#include "sandbox/descriptor.hpp"
#include "sandbox/gateway.hpp"
#include "sandbox/sandbox.hpp"
#include "tests/bench/stage.hpp"
#include "tests/bench/way_out.hpp"
#include "tests/practice_model/practice_model.hpp"

namespace {

using Steady = std::chrono::steady_clock;

constexpr int turns = 15;
constexpr int calls_a_turn = 20;
constexpr int first_calls = 20;                ///< of each way, not counted
constexpr std::size_t request_bytes = 64'000;  ///< an agent's instructions, tools and first turns
constexpr const char* model_name = "practice-model";
constexpr std::string_view last_event = "message_stop";

sandbox::Descriptor dial(int port) {
    sandbox::Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        throw bench::Trouble("the practice model does not answer");
    return socket;
}

/// As a program inside comes to the door: with the sandbox's user id, of this thread alone.
sandbox::Descriptor come_in(const std::filesystem::path& directory) {
    sandbox::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    (directory / "door.sock").string().copy(address.sun_path, sizeof address.sun_path - 1);
    const bool root = ::geteuid() == 0;
    if (root && ::syscall(SYS_setresuid, -1, sandbox::sandbox_uid(), -1) != 0)
        throw bench::Trouble("the sandbox's user id cannot be taken on");
    const int connected =
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (root && ::syscall(SYS_setresuid, -1, 0, -1) != 0) throw bench::Trouble("root is lost");
    if (connected != 0) throw bench::Trouble("the door does not answer");
    return socket;
}

/// Text as it stands in JSON, with its line ends and quotes.
std::string conversation() {
    std::string talk;
    for (int turn = 0; talk.size() < request_bytes; ++turn) {
        talk += fmt::format(R"({}{{"role":"{}","content":[{{"type":"text","text":")", turn == 0 ? "" : ",",
                            turn % 2 == 0 ? "user" : "assistant");
        for (int line = 0; line < 20; ++line)
            talk += fmt::format(R"(    say(\"turn %d, line %d of a long talk\", {}, {});\n)", turn, line);
        talk += R"("}]})";
    }
    return fmt::format(R"({{"model":"{}","max_tokens":4000,"stream":true,"messages":[{}]}})", model_name,
                       talk);
}

/// A keep-alive connection on which one call follows the other.
class Program {
 public:
    Program(sandbox::Descriptor socket, std::string_view target, const std::string& body)
        : socket_(std::move(socket)),
          request_(fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                               "x-api-key: any\r\nContent-Length: {}\r\n\r\n{}",
                               target, body.size(), body)) {}

    /// From the request to the first byte of the answer's body. Reads the answer to its end.
    std::chrono::nanoseconds call() {
        const auto start = Steady::now();
        for (std::size_t at = 0; at < request_.size();) {
            const auto sent = ::send(socket_.get(), request_.data() + at, request_.size() - at, MSG_NOSIGNAL);
            if (sent <= 0) throw bench::Trouble("the connection ended in a request");
            at += static_cast<std::size_t>(sent);
        }
        std::optional<std::chrono::nanoseconds> first;
        std::string answer;
        while (!answer.ends_with("\r\n0\r\n\r\n")) {
            const auto got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
            if (got <= 0) throw bench::Trouble("the connection ended in an answer: " + answer.substr(0, 500));
            answer.append(buffer_.data(), static_cast<std::size_t>(got));
            const auto head = answer.find("\r\n\r\n");
            if (!first && head != std::string::npos && answer.size() > head + 4)
                first = Steady::now() - start;
            if (first && answer.find("chunked") > head) break;  // an error, whole
        }
        if (!answer.starts_with("HTTP/1.1 200 ") || !answer.contains(last_event))
            throw bench::Trouble("no streamed answer: " + answer.substr(0, 500));
        return *first;
    }

 private:
    sandbox::Descriptor socket_;
    std::string request_;
    std::array<char, 64 << 10> buffer_{};
};

config::ModelSettings settings(const practice_model::PracticeModel& model) {
    config::ModelSettings settings;
    settings.providers = {{.name = "practice",
                           .api = config::ModelApi::anthropic,
                           .url = model.url(),
                           .keys = {config::Secret("practice-key")},
                           .models = {{.name = model_name, .price = {.input = 3, .output = 15}}}}};
    settings.run = settings.job =
        settings.day = {.dollars = 100'000, .tokens = 100'000'000'000, .requests = 1'000'000};
    return settings;
}

/// A run of a job that is being worked on.
bot::RunId begin_run(bot::Ledger& ledger) {
    (void)ledger.carry_out(
        bot::Start{.assignment = {.issue = {.repo = {.forge = "github",
                                                     .id = "1",
                                                     .full_name = "acme/widget",
                                                     .clone_url = "https://forge.example/acme/widget.git",
                                                     .default_branch = "main",
                                                     .installation = "1"},
                                            .number = 1},
                                  .requested_by = {.login = "ada", .id = "1"},
                                  .title = "A line is missing",
                                  .body = "Please add it.",
                                  .base_branch = "main",
                                  .base_commit = std::string(40, 'a'),
                                  .profile = "agent"},
                   .reason = "ada set the label",
                   .comment_id = std::nullopt});
    const auto claim = ledger.claim({});
    if (!claim) throw bench::Trouble("the ledger gives out no job");
    return ledger.begin_run(claim->lease, bot::Run::Kind::first, "agent", "agent.log");
}

/// What a call waits for the ledger alone.
std::chrono::nanoseconds keep_books(sandbox::Purse& purse) {
    const auto start = Steady::now();
    const auto reservation = purse.reserve({.requests = 1, .micro_dollars = 1});
    if (reservation.answer != sandbox::Purse::Answer::granted)
        throw bench::Trouble("the ledger grants nothing");
    purse.settle(reservation.id, {.requests = 1});
    return Steady::now() - start;
}

double median(std::vector<std::chrono::nanoseconds> times) {
    std::ranges::sort(times);
    return bench::milliseconds(times[times.size() / 2]);
}

std::vector<std::chrono::nanoseconds> call(Program& program, int times) {
    std::vector<std::chrono::nanoseconds> took;
    for (int i = 0; i < times; ++i) took.push_back(program.call());
    return took;
}

}  // namespace

void bench::measure_gateway() {
    const Folder folder;
    practice_model::PracticeModel model;
    model.play({.steps = {practice_model::say(std::string(2000, 'w'))}});
    const auto models = settings(model);
    bot::Ledger ledger(folder.path() / "ledger.sqlite", {});
    bot::LedgerPurse purse(ledger, begin_run(ledger), models);
    bot::Doors doors(std::filesystem::canonical("/proc/self/exe").parent_path() / "../../shopfloor", models);
    auto opened = doors.open({.directory = folder.path() / "door",
                              .hosts = {},
                              .record = folder.path() / "run.door",
                              .models = bot::DoorOrder::Models{.provider = "practice",
                                                               .models = {model_name},
                                                               .purse = purse,
                                                               .record = folder.path() / "run.calls",
                                                               .on_halt = {}}});
    if (!opened) throw Trouble(opened.error().message);
    const auto& door = **opened;

    const auto body = conversation();
    Program through(come_in(door.directory()), "/practice/v1/messages", body);
    Program straight(dial(model.port()), "/v1/messages", body);
    (void)call(through, first_calls);
    (void)call(straight, first_calls);
    std::vector<std::chrono::nanoseconds> books;
    for (std::uint64_t turn = 1; turn <= turns; ++turn) {
        const auto with = median(call(through, calls_a_turn));
        // The last settlement is no burden of those who go straight.
        wait_until([&] { return door.report().models.used.requests == first_calls + turn * calls_a_turn; },
                   "the gateway does not settle its calls");
        const auto without = median(call(straight, calls_a_turn));
        note(fmt::format("first byte of an answer: {:.2f} ms through the gateway, {:.2f} ms straight", with,
                         without));
        sample("gateway_adds", with - without);
        books.push_back(keep_books(purse));
    }
    note(fmt::format("of what the gateway adds, {:.2f} ms are the two commits of a call, on this disk now",
                     median(books)));
}
