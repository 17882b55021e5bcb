// Branches of ours that are put elsewhere, taken away or kept aside, and a change that is brought onto
// another base: against a real git server.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "integrations/git.hpp"
#include "tests/integrations/git_place.hpp"
#include "tests/integrations/git_store.hpp"

using git_test::kind_of;
using git_test::line_of;
using git_test::made;
using git_test::Place;
using git_test::sh;
using git_test::spit;
using git_test::Store;
using Kind = integrations::GitError::Kind;

TEST_CASE("a branch of ours is put to a commit beside it, if nobody moved it meanwhile") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto ours = made(*mirror, first, "ours");
    const auto other = made(*mirror, first, "other");
    const auto bare = place.server.bare("shop");
    CHECK(kind_of(mirror->replace(other, "agent/issue-1", ours)) == Kind::exists);  // it is not there
    REQUIRE(mirror->push_new(ours, "agent/issue-1").has_value());
    CHECK(kind_of(mirror->replace(other, "agent/issue-1", first)) == Kind::exists);
    CHECK(line_of("git rev-parse agent/issue-1", bare) == ours);
    CHECK(mirror->replace(other, "agent/issue-1", ours).has_value());
    CHECK(mirror->replace(other, "agent/issue-1", ours).has_value());  // the answer of the first was lost
    CHECK(line_of("git rev-parse agent/issue-1", bare) == other);
    CHECK(kind_of(mirror->replace(other, "main", first)) == Kind::refused);
    SUBCASE("somebody pushes in the same moment") {
        place.server.before = [&](const httplib::Request& request) {
            if (request.method == "POST") line_of("git branch -f agent/issue-1 main; echo ok", bare);
        };
        CHECK(kind_of(mirror->replace(ours, "agent/issue-1", other)) == Kind::exists);
        CHECK(line_of("git rev-parse agent/issue-1", bare) == first);
    }
}

TEST_CASE("a branch holds our commit, whatever people put on top of it, until they take it out") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto ours = made(*mirror, first, "ours");
    CHECK(kind_of(mirror->holds("agent/issue-1", ours)) == Kind::no_such_ref);
    REQUIRE(mirror->push_new(ours, "agent/issue-1").has_value());
    CHECK(mirror->holds("agent/issue-1", ours) == true);
    CHECK(mirror->holds("agent/issue-1", first) == true);
    CHECK(mirror->holds("main", ours) == false);
    const auto work = place.server.bare("shop").parent_path() / "shop.work";
    line_of(
        "git fetch -q origin && git checkout -q agent/issue-1 && echo x > theirs && git add theirs && git "
        "commit -qm theirs && git push -q origin agent/issue-1 && echo ok",
        work);
    CHECK(mirror->holds("agent/issue-1", ours) == true);
    line_of("git push -qf origin main:agent/issue-1 && echo ok", work);
    CHECK(mirror->holds("agent/issue-1", ours) == false);
    CHECK(mirror->holds("agent/issue-1", std::string(40, 'a')) == false);
}

TEST_CASE("a branch of ours is taken away, if nobody moved it meanwhile") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto ours = made(*mirror, first, "ours");
    const auto bare = place.server.bare("shop");
    REQUIRE(mirror->push_new(ours, "agent/issue-1").has_value());
    CHECK(kind_of(mirror->drop("agent/issue-1", first)) == Kind::exists);
    CHECK(line_of("git rev-parse agent/issue-1", bare) == ours);
    CHECK(mirror->drop("agent/issue-1", ours).has_value());
    CHECK(mirror->drop("agent/issue-1", ours).has_value());
    CHECK(sh("git for-each-ref --format='%(refname)'", bare).output == "refs/heads/main\n");
    CHECK(kind_of(mirror->drop("main", first)) == Kind::refused);
    CHECK(line_of("git rev-parse main", bare) == first);
}

TEST_CASE("what was there is kept beside the branches, and fetched by its name") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto ours = made(*mirror, first, "ours");
    const std::string ref = "refs/shopfloor/job-1/try-1";
    CHECK(mirror->keep(ours, ref).has_value());
    CHECK(mirror->keep(ours, ref).has_value());
    CHECK(kind_of(mirror->keep(first, ref)) == Kind::exists);
    CHECK(sh("git for-each-ref --format='%(refname)'", place.server.bare("shop")).output ==
          "refs/heads/main\n" + ref + "\n");
    CHECK(mirror->fetch(ref) == ours);
    for (const std::string name :
         {"refs/heads/x", "refs/tags/x", "refs/shopfloor/../heads/x", "refs/shopfloor/", "refs/shopfloor/a b",
          "refs/shopfloor/x:refs/heads/main"}) {
        CAPTURE(name);
        CHECK(kind_of(mirror->keep(ours, name)) == Kind::refused);
    }
}

TEST_CASE("no commit is no commit: a branch is neither made nor taken away for want of one") {
    Place place;
    const auto first = place.repository("shop");
    const auto mirror = place.mirror("shop");
    REQUIRE(mirror->fetch("main").has_value());
    const auto ours = made(*mirror, first, "ours");
    const auto bare = place.server.bare("shop");
    REQUIRE(mirror->push_new(ours, "agent/issue-1").has_value());
    CHECK(kind_of(mirror->push_new("", "agent/issue-2")) == Kind::no_such_ref);
    CHECK(kind_of(mirror->push_on("", "agent/issue-1", ours)) == Kind::no_such_ref);
    CHECK(kind_of(mirror->replace("", "agent/issue-1", ours)) == Kind::no_such_ref);
    CHECK(kind_of(mirror->keep("", "refs/shopfloor/job-1")) == Kind::no_such_ref);
    CHECK(line_of("git rev-parse agent/issue-1", bare) == ours);
    CHECK(kind_of(mirror->replace(ours, "agent/issue-2", "")) == Kind::exists);
    CHECK(kind_of(mirror->push_on(ours, "agent/issue-2", "")) == Kind::exists);
    CHECK(kind_of(mirror->drop("agent/issue-1", "")) == Kind::exists);
    CHECK(line_of("git for-each-ref --format='%(refname)' | tr '\\n' ' '", bare) ==
          "refs/heads/agent/issue-1 refs/heads/main ");
}

namespace {

/// base; what the pull request made of it; what the base branch made of it.
struct Fork {
    Store store;
    std::string base, ours, onto;

    Fork(const std::string& first, const std::string& change, const std::string& elsewhere) {
        base = store.commit(first);
        ours = store.commit(change);
        onto = store.commit("git checkout -q -b onto " + base + " && " + elsewhere);
    }
    [[nodiscard]] integrations::GitResult<integrations::Mirror::Rebased> rebased(std::size_t most = 100,
                                                                                 std::size_t cap = 1 << 20) {
        return store.mirror->rebased(base, ours, onto, most, cap);
    }
};

std::map<std::string, std::string> files_of(const integrations::Mirror::Rebased& rebased) {
    std::map<std::string, std::string> files;
    for (const auto& edit : rebased.edits)
        files[edit.path] = edit.kind == integrations::TreeEdit::Kind::removed ? "removed" : edit.content;
    return files;
}

}  // namespace

TEST_CASE("a change is brought onto another base where both touched different places") {
    Fork fork("seq 9 > a; echo x > b; echo y > c", "sed -i s/2/two/ a; rm c; echo n > new",
              "sed -i s/8/eight/ a; echo z > b");
    const auto rebased = fork.rebased();
    REQUIRE(rebased.has_value());
    CHECK(rebased->conflicts.empty());
    CHECK(files_of(*rebased) == std::map<std::string, std::string>{{"a", "1\ntwo\n3\n4\n5\n6\n7\neight\n9\n"},
                                                                   {"c", "removed"},
                                                                   {"new", "n\n"}});
}

TEST_CASE(
    "where both changed the same lines both stand between markers, and what has no lines is the change's") {
    Fork fork("echo 1 > a; printf 'a\\0b' > binary; echo 1 > gone; echo 1 > dropped",
              "echo ours > a; printf 'ours\\0' > binary; echo ours > gone; rm dropped",
              "echo base > a; printf 'base\\0' > binary; rm gone; echo base > dropped");
    const auto rebased = fork.rebased();
    REQUIRE(rebased.has_value());
    CHECK(rebased->conflicts == std::vector<std::string>{"a", "binary", "dropped", "gone"});
    CHECK(files_of(*rebased) == std::map<std::string, std::string>{
                                    {"a", "<<<<<<< base branch\nbase\n=======\nours\n>>>>>>> pull request\n"},
                                    {"binary", std::string("ours\0", 5)},
                                    {"gone", "ours\n"}});
}

TEST_CASE("a change that is too large is not brought anywhere") {
    Fork fork("echo 1 > a", "for i in $(seq 20); do echo $i > f$i; done", "echo 2 > b");
    CHECK(kind_of(fork.rebased(10)) == Kind::invalid);
    CHECK(kind_of(fork.rebased(100, 10)) == Kind::invalid);
    CHECK(kind_of(fork.store.mirror->rebased(fork.base, std::string(40, 'a'), fork.onto, 100, 1000)) ==
          Kind::no_such_ref);
}
