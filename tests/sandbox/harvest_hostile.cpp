#include <fcntl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>

#include "tests/sandbox/workspace_places.hpp"

using places::fs::path;
using sandbox::HarvestError;
using sandbox::HarvestLimits;
using Kind = sandbox::HarvestError::Kind;

namespace {

/// The result of a run that did this to its tree is rejected whole, for that reason and at that path.
void rejected(Kind kind, const std::string& at, const std::function<void(const path& root)>& deed,
              const HarvestLimits& limits = {}) {
    places::in_both([&](places::Open& scene) {
        deed(scene.root());
        const auto changes = scene.workspace->harvest(limits);
        REQUIRE_FALSE(changes);
        CAPTURE(changes.error().message);
        CHECK(changes.error().kind == kind);
        CHECK(changes.error().path == at);
        CHECK(changes.error().message.starts_with("`" + at + "` "));
        CHECK(changes.error().message.ends_with("."));
    });
}

void link_to(const std::string& target, const std::string& at = "src/link") {
    CAPTURE(target);
    rejected(Kind::outward_link, at,
             [&](const path& root) { places::fs::create_symlink(target, root / at); });
}

}  // namespace

TEST_CASE("a new link must stay inside the tree") {
    link_to("/etc/passwd");
    link_to("../..");
    link_to("../../etc/passwd");
    link_to("..\\..\\etc");
    link_to("../.git/config");
    link_to("../.GIT/config");
    link_to("deep/../../x");  // where it ends depends on what `deep` is
    link_to("/");
    link_to("README", ".gitmodules");
}

TEST_CASE("a link is never followed, not even as a folder on the way") {
    places::in_both([](places::Open& scene) {
        const places::TemporaryFolder outside;
        places::write(outside.path() / "secret", "secret");
        places::fs::remove_all(scene.root() / "src");
        places::fs::create_directory_symlink(outside.path(), scene.root() / "src");
        const auto changes = scene.workspace->harvest({});
        REQUIRE_FALSE(changes);
        CHECK(changes.error().kind == Kind::outward_link);
    });
}

TEST_CASE("old links of the repository are not judged, wherever they point") {
    places::in_both([](places::Open& scene) {
        places::fs::remove(scene.root() / "old-bad-link");
        places::fs::create_symlink("/etc/passwd", scene.root() / "old-bad-link");
        CHECK(scene.workspace->harvest({}).value().empty());
    });
}

TEST_CASE("a repository inside the repository is rejected, however its .git is spelled") {
    for (const std::string name : {".git", ".GIT", ".Git", "git~1", "GIT~1", ".g\u200cit", ".git\u200d",
                                   ".git ", ".git.", ".git::$INDEX_ALLOCATION", "\ufeff.git"}) {
        CAPTURE(name);
        places::in_both([&](places::Open& scene) {
            places::write(scene.root() / "src" / name / "config", "[core]\n");
            const auto changes = scene.workspace->harvest({});
            REQUIRE_FALSE(changes);
            CHECK(changes.error().kind == Kind::bad_name);
        });
    }
    rejected(Kind::bad_name, "src/.git",
             [](const path& root) { places::write(root / "src/.git", "gitdir: /etc\n"); });
}

TEST_CASE("names that lie to people or break elsewhere are rejected, and shown harmlessly") {
    const auto named = [](const std::string& name, const std::string& shown) {
        rejected(Kind::bad_name, shown, [&](const path& root) { places::write(root / name, "x"); });
    };
    named("a\nb", "a\\x0ab");
    named("a\x1b[31mb", "a\\x1b[31mb");
    named("a\x7f", "a\\x7f");
    named("a\u202etxt.exe", "a\\xe2\\x80\\xaetxt.exe");
    named("a\u2066b", "a\\xe2\\x81\\xa6b");
    named("bad\xff", "bad\\xff");
    named("over\xc0\xaf", "over\\xc0\\xaf");
    named("half\xed\xa0\x80", "half\\xed\\xa0\\x80");
    named("back\\slash", "back\\slash");
    named("dot.", "dot.");
    named("space ", "space ");
    named("tag\U000e0041", "tag\\xf3\\xa0\\x81\\x81");
}

TEST_CASE("hard links, devices, pipes and sockets are rejected") {
    rejected(Kind::hard_link, "README", [](const path& root) {
        places::write(root / "README", "changed");
        places::fs::create_hard_link(root / "README", root / "second");
    });
    rejected(Kind::special_file, "pipe",
             [](const path& root) { REQUIRE(::mkfifo((root / "pipe").c_str(), 0600) == 0); });
    rejected(Kind::special_file, "socket",
             [](const path& root) { REQUIRE(::mknod((root / "socket").c_str(), S_IFSOCK | 0600, 0) == 0); });
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can make devices");
        return;
    }
    rejected(Kind::special_file, "null", [](const path& root) {
        REQUIRE(::mknod((root / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0);
    });
    rejected(Kind::special_file, "disk", [](const path& root) {
        REQUIRE(::mknod((root / "disk").c_str(), S_IFBLK | 0666, makedev(7, 0)) == 0);
    });
}

TEST_CASE("a sparse file of a terabyte is rejected before it is read") {
    rejected(Kind::too_large, "huge", [](const path& root) {
        places::write(root / "huge", "");
        REQUIRE(::truncate((root / "huge").c_str(), off_t{1} << 40) == 0);
    });
}

TEST_CASE("too many changed paths and too many bytes are rejected, counting removals and all content") {
    const HarvestLimits few{.max_files = 3, .max_bytes = 100, .ignored = {}};
    rejected(
        Kind::too_many, "d",
        [](const path& root) {
            for (const char* name : {"a", "b", "c", "d"}) places::write(root / name, "x");
        },
        few);
    rejected(
        Kind::too_large, "b",
        [](const path& root) {
            places::write(root / "a", std::string(60, 'x'));
            places::write(root / "b", std::string(41, 'x'));
        },
        few);
    places::in_both([](places::Open& scene) {
        places::fs::remove_all(scene.root() / "src");
        const auto changes = scene.workspace->harvest({.max_files = 2, .max_bytes = 100, .ignored = {}});
        REQUIRE_FALSE(changes);
        CHECK(changes.error().kind == Kind::too_many);
    });
    places::in_both([](places::Open& scene) {
        places::write(scene.root() / "a", std::string(60, 'x'));
        places::write(scene.root() / "b", std::string(40, 'x'));
        CHECK(scene.workspace->harvest({.max_files = 2, .max_bytes = 100, .ignored = {}}));
    });
}

TEST_CASE("more folders than we want to remember are rejected") {
    places::in_both([](places::Open& scene) {
        const int status = places::as_sandbox_user([&] {
            if (::chdir(scene.root().c_str()) != 0) return 1;
            const std::string part(250, 'd');
            for (int depth = 0; depth < 15; ++depth)
                if (::mkdir(part.c_str(), 0700) != 0 || ::chdir(part.c_str()) != 0) return 2;
            for (int number = 0; number < 9500; ++number)
                if (::mkdir(std::to_string(number).c_str(), 0700) != 0) return 3;
            return 0;
        });
        CHECK(status == 0);
        const auto changes = scene.workspace->harvest({});
        REQUIRE_FALSE(changes);
        CHECK(changes.error().kind == Kind::too_many);
    });
}

TEST_CASE("a tree deeper than any path may be is rejected, not walked for ever") {
    places::in_both([](places::Open& scene) {
        const int status = places::as_sandbox_user([&] {
            if (::chdir(scene.root().c_str()) != 0) return 1;
            for (int depth = 0; depth < 3000; ++depth)
                if (::mkdir("deeper", 0700) != 0 || ::chdir("deeper") != 0) return 2;
            return 0;
        });
        CHECK(status == 0);
        const auto changes = scene.workspace->harvest({});
        REQUIRE_FALSE(changes);
        CHECK(changes.error().kind == Kind::bad_name);
        CHECK(changes.error().path.size() < 400);
    });
}

TEST_CASE(
    "a tree that changes while it is read gives its changes or an error, never a hang or a file from "
    "outside") {
    places::in_both([](places::Open& scene) {
        const path root = scene.root();
        const places::TemporaryFolder outside;
        places::write(outside.path() / "f", "secret");
        places::write(root / "dir/f", "plain");
        std::atomic<bool> done{false};
        std::jthread agent([&] {
            std::error_code ignored;
            while (!done) {
                places::fs::remove(root / "swap", ignored);
                ::mkfifo((root / "swap").c_str(), 0600);
                places::fs::rename(root / "dir", root / "away", ignored);
                places::fs::create_directory_symlink(outside.path(), root / "dir", ignored);
                places::fs::remove(root / "swap", ignored);
                std::ofstream(root / "swap") << "plain";
                places::fs::remove(root / "dir", ignored);
                places::fs::rename(root / "away", root / "dir", ignored);
            }
        });
        int read = 0;
        for (int attempt = 0; attempt < 300; ++attempt) {
            const auto changes = scene.workspace->harvest({});
            if (!changes) continue;
            ++read;
            for (const auto& change : *changes) CHECK(change.content.find("secret") == std::string::npos);
        }
        done = true;
        MESSAGE(read << " of 300 harvests found a steady tree");
    });
}
