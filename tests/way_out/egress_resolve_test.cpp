#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/egress_resolve.hpp"
#include "tests/way_out/egress_stage.hpp"

/// The system's own resolver, before a name server of a private internet.

namespace {

using egress_stage::in_private_internet;
using namespace std::string_literals;
using namespace std::chrono_literals;

/// Answers questions for A records on port 53 (RFC 1035, section 4); silent when told so.
class NameServer {
 public:
    enum class Manner { answers, silent };
    explicit NameServer(Manner manner) : manner_(manner) {
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_port = htons(53);
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any) == 0);
        serving_ = std::thread([this] { serve(); });
    }
    ~NameServer() {
        ::eventfd_write(stop_.get(), 1);
        serving_.join();
    }
    NameServer(const NameServer&) = delete;
    NameServer& operator=(const NameServer&) = delete;

    /// Names that were asked for.
    [[nodiscard]] std::vector<std::string> asked() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

 private:
    void serve() {
        for (;;) {
            std::array<pollfd, 2> fds{{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
            ::poll(fds.data(), fds.size(), -1);
            if (fds[1].revents != 0) return;
            std::string question(512, '\0');
            sockaddr_in from{};
            socklen_t size = sizeof from;
            const auto got = ::recvfrom(socket_.get(), question.data(), question.size(), 0,
                                        reinterpret_cast<sockaddr*>(&from), &size);
            if (got < 17) continue;
            question.resize(static_cast<std::size_t>(got));
            const auto answer = answer_to(question);
            if (manner_ == Manner::answers)
                ::sendto(socket_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                         size);
        }
    }

    /// The one name that is there has one address; every other one is not there.
    std::string answer_to(const std::string& question) {
        std::string name;
        std::size_t at = 12;
        while (question.at(at) != 0) {
            const auto length = static_cast<std::size_t>(question[at]);
            name += question.substr(at + 1, length) + ".";
            at += length + 1;
        }
        const bool wants_a = question.at(at + 2) == 1;
        {
            const std::lock_guard lock(mutex_);
            asked_.push_back(name);
        }
        const bool there = name == "there.example.com." || name.ends_with(".search.example.");
        const bool answered = there && wants_a;
        return question.substr(0, 2) + (there ? "\x81\x80"s : "\x81\x83"s) + "\0\1\0"s +
               (answered ? "\1"s : "\0"s) + "\0\0\0\0"s + question.substr(12, at + 5 - 12) +
               (answered ? "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x08\x08\x04\x04"s : ""s);
    }

    Manner manner_;
    sandbox::Descriptor socket_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sandbox::Descriptor stop_{::eventfd(0, EFD_CLOEXEC)};
    mutable std::mutex mutex_;
    std::vector<std::string> asked_;
    std::thread serving_;
};

/// A private internet whose name server is the one of `manner`, with a search domain that knows every name.
void with_name_server(NameServer::Manner manner, const std::function<void(const NameServer&)>& body) {
    in_private_internet([&] {
        places::TemporaryFolder folder;
        places::write(folder.path() / "resolv.conf", "nameserver 127.0.0.1\nsearch search.example\n");
        REQUIRE(::unshare(CLONE_NEWNS) == 0);
        REQUIRE(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
        REQUIRE(::mount((folder.path() / "resolv.conf").c_str(), "/etc/resolv.conf", nullptr, MS_BIND,
                        nullptr) == 0);
        const NameServer server(manner);
        body(server);
        ::umount2("/etc/resolv.conf", MNT_DETACH);
    });
}

sandbox::Patience patience(std::chrono::milliseconds time, int stop = -1) {
    return {.until = sandbox::Clock::now() + time, .stop = stop};
}

}  // namespace

TEST_CASE("a name is looked up as it stands: no search domain makes another one of it") {
    with_name_server(NameServer::Manner::answers, [](const NameServer& server) {
        const auto found = sandbox::resolve_host("there.example.com", patience(60s));
        REQUIRE_MESSAGE(found.has_value(), found.error());
        CHECK(*found == std::vector<std::string>{"8.8.4.4"});
        const auto missing = sandbox::resolve_host("missing.example.com", patience(60s));
        REQUIRE_FALSE(missing.has_value());
        CHECK_FALSE(missing.error().empty());
        for (const auto& name : server.asked()) CHECK_FALSE(name.contains("search"));
        CHECK(server.asked().size() >= 2);
    });
}

TEST_CASE(
    "name servers that do not answer are waited for only so long, and not at all once the door closes") {
    with_name_server(NameServer::Manner::silent, [](const NameServer& server) {
        const auto late = sandbox::resolve_host("there.example.com", patience(200ms));
        REQUIRE_FALSE(late.has_value());
        CHECK(late.error() == "the name servers did not answer in time");
        CHECK_FALSE(server.asked().empty());
        const sandbox::Descriptor stop(::eventfd(1, EFD_CLOEXEC));
        CHECK_FALSE(sandbox::resolve_host("there.example.com", patience(24h, stop.get())).has_value());
    });
}

TEST_CASE("a door with the system's resolver reaches what it names, and tells what it does not know") {
    with_name_server(NameServer::Manner::answers, [](const NameServer&) {
        const egress_stage::Server upstream(egress_stage::echo);
        egress_stage::Scene scene;
        scene.policy.hosts = {"*.example.com"};
        scene.policy.resolve = nullptr;
        scene.open();
        const auto hello = egress_stage::client_hello("there.example.com");
        const auto caller = scene.through("there.example.com");
        REQUIRE(caller.say(hello));
        CHECK(caller.hear(hello.size()) == hello);
        CHECK(scene.answer(egress_stage::connect("missing.example.com:443")).starts_with("HTTP/1.1 502 "));
    });
}
