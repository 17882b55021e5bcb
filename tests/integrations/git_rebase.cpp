// A change brought onto another commit, beside what git itself makes of it.
#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <random>
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
using Paths = std::vector<std::string>;
namespace fs = std::filesystem;

namespace {

/// A base with two commits on it: what a pull request did, and what became of the base branch meanwhile.
struct RebaseFork {
    Store store;
    std::string base, ours, onto;
    std::size_t most = 1000, cap = 1'000'000;

    /// Shell lines in the work tree.
    RebaseFork(const std::string& before, const std::string& pull_request, const std::string& base_branch) {
        base = store.commit(before);
        ours = store.commit("git checkout -qb pull && " + pull_request);
        onto = store.commit("git checkout -qfb onto " + base + " && " + base_branch);
    }

    [[nodiscard]] integrations::Mirror::Rebased rebased() const {
        auto result = store.mirror->rebased(base, ours, onto, most, cap);
        if (!result) MESSAGE(result.error().message);
        REQUIRE(result.has_value());
        return std::move(*result);
    }

    /// The commit that the edits make on the base branch.
    [[nodiscard]] std::string outcome() const {
        const auto made = store.mirror->commit(onto, rebased().edits, text("Rebased\n"));
        if (!made) MESSAGE(made.error().message);
        REQUIRE(made.has_value());
        return *made;
    }

    /// `mode path: content` of every file of the outcome, a folder's too.
    [[nodiscard]] std::string files() const {
        return sh("git ls-tree -r --format='%(objectmode) %(path) %(objectname)' " + outcome() +
                      " | while read mode path id; do echo \"$mode $path: $(test $mode = 160000 || git "
                      "cat-file "
                      "blob $id)\"; done",
                  store.bare)
            .output;
    }
};

}  // namespace

TEST_CASE("changes in different places come together, and only what the base branch lacks is an edit") {
    const RebaseFork fork(
        "seq 20 > lines && echo a > a && echo b > b && echo c > c && echo d > d && echo run > run",
        "sed -i 's/^2$/two/' lines && echo A > a && rm b && echo new > new && chmod +x run && echo d "
        "more >> d && ln -s lines link",
        "sed -i 's/^19$/nineteen/' lines && echo C > c && rm b && echo d more >> d && echo ran > run");
    const auto rebased = fork.rebased();
    CHECK(rebased.conflicts.empty());
    Paths touched;
    for (const auto& edit : rebased.edits) touched.push_back(edit.path);
    CHECK(touched == Paths{"a", "lines", "link", "new", "run"});
    CHECK(fork.files() == "100644 a: A\n100644 c: C\n100644 d: d\nd more\n100644 lines: 1\ntwo\n" +
                              sh("seq 3 18").output +
                              "nineteen\n20\n120000 link: lines\n100644 new: new\n100755 run: ran\n");
}

TEST_CASE("a change that the base branch already holds leaves nothing to do") {
    RebaseFork fork("seq 20 > f && echo x > gone", "sed -i 's/^2$/two/' f && rm gone",
                    "sed -i 's/^2$/two/; s/^19$/nineteen/' f && rm gone && echo more > more");
    CHECK(fork.rebased().edits.empty());
    CHECK(fork.rebased().conflicts.empty());
    CHECK(fork.outcome() == fork.onto);
    fork.onto = fork.base;
    CHECK(fork.rebased().edits.size() == 2);
    fork.ours = fork.base;
    CHECK(fork.rebased().edits.empty());
}

TEST_CASE("where both changed the same lines, both stand between markers that name their sides") {
    const RebaseFork fork("seq 5 > f && echo ok > g", "sed -i 's/^3$/ours/' f && echo fine > g",
                          "sed -i 's/^3$/theirs/' f");
    CHECK(fork.rebased().conflicts == Paths{"f"});
    CHECK(fork.files() ==
          "100644 f: 1\n2\n<<<<<<< base branch\ntheirs\n=======\nours\n>>>>>>> pull request\n4\n5\n"
          "100644 g: fine\n");
}

TEST_CASE("a file that both added with different words is a conflict of its lines") {
    const RebaseFork fork("echo a > a", "echo ours > new && echo same > same",
                          "echo theirs > new && echo same > same");
    CHECK(fork.rebased().conflicts == Paths{"new"});
    CHECK(fork.files() ==
          "100644 a: a\n100644 new: <<<<<<< base branch\ntheirs\n=======\nours\n>>>>>>> pull request\n"
          "100644 same: same\n");
}

TEST_CASE("a file that one side deleted and the other changed stays as it was changed, and is a conflict") {
    const RebaseFork fork("echo a > a && echo b > b && echo c > c", "echo A > a && rm b c",
                          "rm a && echo B > b");
    CHECK(fork.rebased().conflicts == Paths{"a", "b"});
    CHECK(fork.files() == "100644 a: A\n100644 b: B\n");
}

TEST_CASE("what has no lines to merge is as in the pull request, and is a conflict") {
    RebaseFork fork(
        "printf 'a\\0b' > binary && ln -s a link && echo plain > plain && echo seven > large",
        "printf 'a\\0ours' > binary && ln -sf ours link && rm plain && ln -s a plain && echo ours >> large",
        "printf 'a\\0theirs' > binary && ln -sf theirs link && echo changed > plain && head -c 2100000 "
        "/dev/zero | tr '\\0' x > large");
    CHECK(fork.rebased().conflicts == Paths{"binary", "large", "link", "plain"});
    CHECK(
        fork.files().starts_with("100644 binary: aours\n100644 large: seven\nours\n120000 link: ours\n120000 "
                                 "plain: a\n"));
}

TEST_CASE("a folder on one side and a file on the other: the pull request's stands") {
    SUBCASE("a file where the base branch has a folder") {
        const RebaseFork fork("echo a > a && mkdir f && echo in > f/in && echo out > f/out",
                              "echo ours > new && rm -r f && echo file > f",
                              "mkdir new && echo theirs > new/x && echo changed > f/in");
        CHECK(fork.rebased().conflicts == Paths{"f", "new"});
        CHECK(fork.files() == "100644 a: a\n100644 f: file\n100644 new: ours\n");
    }
    SUBCASE("a folder where the base branch has a file") {
        const RebaseFork fork("echo a > a && echo f > f",
                              "mkdir new && echo ours > new/x && rm f && mkdir f && echo in > f/in",
                              "echo theirs > new && echo changed > f");
        CHECK(fork.rebased().conflicts == Paths{"f", "new"});
        CHECK(fork.files() == "100644 a: a\n100644 f/in: in\n100644 new/x: ours\n");
    }
    SUBCASE("nobody but the pull request touched it") {
        const RebaseFork fork("mkdir -p f/g && echo in > f/g/in && echo h > h",
                              "rm -r f h && echo file > f && mkdir h && echo in > h/in", "echo more > more");
        CHECK(fork.rebased().conflicts.empty());
        CHECK(fork.files() == "100644 f: file\n100644 h/in: in\n100644 more: more\n");
    }
    SUBCASE("the base branch made the folder out of a file that the pull request deleted") {
        const RebaseFork fork("echo f > f && echo a > a", "rm f", "rm f && mkdir f && echo in > f/in");
        CHECK(fork.rebased().conflicts.empty());
        CHECK(fork.files() == "100644 a: a\n100644 f/in: in\n");
    }
}

TEST_CASE("a submodule stays what and where the base branch has it") {
    const std::string link = "git update-index --add --cacheinfo 160000,";
    const std::string seven(39, '0');
    const auto at = [&](const char* digit, const std::string& path) {
        return link + seven + digit + "," + path + " && mkdir -p " + path + " && git commit -qm s";
    };
    SUBCASE("when both moved it") {
        const RebaseFork fork(at("7", "lib"), at("8", "lib") + " && echo a > a", at("9", "lib"));
        CHECK(fork.rebased().conflicts.empty());
        CHECK(fork.files() == "100644 a: a\n160000 lib: \n");
        CHECK(line_of("git rev-parse " + fork.outcome() + ":lib", fork.store.bare) == seven + "9");
    }
    SUBCASE("when the pull request has files there") {
        const RebaseFork fork("echo a > a", "mkdir sub && echo x > sub/x && echo y > lib",
                              at("9", "sub") + " && " + at("9", "lib"));
        CHECK(fork.rebased().conflicts == Paths{"lib", "sub/x"});
        CHECK(fork.files() == "100644 a: a\n160000 lib: \n160000 sub: \n");
    }
}

TEST_CASE("a change of more files or bytes than allowed is not brought over") {
    RebaseFork fork("echo a > a && echo b > b && echo c > c", "echo 1234567 > a && rm b && rm c",
                    "echo C > c");
    fork.most = 2;
    fork.cap = 8;
    CHECK(fork.rebased().edits.size() == 2);
    CHECK(fork.rebased().conflicts == Paths{"c"});
    CHECK(kind_of(fork.store.mirror->rebased(fork.base, fork.ours, fork.onto, 1, 100)) == Kind::invalid);
    CHECK(kind_of(fork.store.mirror->rebased(fork.base, fork.ours, fork.onto, 100, 7)) == Kind::invalid);
    const RebaseFork sides("echo a > a", "echo ours > a", "echo theirs > a");  // markers count as well
    CHECK(kind_of(sides.store.mirror->rebased(sides.base, sides.ours, sides.onto, 100, 20)) == Kind::invalid);
    CHECK(kind_of(sides.store.mirror->rebased(sides.base, sides.ours, std::string(40, 'a'), 1, 1)) ==
          Kind::no_such_ref);
}

TEST_CASE("hostile trees are refused on every side, and nothing of them is written down") {
    Store store({.tree_entries = 1000});
    spit(store.work / "a", "a\n");
    const auto good = store.commit();
    const auto refused = [&](const std::string& bad, Kind kind) {
        CHECK(kind_of(store.mirror->rebased(bad, good, good, 100, 10'000)) == kind);
        CHECK(kind_of(store.mirror->rebased(good, bad, good, 100, 10'000)) == kind);
        CHECK(kind_of(store.mirror->rebased(good, good, bad, 100, 10'000)) == kind);
    };
    for (const std::string name : {".git", "..", ".", ".GIT", "git~1", "a/b"}) {
        CAPTURE(name);
        refused(store.hostile("entry 40000 '" + name + "' $sub"), Kind::invalid);
    }
    refused(store.hostile("entry 40000 d $(entry 100644 .git $blob | git hash-object -t tree -w --literally "
                          "--stdin)"),
            Kind::invalid);
    refused(
        store.hostile(
            "t=$sub; for i in 1 2 3 4 5 6 7 8 9; do t=$(for n in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree "
            "%s\\t%s\\n' $t $n; done | git mktree); done; entry 40000 d $t"),
        Kind::storage);
    CHECK_FALSE(fs::exists(store.folder / "payload"));
    CHECK_FALSE(fs::exists(store.bare / "payload"));
    CHECK_FALSE(fs::exists(store.bare / "index"));
}

TEST_CASE("files with modes of old are files like any other") {
    Store store;
    const auto with = [&](const std::string& mode, const std::string& words) {
        return store.hostile("entry " + mode + " f $(printf '" + words + "' | git hash-object -w --stdin)");
    };
    const auto base = with("100664", "1\\n2\\n3\\n4\\n5\\n"), ours = with("100664", "one\\n2\\n3\\n4\\n5\\n"),
               onto = with("100664", "1\\n2\\n3\\n4\\nfive\\n");
    const auto rebased = store.mirror->rebased(base, ours, onto, 10, 100);
    REQUIRE(rebased.has_value());
    CHECK(rebased->conflicts.empty());
    REQUIRE(rebased->edits.size() == 1);
    CHECK(rebased->edits.front().content == "one\n2\n3\n4\nfive\n");
}

TEST_CASE("a mode that one side changed stays beside lines that both changed") {
    const RebaseFork fork("seq 3 > f && echo a > g", "sed -i 's/^3$/ours/' f && echo ours > g && chmod +x g",
                          "sed -i 's/^3$/theirs/' f && chmod +x f && echo theirs > g");
    CHECK(fork.rebased().conflicts == Paths{"f", "g"});
    CHECK(sh("git ls-tree " + fork.outcome() + " | cut -c-6", fork.store.bare).output == "100755\n100755\n");
}

TEST_CASE("attributes and settings of the repository have no say in a merge") {
    const RebaseFork fork("seq 5 > f && echo '* merge=union' > .gitattributes", "sed -i 's/^3$/ours/' f",
                          "sed -i 's/^3$/theirs/' f");
    CHECK(fork.rebased().conflicts == Paths{"f"});
}

TEST_CASE("git merges many files changed at random to the same bytes") {
    Store store;
    std::mt19937 random(20'251);
    const auto below = [&](unsigned most) { return random() % most; };
    const int files = 150;
    const auto change = [&](const fs::path& file) {
        std::string changed;
        std::ifstream in(file, std::ios::binary);
        for (std::string line; std::getline(in, line);) {
            const auto what = below(12);
            if (what == 0) continue;
            changed += what == 1 ? "x" + std::to_string(below(3)) + "\n" : line + "\n";
            if (what == 2) changed += "y" + std::to_string(below(3)) + "\n";
        }
        if (below(8) == 0 && !changed.empty()) changed.pop_back();
        spit(file, changed);
    };
    const auto change_some = [&] {
        for (int number = 0; number < files; ++number) {
            const auto file = store.work / ("d" + std::to_string(number % 7)) / std::to_string(number);
            const auto what = below(10);
            if (what == 0) fs::remove(file);
            if (what == 1 && fs::exists(file))
                fs::permissions(file, fs::perms::owner_exec | fs::perms::group_exec, fs::perm_options::add);
            if (what >= 4) change(file);  // makes it when it is not there
            if (what == 9) spit(file, std::to_string(below(2)) + "\n");
        }
    };
    for (int number = 0; number < files; number += 1 + static_cast<int>(below(2))) {
        std::string lines;
        for (unsigned line = 0; line < 3 + below(20); ++line) lines += std::to_string(below(9)) + "\n";
        spit(store.work / ("d" + std::to_string(number % 7)) / std::to_string(number), lines);
    }
    const auto base = store.commit();
    change_some();
    const auto ours = store.commit("git checkout -qb pull");
    line_of("git checkout -qb onto " + base + " && echo ok", store.work);
    change_some();
    const auto onto = store.commit();

    const auto rebased = store.mirror->rebased(base, ours, onto, 1000, 1'000'000);
    REQUIRE(rebased.has_value());
    CHECK(rebased->conflicts.size() > 10);
    CHECK(rebased->edits.size() > rebased->conflicts.size());
    const auto made = store.mirror->commit(onto, rebased->edits, text("Rebased\n"));
    REQUIRE(made.has_value());

    const std::string merge =
        "git -c merge.renames=false merge-tree --write-tree --no-messages --name-only onto pull";
    std::string conflicts;
    for (const auto& path : rebased->conflicts) conflicts += path + "\n";
    CHECK(sh(merge + " | tail -n +2", store.work).output == conflicts);
    const auto tree = line_of(
        "export GIT_INDEX_FILE=$PWD/.git/other && git read-tree $(" + merge +
            " | head -n 1) && git ls-files -s | while read mode id stage path; do git update-index "
            "--cacheinfo "
            "$mode,$(git cat-file blob $id | sed 's/^>>>>>>> pull$/& request/; s/^<<<<<<< onto$/<<<<<<< base "
            "branch/' | git hash-object -w --stdin),$path; done && git write-tree",
        store.work);
    CHECK(line_of("git rev-parse " + *made + "^{tree}", store.bare) == tree);
}
