#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bot/reader.hpp"
#include "bot/reader_values.hpp"
#include "sandbox/part.hpp"
#include "tests/bot/inside.hpp"
#include "tests/parts/stage.hpp"

namespace fs = std::filesystem;
using bot::Reader;
using sandbox::Change;
using sandbox::Changes;
using sandbox::HarvestError;
using sandbox::HarvestLimits;
using sandbox::Written;
using Verdict = integrations::AgentReply::Verdict;

namespace {

struct Scene {
    parts::Folder folder;
    Reader reader{parts::program(), folder.path() / "empty"};
    fs::path own = folder.path() / "own", below = folder.path() / "below";

    Scene() {
        fs::create_directories(own);
        fs::create_directories(below);
    }
    [[nodiscard]] auto changes(const HarvestLimits& limits = {}) {
        return reader.harvest(own, Written::whole, {below}, limits);
    }
};

/// The part of that name which this process started; -1 when there is none.
pid_t child_of(pid_t keeper, const std::string& part) {
    const auto text_of = [](const fs::path& file) {
        std::ostringstream text;
        text << std::ifstream(file, std::ios::binary).rdbuf();
        return text.str();
    };
    for (const auto& process : fs::directory_iterator("/proc"))
        if (text_of(process.path() / "cmdline").contains(std::string("\0part\0", 6) + part + '\0') &&
            text_of(process.path() / "status").contains(fmt::format("PPid:\t{}\n", keeper)))
            return std::stoi(process.path().filename().string());
    return -1;
}

}  // namespace

TEST_CASE("a tree is read in another process, and the answer is what this process would have read") {
    Scene scene;
    parts::spit(scene.below / "same", "kept");
    parts::spit(scene.below / "gone", "old");
    parts::spit(scene.own / "same", "kept");
    parts::spit(scene.own / "deep/new", std::string("\0\xff", 2));
    parts::spit(scene.own / "run.sh", "exit 0");
    fs::permissions(scene.own / "run.sh", fs::perms::owner_all);
    fs::create_symlink("same", scene.own / "link");
    const auto changes = scene.changes();
    REQUIRE(changes);
    CHECK(*changes == Changes{{"deep/new", Change::Kind::file, std::string("\0\xff", 2)},
                              {"gone", Change::Kind::removed, ""},
                              {"link", Change::Kind::link, "same"},
                              {"run.sh", Change::Kind::executable, "exit 0"}});
    CHECK(*changes == *sandbox::own_reader().harvest(scene.own, Written::whole, {scene.below}, {}));
}

TEST_CASE("what the repository ignores is asked back, whatever bytes its name has") {
    Scene scene;
    parts::spit(scene.own / "out/big", "x");
    parts::spit(scene.own / "caf\xe9", "x");
    parts::spit(scene.own / "kept", "x");
    std::vector<std::string> asked;
    const HarvestLimits limits{.ignored = [&](const std::string& path) {
        asked.push_back(path);
        return path != "kept";
    }};
    const auto changes = scene.changes(limits);
    REQUIRE(changes);
    CHECK(*changes == Changes{{"kept", Change::Kind::file, "x"}});
    std::ranges::sort(asked);
    CHECK(asked == std::vector<std::string>{"caf\xe9", "kept", "out/"});
}

TEST_CASE("a result that is rejected is rejected with the sentence for the issue") {
    Scene scene;
    fs::create_symlink("/etc/passwd", scene.own / "link");
    const auto outward = scene.changes();
    REQUIRE_FALSE(outward);
    CHECK(outward.error().kind == HarvestError::Kind::outward_link);
    CHECK(outward.error().message ==
          sandbox::own_reader().harvest(scene.own, Written::whole, {}, {}).error().message);
    CHECK(scene.reader.read(scene.own, "link", 100).error().kind == HarvestError::Kind::outward_link);
    CHECK(scene.reader.read(scene.own, "missing", 100).error().kind == HarvestError::Kind::vanished);
    parts::spit(scene.own / "file", "12345");
    CHECK(scene.reader.read(scene.own, "file", 4).error().kind == HarvestError::Kind::too_large);
    CHECK(scene.reader.read(scene.own, "file", 5) == "12345");
}

TEST_CASE("a transcript and a test report are read in another process") {
    Scene scene;
    const auto log = scene.folder.path() / "log";
    parts::spit(log, "working\n{\"summary\":\"fixed it\",\"usage\":{\"input_tokens\":7}}\n");
    const auto reply = scene.reader.reply("command", log, 0);
    CHECK(reply.verdict == Verdict::done);
    CHECK(reply.summary == "fixed it");
    CHECK(reply.usage.input_tokens == 7);
    CHECK(scene.reader.reply("command", log, 75).verdict == Verdict::quota);
    CHECK(scene.reader.reply("command", scene.folder.path() / "none", 2).detail ==
          "exit status 2, and nothing said");

    const auto cases = scene.reader.junit(R"(<testsuite><testcase name="a"/></testsuite>)");
    REQUIRE(cases);
    CHECK(cases->size() == 1);
    const auto broken = scene.reader.junit("<testsuite>");
    REQUIRE_FALSE(broken);
    CHECK(broken.error() == bot::parse_junit("<testsuite>").error());
}

TEST_CASE("many questions at once are each answered by a process of their own") {
    Scene scene;
    std::atomic<int> right = 0;
    std::vector<std::jthread> askers;
    for (int i = 0; i < 6; ++i)
        askers.emplace_back([&, i] {
            const auto file = fmt::format("file-{}", i);
            parts::spit(scene.own / file, file);
            if (scene.reader.read(scene.own, file, 100) == file) ++right;
        });
    askers.clear();
    CHECK(right == 6);
}

TEST_CASE("a reader that ends without an answer costs the question, and says so") {
    const parts::Folder folder;
    Reader broken("/bin/true", folder.path() / "empty");
    fs::create_directories(folder.path() / "own");
    const auto changes = broken.harvest(folder.path() / "own", Written::whole, {}, {});
    REQUIRE_FALSE(changes);
    CHECK(changes.error().kind == HarvestError::Kind::io);
    CHECK(changes.error().message.starts_with("the reader: "));
    CHECK(broken.reply("command", "/dev/null", 0).verdict == Verdict::failed);
    CHECK_FALSE(broken.junit("<testsuite/>"));
}

TEST_CASE("a reader that does not answer is not waited for any longer, and is gone") {
    const parts::Folder folder;
    const auto program = folder.path() / "never";
    const auto number = folder.path() / "number";
    parts::spit(program, fmt::format("#!/bin/sh\necho $$ > {}\nexec sleep 600\n", number.string()));
    fs::permissions(program, fs::perms::owner_all);
    const Reader reader(program, folder.path() / "empty", std::chrono::seconds(2));
    const auto cases = reader.junit("<testsuite/>");
    REQUIRE_FALSE(cases);
    pid_t process = 0;
    std::ifstream(number) >> process;
    REQUIRE(process > 0);
    CHECK(::kill(process, 0) == -1);
}

TEST_CASE("who takes over a reader has the tree it was given, and reaches nothing else") {
    if (!Inside::can_look()) return;
    Scene scene;
    const auto secret = scene.folder.path() / "secret";
    parts::spit(secret, "never");
    parts::spit(scene.own / "file", "x");
    int looked = 0;
    (void)scene.changes({.ignored = [&](const std::string&) {
        Inside reader(child_of(::getpid(), "reader"));
        ++looked;
        for (const auto& path : {secret.string(), std::string("/etc/passwd"), std::string("/proc/self/mem")})
            CHECK(reader.call(SYS_openat,
                              {static_cast<std::uint64_t>(AT_FDCWD), reader.put(path), O_RDONLY, 0}) < 0);
        for (const auto family : std::vector<std::uint64_t>{AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
            CHECK(reader.call(SYS_socket, {family, SOCK_STREAM, 0}) == -EPERM);
        CHECK(reader.call(SYS_execve, {reader.put("/bin/true"), 0, 0}) == -EPERM);
        CHECK(reader.call(SYS_kill, {static_cast<std::uint64_t>(::getpid()), 0}) == -EPERM);
        CHECK(reader.call(SYS_getuid) == sandbox::reader_user);
#ifndef SHOPFLOOR_SANITIZED
        constexpr std::uint64_t much = 8ULL << 30;
        CHECK(reader.call(SYS_mmap, {0, much, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                     static_cast<std::uint64_t>(-1), 0}) == -ENOMEM);
#endif
        return false;
    }});
    CHECK(looked == 1);
}

TEST_CASE("an answer that no honest reader gives is not believed") {
    CHECK(sandbox::changes_fault({{"../out", Change::Kind::file, ""}}, {}) != "");
    CHECK(sandbox::changes_fault({{".git/config", Change::Kind::file, ""}}, {}) != "");
    CHECK(sandbox::changes_fault({{"link", Change::Kind::link, "/etc"}}, {}) != "");
    CHECK(sandbox::changes_fault({{"b", Change::Kind::file, ""}, {"a", Change::Kind::file, ""}}, {}) != "");
    CHECK(sandbox::changes_fault({{"a", Change::Kind::file, "123"}}, {.max_bytes = 2}) != "");
    CHECK(sandbox::changes_fault({{"a", Change::Kind::file, ""}, {"b", Change::Kind::file, ""}},
                                 {.max_files = 1}) != "");
    CHECK(sandbox::changes_fault({{"a", Change::Kind::file, ""}, {"b", Change::Kind::removed, ""}}, {})
              .empty());

    auto message = bot::reader::message_of(Changes{{"a", Change::Kind::file, "x"}});
    message.head["changes"][0][2] = 5;
    CHECK_THROWS(std::ignore = bot::reader::changes_of(message));
    auto reply = bot::reader::message_of(integrations::AgentReply{.summary = "fine"});
    reply.head["verdict"] = 9;
    CHECK_THROWS(std::ignore = bot::reader::reply_of(reply));
    reply.head["verdict"] = 0;
    reply.head["summary"] = "\x1b[31mred" + std::string(10'000, 'x');
    CHECK(bot::reader::reply_of(reply).summary.starts_with("redxxx"));
    CHECK(bot::reader::reply_of(reply).summary.size() < 4100);
}
