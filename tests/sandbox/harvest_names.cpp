#include <doctest/doctest.h>

#include <string>

#include "sandbox/harvest.hpp"

using sandbox::link_fault;
using sandbox::path_fault;
using sandbox::printable;

TEST_CASE("ordinary paths of any language may enter a commit") {
    for (const std::string path :
         {"a", "src/main.cpp", ".github/workflows/ci.yml", ".gitignore", ".gitattributes", "git", "git~",
          "my.git", "über/straße.txt", "日本語", "👩‍👩‍👧.txt", "a b", "...a", "-rf", "~"}) {
        CAPTURE(path);
        CHECK(path_fault(path) == "");
    }
    CHECK(path_fault(std::string(255, 'a')) == "");
}

TEST_CASE("a path that is none, too long or leads elsewhere may not") {
    CHECK(path_fault("") == "is empty");
    CHECK(path_fault("/a") == "has an empty part");
    CHECK(path_fault("a/") == "has an empty part");
    CHECK(path_fault("a//b") == "has an empty part");
    CHECK(path_fault("a/../b") == "contains '.' or '..'");
    CHECK(path_fault("./a") == "contains '.' or '..'");
    CHECK(path_fault(std::string(256, 'a')) == "has a part longer than 255 bytes");
    std::string longest;
    while (longest.size() < 4096) longest += "abcdefg/";
    longest.back() = 'x';
    CHECK(path_fault(longest) == "");
    CHECK(path_fault(longest + "y") == "is longer than 4,096 bytes");
    CHECK(path_fault(std::string("a\0b", 3)) == "contains a control character");
}

TEST_CASE("links may point at what lies in the tree, and only there") {
    CHECK(link_fault("a/b/c", "d") == "");
    CHECK(link_fault("a/b/c", "../../d") == "");
    CHECK(link_fault("a/b/c", ".././../d/e/") == "");
    CHECK(link_fault("a/b/c", ".") == "");
    CHECK(link_fault("a/b/c", "../../../d") == "points out of the tree");
    CHECK(link_fault("a", "..") == "points out of the tree");
    CHECK(link_fault("a", "") == "points at nothing");
    CHECK(link_fault("a", "b\n") == "points at a name that contains a control character");
    CHECK(link_fault("a", "b/.git/x") == "points into '.git'");
    CHECK(link_fault("a/b", "c/../d").starts_with("goes up again"));
}

TEST_CASE("hostile text is shown harmlessly and short") {
    CHECK(printable("plain ü") == "plain ü");
    CHECK(printable("\x1b[2J") == "\\x1b[2J");
    CHECK(printable("\u200b\u200d") == "\u200b\\xe2\\x80\\x8d");
    CHECK(printable(std::string(10'000, 'a')).size() == 303);
}
