#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "integrations/git.hpp"
#include "tests/integrations/git_place.hpp"
#include "tests/integrations/git_test_server.hpp"

using namespace std::chrono_literals;
using git_test::kind_of;
using git_test::line_of;
using git_test::made;
using git_test::Place;
using git_test::sh;
using git_test::slurp;
using git_test::spit;
using Kind = integrations::GitError::Kind;
using git_test::text;

TEST_CASE("a branch is fetched with the token, and asked for but not downloaded when it is already here") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    CHECK(mirror->fetch("main") == first);
    CHECK(place.asked == 1);
    CHECK(place.server.downloads == 1);
    CHECK(mirror->fetch("main") == first);
    CHECK(place.server.downloads == 1);

    const auto work = place.server.bare("shop").parent_path() / "shop.work";
    const auto second = line_of(
        "echo more >> README.md && git commit -qam second && git push -q origin main && git rev-parse HEAD",
        work);
    CHECK(mirror->remote_head("main") == second);
    CHECK(mirror->fetch("main") == second);
    CHECK(place.server.downloads == 2);
    CHECK(mirror->file(first, "README.md", 100) == "hello\n");
    CHECK(mirror->file(second, "README.md", 100) == "hello\nmore\n");
}

TEST_CASE("only the wanted branch comes, without tags and without other branches") {
    Place place;
    place.repository("shop");
    const auto work = place.server.bare("shop").parent_path() / "shop.work";
    const auto other = line_of(
        "git checkout -qb other && echo x > x && git add x && git commit -qm x && git tag t && git push -q "
        "origin other t && git rev-parse HEAD",
        work);
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    CHECK(kind_of(mirror->file(other, "x", 10)) == Kind::no_such_ref);
    CHECK(sh("git for-each-ref | wc -l", place.folder / "mirror").output == "1\n");
}

TEST_CASE("a branch may give way to a branch below its name") {
    Place place;
    place.repository("shop");
    const auto work = place.server.bare("shop").parent_path() / "shop.work";
    line_of("git push -q origin main:topic && echo ok", work);
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("topic").has_value());
    line_of("git push -q origin :topic && git push -q origin main:topic/one && echo ok", work);
    CHECK(mirror->fetch("topic/one").has_value());
    CHECK(kind_of(mirror->fetch("topic")) == Kind::no_such_ref);
}

TEST_CASE("a wrong token and no token are told apart from a repository that is not there") {
    Place place;
    place.repository("shop");
    const auto mirror = place.mirror("shop");
    place.given = "wrong-token";
    CHECK(kind_of(mirror->fetch("main")) == Kind::unauthorized);
    CHECK(place.asked == 1);

    auto bare = integrations::Mirror::open(place.folder / "bare", place.server.url("shop"), {});
    REQUIRE(bare.has_value());
    CHECK(kind_of((*bare)->fetch("main")) == Kind::unauthorized);

    place.given = "right-token";
    CHECK(kind_of(mirror->fetch("vanished")) == Kind::no_such_ref);
    std::filesystem::remove_all(place.server.bare("shop"));
    CHECK(kind_of(mirror->fetch("main")) == Kind::gone);
    CHECK(kind_of(mirror->remote_head("main")) == Kind::gone);
}

TEST_CASE("what the forge says about the credential reaches the caller") {
    Place place;
    place.repository("shop");
    using integrations::ForgeError;
    const auto when = std::chrono::system_clock::now() + std::chrono::hours(1);
    for (const auto& [from, to] : {std::pair{ForgeError::Kind::unreachable, Kind::unreachable},
                                   std::pair{ForgeError::Kind::rate_limited, Kind::unreachable},
                                   std::pair{ForgeError::Kind::unauthorized, Kind::unauthorized},
                                   std::pair{ForgeError::Kind::gone, Kind::gone}}) {
        auto mirror = integrations::Mirror::open(
            place.folder / "mirror", place.server.url("shop"),
            [from, when]() -> integrations::ForgeResult<integrations::GitCredential> {
                return std::unexpected(
                    ForgeError{.kind = from, .message = "no token today", .retry_at = when});
            });
        REQUIRE(mirror.has_value());
        const auto fetched = (*mirror)->fetch("main");
        CHECK(kind_of(fetched) == to);
        CHECK(fetched.error().message.find("no token today") != std::string::npos);
        CHECK(fetched.error().retry_at == when);
    }
    auto throwing =
        integrations::Mirror::open(place.folder / "mirror", place.server.url("shop"),
                                   []() -> integrations::ForgeResult<integrations::GitCredential> {
                                       throw std::runtime_error("broken key");
                                   });
    REQUIRE(throwing.has_value());
    CHECK(kind_of((*throwing)->fetch("main")) == Kind::unauthorized);
}

TEST_CASE("HTTP statuses become the kinds that say what to do") {
    Place place;
    place.repository("shop");
    const auto mirror = place.mirror("shop");
    for (const auto& [status, kind] : {std::pair{500, Kind::unreachable}, std::pair{503, Kind::unreachable},
                                       std::pair{429, Kind::unreachable}, std::pair{403, Kind::unauthorized},
                                       std::pair{404, Kind::gone}, std::pair{410, Kind::gone}}) {
        place.server.broken_status = status;
        CAPTURE(status);
        CHECK(kind_of(mirror->fetch("main")) == kind);
    }
}

TEST_CASE("a server that does not answer, falls silent or talks for ever does not hold us") {
    git_test::TempFolder folder;
    const integrations::MirrorLimits brief{.silence = 1s, .transfer = 2s};
    auto nobody = integrations::Mirror::open(folder / "a", "http://127.0.0.1:1/x.git", {}, brief);
    REQUIRE(nobody.has_value());
    CHECK(kind_of((*nobody)->fetch("main")) == Kind::unreachable);

    Place place;
    place.repository("shop");
    const auto mirror = place.mirror("shop", brief);
    place.server.before = [](const httplib::Request&) { std::this_thread::sleep_for(3s); };
    const auto begin = std::chrono::steady_clock::now();
    const auto fetched = mirror->fetch("main");
    CHECK(kind_of(fetched) == Kind::unreachable);
    CHECK(fetched.error().message.find("silent") != std::string::npos);
    CHECK(std::chrono::steady_clock::now() - begin < 2500ms);
}

TEST_CASE("a download larger than the limit is broken off") {
    Place place;
    const auto work = place.server.make_repository("big");
    line_of(
        "head -c 3000000 /dev/urandom > blob && git add . && git commit -qm big && git push -q origin main "
        "&& echo ok",
        work);
    const auto mirror = place.mirror("big", {.received_bytes = 1'000'000});
    CHECK(kind_of(mirror->fetch("main")) == Kind::storage);
    CHECK(place.mirror("big")->fetch("main").has_value());
}

TEST_CASE("a redirect never carries the token to another server") {
    Place place;
    place.repository("shop");
    git_test::TempFolder elsewhere;
    git_test::Server thief(elsewhere / "forge");
    std::atomic<int> seen = 0;
    thief.before = [&](const httplib::Request&) { ++seen; };
    place.server.redirect_to = "http://127.0.0.1:" + std::to_string(thief.port());
    const auto mirror = place.mirror("shop");
    CHECK(kind_of(mirror->fetch("main")) == Kind::gone);
    place.server.redirect_to = "http://localhost:" + std::to_string(thief.port());
    CHECK(kind_of(mirror->fetch("main")) == Kind::gone);
    CHECK(seen == 0);
}

TEST_CASE("addresses that are not plain https, or that hold a credential, are refused") {
    git_test::TempFolder folder;
    for (const std::string url :
         {"file:///etc", "/etc", "../x", "ssh://git@host/x", "git@host:x", "git://host/x", "ext::sh -c id",
          "https://user:pass@host/x.git", "https://user@host/x.git", "https://host/x.git?token=1", "",
          "https://", "https://host/a b", "https://host/a\nb"}) {
        CAPTURE(url);
        CHECK(kind_of(integrations::Mirror::open(folder / "m", url, {})) == Kind::invalid);
    }
    auto plain = integrations::Mirror::open(folder / "m", "http://192.0.2.1/x.git", {}, {.silence = 1s});
    REQUIRE(plain.has_value());
    const auto fetched = (*plain)->fetch("main");
    CHECK(kind_of(fetched) == Kind::unreachable);
    CHECK(fetched.error().message.find("use https") != std::string::npos);
}

TEST_CASE("branch names that mean something else are not there") {
    Place place;
    place.repository("shop");
    const auto mirror = place.mirror("shop");
    for (const std::string name :
         {"", "..", "a..b", "*", "main:x", "+main", "^main", "a b", "/", "main/", "@{", "a\nb", "x.lock"})
        CHECK(kind_of(mirror->fetch(name)) == Kind::no_such_ref);
    CHECK(kind_of(mirror->fetch(std::string("main\0x", 6))) == Kind::no_such_ref);
}

TEST_CASE("the token is nowhere: not below the mirror, not in our arguments") {
    Place place;
    const auto first = place.repository("shop");
    place.given = place.server.token = "canary-3f9c1d7a";
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    REQUIRE(mirror->push_new(made(*mirror, first, "x"), "agent/issue-1").has_value());
    CHECK(sh("grep -r canary-3f9c1d7a .", place.folder / "mirror").status == 1);
    CHECK(sh("grep -rE 'http|x-access-token' --include=config .", place.folder / "mirror").status == 1);
    CHECK(slurp("/proc/self/cmdline").find("canary") == std::string::npos);
}

TEST_CASE("a new branch is pushed, and pushing it again changes nothing") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto ours = made(*mirror, first, "ours");
    CHECK(mirror->push_new(ours, "agent/issue-1-x").has_value());
    CHECK(mirror->push_new(ours, "agent/issue-1-x").has_value());
    CHECK(line_of("git rev-parse refs/heads/agent/issue-1-x", place.server.bare("shop")) == ours);
    CHECK(line_of("git fsck --strict --full 2>&1 && echo sound", place.server.bare("shop")) == "sound");
    CHECK(mirror->remote_head("agent/issue-1-x") == ours);

    CHECK(kind_of(mirror->push_new(made(*mirror, first, "other"), "agent/issue-1-x")) == Kind::exists);
    CHECK(kind_of(mirror->push_new(made(*mirror, ours, "on top"), "agent/issue-1-x")) == Kind::exists);
    CHECK(line_of("git rev-parse refs/heads/agent/issue-1-x", place.server.bare("shop")) == ours);
    CHECK(sh("git for-each-ref refs/shopfloor/push", place.folder / "mirror").output.empty());
}

TEST_CASE("a branch of ours goes on from where we left it, and from nowhere else") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto ours = made(*mirror, first, "ours");
    const auto next = made(*mirror, ours, "next");
    const auto bare = place.server.bare("shop");
    CHECK(kind_of(mirror->push_on(next, "agent/issue-1", ours)) == Kind::exists);  // it is not there
    REQUIRE(mirror->push_new(ours, "agent/issue-1").has_value());
    CHECK(kind_of(mirror->push_on(next, "agent/issue-1", first)) == Kind::exists);
    CHECK(line_of("git rev-parse agent/issue-1", bare) == ours);
    CHECK(mirror->push_on(next, "agent/issue-1", ours).has_value());
    CHECK(mirror->push_on(next, "agent/issue-1", ours).has_value());  // the answer of the first was lost
    CHECK(line_of("git rev-parse agent/issue-1", bare) == next);
    CHECK(kind_of(mirror->push_on(next, "main", first)) == Kind::refused);
    SUBCASE("somebody pushes in the same moment") {
        const auto last = made(*mirror, next, "last");
        place.server.before = [&](const httplib::Request& request) {
            if (request.method == "POST") line_of("git branch -f agent/issue-1 main; echo ok", bare);
        };
        CHECK(kind_of(mirror->push_on(last, "agent/issue-1", next)) == Kind::exists);
        CHECK(line_of("git rev-parse agent/issue-1", bare) == first);
    }
}

TEST_CASE("a branch that appears while we push is left alone") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto ours = made(*mirror, first, "ours");
    const auto bare = place.server.bare("shop");
    SUBCASE("with something else") {
        place.server.before = [&](const httplib::Request& request) {
            if (request.method == "POST") line_of("git branch agent/race main; echo ok", bare);
        };
        CHECK(kind_of(mirror->push_new(ours, "agent/race")) == Kind::exists);
        CHECK(line_of("git rev-parse agent/race", bare) == first);
    }
    SUBCASE("with the same commit, by an earlier try of ours") {
        REQUIRE(mirror->push_new(ours, "agent/before").has_value());
        place.server.before = [&](const httplib::Request& request) {
            if (request.method == "POST") line_of("git branch agent/race agent/before; echo ok", bare);
        };
        CHECK(mirror->push_new(ours, "agent/race").has_value());
    }
}

TEST_CASE("a push that the forge refuses is told in the forge's words") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto hook = place.server.bare("shop") / "hooks/pre-receive";
    spit(hook, "#!/bin/sh\necho 'GH006: Protected branch \033[31mupdate failed' >&2\nexit 1\n");
    std::filesystem::permissions(hook, std::filesystem::perms(0755));
    const auto pushed = mirror->push_new(made(*mirror, first, "x"), "agent/issue-1");
    CHECK(kind_of(pushed) == Kind::refused);
    CHECK(pushed.error().message.find("hook declined") != std::string::npos);
    CHECK(pushed.error().message.find("GH006: Protected branch") != std::string::npos);
    CHECK(pushed.error().message.find('\033') == std::string::npos);
}

TEST_CASE("only branches of ours are pushed") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto ours = made(*mirror, first, "x");
    for (const std::string branch :
         {"main", "agent", "agent/", "agent/../main", "refs/heads/agent/x", "agent/x:refs/heads/main",
          "/agent/x", "agent//x", "agent/*", "agent/x.lock", "tags/agent/x"}) {
        CAPTURE(branch);
        CHECK(kind_of(mirror->push_new(ours, branch)) == Kind::refused);
    }
    CHECK(kind_of(mirror->push_new(std::string(40, 'a'), "agent/x")) == Kind::no_such_ref);
    CHECK(sh("git for-each-ref --format='%(refname)'", place.server.bare("shop")).output ==
          "refs/heads/main\n");
}

TEST_CASE("many threads may use one mirror") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    std::atomic<int> good = 0;
    {
        std::vector<std::jthread> threads;
        for (int number = 0; number < 8; ++number)
            threads.emplace_back([&, number] {
                const auto name = std::to_string(number);
                if (!mirror->fetch("main")) return;
                const auto id = mirror->commit(first, {{.path = "f" + name, .content = name}}, text(name));
                if (id && mirror->push_new(*id, "agent/" + name) && mirror->file(*id, "f" + name, 10) == name)
                    ++good;
            });
    }
    CHECK(good == 8);
    CHECK(sh("git for-each-ref refs/heads/agent | wc -l", place.server.bare("shop")).output == "8\n");
}
