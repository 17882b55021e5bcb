#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "integrations/git.hpp"
#include "tests/integrations/git_test_server.hpp"

using git_test::line_of;
using git_test::sh;
using git_test::slurp;
using git_test::spit;
using integrations::GitError;
using integrations::TreeEdit;
using Kind = integrations::GitError::Kind;
namespace fs = std::filesystem;

namespace {

/// A mirror whose objects real git put there: what a forge would have sent.
struct Store {
    git_test::TempFolder folder;
    std::unique_ptr<integrations::Mirror> mirror;
    fs::path bare = folder / "mirror";
    fs::path work = folder / "work";

    explicit Store(integrations::MirrorLimits limits = {}) {
        auto opened = integrations::Mirror::open(bare, "https://forge.invalid/a/b.git", {}, limits);
        REQUIRE(opened.has_value());
        mirror = std::move(*opened);
        line_of("git init -q -b main work && echo ok", folder.path());
    }

    /// Commits the work tree and moves its objects over.
    std::string commit(const std::string& before = "true") {
        const auto id = line_of(
            before + " && git add -A && git commit -q --allow-empty -m base && git rev-parse HEAD", work);
        line_of("git push -q '" + bare.string() + "' HEAD:refs/heads/import-" + id + " && echo ok", work);
        return id;
    }

    /// A commit of a tree that `git mktree` would refuse: raw `git hash-object --literally`. `script` prints
    /// tree bytes and may call `entry MODE NAME ID`.
    std::string hostile(const std::string& script) {
        return line_of(
            "entry() { printf '%s %b\\0' \"$1\" \"$2\"; perl -e 'print pack q(H*), shift' $3; };"
            "blob=$(echo evil | git hash-object -w --stdin); sub=$(printf '100644 blob %s\\tpayload\\n' "
            "$blob | git mktree);"
            "outside=$(printf /etc | git hash-object -w --stdin);"
            "tree=$({ " +
                script +
                "; } | git hash-object -t tree -w --literally --stdin);"
                "git commit-tree -m hostile $tree",
            bare);
    }

    /// A fresh folder to check out into.
    fs::path place(const std::string& name) {
        fs::create_directory(folder / name);
        return folder / name;
    }
};

const std::chrono::system_clock::time_point noon{std::chrono::seconds(1'700'000'000)};

integrations::CommitText text(const std::string& message) {
    return {.author_name = "Bot", .author_email = "bot@example.org", .message = message, .when = noon};
}

template <typename Result>
Kind kind_of(const Result& result) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().message);
    CHECK_FALSE(result.error().message.empty());
    return result.error().kind;
}

/// Runs git as the owner of the folder, as the agent will.
git_test::Ran as(unsigned uid, const std::string& command, const fs::path& folder) {
    if (geteuid() != 0) return sh(command, folder);
    return sh("setpriv --reuid " + std::to_string(uid) + " --regid " + std::to_string(uid) +
                  " --clear-groups sh -c '" + command + "'",
              folder);
}

unsigned owner() { return geteuid() == 0 ? 4321 : geteuid(); }

}  // namespace

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

TEST_CASE("single files, root names and all paths are read from a commit") {
    Store store;
    spit(store.work / "a.txt", "12345");
    spit(store.work / "a/b", "x");
    spit(store.work / "z/.hidden", "x");
    const auto commit = store.commit("ln -s a.txt link");
    CHECK(store.mirror->file(commit, "a.txt", 5) == "12345");
    CHECK(kind_of(store.mirror->file(commit, "a.txt", 4)) == Kind::invalid);
    for (const std::string path : {"a", "link", "none", "", "/a.txt", "a/../a.txt", "a.txt/", "a.txt/b"})
        CHECK(kind_of(store.mirror->file(commit, path, 100)) == Kind::no_such_ref);
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

TEST_CASE("ignore rules are the repository's, nested and negated, and never hide what is committed") {
    Store store;
    spit(store.work / ".gitignore", "*.o\n/build/\nnode_modules/\nlogs/*\n!logs/keep.txt\nforced.txt\n");
    spit(store.work / "sub/.gitignore", "!special.o\n/local\n");
    spit(store.work / "forced.txt", "committed all the same\n");
    spit(store.work / "vendor/tracked.c", "x");
    const auto commit = store.commit("git add -f forced.txt");
    const auto made = store.mirror->ignore_rules(commit, "*.agent\n!wanted.agent\nvendor/\n");
    REQUIRE(made.has_value());
    const auto ignored = *made;
    for (const std::string path : {"a.o", "x/y/z.o", "build/", "build/x", "node_modules/",
                                   "new/node_modules/", "new/node_modules/p/index.js", "logs/today.txt",
                                   "sub/local", "x.agent", "sub/other.o", "vendor/new.c"}) {
        CAPTURE(path);
        CHECK(ignored(path));
    }
    for (const std::string path : {"a.c", "sub/special.o", "logs/keep.txt", "logs/", "forced.txt", "sub/",
                                   "sub/build/", "local", "build", "wanted.agent", "vendor/",
                                   "vendor/tracked.c", "", "/", "//", "/etc/a.o", "../a.c", ".gitignore"}) {
        CAPTURE(path);
        CHECK_FALSE(ignored(path));
    }
    CHECK_FALSE(ignored(std::string("a\0.o", 4)));
}

TEST_CASE("ignore rules agree with git, pattern by pattern") {
    Store store;
    const std::vector<std::string> patterns = {"*",
                                               "*.o",
                                               "foo",
                                               "/foo",
                                               "foo/",
                                               "/foo/",
                                               "foo/*",
                                               "foo/**",
                                               "**/foo",
                                               "**/foo/bar",
                                               "a/**/b",
                                               "a/**/",
                                               "**",
                                               "/**",
                                               "**/",
                                               "*/foo",
                                               "/*",
                                               "/*/",
                                               "f?o",
                                               "[fg]oo",
                                               "[!f]oo",
                                               "[^f]oo",
                                               "[a-m]oo",
                                               "[]f]oo",
                                               "[f",
                                               "\\*",
                                               "\\foo",
                                               "foo\\",
                                               "foo\\ ",
                                               "foo ",
                                               "\\!foo",
                                               "\\#foo",
                                               "#foo",
                                               "a**b",
                                               "**b",
                                               "a/*/b",
                                               "a/b/**/c",
                                               "*/**/b",
                                               "a*/b*",
                                               "[[:alpha:]]oo",
                                               "[[:digit:]-z]oo",
                                               "foo/\n!foo/bar",
                                               "foo/*\n!foo/bar",
                                               "*\n!*/\n!*.c",
                                               "a\n!a/b",
                                               "**/a/**\n!**/a/b/",
                                               "foo\r",
                                               "?",
                                               "??*",
                                               "!foo"};
    const std::vector<std::string> paths = {
        "foo",     "goo",         "zoo",   "5oo",       "]oo",      "*",      "!foo",     "#foo",    "foo ",
        "foo/bar", "foo/bar/baz", "x/foo", "x/foo/bar", "x/y/foo",  "a/b",    "a/x/b",    "a/x/y/b", "a/b/c",
        "a/b/x/c", "aXXb",        "ab",    "main.o",    "x/main.o", "main.c", "x/main.c", "f",       "[f"};
    const auto other = store.place("asked");
    line_of("git init -q && echo ok", other);
    std::string list;
    for (const auto& path : paths) list += path + '\n';
    spit(store.folder / "paths", list);
    const auto commit = store.commit();
    int hits = 0;
    for (const auto& pattern : patterns) {
        const auto ignored = store.mirror->ignore_rules(commit, pattern + "\n");
        REQUIRE(ignored.has_value());
        spit(other / ".gitignore", pattern + "\n");
        // A path is a file unless it ends in a slash: nothing of it is on the disk.
        const auto git = sh("git check-ignore --stdin < ../paths", other).output;
        for (const auto& path : paths) {
            CAPTURE(pattern);
            CAPTURE(path);
            const bool theirs = ("\n" + git).find("\n" + path + "\n") != std::string::npos;
            CHECK((*ignored)(path) == theirs);
            hits += theirs ? 1 : 0;
        }
    }
    CHECK(hits > 200);
}

TEST_CASE("a .gitignore that is a link is not read") {
    Store store;
    spit(store.work / "rules", "*\n");
    const auto commit = store.commit("ln -s rules .gitignore");
    const auto ignored = store.mirror->ignore_rules(commit, "");
    REQUIRE(ignored.has_value());
    CHECK_FALSE((*ignored)("anything"));
}

TEST_CASE("ignore rules made to be slow do not hold us") {
    Store store;
    std::string slow;
    for (int line = 0; line < 400; ++line)
        slow += "**/a/**/a/**/a/**/a/**/a/**/a/**/b\n*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\n";
    spit(store.work / ".gitignore", slow);
    const auto ignored = store.mirror->ignore_rules(store.commit(), slow + "*.o\n");
    REQUIRE(ignored.has_value());
    CHECK((*ignored)("x.o"));
    std::string deep;
    for (int depth = 0; depth < 60; ++depth) deep += "a/";
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE((*ignored)(deep + "c"));
    CHECK_FALSE((*ignored)(std::string(1000, 'a')));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
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
