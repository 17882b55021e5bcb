#include "tests/way_out/egress_stage.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <sstream>

namespace egress_stage {

namespace {

using namespace std::chrono_literals;
constexpr int patience_ms = 60'000;

}  // namespace

bool in_private_internet(const std::function<void()>& body) {
    const auto reason = private_internet(body);
    if (reason.empty()) return true;
    if (std::getenv("CI") != nullptr)
        FAIL_CHECK(reason);
    else
        MESSAGE("skipped, " << reason);
    return false;
}

Server::Server(std::function<void(int)> talk, int port)
    : talk_(std::move(talk)),
      listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      stop_(::eventfd(0, EFD_CLOEXEC)) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(static_cast<in_port_t>(port));
    REQUIRE(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(::listen(listener_.get(), SOMAXCONN) == 0);
    accepting_ = std::thread([this] {
        for (;;) {
            std::array<pollfd, 2> fds{{{listener_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
            ::poll(fds.data(), fds.size(), -1);
            if (fds[1].revents != 0) return;
            const int connection = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            sockaddr_in own{};
            socklen_t size = sizeof own;
            ::getsockname(connection, reinterpret_cast<sockaddr*>(&own), &size);
            std::array<char, INET_ADDRSTRLEN> text{};
            ::inet_ntop(AF_INET, &own.sin_addr, text.data(), text.size());
            const std::lock_guard lock(mutex_);
            dialled_.emplace_back(text.data());
            talks_.emplace_back([this, connection] {
                const sandbox::Descriptor owned(connection);
                talk_(connection);
            });
        }
    });
}

Server::~Server() {
    ::eventfd_write(stop_.get(), 1);
    accepting_.join();
    for (auto& talk : talks_) talk.join();
}

std::vector<std::string> Server::dialled() const {
    const std::lock_guard lock(mutex_);
    return dialled_;
}

void echo(int connection) {
    std::vector<char> buffer(256 << 10);
    for (;;) {
        const auto got = ::recv(connection, buffer.data(), buffer.size(), 0);
        if (got <= 0) break;
        for (ssize_t at = 0; at < got;) {
            const auto sent =
                ::send(connection, buffer.data() + at, static_cast<std::size_t>(got - at), MSG_NOSIGNAL);
            if (sent <= 0) return;
            at += sent;
        }
    }
    ::shutdown(connection, SHUT_WR);
}

Caller::Caller(const std::filesystem::path& directory, unsigned user) {
    // The kernel remembers who connected; a thread can be somebody else for that long (setresuid(2), C
    // library/kernel differences).
    std::thread([&] {
        const sandbox::Descriptor folder(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (::geteuid() == 0) {
            ::syscall(SYS_setgroups, 0, nullptr);
            ::syscall(SYS_setresgid, user, user, user);
            if (::syscall(SYS_setresuid, user, user, user) != 0) return;
        }
        sandbox::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        fmt::format("/proc/thread-self/fd/{}/door.sock", folder.get())
            .copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
            socket_ = std::move(socket);
    }).join();
}

bool Caller::say(std::string_view bytes) const {
    while (!bytes.empty()) {
        const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

void Caller::end_saying() const { ::shutdown(socket_.get(), SHUT_WR); }

std::string Caller::hear(std::size_t most) const {
    std::string heard;
    std::vector<char> buffer(256 << 10);
    while (heard.size() < most) {
        pollfd one{socket_.get(), POLLIN, 0};
        if (::poll(&one, 1, patience_ms) != 1) {
            FAIL_CHECK("nothing came for a minute");
            break;
        }
        const auto got =
            ::recv(socket_.get(), buffer.data(), std::min(buffer.size(), most - heard.size()), 0);
        if (got <= 0) break;
        heard.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return heard;
}

std::string Caller::hear_head() const {
    std::string heard;
    while (!heard.ends_with("\r\n\r\n")) {
        const auto more = hear(1);
        if (more.empty()) break;
        heard += more;
    }
    return heard;
}

std::string connect(std::string_view target) {
    return fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\nUser-Agent: test/1.0\r\n\r\n", target);
}

Scene::Scene() {
    policy.hosts = {"good.example.com", "*.good.example.com"};
    policy.resolve = [](const std::string&) { return std::vector<std::string>{there}; };
    policy.own_addresses = [] {
        return std::vector<std::string>{};
    };  // the server of the tests is on this machine
}

void Scene::open() {
    door.reset();
    auto files = sandbox::DoorFiles::make(directory(), folder.path() / "record");
    REQUIRE_MESSAGE(files, (files ? "" : files.error().message));
    auto opened = sandbox::Door::open({.files = std::move(*files), .egress = policy, .gateway = nullptr});
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
    door = std::move(*opened);
}

Caller Scene::through(const std::string& name) const {
    auto made = caller();
    REQUIRE(made.connected());
    REQUIRE(made.say(connect(name + ":443")));
    REQUIRE(made.hear_head() == "HTTP/1.1 200 Connection established\r\n\r\n");
    return made;
}

std::string Scene::answer(std::string_view bytes) const {
    const auto made = caller();
    REQUIRE(made.connected());
    made.say(bytes);
    return made.hear();
}

std::vector<nlohmann::json> Scene::lines(std::size_t least) const {
    std::vector<nlohmann::json> found;
    CHECK(eventually([&] {
        found.clear();
        std::istringstream text(places::text(folder.path() / "record"));
        for (std::string line; std::getline(text, line);) found.push_back(nlohmann::json::parse(line));
        return found.size() >= least;
    }));
    return found;
}

bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

}  // namespace egress_stage
