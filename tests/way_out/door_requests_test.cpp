#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/egress_head.hpp"
#include "tests/way_out/egress_stage.hpp"

/// What the door answers to those whom it does not let through, and what it remembers of them.

namespace {

using egress_stage::connect;
using egress_stage::eventually;
using egress_stage::Scene;
using namespace std::string_literals;
using namespace std::chrono_literals;

/// A scene whose names are never looked up: that would be a fault.
struct Closed : Scene {
    std::atomic<int> lookups = 0;
    Closed() {
        policy.resolve = [this](const std::string&) {
            ++lookups;
            return std::vector<std::string>{"127.0.0.1"};
        };
        open();
    }
};

}  // namespace

TEST_CASE(
    "E3: what is no plain allowed name on port 443 is answered 403 before anything is looked up or dialled") {
    const Closed scene;
    for (const auto& target :
         {"127.1:443"s, "0x7f000001:443"s, "2130706433:443"s, "[::ffff:127.0.0.1]:443"s, "127.0.0.1:443"s,
          "good.example.com:22"s, "user@good.example.com:443"s, "good.example.com\0.evil.example.org:443"s,
          "good.example.com:443\rX"s, "good.example.com.:443"s, "good.example.com.evil.example.org:443"s,
          "evilgood.example.com:443"s,
          "g\xd0\xbe\xd0\xbe"
          "d.example.com:443"s,
          "xn--gd-jlab.example.com:443"s, "example.com:443"s, "localhost:443"s}) {
        CAPTURE(sandbox::shown(target));
        const auto answer = scene.answer(connect(target));
        CHECK_MESSAGE(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), answer);
        CHECK(answer.contains("\r\n\r\nshopfloor: "));
        CHECK(answer.ends_with("\n"));
    }
    CHECK(scene.lookups == 0);
    CHECK(scene.door->report().reached.empty());
    CHECK(scene.door->report().egress_bytes == 0);
    CHECK(scene.door->report().refused.size() >= 13);
}

TEST_CASE("a sentence says what was refused and why") {
    const Closed scene;
    CHECK(
        scene.answer(connect("evil.example.org:443"))
            .ends_with("\r\n\r\nshopfloor: evil.example.org: not among the hosts that this run may reach\n"));
    CHECK(scene.answer(connect("good.example.com:22")).contains("only port 443 may be reached"));
}

TEST_CASE("a door without hosts lets nothing through") {
    Scene scene;
    scene.policy.hosts.clear();
    scene.open();
    CHECK(scene.answer(connect("good.example.com:443")).starts_with("HTTP/1.1 403 "));
}

TEST_CASE("plain HTTP through the proxy is refused and its host remembered") {
    const Closed scene;
    const auto answer =
        scene.answer("GET http://user:secret@Plain.example.com:80/x HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(answer.starts_with("HTTP/1.1 403 "));
    CHECK(answer.contains("only CONNECT"));
    const auto refused = scene.door->report().refused;
    REQUIRE(refused.size() == 1);
    CHECK(refused[0].name == "Plain.example.com");
    CHECK(refused[0].why == "only CONNECT to port 443 may leave, not plain HTTP");
    CHECK_FALSE(scene.lines(1)[0].dump().contains("secret"));
}

TEST_CASE("without a model API a request of its kind is refused, and is no host") {
    const Closed scene;
    CHECK(scene.answer("POST /anthropic/v1/messages HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello")
              .contains("no model API"));
    CHECK(scene.answer("\x16\x03\x01 something binary and long").starts_with("HTTP/1.1 403 "));
    CHECK(scene.door->report().refused.empty());
    CHECK(scene.lines(2).size() == 2);
}

TEST_CASE("a head that is too large, or of which one line after the other comes, is not read for ever") {
    Scene scene;
    scene.policy.patience = 300ms;
    scene.open();
    CHECK(scene.answer("CONNECT good.example.com:443 HTTP/1.1\r\nX: " + std::string(100'000, 'x'))
              .contains("8 KiB"));
    CHECK(scene.answer("CONNECT " + std::string(100'000, 'x')).contains("8 KiB"));
    CHECK(scene.answer("CONNECT good.example.com:443 HTTP/1.1\r\n").starts_with("HTTP/1.1 408 "));
    CHECK(scene.answer("CONN").starts_with("HTTP/1.1 408 "));
    CHECK(scene.answer("GET http://a.example.com").starts_with("HTTP/1.1 408 "));

    const auto slow = scene.caller();
    REQUIRE(slow.connected());
    std::string endless = "CONNECT good.example.com:443 HTTP/1.1\r\n";
    std::size_t said = 0;
    // A byte now and then never ends the wait; the time for the whole head does.
    CHECK(eventually([&] {
        const bool taken = slow.say(std::string_view(endless).substr(said % endless.size(), 1));
        ++said;
        std::this_thread::sleep_for(20ms);
        return !taken;
    }));
}

TEST_CASE("a caller that ends in the middle of its request is not waited for") {
    Scene scene;
    scene.policy.patience = 1h;
    scene.open();
    for (const auto* part : {"CONN", "CONNECT good.example.com:443 HTT", "GET http://a.exam"}) {
        const auto caller = scene.caller();
        REQUIRE(caller.connected());
        caller.say(part);
        caller.end_saying();
        CHECK(caller.hear().starts_with("HTTP/1.1 408 "));
    }
}

TEST_CASE("a refused host is listed once with how often it was asked for, and fifty are listed at most") {
    const Closed scene;
    for (int i = 0; i < 3; ++i) scene.answer(connect("often.example.org:443"));
    for (int i = 0; i < 60; ++i) scene.answer(connect(fmt::format("h{}.example.org:443", i)));
    const auto refused = scene.door->report().refused;
    REQUIRE(refused.size() == 50);
    CHECK(refused[0] == sandbox::DoorReport::Host{.name = "often.example.org",
                                                  .why = "not among the hosts that this run may reach",
                                                  .times = 3});
    CHECK(refused[49].name == "h48.example.org");
    CHECK(scene.lines(63).size() == 63);
}

TEST_CASE("what a stranger writes is printable in the answer, the report and the record") {
    const Closed scene;
    const auto answer = scene.answer(connect("\x1b[2Jevil\xe2\x80\xae\"\\.example.org:443"));
    const auto refused = scene.door->report().refused;
    REQUIRE(refused.size() == 1);
    const auto plain = [](const std::string& text) {
        return std::ranges::all_of(text,
                                   [](char c) { return (c >= 0x20 && c < 0x7f) || c == '\r' || c == '\n'; });
    };
    CHECK(plain(answer));
    CHECK(refused[0].name == "\\x1b[2Jevil\\xe2\\x80\\xae\"\\.example.org");
    const auto lines = scene.lines(1);
    CHECK(lines[0]["host"] == refused[0].name);
    CHECK(plain(places::text(scene.folder.path() / "record")));
}

TEST_CASE("a record stops growing, and says so") {
    Scene scene;
    places::write(scene.folder.path() / "record", std::string((4U << 20U) - 10, ' ') + "\n");
    scene.open();
    for (int i = 0; i < 5; ++i) scene.answer(connect("evil.example.org:443"));
    scene.door.reset();
    const auto text = places::text(scene.folder.path() / "record");
    const auto lines = text.substr(text.find('\n') + 1);
    CHECK(std::ranges::count(lines, '\n') == 2);
    CHECK(lines.contains("\"evil.example.org\""));
    CHECK(lines.ends_with("\"note\":\"the record is full: no more decisions are written down\"}\n"));
}

TEST_CASE("a door of its own folder adds to the record of an earlier one") {
    Scene scene;
    for (int i = 0; i < 2; ++i) {
        scene.open();
        scene.answer(connect("evil.example.org:443"));
    }
    CHECK(scene.lines(2).size() == 2);
    CHECK(scene.lines(2)[1]["at"].get<std::string>().size() ==
          std::string("2000-01-01T00:00:00.000Z").size());
}
