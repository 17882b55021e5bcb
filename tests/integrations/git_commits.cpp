#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "integrations/git.hpp"
#include "tests/integrations/git_store.hpp"

using git_test::kind_of;
using git_test::line_of;
using git_test::sh;
using git_test::spit;
using git_test::Store;
using git_test::text;
using integrations::TreeEdit;
using Kind = integrations::GitError::Kind;
namespace fs = std::filesystem;

TEST_CASE("single files, root names and all paths are read from a commit") {
    Store store;
    spit(store.work / "a.txt", "12345");
    spit(store.work / "a/b", "x");
    spit(store.work / "z/.hidden", "x");
    const auto commit = store.commit("ln -s a.txt link");
    CHECK(store.mirror->file(commit, "a.txt", 5) == "12345");
    CHECK(kind_of(store.mirror->file(commit, "a.txt", 4)) == Kind::invalid);
    for (const std::string path : {"none", "", "/a.txt", "a/../a.txt", "a.txt/", "a.txt/b"})
        CHECK(kind_of(store.mirror->file(commit, path, 100)) == Kind::no_such_ref);
    // There, and not to be taken for absent.
    for (const std::string path : {"a", "link"})
        CHECK(kind_of(store.mirror->file(commit, path, 100)) == Kind::invalid);
    CHECK(kind_of(store.mirror->file(std::string(40, '0'), "a.txt", 100)) == Kind::no_such_ref);
    CHECK(kind_of(store.mirror->file("HEAD", "a.txt", 100)) == Kind::no_such_ref);
    CHECK(store.mirror->root_files(commit) == std::vector<std::string>{"a.txt", "a", "link", "z"});
    CHECK(store.mirror->files(commit) == std::vector<std::string>{"a.txt", "a/b", "link", "z/.hidden"});
}

TEST_CASE("a commit holds exactly the edits, and the same input gives the same id") {
    Store store;
    for (const std::string name : {"keep", "change", "gone", "dir/one", "dir/two", "alone/only", "file"})
        spit(store.work / name, name + "\n");
    const auto base = store.commit();
    const std::vector<TreeEdit> edits = {
        {.path = "change", .content = "changed\n"},
        {.path = "gone", .kind = TreeEdit::Kind::removed},
        {.path = "new/deep/tool", .kind = TreeEdit::Kind::executable, .content = "#!/bin/sh\n"},
        {.path = "new/link", .kind = TreeEdit::Kind::link, .content = "deep/tool"},
        {.path = "alone/only", .kind = TreeEdit::Kind::removed},
        {.path = "dir", .content = "a file now\n"},  // with what was below it
        {.path = "file", .kind = TreeEdit::Kind::removed},
        {.path = "file/inside", .content = std::string("zero\0byte", 9)},
        {.path = "never/there", .kind = TreeEdit::Kind::removed},
    };
    const std::string message = "Title\n\nBody \xe2\x9c\x93\n\nCo-authored-by: Ann <ann@example.org>\n";
    const auto commit = store.mirror->commit(base, edits, text(message));
    REQUIRE(commit.has_value());
    CHECK(store.mirror->commit(base, edits, text(message)) == *commit);
    // Held by a reference: git's own housekeeping does not drop it.
    CHECK(sh("git -c gc.reflogExpire=now gc -q --prune=now", store.bare).status == 0);
    CHECK(store.mirror->files(*commit).has_value());
    CHECK(line_of("git for-each-ref --contains " + *commit + " --format='%(refname)'", store.bare) ==
          "refs/shopfloor/commits/" + *commit);

    CHECK(sh("git ls-tree -r --format='%(objectmode) %(path)' " + *commit, store.bare).output ==
          "100644 change\n100644 dir\n100644 file/inside\n100644 keep\n100755 new/deep/tool\n120000 "
          "new/link\n");
    CHECK(sh("git cat-file blob " + *commit + ":file/inside | wc -c", store.bare).output == "9\n");
    CHECK(sh("git cat-file commit " + *commit + " | sed '1,/^$/d'", store.bare).output == message);
    CHECK(sh("git log -1 --format='%an <%ae> %at %cn %ct %P' " + *commit, store.bare).output ==
          "Bot <bot@example.org> 1700000000 Bot 1700000000 " + base + "\n");
    CHECK(sh("git fsck --strict --full 2>&1 && git show --stat " + *commit + " >/dev/null", store.bare)
              .status == 0);
}

TEST_CASE("edits that change nothing give the parent back") {
    Store store;
    spit(store.work / "a", "1\n");
    const auto base = store.commit();
    CHECK(store.mirror->commit(base, {}, text("m")) == base);
    CHECK(store.mirror->commit(base, {{.path = "a", .content = "1\n"}}, text("m")) == base);
    CHECK(store.mirror->commit(base, {{.path = "b", .kind = TreeEdit::Kind::removed}}, text("m")) == base);
    CHECK(store.mirror->commit(base, {{.path = "a/x", .kind = TreeEdit::Kind::removed}}, text("m")) == base);
    CHECK(store.mirror->commit(base, {{.path = "a", .kind = TreeEdit::Kind::removed}}, text("m")) != base);
}

TEST_CASE("a folder may be removed whole, and rebuilt") {
    Store store;
    for (const std::string name : {"d/one", "d/e/two", "keep"}) spit(store.work / name, name);
    const auto base = store.commit();
    const auto without =
        store.mirror->commit(base, {{.path = "d", .kind = TreeEdit::Kind::removed}}, text("m"));
    REQUIRE(without.has_value());
    CHECK(store.mirror->files(*without) == std::vector<std::string>{"keep"});
    const auto rebuilt = store.mirror->commit(
        base, {{.path = "d", .kind = TreeEdit::Kind::removed}, {.path = "d/e/three", .content = "3"}},
        text("m"));
    REQUIRE(rebuilt.has_value());
    CHECK(store.mirror->files(*rebuilt) == std::vector<std::string>{"d/e/three", "keep"});
}

TEST_CASE("the edits between two commits lead from the one to the other") {
    Store store;
    for (const std::string name : {"keep", "change", "gone", "dir/one", "turns"})
        spit(store.work / name, name + "\n");
    const auto base = store.commit();
    const std::vector<TreeEdit> wanted = {
        {.path = "change", .content = "changed\n"},
        {.path = "dir/one", .kind = TreeEdit::Kind::removed},
        {.path = "gone", .kind = TreeEdit::Kind::removed},
        {.path = "new/link", .kind = TreeEdit::Kind::link, .content = "tool"},
        {.path = "new/tool", .kind = TreeEdit::Kind::executable, .content = "#!/bin/sh\n"},
        {.path = "turns", .kind = TreeEdit::Kind::executable, .content = "turns\n"},
    };
    const auto commit = store.mirror->commit(base, wanted, text("x"));
    REQUIRE(commit.has_value());
    const auto edits = store.mirror->edits(base, *commit, 100, 1000);
    REQUIRE(edits.has_value());
    REQUIRE(edits->size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        CHECK((*edits)[i].path == wanted[i].path);
        CHECK((*edits)[i].kind == wanted[i].kind);
        CHECK((*edits)[i].content == wanted[i].content);
    }
    CHECK(store.mirror->commit(base, *edits, text("x")) == *commit);
    CHECK(store.mirror->edits(base, base, 0, 0)->empty());
    CHECK(kind_of(store.mirror->edits(base, *commit, 5, 1000)) == Kind::invalid);
    CHECK(kind_of(store.mirror->edits(base, *commit, 100, 20)) == Kind::invalid);
    CHECK(kind_of(store.mirror->edits(base, std::string(40, 'a'), 100, 1000)) == Kind::no_such_ref);
}

TEST_CASE("files with modes that git wrote long ago are among the edits between two commits") {
    Store store;
    const auto with = [&](const std::string& words) {
        return store.hostile("entry 100664 f $(echo " + words + " | git hash-object -w --stdin)");
    };
    const auto base = with("one");
    const auto edits = store.mirror->edits(base, with("two"), 10, 100);
    REQUIRE(edits.has_value());
    REQUIRE(edits->size() == 1);
    CHECK(edits->front().kind == TreeEdit::Kind::file);
    const auto commit = store.mirror->commit(base, *edits, text("x"));
    REQUIRE(commit.has_value());
    CHECK(store.mirror->file(*commit, "f", 100) == "two\n");
}

TEST_CASE("edits that put a file in the place of a folder, or a folder in that of a file, make a commit") {
    Store store;
    spit(store.work / "folder/one", "one\n");
    spit(store.work / "folder-", "beside\n");
    spit(store.work / "file", "file\n");
    const auto base = store.commit();
    const auto theirs =
        store.commit("rm -r folder file && echo plain > folder && mkdir file && echo in > file/in");
    const auto edits = store.mirror->edits(base, theirs, 100, 1000);
    REQUIRE(edits.has_value());
    const auto commit = store.mirror->commit(base, *edits, text("y"));
    REQUIRE(commit.has_value());
    CHECK(line_of("git rev-parse " + *commit + "^{tree}", store.bare) ==
          line_of("git rev-parse " + theirs + "^{tree}", store.bare));
}

TEST_CASE("submodules are no part of the edits between two commits: a commit made from them keeps its own") {
    Store store;
    spit(store.work / "file", "one\n");
    const auto base = store.commit();
    const std::string module(40, '1');
    const auto theirs = store.commit("git update-index --add --cacheinfo 160000," + module +
                                     ",sub && mkdir sub && echo two > file");
    const auto wanted = store.mirror->commit(base, {{.path = "file", .content = "three\n"}}, text("x"));
    REQUIRE(wanted.has_value());
    const auto edits = store.mirror->edits(theirs, *wanted, 100, 1000);
    REQUIRE(edits.has_value());
    REQUIRE(edits->size() == 1);
    CHECK(edits->front().path == "file");
    const auto commit = store.mirror->commit(theirs, *edits, text("y"));
    REQUIRE(commit.has_value());
    CHECK(store.mirror->file(*commit, "file", 100) == "three\n");
    CHECK(line_of("git rev-parse " + *commit + ":sub", store.bare) == module);
}

TEST_CASE("edits with names that must not be are refused whole") {
    Store store;
    spit(store.work / "a", "1\n");
    const auto base = store.commit();
    for (const std::string path :
         {".git/config", "x/.git/hooks/post-commit", ".GIT/x", "git~1/x", ".git./x", "x/.g\u200cit/y", "../x",
          "a/../../x", "./x", "/x", "x//y", "x/", "", "x/.git"}) {
        CAPTURE(path);
        CHECK(kind_of(store.mirror->commit(
                  base, {{.path = "good", .content = "x"}, {.path = path, .content = "x"}}, text("m"))) ==
              Kind::invalid);
    }
    const auto refused = [&](const std::vector<TreeEdit>& edits) {
        return kind_of(store.mirror->commit(base, edits, text("m"))) == Kind::invalid;
    };
    CHECK(refused({{.path = std::string("a\0b", 3), .content = "x"}}));
    CHECK(refused({{.path = "x", .content = "1"}, {.path = "x", .content = "2"}}));
    CHECK(refused({{.path = "x", .content = "1"}, {.path = "x/y", .content = "2"}}));
    CHECK(refused({{.path = "x/y", .content = "2"}, {.path = "x", .content = "1"}}));
    CHECK(refused({{.path = "l", .kind = TreeEdit::Kind::link, .content = ""}}));
    CHECK(refused({{.path = ".gitmodules", .kind = TreeEdit::Kind::link, .content = "a"}}));
    CHECK(refused({{.path = std::string(5000, 'x'), .content = ""}}));
    auto two_lines = text("m");
    two_lines.author_name = "Bot\nparent 0000";
    CHECK(kind_of(store.mirror->commit(base, {{.path = "x", .content = "1"}}, two_lines)) == Kind::invalid);
    CHECK(kind_of(store.mirror->commit(base, {{.path = "x", .content = "1"}},
                                       text(std::string("m\0n", 3)))) == Kind::invalid);
}

TEST_CASE("a diff is what git shows, cut at whole lines") {
    Store store;
    spit(store.work / "a", "1\n2\n3\n");
    spit(store.work / "b.bin", std::string("\0\1\2", 3));
    const auto base = store.commit();
    const auto head = store.mirror->commit(
        base, {{.path = "a", .content = "1\nzwei\n3"}, {.path = "b.bin", .content = std::string("\0\3", 2)}},
        text("m"));
    REQUIRE(head.has_value());
    const auto diff = store.mirror->diff(base, *head, 10'000);
    REQUIRE(diff.has_value());
    CHECK(diff->find("@@ -1,3 +1,3 @@\n 1\n-2\n-3\n+zwei\n+3\n\\ No newline at end of file\n") !=
          std::string::npos);
    CHECK(diff->find("Binary files a/b.bin and b/b.bin differ\n") != std::string::npos);
    spit(store.folder / "patch", diff->substr(0, diff->find("diff --git a/b.bin")));
    CHECK(sh("git checkout -q " + base + " && git apply --check ../patch", store.work).status == 0);
    const auto cut = store.mirror->diff(base, *head, 130);
    REQUIRE(cut.has_value());
    CHECK(cut->size() <= 130);
    CHECK(diff->starts_with(*cut));
    CHECK(cut->size() > 20);
    CHECK(cut->ends_with('\n'));
}

TEST_CASE("what a download that was cut off left in the mirror is removed when it is opened again") {
    Store store;
    spit(store.work / "a", "1\n");
    const auto commit = store.commit();
    const auto packs = store.bare / "objects/pack";
    const auto hour_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
    for (const std::string name : {"pack_git2_AbCdEf", "tmp_pack_AbCdEf", "pack-1.keep"}) {
        spit(packs / name, "torn");
        fs::last_write_time(packs / name, hour_ago);
    }
    spit(packs / "pack_git2_growing", "x");
    const auto again = integrations::Mirror::open(store.bare, "https://forge.invalid/a/b.git", {});
    REQUIRE(again.has_value());
    CHECK_FALSE(fs::exists(packs / "pack_git2_AbCdEf"));
    CHECK_FALSE(fs::exists(packs / "tmp_pack_AbCdEf"));
    CHECK(fs::exists(packs / "pack-1.keep"));
    CHECK(fs::exists(packs / "pack_git2_growing"));
    CHECK((*again)->file(commit, "a", 10) == "1\n");
}
