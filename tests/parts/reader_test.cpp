#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bot/reader.hpp"
#include "bot/reader_values.hpp"
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

TEST_CASE("a reader that does not answer costs the question, and says so") {
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
