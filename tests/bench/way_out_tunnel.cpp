// A program in a bubblewrap sandbox fetches half a gigabyte through all there is between it and a server: the
// port of PID 1 inside, the door's socket, the egress policy's tunnel, TCP. In turns with the same program
// and the same server without any of it, over the loopback of a network of our own, where the server has a
// public address. A true ClientHello goes first, for that is what the door looks at; what follows is not
// encrypted, for that would be work of the two ends.
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/door.hpp"
#include "sandbox/sandbox.hpp"
#include "sandbox/workspace.hpp"
#include "tests/bench/stage.hpp"
#include "tests/bench/way_out.hpp"
#include "tests/way_out/client_hello.hpp"
#include "tests/way_out/private_internet.hpp"

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t bytes = 512'000'000;
constexpr int turns = 5;
constexpr const char* host = "files.example.com";
constexpr std::string_view let_through = "HTTP/1.1 200 Connection established\r\n\r\n";

template <typename T>
T take(std::expected<T, sandbox::Error> result, const char* what) {
    if (!result) throw bench::Trouble(fmt::format("{}: {}", what, result.error().message));
    return std::move(*result);
}

/// Answers every ClientHello with as many bytes, one connection after the other.
class Server {
 public:
    Server() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_port = htons(443);
        if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0 ||
            ::listen(listener_.get(), 8) != 0)
            throw bench::Trouble("no server on port 443");
        thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
    }

 private:
    void serve(const std::stop_token& stop) const {
        std::vector<char> buffer(256 << 10, 'x');
        while (!stop.stop_requested()) {
            pollfd waiting{listener_.get(), POLLIN, 0};
            if (::poll(&waiting, 1, 20) <= 0) continue;
            const sandbox::Descriptor caller(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (::recv(caller.get(), buffer.data(), buffer.size(), 0) <= 0) continue;
            for (std::uint64_t left = bytes; left > 0 && !stop.stop_requested();) {
                const auto sent = ::send(caller.get(), buffer.data(),
                                         std::min<std::uint64_t>(left, buffer.size()), MSG_NOSIGNAL);
                if (sent <= 0) break;
                left -= static_cast<std::uint64_t>(sent);
            }
        }
    }

    sandbox::Descriptor listener_;
    std::jthread thread_;
};

/// Prints the rate of what bench_download said; throws when not all came.
void sample_rate(const char* name, const std::string& said, std::uint64_t expected) {
    std::istringstream words(said);
    std::uint64_t came = 0;
    double nanoseconds = 0;
    if (!(words >> came >> nanoseconds) || came != expected)
        throw bench::Trouble(
            fmt::format("{}: {} bytes came instead of {}: {}", name, came, expected, said.substr(0, 500)));
    bench::sample(name, static_cast<double>(bytes) * 1000 / nanoseconds);
}

class Inside {
 public:
    explicit Inside(const fs::path& folder, const fs::path& program)
        : door_directory_(folder / "door"),
          workspaces_({.directory = folder / "workspaces"}),
          sandbox_(take(sandbox::make_sandbox(settings(), "bench"), "sandbox")),
          image_(take(sandbox_->resolve("machine", {}), "image").id) {
        const auto layer =
            take(workspaces_.layer("download",
                                   [&](const fs::path& made) -> std::expected<void, sandbox::Error> {
                                       fs::copy_file(program, made / "download");
                                       fs::permissions(made / "download", fs::perms(0755));
                                       return {};
                                   }),
                 "layer");
        workspace_ = take(workspaces_.open("shopfloor-bench-j1-agent", {layer}, {}), "workspace");
        door_ = take(
            sandbox::Door::open(
                {.files = take(sandbox::DoorFiles::make(door_directory_, folder / "door.jsonl"), "door"),
                 .egress = {
                     .hosts = {host},
                     .resolve =
                         [](const std::string&) { return std::vector<std::string>{egress_stage::there}; },
                     .own_addresses = [] { return std::vector<std::string>(); }},
                 .gateway = nullptr}),
            "door");
    }

    /// What the program says, run inside.
    std::string download(const std::string& hello) {
        std::string said;
        sandbox::RunSpec spec{
            .name = "bench-download",
            .labels = {},
            .image = image_,
            .argv = {"/workspace/download", "127.0.0.1", std::to_string(sandbox::door_port)},
            .environment = {},
            .standard_input =
                fmt::format("CONNECT {0}:443 HTTP/1.1\r\nHost: {0}:443\r\n\r\n{1}", host, hello),
            .door = door_directory_,
            .on_output = [&](std::string_view part) { said.append(part); }};
        spec.limits.total = std::chrono::seconds(60);
        (void)take(sandbox_->run(spec, *workspace_, {}), "run");
        return said;
    }

 private:
    static config::SandboxSettings settings() {
        config::SandboxSettings settings;
        settings.backend = "bubblewrap";
        settings.allow_weak_limits = true;  // they are not what is measured
        settings.roots = {{"*", "/"}};
        return settings;
    }

    fs::path door_directory_;
    sandbox::Workspaces workspaces_;
    std::unique_ptr<sandbox::Sandbox> sandbox_;
    std::string image_;
    std::unique_ptr<sandbox::Workspace> workspace_;
    std::unique_ptr<sandbox::Door> door_;
};

void measure() {
    const bench::Folder folder;
    const auto program = fs::canonical("/proc/self/exe").parent_path() / "bench_download";
    const auto hello = egress_stage::client_hello(host);
    bench::write(folder.path() / "hello", hello);
    const Server server;
    Inside inside(folder.path(), program);
    for (int turn = 0; turn < turns; ++turn) {
        const bench::Child::Files files{.input = folder.path() / "hello",
                                        .output = folder.path() / "said",
                                        .errors = folder.path() / "errors"};
        (void)bench::timed({program.string(), egress_stage::there, "443"}, files);
        sample_rate("loopback", bench::text_of(files.output), bytes);
        sample_rate("door_tunnel", inside.download(hello), bytes + let_through.size());
    }
}

}  // namespace

void bench::measure_tunnel() {
    const auto reason = egress_stage::private_internet(measure);
    if (!reason.empty()) throw Trouble(reason + "; bytes through the door are measured as root only");
}
