#include <string>

#include "tests/sandbox/workspace_places.hpp"

using places::fs::path;
using sandbox::Change;
using sandbox::Changes;
using sandbox::HarvestLimits;

namespace {

Changes harvested(const places::Open& scene, const HarvestLimits& limits = {}) {
    auto changes = scene.workspace->harvest(limits);
    REQUIRE_MESSAGE(changes, changes.error().message);
    return *changes;
}

}  // namespace

TEST_CASE("a run that changes nothing has no changes, even if it touches, rewrites and opens everything") {
    places::in_both([](places::Open& scene) {
        CHECK(harvested(scene).empty());
        const path root = scene.root();
        places::write(root / "README", "hello\n");
        places::fs::permissions(root / "src/main.c", places::fs::perms(0600));
        places::fs::rename(root / "src/deep/other.txt", root / "moved");
        places::fs::rename(root / "moved", root / "src/deep/other.txt");
        places::fs::remove(root / "shortcut");
        places::fs::create_symlink("src/main.c", root / "shortcut");
        places::fs::create_directories(root / "empty/folders/only");
        CHECK(harvested(scene).empty());
    });
}

TEST_CASE("new, changed, executable and removed files and links are each told as what they are") {
    places::in_both([](places::Open& scene) {
        const path root = scene.root();
        places::write(root / "new/file", "new\n");
        places::write(root / "README", "jello\n");  // of the same length
        places::fs::permissions(root / "src/main.c", places::fs::perms(0755));
        places::fs::remove(root / "run.sh");
        places::fs::create_symlink("../README", root / "src/up");
        places::fs::remove(root / "shortcut");
        places::fs::create_symlink("README", root / "shortcut");
        places::write(root / "nothing", "");
        CHECK(harvested(scene) ==
              Changes{{"README", Change::Kind::file, "jello\n"},
                      {"new/file", Change::Kind::file, "new\n"},
                      {"nothing", Change::Kind::file, ""},
                      {"run.sh", Change::Kind::removed, ""},
                      {"shortcut", Change::Kind::link, "README"},
                      {"src/main.c", Change::Kind::executable, "int main(void) { return 0; }\n"},
                      {"src/up", Change::Kind::link, "../README"}});
    });
}

TEST_CASE("a removed folder is every file it had, and a folder made anew in its place only what differs") {
    places::in_both([](places::Open& scene) {
        const path root = scene.root();
        places::fs::remove_all(root / "src");
        CHECK(harvested(scene) == Changes{{"src/deep/er/leaf.txt", Change::Kind::removed, ""},
                                          {"src/deep/other.txt", Change::Kind::removed, ""},
                                          {"src/main.c", Change::Kind::removed, ""}});
        places::write(root / "src/main.c", "int main(void) { return 0; }\n");
        places::write(root / "src/deep/other.txt", "else\n");
        CHECK(harvested(scene) == Changes{{"src/deep/er/leaf.txt", Change::Kind::removed, ""},
                                          {"src/deep/other.txt", Change::Kind::file, "else\n"}});
    });
}

TEST_CASE("a file that became a folder and a folder that became a file are told once") {
    places::in_both([](places::Open& scene) {
        const path root = scene.root();
        places::fs::remove(root / "README");
        places::write(root / "README/inside", "x");
        places::fs::remove(root / "shortcut");
        places::fs::create_directory(root / "shortcut");
        places::fs::remove_all(root / "src/deep");
        places::write(root / "src/deep", "file now");
        places::fs::remove(root / "run.sh");
        places::fs::create_symlink("README/inside", root / "run.sh");
        CHECK(harvested(scene) == Changes{{"README/inside", Change::Kind::file, "x"},
                                          {"run.sh", Change::Kind::link, "README/inside"},
                                          {"shortcut", Change::Kind::removed, ""},
                                          {"src/deep", Change::Kind::file, "file now"}});
    });
}

TEST_CASE("a renamed folder is its files removed and made") {
    places::in_both([](places::Open& scene) {
        REQUIRE(std::system(("mv " + (scene.root() / "src/deep").string() + " " +
                             (scene.root() / "src/renamed").string())
                                .c_str()) == 0);
        CHECK(harvested(scene) == Changes{{"src/deep/er/leaf.txt", Change::Kind::removed, ""},
                                          {"src/deep/other.txt", Change::Kind::removed, ""},
                                          {"src/renamed/er/leaf.txt", Change::Kind::file, "leaf\n"},
                                          {"src/renamed/other.txt", Change::Kind::file, "other\n"}});
    });
}

TEST_CASE(
    "the agent's own .git is thrown away whatever it is, and no program of its configuration ever runs") {
    places::in_both([](places::Open& scene) {
        const path root = scene.root();
        const path canary = scene.folder.path() / "canary";
        const std::string hostile = "#!/bin/sh\ntouch " + canary.string() + "\n";
        places::write(root / "evil.sh", hostile);
        places::fs::permissions(root / "evil.sh", places::fs::perms(0755));
        places::write(root / ".git/config", "[core]\n\tfsmonitor = " + (root / "evil.sh").string() +
                                                "\n\thooksPath = .git/hooks\n[filter \"x\"]\n\tclean = " +
                                                (root / "evil.sh").string() + "\n");
        places::write(root / ".gitattributes", "* filter=x\n");
        places::write(root / ".git/hooks/post-index-change", hostile);
        places::fs::create_symlink("/etc/passwd", root / ".git/index");
        const auto changes = harvested(scene);
        REQUIRE(changes.size() == 2);
        CHECK(changes[0].path == ".gitattributes");
        CHECK(changes[1].path == "evil.sh");
        CHECK_FALSE(places::fs::exists(canary));
        places::fs::remove_all(root / ".git");
        CHECK(harvested(scene).size() == 2);
        places::write(root / ".git", "gitdir: /etc\n");
        CHECK(harvested(scene).size() == 2);
    });
}

TEST_CASE("what is ignored is not looked at, whatever it is") {
    places::in_both([](places::Open& scene) {
        const path root = scene.root();
        std::vector<std::string> asked;
        const HarvestLimits limits{.max_files = 1, .max_bytes = 10, .ignored = [&](const std::string& name) {
                                       asked.push_back(name);
                                       return name == "build/" || name.ends_with(".o") || name == "src/deep/";
                                   }};
        for (int number = 0; number < 50; ++number)
            places::write(root / "build" / std::to_string(number), "much");
        places::write(root / "build/sub/.git/config", "[core]\n");
        REQUIRE(::mkfifo((root / "build/pipe").c_str(), 0600) == 0);
        REQUIRE(::mkfifo((root / "pipe.o").c_str(), 0600) == 0);
        places::write(root / "main.o", std::string(1000, 'x'));
        places::fs::remove_all(root / "src/deep");
        places::write(root / "kept", "x");
        CHECK(harvested(scene, limits) == Changes{{"kept", Change::Kind::file, "x"}});
        for (const auto& name : asked) CHECK_FALSE(name.starts_with("build/sub"));
    });
}
