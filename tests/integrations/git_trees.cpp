#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "integrations/git.hpp"
#include "tests/integrations/git_store.hpp"

using git_test::as;
using git_test::kind_of;
using git_test::line_of;
using git_test::owner;
using git_test::sh;
using git_test::slurp;
using git_test::spit;
using git_test::Store;
using git_test::text;
using integrations::TreeEdit;
using Kind = integrations::GitError::Kind;
namespace fs = std::filesystem;

TEST_CASE("a checkout holds the files as they are: bytes, links, executable bits, owner") {
    Store store;
    spit(store.work / "crlf.txt", "one\r\ntwo\r\n");
    spit(store.work / ".gitattributes", "* text eol=crlf ident filter=evil\nsecret.txt export-ignore\n");
    spit(store.work / "ident.txt", "$Id$\n");
    spit(store.work / "secret.txt", "kept\n");
    spit(store.work / "bin/run.sh", "#!/bin/sh\n");
    spit(store.work / "empty", "");
    spit(store.work / "deep/a/b/c/file with spaces", std::string("a\0b", 3));
    const auto commit = store.commit(
        "chmod +x bin/run.sh && ln -s ../empty bin/link && ln -s /etc outward && git -c core.autocrlf=false "
        "add -A .");
    const auto place = store.place("out");
    REQUIRE(store.mirror->checkout(commit, place, owner()).has_value());

    for (const std::string name :
         {"ident.txt", "secret.txt", "bin/run.sh", "empty", "deep/a/b/c/file with spaces", ".gitattributes"})
        CHECK(slurp(place / name) == slurp(store.work / name));
    CHECK(slurp(place / "crlf.txt") == sh("git cat-file blob HEAD:crlf.txt", store.work).output);
    CHECK(fs::read_symlink(place / "outward") == "/etc");
    CHECK(fs::read_symlink(place / "bin/link") == "../empty");
    CHECK((fs::status(place / "bin/run.sh").permissions() & fs::perms::all) == fs::perms(0755));
    CHECK((fs::status(place / "ident.txt").permissions() & fs::perms::all) == fs::perms(0644));
    CHECK(sh("find . ! -uid " + std::to_string(owner()), place).output.empty());
    CHECK(sh("stat -c %u /etc").output == "0\n");
}

TEST_CASE("in a checkout the agent's own git works, on one commit") {
    Store store;
    for (int number = 0; number < 40; ++number)
        spit(store.work / ("d" + std::to_string(number % 7)) / std::to_string(number), "x\n");
    store.commit();
    const auto commit =
        store.commit("echo more > d1/1 && echo tool > tool && chmod +x tool && ln -s tool link");
    const auto place = store.place("out");
    REQUIRE(store.mirror->checkout(commit, place, owner()).has_value());

    // Before any refresh: the index alone must say that nothing changed.
    CHECK(as(owner(), "git diff-files --quiet && echo same", place).output == "same\n");
    CHECK(as(owner(), "git status --porcelain", place).output.empty());
    CHECK(as(owner(), "git log --format=%H", place).output == commit + "\n");
    CHECK(as(owner(), "git rev-parse --abbrev-ref HEAD", place).output == "work\n");
    CHECK(as(owner(), "git fsck --full 2>&1", place).status == 0);
    CHECK(sh("grep -rE '/tmp|import-|origin' .git --include=config --include=alternates", place)
              .output.empty());

    spit(place / "d1/1", "edit\n");
    const auto diff = as(owner(), "git diff", place).output;
    CHECK(diff.find("-more\n+edit\n") != std::string::npos);
    CHECK(as(owner(), "git -c user.name=a -c user.email=a@b commit -qam try && git log --oneline | wc -l",
             place)
              .output == "2\n");
}

TEST_CASE("a checkout is the same whenever it is made, and older than any edit") {
    Store store;
    spit(store.work / "a", "1\n");
    const auto commit = store.commit("export GIT_COMMITTER_DATE='2019-01-02T03:04:05Z'");
    const auto one = store.place("one"), two = store.place("two");
    REQUIRE(store.mirror->checkout(commit, one, owner()).has_value());
    REQUIRE(store.mirror->checkout(commit, two, owner()).has_value());
    CHECK(line_of("stat -c %Y a", one) == "1546398245");
    CHECK(line_of("stat -c %y a", one) == line_of("stat -c %y a", two));
    CHECK(sh("sha256sum .git/objects/pack/*.pack | cut -c-64", one).output ==
          sh("sha256sum .git/objects/pack/*.pack | cut -c-64", two).output);

    const auto later = store.commit("echo 2 > a && export GIT_COMMITTER_DATE='2099-01-01T00:00:00Z'");
    const auto three = store.place("three");
    REQUIRE(store.mirror->checkout(later, three, owner()).has_value());
    CHECK(line_of("test a -ot . && echo older", three) == "older");
}

TEST_CASE("submodules are left out and stay submodules") {
    Store store;
    spit(store.work / "a", "1\n");
    spit(store.work / ".gitmodules",
         "[submodule \"x\"]\n\tpath = lib/x\n\turl = ext::sh -c id\n\tupdate = !touch /tmp/pwned\n");
    const auto commit = store.commit(
        "git update-index --add --cacheinfo 160000,$(printf %040d 7),lib/x && git commit -qm s && mkdir -p "
        "lib/x");
    const auto place = store.place("out");
    REQUIRE(store.mirror->checkout(commit, place, owner()).has_value());
    CHECK(fs::is_empty(place / "lib/x"));
    CHECK(as(owner(), "git status --porcelain", place).output.empty());
    CHECK(store.mirror->files(commit) == std::vector<std::string>{".gitmodules", "a"});

    CHECK(kind_of(store.mirror->commit(commit, {{.path = "lib/x/file", .content = "x"}}, text("m"))) ==
          Kind::invalid);
    CHECK(kind_of(store.mirror->commit(commit, {{.path = "lib/x", .content = "x"}}, text("m"))) ==
          Kind::invalid);
    CHECK(store.mirror->commit(commit, {{.path = "lib/x", .kind = TreeEdit::Kind::removed}}, text("m")) ==
          commit);
}

TEST_CASE("trees that reach out of their folder or into .git are not checked out") {
    for (const std::string script :
         {"entry 100644 .git $blob", "entry 40000 .git $sub", "entry 40000 .GIT $sub",
          "entry 120000 .git $outside", "entry 40000 'git~1' $sub", "entry 40000 'GIT~1' $sub",
          "entry 40000 '.git ' $sub", "entry 40000 '.git.' $sub",
          "entry 40000 '.git::$INDEX_ALLOCATION' $sub", "entry 40000 '.g\\342\\200\\214it' $sub",
          "entry 40000 '.git\\\\x' $sub", "entry 160000 .git $(printf %040d 1)", "entry 40000 .. $sub",
          "entry 40000 . $sub", "entry 100644 ../x $blob", "entry 100644 a/b $blob",
          "entry 100644 /etc/x $blob",
          // a link and a folder of one name: the folder's file would go through the link
          "entry 120000 a $outside; entry 40000 a $sub", "entry 40000 a $sub; entry 120000 a $outside",
          "entry 100644 a $blob; entry 100644 a $blob"}) {
        CAPTURE(script);
        Store store;
        const auto commit = store.hostile(script);
        const auto place = store.place("out");
        CHECK(kind_of(store.mirror->checkout(commit, place, owner())) == Kind::invalid);
        CHECK_FALSE(fs::exists("/etc/payload"));
        CHECK_FALSE(fs::exists("/etc/x"));
        CHECK_FALSE(fs::exists(store.folder / "payload"));
        CHECK_FALSE(fs::exists(store.folder / "x"));
        CHECK_FALSE(fs::exists(place / ".git/payload"));
    }
}

TEST_CASE("hostile trees one level down, links to nowhere and odd modes are refused too") {
    Store store;
    const auto nested = store.hostile(
        "entry 40000 d $(entry 40000 .git $sub | git hash-object -t tree -w --literally --stdin)");
    CHECK(kind_of(store.mirror->checkout(nested, store.place("a"), owner())) == Kind::invalid);
    CHECK(kind_of(store.mirror->files(nested)) == Kind::invalid);
    const auto zero = store.hostile("entry 120000 l $(printf 'a\\0b' | git hash-object -w --stdin)");
    CHECK(kind_of(store.mirror->checkout(zero, store.place("b"), owner())) == Kind::invalid);
    const auto nowhere = store.hostile("entry 120000 l $(printf '' | git hash-object -w --stdin)");
    CHECK(kind_of(store.mirror->checkout(nowhere, store.place("c"), owner())) == Kind::invalid);
    const auto missing = store.hostile("entry 100644 f $(printf %040d 5)");
    CHECK(kind_of(store.mirror->checkout(missing, store.place("d"), owner())) == Kind::invalid);
    const auto disguised = store.hostile("entry 100644 f $sub");  // says file, is a tree
    CHECK(kind_of(store.mirror->checkout(disguised, store.place("e"), owner())) == Kind::invalid);
    const auto setuid = store.hostile("entry 104755 f $blob");
    const auto place = store.place("f");
    if (store.mirror->checkout(setuid, place, owner())) {
        struct stat is{};
        REQUIRE(stat((place / "f").c_str(), &is) == 0);
        CHECK((is.st_mode & 07000) == 0);
    }
}

TEST_CASE("a tree of trees that never ends is cut off") {
    Store store({.checkout_bytes = 1'000'000, .tree_entries = 1000});
    const auto bomb = store.hostile(
        "t=$sub; for i in 1 2 3 4 5 6 7 8 9; do t=$(for n in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree "
        "%s\\t%s\\n' $t $n; done | git mktree); done; entry 40000 d $t");
    CHECK(kind_of(store.mirror->checkout(bomb, store.place("a"), owner())) == Kind::storage);
    CHECK(kind_of(store.mirror->files(bomb)) == Kind::storage);
    spit(store.work / "zeros", std::string(2'000'000, '\0'));
    CHECK(kind_of(store.mirror->checkout(store.commit(), store.place("b"), owner())) == Kind::storage);
}

TEST_CASE("a very deep tree does not break the program") {
    Store store;
    std::string path;
    for (int depth = 0; depth < 3000; ++depth) path += "d/";
    spit(store.folder / "stream",
         "commit refs/heads/deep\ncommitter A <a@b> 1700000000 +0000\ndata 2\nm\nM 100644 inline " + path +
             "f\ndata 1\nx\n");
    const auto deep = line_of("git fast-import --quiet < ../stream && git rev-parse deep", store.bare);
    CHECK(kind_of(store.mirror->checkout(deep, store.place("a"), owner())) == Kind::invalid);
    CHECK(kind_of(store.mirror->files(deep)) == Kind::invalid);
}

TEST_CASE("many files are checked out in seconds, and git sees nothing changed") {
    // 50,000 for a measurement: SHOPFLOOR_CHECKOUT_FILES
    const auto* asked = std::getenv("SHOPFLOOR_CHECKOUT_FILES");
    const int count = asked == nullptr ? 5'000 : std::stoi(asked);
    Store store;
    spit(store.folder / "stream", [count] {
        std::string stream = "commit refs/heads/main\ncommitter A <a@b> 1700000000 +0000\ndata 2\nm\n";
        for (int number = 0; number < count; ++number) {
            std::string content;
            for (int line = 0; line < 20; ++line) content += "file " + std::to_string(number) + '\n';
            stream += "M 100644 inline d" + std::to_string(number % 20) + "/e" +
                      std::to_string(number % 500) + "/" + std::to_string(number) + ".txt\ndata " +
                      std::to_string(content.size()) + "\n" + content + "\n";
        }
        return stream;
    }());
    const auto commit = line_of("git fast-import --quiet < ../stream && git rev-parse main", store.bare);
    const auto place = store.place("out");
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(store.mirror->checkout(commit, place, owner()).has_value());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    MESSAGE(count << " files in " << took.count() << " s");
    CHECK(took.count() < 60);
    CHECK(as(owner(), "git diff-files --quiet && git status --porcelain | wc -l", place).output == "0\n");
}
