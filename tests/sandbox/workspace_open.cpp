#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "tests/sandbox/workspace_places.hpp"

using places::fs::path;
using sandbox::Change;
using sandbox::Changes;
using sandbox::Layering;
using sandbox::Workspaces;

namespace {

/// Mounts and loop devices of this machine that name the folder.
std::vector<std::string> held_by_the_kernel(const path& folder) {
    std::vector<std::string> found;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);)
        if (line.find(folder.string()) != std::string::npos) found.push_back(line);
    for (const auto& device : places::fs::directory_iterator("/sys/block")) {
        const std::string file = places::text(device.path() / "loop/backing_file");
        if (file.find(folder.string()) != std::string::npos) found.push_back(file);
    }
    return found;
}

bool soon_nothing_held(const path& folder) {
    for (int attempt = 0; attempt < 100; ++attempt) {
        if (held_by_the_kernel(folder).empty()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
}

}  // namespace

TEST_CASE("a workspace shows its layers, the upper one over the lower, and leaves them as they are") {
    places::in_both([](places::Open& scene) {
        scene.workspace.reset();
        const auto setup =
            scene.workspaces->layer("setup", [](const path& folder) -> std::expected<void, sandbox::Error> {
                places::write(folder / "README", "from setup\n");
                places::write(folder / "build/tool", "tool\n");
                return {};
            });
        REQUIRE(setup);
        const auto opened = scene.workspaces->open("two-layers", {scene.base, *setup}, {});
        REQUIRE(opened);
        const path root = (*opened)->root();
        CHECK(places::text(root / "README") == "from setup\n");
        CHECK(places::text(root / "src/main.c") == "int main(void) { return 0; }\n");
        CHECK(places::text(root / "build/tool") == "tool\n");
        CHECK(places::fs::read_symlink(root / "shortcut") == "src/main.c");
        CHECK((places::fs::status(root / "run.sh").permissions() & places::fs::perms::owner_exec) !=
              places::fs::perms::none);
        CHECK((*opened)->layers() == std::vector<path>{scene.base->path(), (*setup)->path()});
        places::write(root / "README", "mine\n");
        places::fs::remove_all(root / "src");
        CHECK(places::text(scene.base->path() / "README") == "hello\n");
        CHECK(places::text((*setup)->path() / "README") == "from setup\n");
        CHECK(places::fs::exists(scene.base->path() / "src/main.c"));
    });
}

TEST_CASE("the sandbox user may change every file, and has a home that is not part of the result") {
    places::in_both([](places::Open& scene) {
        const path root = scene.root();
        const path home = scene.workspace->home();
        const int status = places::as_sandbox_user([&] {
            const int old = ::open((root / "src/main.c").c_str(), O_WRONLY | O_TRUNC);
            if (old < 0 || ::write(old, "x", 1) != 1) return 1;
            const int fresh = ::open((root / "src/new.c").c_str(), O_WRONLY | O_CREAT, 0644);
            if (fresh < 0 || ::write(fresh, "y", 1) != 1) return 2;
            if (::unlink((root / "README").c_str()) != 0) return 3;
            const int cached = ::open((home / "cache").c_str(), O_WRONLY | O_CREAT, 0644);
            return cached < 0 ? 4 : 0;
        });
        CHECK(status == 0);
        const auto changes = scene.workspace->harvest({});
        REQUIRE(changes);
        CHECK(*changes == Changes{{"README", Change::Kind::removed, ""},
                                  {"src/main.c", Change::Kind::file, "x"},
                                  {"src/new.c", Change::Kind::file, "y"}});
    });
}

TEST_CASE("nothing is left of a closed workspace, however deep and odd its files are") {
    places::in_both([](places::Open& scene) {
        const path folder = scene.root().parent_path();
        const int status = places::as_sandbox_user([&] {
            if (::chdir(scene.root().c_str()) != 0) return 1;
            for (int depth = 0; depth < 3000; ++depth)  // three times longer than any path may be
                if (::mkdir("deeper", 0700) != 0 || ::chdir("deeper") != 0) return 2;
            if (::close(::open("last", O_CREAT | O_WRONLY, 0000)) != 0) return 3;
            if (::chdir(scene.root().c_str()) != 0) return 4;
            if (::mkfifo("pipe", 0600) != 0 || ::symlink("/etc", "etc") != 0) return 5;
            if (::mkdir("closed", 0700) != 0 || ::mkdir("closed/inner", 0000) != 0 ||
                ::chmod("closed", 0000) != 0)
                return 6;
            return 0;
        });
        CHECK(status == 0);
        scene.workspace.reset();
        CHECK_FALSE(places::fs::exists(folder));
        CHECK(places::fs::exists("/etc/passwd"));
        CHECK(soon_nothing_held(scene.folder.path()));
    });
}

TEST_CASE("a workspace is closed even while somebody still has a file of it open") {
    places::in_both([](places::Open& scene) {
        const path folder = scene.root().parent_path();
        const int held = ::open((scene.root() / "held").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        REQUIRE(held >= 0);
        scene.workspace.reset();
        CHECK_FALSE(places::fs::exists(folder));
        ::close(held);
        CHECK(soon_nothing_held(scene.folder.path()));
    });
}

TEST_CASE("a workspace cannot be opened twice, nor under a name that is a path") {
    places::in_both([](places::Open& scene) {
        const auto again = scene.workspaces->open("run-1", {scene.base}, {});
        REQUIRE_FALSE(again);
        CHECK(again.error().message == "workspace run-1: it is open already");
        for (const char* name : {"", "..", "a/b", "A", "a b", ".probe"})
            CHECK_FALSE(scene.workspaces->open(name, {scene.base}, {}));
        CHECK_FALSE(scene.workspaces->open("empty", {}, {}));
        scene.workspace.reset();
        CHECK(scene.workspaces->open("run-1", {scene.base}, {}));
    });
}

TEST_CASE("a kept workspace is taken over by the next process with its changes, and its layers stay") {
    places::in_both([](places::Open& scene) {
        const Layering layering = scene.workspaces->layering();
        places::write(scene.root() / "src/new.c", "new\n");
        const path root = scene.root();
        const auto identity = scene.workspace->identity();
        CHECK_FALSE(identity.empty());
        scene.workspace->keep();
        scene.workspace.reset();
        CHECK(places::text(root / "src/new.c") == "new\n");
        scene.base.reset();
        scene.workspaces.reset();

        auto next =
            places::workspaces_in(scene.folder.path(), layering, 0);  // a cache that wants to throw all away
        REQUIRE(next);
        next->evict();
        CHECK(next->cache().layers == 1);
        const auto base = next->layer("base", [](const path&) -> std::expected<void, sandbox::Error> {
            return std::unexpected(sandbox::Error{.message = "made a second time"});
        });
        REQUIRE(base);
        {
            const auto taken = next->open("run-1", {*base}, {}, Workspaces::Existing::adopt);
            REQUIRE_MESSAGE(taken, taken.error().message);
            CHECK((*taken)->adopted());
            CHECK((*taken)->identity() == identity);
            const auto changes = (*taken)->harvest({});
            REQUIRE(changes);
            CHECK(*changes == Changes{{"src/new.c", Change::Kind::file, "new\n"}});
        }
        CHECK_FALSE(places::fs::exists(root.parent_path()));
        CHECK(soon_nothing_held(scene.folder.path()));
    });
}

TEST_CASE("a kept workspace that lost its mounts is mounted again from its image") {
    places::Open scene(Layering::overlay);
    if (!scene.workspace) return;
    places::write(scene.root() / "README", "changed\n");
    const path folder = scene.root().parent_path();
    scene.workspace->keep();
    scene.workspace.reset();
    REQUIRE(std::system(
                ("umount " + (folder / "root").string() + " " + (folder / "disk").string()).c_str()) == 0);
    const auto taken = scene.workspaces->open("run-1", {scene.base}, {}, Workspaces::Existing::adopt);
    REQUIRE_MESSAGE(taken, taken.error().message);
    CHECK(places::text((*taken)->root() / "README") == "changed\n");
}

TEST_CASE("a kept workspace is not taken over for other layers: a fresh one takes its place") {
    places::in_both([](places::Open& scene) {
        places::write(scene.root() / "README", "changed\n");
        const auto before = scene.workspace->identity();
        scene.workspace->keep();
        scene.workspace.reset();
        const auto other = scene.workspaces->layer("other", places::small_repository);
        REQUIRE(other);
        const auto fresh = scene.workspaces->open("run-1", {*other}, {}, Workspaces::Existing::adopt);
        REQUIRE(fresh);
        CHECK_FALSE((*fresh)->adopted());
        CHECK((*fresh)->identity() != before);
        CHECK(places::text((*fresh)->root() / "README") == "hello\n");
    });
}

TEST_CASE(
    "a sweep removes what earlier processes left, but for those one answers for and those that are open") {
    places::in_both([](places::Open& scene) {
        for (const char* name : {"old-a", "old-b"}) {
            const auto opened = scene.workspaces->open(name, {scene.base}, {});
            REQUIRE(opened);
            (*opened)->keep();
        }
        places::fs::create_directories(scene.folder.path() / "runs/half-made/root");
        const auto gone = scene.workspaces->sweep([](std::string_view name) { return name == "old-b"; });
        CHECK(gone == std::vector<std::string>{"half-made", "old-a"});
        CHECK(places::text(scene.root() / "README") == "hello\n");
        CHECK(scene.workspaces->sweep([](std::string_view) { return false; }) ==
              std::vector<std::string>{"old-b"});
        scene.workspace.reset();
        CHECK(soon_nothing_held(scene.folder.path()));
    });
}

TEST_CASE("changes of one run are applied to a fresh workspace and are found there again") {
    places::in_both([](places::Open& scene) {
        const Changes changes{{"README", Change::Kind::removed, ""},
                              {"bin/tool", Change::Kind::executable, "#!/bin/sh\n"},
                              {"link", Change::Kind::link, "src/main.c"},
                              {"run.sh/now-a-folder", Change::Kind::file, "x"},
                              {"shortcut/real", Change::Kind::file, "y"},
                              {"src/deep", Change::Kind::file, "was a folder"},
                              {"src/main.c", Change::Kind::file, std::string("a\0b", 3)}};
        const auto applied = scene.workspace->apply(changes);
        REQUIRE_MESSAGE(applied, applied.error().message);
        const auto found = scene.workspace->harvest({});
        REQUIRE_MESSAGE(found, found.error().message);
        CHECK(*found == changes);
        // The link that was in the way is gone, not followed.
        CHECK(places::text(scene.base->path() / "src/main.c") == "int main(void) { return 0; }\n");
    });
}

TEST_CASE("applying never leaves the workspace: links in the way are replaced, bad paths are refused") {
    places::in_both([](places::Open& scene) {
        const places::TemporaryFolder outside;
        places::fs::create_directory_symlink(outside.path(), scene.root() / "out");
        REQUIRE(scene.workspace->apply(
            {{"out/file", Change::Kind::file, "x"}, {"src/out", Change::Kind::removed, ""}}));
        CHECK(places::fs::is_empty(outside.path()));
        CHECK(places::text(scene.root() / "out/file") == "x");
        for (const char* bad :
             {"../x", "/x", "a/../../x", ".git/hooks/pre-commit", "a//b", "", "a/.GIT/config"})
            CHECK_FALSE(scene.workspace->apply({{bad, Change::Kind::file, "x"}}));
        CHECK_FALSE(scene.workspace->apply({{"l", Change::Kind::link, "../../etc"}}));
    });
}

TEST_CASE("one file of the merged tree is read with a cap, and never through a link or from a pipe") {
    places::in_both([](places::Open& scene) {
        CHECK(scene.workspace->read("README", 100).value() == "hello\n");
        CHECK(scene.workspace->read("README", 5).error().kind == sandbox::HarvestError::Kind::too_large);
        CHECK(scene.workspace->read("no/such", 5).error().kind == sandbox::HarvestError::Kind::vanished);
        CHECK(scene.workspace->read("shortcut", 100).error().kind ==
              sandbox::HarvestError::Kind::outward_link);
        places::fs::create_directory_symlink("src", scene.root() / "way");
        CHECK(scene.workspace->read("way/main.c", 100).error().kind ==
              sandbox::HarvestError::Kind::outward_link);
        CHECK(scene.workspace->read("../facts", 100).error().kind ==
              sandbox::HarvestError::Kind::outward_link);
        REQUIRE(::mkfifo((scene.root() / "pipe").c_str(), 0600) == 0);
        CHECK(scene.workspace->read("pipe", 100).error().kind == sandbox::HarvestError::Kind::special_file);
        CHECK(scene.workspace->read("src", 100).error().kind == sandbox::HarvestError::Kind::special_file);
    });
}

TEST_CASE("a run cannot write more bytes or files than it may, and programs of a lower layer do not count") {
    config::Limits limits;
    limits.disk_bytes = 8U << 20U;
    limits.disk_inodes = 200;
    places::Open scene(Layering::overlay, limits);
    if (!scene.workspace) return;
    const int bytes = places::as_sandbox_user([&] {
        const int file = ::open((scene.root() / "big").c_str(), O_WRONLY | O_CREAT, 0644);
        const std::string piece(1U << 20U, 'x');
        for (int written = 0; written < 64; ++written)
            if (::write(file, piece.data(), piece.size()) < 0) return errno == ENOSPC && written >= 6 ? 0 : 1;
        return 2;
    });
    CHECK(bytes == 0);
    places::fs::remove(scene.root() / "big");
    const int files = places::as_sandbox_user([&] {
        for (int made = 0; made < 1000; ++made) {
            const int file =
                ::open((scene.workspace->home() / std::to_string(made)).c_str(), O_WRONLY | O_CREAT, 0644);
            if (file < 0) return errno == ENOSPC && made >= 150 ? 0 : 1;
            ::close(file);
        }
        return 2;
    });
    CHECK(files == 0);
}

TEST_CASE("set-id bits and devices have no effect in a workspace") {
    places::Open scene(Layering::overlay);
    if (!scene.workspace) return;
    std::ifstream mounts("/proc/self/mountinfo");
    int seen = 0;
    for (std::string line; std::getline(mounts, line);) {
        if (line.find(scene.folder.path().string()) == std::string::npos) continue;
        ++seen;
        CHECK(line.find("nosuid") != std::string::npos);
        CHECK(line.find("nodev") != std::string::npos);
    }
    CHECK(seen == 2);
}

TEST_CASE("a folder that an overlay mount cannot name gets copies, and the reason is said") {
    const places::TemporaryFolder folder;
    const Workspaces workspaces({.directory = folder.path() / "a:b", .cache_bytes = 1, .force = {}});
    CHECK(workspaces.layering() == Layering::copy);
    CHECK(workspaces.layering_reason().find("has a comma, colon or backslash in it") != std::string::npos);
}

TEST_CASE("two processes do not share a folder of workspaces") {
    const places::TemporaryFolder folder;
    const Workspaces first({.directory = folder.path(), .cache_bytes = 1, .force = Layering::copy});
    CHECK_THROWS_WITH(Workspaces({.directory = folder.path(), .cache_bytes = 1, .force = Layering::copy}),
                      doctest::Contains("another process works in"));
}

TEST_CASE(
    "opening a second workspace and reading back three changes does not depend on the size of the "
    "repository") {
    const places::TemporaryFolder folder;
    const auto workspaces = places::workspaces_in(folder.path(), Layering::overlay);
    if (!workspaces) return;
    const auto base = workspaces->layer("big", [](const path& to) -> std::expected<void, sandbox::Error> {
        for (int number = 0; number < 2000; ++number)
            places::write(to / std::to_string(number % 100) / std::to_string(number), std::to_string(number));
        return {};
    });
    REQUIRE(base);
    const auto milliseconds = [](auto body) {
        const auto start = std::chrono::steady_clock::now();
        body();
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    };
    const auto first = workspaces->open("first", {*base}, {});
    std::unique_ptr<sandbox::Workspace> second;
    const double open = milliseconds([&] { second = workspaces->open("second", {*base}, {}).value(); });
    for (const char* name : {"1/1", "2/2", "3/3"}) places::write(second->root() / name, "changed");
    Changes changes;
    const double harvest = milliseconds([&] { changes = second->harvest({}).value(); });
    CHECK(changes.size() == 3);
    const double close = milliseconds([&] { second.reset(); });
    MESSAGE("2,000 files: open " << open << " ms, harvest " << harvest << " ms, close " << close << " ms");
}
