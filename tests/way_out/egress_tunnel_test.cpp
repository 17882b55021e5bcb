#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/way_out/egress_stage.hpp"

/// What passes the door, against servers on public addresses of a private internet.

namespace {

using egress_stage::Caller;
using egress_stage::client_hello;
using egress_stage::connect;
using egress_stage::echo;
using egress_stage::eventually;
using egress_stage::in_private_internet;
using egress_stage::Scene;
using egress_stage::Server;
using egress_stage::there;
using egress_stage::there_too;
using namespace std::chrono_literals;

const std::string host = "good.example.com";

/// Says the hello and takes its echo, so that the tunnel is known to be open.
Caller open_tunnel(const Scene& scene) {
    auto caller = scene.through();
    const auto hello = client_hello(host);
    REQUIRE(caller.say(hello));
    REQUIRE(caller.hear(hello.size()) == hello);
    return caller;
}

std::string read_all(int connection) {
    std::string heard;
    std::vector<char> buffer(4096);
    for (ssize_t got = 0; (got = ::recv(connection, buffer.data(), buffer.size(), 0)) > 0;)
        heard.append(buffer.data(), static_cast<std::size_t>(got));
    return heard;
}

/// A way through whose first bytes are these; what then comes back until the end.
std::string through_with(const Scene& scene, const std::string& first) {
    const auto caller = scene.through();
    caller.say(first);
    caller.end_saying();
    return caller.hear();
}

}  // namespace

TEST_CASE("an allowed name is reached at its vetted address, and what passed is written down") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        scene.open();
        const auto hello = client_hello(host);
        {
            const auto caller = open_tunnel(scene);
            REQUIRE(caller.say("and more"));
            CHECK(caller.hear(8) == "and more");
            CHECK(scene.door->report().reached == std::vector{host});
            caller.end_saying();
            CHECK(caller.hear().empty());
        }
        CHECK(server.dialled() == std::vector<std::string>{there});
        const auto lines = scene.lines(1);
        REQUIRE(lines.size() == 1);
        CHECK(lines[0]["decision"] == "allowed");
        CHECK(lines[0]["host"] == host);
        CHECK(lines[0]["address"] == there);
        CHECK(lines[0]["why"] == "both sides ended it");
        CHECK(lines[0]["up"] == hello.size() + 8);
        CHECK(lines[0]["down"] == hello.size() + 8);
        CHECK(lines[0].contains("ms"));
        const auto report = scene.door->report();
        CHECK(report.egress_bytes == 2 * (hello.size() + 8));
        CHECK(report.refused.empty());
    });
}

TEST_CASE("a name in upper case is the same name, and a name below a wildcard is reached") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        scene.open();
        auto caller = scene.caller();
        REQUIRE(caller.say(connect("GOOD.Example.com:443")));
        CHECK(caller.hear_head().starts_with("HTTP/1.1 200 "));
        const auto hello = client_hello("cdn.good.example.com");
        caller = scene.through("cdn.good.example.com");
        REQUIRE(caller.say(hello));
        CHECK(caller.hear(hello.size()) == hello);
        CHECK(scene.door->report().reached == std::vector<std::string>{"cdn.good.example.com"});
    });
}

TEST_CASE("a hello that is sent along with CONNECT, or in single bytes, passes whole") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        scene.open();
        const auto hello = client_hello(host);
        const auto early = scene.caller();
        REQUIRE(early.say(connect(host + ":443") + hello + "0-RTT"));
        CHECK(early.hear_head().starts_with("HTTP/1.1 200 "));
        CHECK(early.hear(hello.size() + 5) == hello + "0-RTT");

        const auto split = scene.through();
        for (const char byte : hello) REQUIRE(split.say({&byte, 1}));
        CHECK(split.hear(hello.size()) == hello);
    });
}

TEST_CASE("what is not TLS for the dialled name never reaches the server") {
    in_private_internet([] {
        std::atomic<std::size_t> heard = 0;
        const Server server([&](int connection) {
            char byte = 0;
            while (::recv(connection, &byte, 1, 0) == 1) ++heard;
        });
        Scene scene;
        scene.policy.patience = 2s;
        scene.open();
        const struct {
            std::string first;
            const char* why;
        } cases[]{
            {"GET / HTTP/1.1\r\nHost: good.example.com\r\n\r\n", "not TLS"},
            {client_hello("evil.example.org"), "TLS asks for another server, evil.example.org"},
            {client_hello(""), "TLS does not tell the server's name (SNI)"},
            {client_hello(host, true), "TLS hides the server's name (ECH)"},
            {client_hello(host).substr(0, 50), "the ClientHello of TLS did not end in time"},
        };
        std::size_t seen = 0;
        for (const auto& each : cases) {
            CHECK(through_with(scene, each.first).empty());
            const auto lines = scene.lines(++seen);
            REQUIRE(lines.size() == seen);
            CHECK(lines.back()["decision"] == "refused");
            CHECK(lines.back()["why"] == each.why);
            CHECK(lines.back()["address"] == there);
        }
        CHECK(heard == 0);
        const auto report = scene.door->report();
        REQUIRE(report.refused.size() == 1);
        CHECK(report.refused[0] == sandbox::DoorReport::Host{.name = host, .why = "not TLS", .times = 5});
        CHECK(report.reached.empty());
        CHECK(report.egress_bytes == 0);

        // Who comes through and then says nothing at all was refused nothing.
        CHECK(through_with(scene, "").empty());
        CHECK(scene.lines(seen + 1).back()["decision"] == "failed");
    });
}

TEST_CASE("one inner address among many is enough to be refused, and nothing is dialled") {
    in_private_internet([] {
        const Server server(echo);
        for (const char* inner : {"127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:8.8.4.4",
                                  "64:ff9b::1", "fd00::1", "fe80::1%lo", "no address", ""}) {
            Scene scene;
            scene.policy.resolve = [&](const std::string&) {
                return std::vector<std::string>{there, there_too, inner};
            };
            scene.open();
            CAPTURE(inner);
            const auto answer = scene.answer(connect(host + ":443"));
            CHECK(answer.starts_with("HTTP/1.1 403 "));
            CHECK(answer.contains("good.example.com: leads to "));
            REQUIRE(scene.door->report().refused.size() == 1);
            CHECK(scene.door->report().refused[0].why.starts_with("leads to "));
        }
        CHECK(server.dialled().empty());
    });
}

TEST_CASE("a name that changes its address is dialled where it was vetted: it is looked up once") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        std::atomic<int> lookups = 0;
        scene.policy.resolve = [&](const std::string&) {
            return std::vector<std::string>{++lookups % 2 == 1 ? there : "127.0.0.1"};
        };
        scene.open();
        CHECK(open_tunnel(scene).connected());
        CHECK(lookups == 1);
        CHECK(server.dialled() == std::vector<std::string>{there});
        CHECK(scene.answer(connect(host + ":443")).contains("leads to a loopback address"));
        CHECK(server.dialled().size() == 1);
    });
}

TEST_CASE("a server that is not there is told as that, and is no refused host") {
    in_private_internet([] {
        Scene scene;
        scene.open();
        CHECK(scene.answer(connect(host + ":443")).starts_with("HTTP/1.1 502 "));  // nobody listens
        scene.policy.resolve = [](const std::string&) { return std::vector<std::string>{}; };
        scene.open();
        CHECK(scene.answer(connect(host + ":443")).contains("has no address"));
        scene.policy.resolve = [](const std::string&) { return std::vector<std::string>(65, there); };
        scene.open();
        CHECK(scene.answer(connect(host + ":443")).starts_with("HTTP/1.1 403 "));
        const auto lines = scene.lines(3);
        CHECK(lines[0]["decision"] == "failed");
        CHECK(lines[1]["decision"] == "failed");
        CHECK(lines[2]["decision"] == "refused");
    });
}

TEST_CASE("an address without an answer gives way to the next one") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        scene.policy.resolve = [](const std::string&) {
            return std::vector<std::string>{"2606:4700::1111", egress_stage::nowhere, there_too};
        };
        scene.open();
        CHECK(open_tunnel(scene).connected());
        CHECK(server.dialled() == std::vector<std::string>{there_too});
    });
}

TEST_CASE("a program may end its way and still hear the server") {
    in_private_internet([] {
        const Server server([](int connection) {
            const auto answer = fmt::format("after your end: {} bytes", read_all(connection).size());
            ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
        });
        Scene scene;
        scene.open();
        const auto hello = client_hello(host);
        CHECK(through_with(scene, hello + "abc") ==
              fmt::format("after your end: {} bytes", hello.size() + 3));
        CHECK(scene.lines(1)[0]["why"] == "both sides ended it");
    });
}

TEST_CASE("a server may end its way and still hear the program") {
    in_private_internet([] {
        std::atomic<std::size_t> heard = 0;
        const Server server([&](int connection) {
            ::shutdown(connection, SHUT_WR);
            heard = read_all(connection).size();
        });
        Scene scene;
        scene.open();
        const auto hello = client_hello(host);
        const auto caller = scene.through();
        REQUIRE(caller.say(hello));
        CHECK(caller.hear().empty());
        REQUIRE(caller.say("abc"));
        caller.end_saying();
        CHECK(eventually([&] { return heard == hello.size() + 3; }));
        CHECK(scene.lines(1)[0]["why"] == "both sides ended it");
    });
}

TEST_CASE(
    "a program that goes away lets the server go, and a server that breaks off ends the program's way") {
    in_private_internet([] {
        std::atomic<int> over = 0;
        const auto hello = client_hello(host).size();
        const Server server([&](int connection) {
            char byte = 0;
            for (std::size_t at = 0; at < hello && ::recv(connection, &byte, 1, 0) == 1; ++at)
                ::send(connection, &byte, 1, MSG_NOSIGNAL);
            if (::recv(connection, &byte, 1, 0) == 1) {
                const linger reset{.l_onoff = 1, .l_linger = 0};
                ::setsockopt(connection, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
            }
            ++over;
        });
        Scene scene;
        scene.policy.idle = 1h;
        scene.open();
        {
            const auto gone = open_tunnel(scene);
        }
        CHECK(eventually([&] { return over == 1; }));
        const auto broken = open_tunnel(scene);
        REQUIRE(broken.say("!"));
        CHECK(broken.hear().empty());
        CHECK(scene.lines(2)[1]["why"] == "one side broke it off");
    });
}

TEST_CASE("as many bytes pass as a connection may take, and not one more") {
    in_private_internet([] {
        const Server server(echo);
        const auto hello = client_hello(host);
        Scene scene;
        scene.policy.connection_bytes = 2 * hello.size() + 2000;
        scene.open();
        const auto caller = open_tunnel(scene);
        REQUIRE(caller.say(std::string(1000, 'x')));
        CHECK(caller.hear(1000) == std::string(1000, 'x'));
        caller.say("y");
        CHECK(caller.hear().empty());
        const auto line = scene.lines(1)[0];
        CHECK(line["decision"] == "allowed");
        CHECK(line["why"] == "more bytes than a connection may take");
        CHECK(line["up"].get<std::size_t>() + line["down"].get<std::size_t>() ==
              scene.policy.connection_bytes);

        scene.policy.connection_bytes = hello.size() - 1;
        scene.open();
        CHECK(through_with(scene, hello).empty());
        CHECK(scene.lines(2)[1]["up"] == 0);
    });
}

TEST_CASE("a connection ends after its time, and after too long without a byte") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        scene.policy.idle = 300ms;
        scene.open();
        CHECK(open_tunnel(scene).hear().empty());
        CHECK(scene.lines(1)[0]["why"] == "idle for too long");

        scene.policy.idle = 1h;
        scene.policy.connection_time = 500ms;
        scene.open();
        const auto busy = open_tunnel(scene);
        CHECK(eventually([&] {
            std::this_thread::sleep_for(10ms);
            return !busy.say("x");
        }));
        CHECK(scene.lines(2)[1]["why"] == "longer than a connection may take");
    });
}

TEST_CASE("no more tunnels at one time than allowed, and one that ends makes room") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        scene.policy.connections = 2;
        scene.open();
        auto first = open_tunnel(scene);
        const auto second = open_tunnel(scene);
        CHECK(scene.answer(connect(host + ":443")).starts_with("HTTP/1.1 503 "));
        CHECK(scene.door->report().refused[0].why == "more than 2 connections at one time");
        first.end_saying();
        CHECK(first.hear().empty());
        CHECK(eventually([&] { return scene.lines(2).size() == 2; }));
        CHECK(eventually([&] {
            const auto third = scene.caller();
            third.say(connect(host + ":443"));
            return third.hear_head().starts_with("HTTP/1.1 200 ");
        }));
    });
}

TEST_CASE("the end of the door ends its tunnels, and says so") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        scene.open();
        const auto open = open_tunnel(scene);
        scene.door.reset();
        CHECK(open.hear().empty());
        CHECK(scene.lines(1)[0]["why"] == "the door was closed");
    });
}

TEST_CASE("much passes both ways at once, unchanged") {
    in_private_internet([] {
        const Server server(echo);
        Scene scene;
        scene.open();
        const auto caller = open_tunnel(scene);
        std::string sent(64 << 20, '\0');
        for (std::size_t at = 0; at < sent.size(); at += 997) sent[at] = static_cast<char>(at);
        std::thread writer([&] {
            caller.say(sent);
            caller.end_saying();
        });
        const auto heard = caller.hear();
        writer.join();
        CHECK(heard.size() == sent.size());
        CHECK((heard == sent));
        CHECK(scene.door->report().egress_bytes == 2 * (sent.size() + client_hello(host).size()));
    });
}
