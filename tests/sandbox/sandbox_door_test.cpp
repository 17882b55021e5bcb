#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "far_end.hpp"
#include "sandbox/docker_api.hpp"
#include "sandbox_stage.hpp"

/// The way from a port inside to the door's socket outside, of both real backends. What stands behind the
/// door here only carries bytes; what may pass is the door's own affair.

namespace {

namespace fs = std::filesystem;
using sandbox::Sandbox;
using stage::echo;
using stage::FarEnd;
using stage::on_both;
using stage::receive_all;
using stage::send_all;

/// A workspace with a door's folder beside it, and what callers inside are written in: `call()` gives a
/// connected socket, or undefined; `ask()` a line's echo; `flood()` children that never stop sending and
/// hearing.
class Place {
 public:
    Place() {
        fs::create_directories(door());
        fs::permissions(door(), fs::perms(0711));
    }
    [[nodiscard]] fs::path door() const { return workspace.folder() / "door"; }

    /// A run of a Perl program.
    [[nodiscard]] sandbox::RunSpec caller(Sandbox& sandbox, std::string_view text) const {
        std::ofstream(workspace.root() / "caller")
            << "use strict; use IO::Socket::INET; $| = 1; $SIG{PIPE} = 'IGNORE';\n"
               "sub call { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 3128) }\n"
               "sub ask { my $c = call() or die 'no port'; syswrite $c, \"hi\\n\"; scalar <$c> }\n"
               "sub flood { my $c = call();\n"
               "  my $in = fork; if (!$in) { syswrite($c, 'x' x 65536) or exit while 1 }\n"
               "  my $out = fork; if (!$out) { sysread($c, my $part, 65536) or exit while 1 }\n"
               "  return ($in, $out) }\n"
            << text;
        auto spec = stage::program(sandbox, {"perl", "caller"});
        spec.door = door();
        return spec;
    }

    stage::PlainWorkspace workspace;
};

}  // namespace

TEST_CASE(
    "what the program sends arrives at the door, and the answer comes back after the program has ended its "
    "part") {
    on_both([](Sandbox& sandbox) {
        Place place;
        const FarEnd far(place.door(), [](int socket) {
            const auto request = receive_all(socket);
            send_all(socket, fmt::format("{} bytes, first {}\n", request.size(), request.substr(0, 3)));
        });
        const auto spec = place.caller(sandbox,
                                       "my $c = call(); print $c 'abc' . 'x' x 1_000_000; shutdown($c, 1);\n"
                                       "print <$c>; print eof($c) ? \"end\\n\" : \"more\\n\";\n");
        CHECK(stage::run(sandbox, spec, place.workspace).output == "1000003 bytes, first abc\nend\n");
    });
}

TEST_CASE("the door may end its part first, and still hears the program out") {
    on_both([](Sandbox& sandbox) {
        Place place;
        std::string heard;
        {
            const FarEnd far(place.door(), [&](int socket) {
                send_all(socket, "no more from here\n");
                ::shutdown(socket, SHUT_WR);
                heard = receive_all(socket);
            });
            const auto spec =
                place.caller(sandbox, "my $c = call(); print <$c>; print $c 'but from here'; close $c;\n");
            CHECK(stage::run(sandbox, spec, place.workspace).output == "no more from here\n");
        }
        CHECK(heard == "but from here");
    });
}

TEST_CASE("what the door answered before it hung up reaches a program that goes on sending") {
    on_both([](Sandbox& sandbox) {
        Place place;
        const FarEnd far(place.door(),
                         [](int socket) { send_all(socket, std::string(100'000, 'n') + "\n"); });
        const auto spec =
            place.caller(sandbox,
                         "my $c = call(); if (!fork) { syswrite($c, 'x' x 65536) or exit while 1 }\n"
                         "my $all = ''; 1 while sysread($c, $all, 65536, length $all);\n"
                         "print length $all; kill 9, -1;\n");
        CHECK(stage::run(sandbox, spec, place.workspace).output == "100001");
    });
}

TEST_CASE("megabytes pass both ways at once without a change") {
    on_both([](Sandbox& sandbox) {
        Place place;
        const FarEnd far(place.door(), echo);
        const auto spec = place.caller(
            sandbox,
            "my $c = call(); if (!fork) {\n"
            "  open my $in, '<', 'sent'; while (sysread $in, my $part, 100_000) { print $c $part }\n"
            "  $c->flush; shutdown($c, 1); exit }\n"
            "open my $out, '>', 'got'; while (sysread $c, my $part, 70_001) { print $out $part }\n"
            "close $out; print `cmp sent got && wc -c < got`;\n");
        std::string bytes(24 << 20, '\0');
        std::uint64_t state = 1;
        for (auto& byte : bytes) byte = static_cast<char>((state = state * 6364136223846793005U + 1) >> 56);
        std::ofstream(place.workspace.root() / "sent", std::ios::binary) << bytes;
        CHECK(stage::run(sandbox, spec, place.workspace).output == "25165824\n");
    });
}

TEST_CASE("hundreds of connections at once are all served; those beyond the cap wait for their turn") {
    on_both([](Sandbox& sandbox) {
        Place place;
        const FarEnd far(place.door(), echo);
        const auto spec =
            place.caller(sandbox,
                         "my @all = map { call() or die } 1 .. 200; my $good = 0;\n"
                         "my $n = 0; syswrite $_, 'I am ' . ++$n . \"\\n\" for @all;\n"
                         "$n = 0; for (@all) { my $line = <$_>; ++$n;\n"
                         "  ++$good if $line eq \"I am $n\\n\"; close $_ }\n"
                         "print \"$good\\n\";\n"
                         "for (1 .. 500) { my $c = call(); syswrite $c, \"x\\n\"; <$c>; ++$good }\n"
                         "print \"$good\\n\";\n");
        CHECK(stage::run(sandbox, spec, place.workspace).output == "200\n700\n");
        CHECK(far.calls() == 700);
    });
}

TEST_CASE("a connection that carries all it can does not starve another") {
    on_both([](Sandbox& sandbox) {
        Place place;
        const FarEnd far(place.door(), echo);
        const auto spec =
            place.caller(sandbox,
                         "my @flood = flood(); for (1 .. 50) { print 'lost' if ask() ne \"hi\\n\" }\n"
                         "print 'all heard'; kill 9, @flood;\n");
        CHECK(stage::run(sandbox, spec, place.workspace).output == "all heard");
    });
}

TEST_CASE(
    "callers of a door whose queue is full are let through once it is not, however busy the others are") {
    on_both([](Sandbox& sandbox) {
        Place place;
        FarEnd far(place.door(), echo, 1);
        auto spec = place.caller(
            sandbox,
            "my @flood = flood(); print \"busy\\n\"; select undef, undef, undef, 0.02 until -e 'go';\n"
            "my @all = map { my $c = call() or die; syswrite $c, \"hi\\n\"; $c } 1 .. 20;\n"
            "print \"called\\n\"; my $good = 0; for (@all) { ++$good if <$_> eq \"hi\\n\" }\n"
            "print \"$good\\n\"; kill 9, @flood;\n");
        spec.on_output = [&](std::string_view part) {
            if (part.contains("busy")) {
                far.hold(true);
                std::ofstream(place.workspace.root() / "go") << "";
            }
            if (part.contains("called")) {
                std::this_thread::sleep_for(std::chrono::milliseconds(1500));
                far.hold(false);
            }
        };
        CHECK(stage::run(sandbox, spec, place.workspace).output == "busy\ncalled\n20\n");
    });
}

TEST_CASE("a door with nobody behind it costs a caller its connection, and is found again once it is open") {
    on_both([](Sandbox& sandbox) {
        Place place;
        std::unique_ptr<FarEnd> far;
        auto spec = place.caller(
            sandbox,
            "print defined ask() ? \"open\\n\" : \"shut\\n\"; \n"
            "for my $state ('open', 'away', 'open again') {\n"
            "  my $want = $state ne 'away'; select undef, undef, undef, 0.02 while defined(ask()) != $want;\n"
            "  print \"$state\\n\" }\n");
        std::string heard;
        spec.on_output = [&](std::string_view part) {
            heard += part;
            // Gone, its socket is left in the folder, as after a crash.
            if (heard.ends_with("shut\n")) far = std::make_unique<FarEnd>(place.door(), echo);
            if (heard == "shut\nopen\n") far.reset();
            if (heard.ends_with("away\n")) far = std::make_unique<FarEnd>(place.door(), echo);
        };
        CHECK(stage::run(sandbox, spec, place.workspace).output == "shut\nopen\naway\nopen again\n");
    });
}

TEST_CASE("a program that lives on through a detach finds its door again when it is taken over") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    Place place;
    auto far = std::make_unique<FarEnd>(place.door(), echo);
    auto spec = place.caller(*sandbox,
                             "print 'first ', ask(); select undef, undef, undef, 0.02 until -e 'go';\n"
                             "print 'then ', ask();\n");
    spec.survives = true;
    std::stop_source detach;
    spec.on_output = [&](std::string_view) { detach.request_stop(); };
    CHECK_FALSE(sandbox->run(spec, place.workspace, {.detach = detach.get_token()}).has_value());
    far.reset();
    far = std::make_unique<FarEnd>(place.door(), echo);
    std::ofstream(place.workspace.root() / "go") << "";
    spec.on_output = {};
    const auto ran = stage::run(*sandbox, spec, place.workspace);
    CHECK(ran.outcome.adopted);
    CHECK(ran.output == "first hi\nthen hi\n");
}

TEST_CASE("programs are told of the door, unless the run says something else") {
    on_both([](Sandbox& sandbox) {
        Place place;
        auto spec = stage::script(sandbox, "env | grep -i proxy | LC_ALL=C sort");
        CHECK(stage::run(sandbox, spec, place.workspace).output.empty());
        spec.door = place.door();
        CHECK(stage::run(sandbox, spec, place.workspace).output ==
              "HTTPS_PROXY=http://127.0.0.1:3128\nHTTP_PROXY=http://127.0.0.1:3128\n"
              "NO_PROXY=127.0.0.1,localhost,::1\nhttp_proxy=http://127.0.0.1:3128\n"
              "https_proxy=http://127.0.0.1:3128\nno_proxy=127.0.0.1,localhost,::1\n");
        spec.environment = {{"HTTPS_PROXY", "http://127.0.0.1:1"}, {"http_proxy", ""}};
        CHECK(stage::run(sandbox, spec, place.workspace).output ==
              "HTTPS_PROXY=http://127.0.0.1:1\nHTTP_PROXY=http://127.0.0.1:3128\n"
              "NO_PROXY=127.0.0.1,localhost,::1\nhttp_proxy=\n"
              "https_proxy=http://127.0.0.1:3128\nno_proxy=127.0.0.1,localhost,::1\n");
    });
}

TEST_CASE("a proxy that an image names is not in the way of the door") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    sandbox::DockerApi engine(*sandbox::Endpoint::parse({}), "/v1.41");
    const auto name = fmt::format("shopfloor-test-proxied-{}", ::getpid());
    REQUIRE(engine
                .post("/containers/create?name=" + name,
                      fmt::format(R"({{"Image": "{}", "Cmd": ["true"]}})", stage::image))
                ->status == 201);
    REQUIRE(engine
                .post(fmt::format("/commit?container={0}&repo={0}&tag=1&changes="
                                  "ENV%20HTTP_PROXY=http://proxy.example:8080",
                                  name))
                ->status == 201);
    Place place;
    auto spec = stage::script(*sandbox, "echo $HTTP_PROXY");
    const auto image = sandbox->resolve(name + ":1", {});
    REQUIRE(image.has_value());
    spec.image = image->id;
    CHECK(stage::run(*sandbox, spec, place.workspace).output == "http://proxy.example:8080\n");
    spec.door = place.door();
    CHECK(stage::run(*sandbox, spec, place.workspace).output == "http://127.0.0.1:3128\n");
    CHECK(engine.remove("/containers/" + name + "?force=1")->ok());
    CHECK(engine.remove("/images/" + name + ":1?force=1")->ok());
}

TEST_CASE("a door is a port of the loopback and no other network") {
    on_both([](Sandbox& sandbox) {
        Place place;
        auto spec = stage::script(sandbox,
                                  "tail -n +3 /proc/net/dev | cut -d: -f1; tail -qn +2 /proc/net/tcp "
                                  "/proc/net/tcp6 /proc/net/udp /proc/net/udp6 | tr -s ' ' | cut -d' ' -f3");
        spec.door = place.door();
        CHECK(stage::run(sandbox, spec, place.workspace).output == "    lo\n0100007F:0C38\n");
        spec.door.reset();
        CHECK(stage::run(sandbox, spec, place.workspace).output == "    lo\n");
    });
}

TEST_CASE("the door's folder cannot be written by the program, nor its socket replaced") {
    on_both([](Sandbox& sandbox) {
        Place place;
        fs::permissions(place.door(), fs::perms(0777));  // even where the host would let it
        const FarEnd far(place.door(), echo);
        auto spec = stage::script(sandbox,
                                  "cd /run/door; (rm -f door.sock; mv door.sock other; touch x; mkdir y; "
                                  "ln -s a b; chmod 0 door.sock; chmod 700 .) 2>/dev/null; ls -A; "
                                  "[ -S door.sock ] && echo stands");
        spec.door = place.door();
        CHECK(stage::run(sandbox, spec, place.workspace).output == "door.sock\nstands\n");
        CHECK(std::distance(fs::directory_iterator(place.door()), fs::directory_iterator()) == 1);
    });
}

TEST_CASE("what is no door's folder is refused before anything happens, and so is a way to the engine") {
    on_both([](Sandbox& sandbox) {
        Place place;
        std::ofstream(place.workspace.folder() / "file") << "";
        fs::create_directory_symlink(place.door(), place.workspace.folder() / "link");
        for (const fs::path& door :
             {place.workspace.folder() / "missing", place.workspace.folder() / "file",
              place.workspace.folder() / "link", fs::path("door"), fs::path("/run"), fs::path("/")}) {
            CAPTURE(door);
            if (door == "/run" && !fs::exists("/run/docker.sock")) continue;
            auto spec = stage::script(sandbox, "touch ran");
            spec.door = door;
            const auto refused = sandbox.run(spec, place.workspace, {});
            REQUIRE_FALSE(refused.has_value());
            CHECK(refused.error().kind == sandbox::Error::Kind::refused);
            CHECK(refused.error().message.contains(door.string()));
        }
        auto spec = stage::script(sandbox, "touch ran");
        spec.mounts = {{place.door(), std::string(sandbox::door_target)}};
        CHECK_FALSE(sandbox.run(spec, place.workspace, {}).has_value());
        CHECK_FALSE(fs::exists(place.workspace.root() / "ran"));
    });
}
