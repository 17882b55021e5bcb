#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "integrations/git.hpp"
#include "tests/integrations/git_store.hpp"

using git_test::line_of;
using git_test::sh;
using git_test::spit;
using git_test::Store;

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
