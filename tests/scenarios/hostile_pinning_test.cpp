#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <string>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

/// What was approved is what runs: title, text, commit and recipe are those of the moment of the label.

using practice_forge::PracticeForge;
using scenarios::Ability;
using scenarios::can;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::repository;

namespace {

const std::string pinned_recipe =
    "checks:\n  - name: the pinned check\n    run: test ! -f poison && test -f tests/run.sh\n";
const std::string moved_recipe = "checks:\n  - name: the moved check\n    run: touch moved && exit 1\n";

enum class Approved { known, unseen };

/// One worker, held by a first job, so that a second is labelled and waits. The commit that it was labelled
/// at is known from the first job, or was made after it. `release` lets the first job go.
struct Queue {
    explicit Queue(Approved approval)
        : factory({.files = {{.path = "tests/run.sh", .content = "true\n"},
                             {.path = "value", .content = "approved\n"}},
                   .recipe = pinned_recipe,
                   .agents = {{"worker", "cat; cat value > seen; ls -a >> seen"},
                              {"holder",
                               "touch ready; until test -e go; do sleep 0.1; done; rm -f ready go; "
                               "echo x > held"}},
                   .change = [](config::Settings& settings) {
                       settings.max_parallel = 1;
                       settings.default_profile = "worker";
                   }}) {
        earlier = factory.forge.branches(repository).at("main");
        if (approval == Approved::known) make_approved();
        (void)factory.ask("First", "Please.", "agent:holder");
        tree = scenarios::workspace_with(factory, "ready");
        if (approval == Approved::unseen) make_approved();
        issue = factory.ask("Honest title", "Honest body.");
        REQUIRE(factory.reaches(issue, "queued"));
    }
    void make_approved() {
        approved = factory.forge.commit_files(repository, "main", {{.path = "second", .content = "x\n"}},
                                              "second", maintainer);
    }
    void release() const { std::ofstream(tree / "go") << ""; }

    Factory factory;
    std::filesystem::path tree;
    std::string earlier, approved;  ///< commits of the default branch
    std::int64_t issue = 0;
};

std::string parent_of(const Factory& factory, const practice_forge::PullRequest& proposal) {
    const auto commit = factory.forge.commit(repository, proposal.head_sha);
    return commit.parents.size() == 1 ? commit.parents.front() : std::string();
}

/// A forced push: the default branch is at a commit with these parents, of poisoned files.
std::string rewrite_main(const Factory& factory, const std::string& parents) {
    auto id = scenarios::in_repository(
        factory.forge.git_directory(repository),
        fmt::format(
            "value=$(echo poisoned | git hash-object -w --stdin); recipe=$(printf '{0}' | git "
            "hash-object -w --stdin); tree=$(printf '100644 blob %s\\t.shopfloor.yml\\n100644 blob "
            "%s\\tpoison\\n100644 blob %s\\tvalue\\n' $recipe $value $value | git mktree); git "
            "update-ref refs/heads/main $(git commit-tree {1} -m rewritten $tree); git rev-parse main",
            moved_recipe, parents));
    id.pop_back();
    return id;
}

}  // namespace

TEST_CASE("an issue edited and a base pushed after the label: the approved text and commit are worked on") {
    if (!can_run("bubblewrap")) return;
    Queue queue(Approved::unseen);
    auto& factory = queue.factory;
    factory.forge.edit_issue(repository, queue.issue, "Evil title", "Evil body", "mallory");
    factory.forge.comment(repository, queue.issue, "Evil comment", "mallory");
    const auto moved = factory.forge.commit_files(repository, "main",
                                                  {{.path = "value", .content = "poisoned\n"},
                                                   {.path = "poison", .content = "x\n"},
                                                   {.path = ".shopfloor.yml", .content = moved_recipe}},
                                                  "poison", "mallory");
    REQUIRE(moved != queue.approved);
    queue.release();
    REQUIRE(factory.reaches(queue.issue, "review"));

    const auto proposal = factory.pull_request_of(queue.issue);
    REQUIRE(proposal);
    CHECK(parent_of(factory, *proposal) == queue.approved);
    const auto seen = factory.forge.file(repository, proposal->head_sha, "seen");
    CHECK(seen.starts_with("approved\n"));
    CHECK_FALSE(contains(seen, "poison"));
    CHECK(contains(factory.heard(queue.issue), "Honest body."));
    CHECK_FALSE(contains(factory.heard(queue.issue), "Evil"));
    CHECK(proposal->title == "Honest title");
    CHECK_FALSE(contains(proposal->body, "Evil"));
    // It names both commits, and the recipe that ruled was the approved one too.
    CHECK(contains(proposal->body, queue.approved.substr(0, 10)));
    CHECK(contains(proposal->body, proposal->head_sha.substr(0, 10)));
    CHECK(contains(proposal->body, "the pinned check"));
    CHECK_FALSE(contains(proposal->body, "the moved check"));
    CHECK_FALSE(proposal->draft);
    CHECK(factory.forge.branches(repository).at("main") == moved);
}

TEST_CASE("a base branch rewritten after the label: the approved commit is worked on while it can be had") {
    if (!can_run("bubblewrap")) return;
    Queue queue(Approved::known);
    auto& factory = queue.factory;
    const auto rewritten = rewrite_main(factory, "-p " + queue.earlier);
    queue.release();
    REQUIRE(factory.reaches(queue.issue, "review"));
    const auto proposal = factory.pull_request_of(queue.issue);
    REQUIRE(proposal);
    CHECK(parent_of(factory, *proposal) == queue.approved);
    CHECK(factory.forge.file(repository, proposal->head_sha, "seen").starts_with("approved\n"));
    CHECK_FALSE(contains(proposal->body, "the moved check"));
    CHECK(factory.forge.branches(repository).at("main") == rewritten);
}

TEST_CASE("a base branch that became another history altogether stops the job, or shows what was approved") {
    if (!can_run("bubblewrap")) return;
    Queue queue(Approved::known);
    auto& factory = queue.factory;
    const auto rewritten = rewrite_main(factory, "");
    queue.release();
    if (can(Ability::refuse_unrelated_histories)) {
        REQUIRE(factory.reaches(queue.issue, "blocked"));
        CHECK(PracticeForge::eventually(
            [&] { return contains(factory.status(queue.issue), "no history in common"); }));
        CHECK(contains(factory.status(queue.issue), "/agent retry"));
        CHECK(factory.forge.pull_requests(repository).empty());
    } else {  // it shows what was approved, and people see that it cannot be merged
        REQUIRE(factory.reaches(queue.issue, "review"));
        const auto proposal = factory.pull_request_of(queue.issue);
        REQUIRE(proposal);
        CHECK(parent_of(factory, *proposal) == queue.approved);
        CHECK(factory.forge.file(repository, proposal->head_sha, "seen").starts_with("approved\n"));
    }
    CHECK(factory.forge.branches(repository).at("main") == rewritten);
}

TEST_CASE("an approved commit that cannot be had any more stops the job with a word: no other is taken") {
    if (!can_run("bubblewrap")) return;
    Queue queue(Approved::unseen);
    auto& factory = queue.factory;
    (void)rewrite_main(factory, "-p " + queue.earlier);  // before anybody fetched what was approved
    queue.release();
    REQUIRE(factory.reaches(queue.issue, "blocked"));
    CHECK(PracticeForge::eventually(
        [&] { return contains(factory.status(queue.issue), scenarios::as_read("No «pull request»")); }));
    INFO(factory.status(queue.issue));
    CHECK(contains(factory.status(queue.issue), queue.approved.substr(0, 10)));
    CHECK(contains(factory.status(queue.issue), "/agent retry"));
    CHECK(contains(factory.status(queue.issue), "not there any more"));
    CHECK_FALSE(factory.pull_request_of(queue.issue));
    CHECK(factory.heard(queue.issue).empty());
}

TEST_CASE("a recipe on another branch rules nothing") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}},
                     .recipe = pinned_recipe,
                     .agents = {{"worker", "echo more >> README.md"}}});
    factory.forge.commit_files(repository, "elsewhere", {{.path = ".shopfloor.yml", .content = moved_recipe}},
                               "mine", "mallory");
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    CHECK(proposal->base_branch == "main");
    CHECK(contains(proposal->body, "the pinned check"));
    CHECK_FALSE(contains(proposal->body, "the moved check"));
}

TEST_CASE("a recipe that asks the walls down is refused by the key, and nothing runs") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}},
                     .recipe = "privileged: true\n",
                     .agents = {{"worker", "echo more >> README.md"}}});
    struct Ask {
        std::string key, recipe;
    };
    std::size_t asked = 0;
    for (const auto& [key, recipe] :
         std::vector<Ask>{{"privileged", "privileged: true\n"},
                          {"mounts", "mounts:\n  - /:/host\n"},
                          {"env", "env:\n  LD_PRELOAD: /workspace/evil.so\n"},
                          {"egress", "egress: [\"*\"]\n"},
                          {"network", "limits:\n  network: host\n"},
                          {"user", "checks:\n  - name: tests\n    run: id\n    user: root\n"}}) {
        CAPTURE(recipe);
        factory.forge.commit_files(repository, "main", {{.path = ".shopfloor.yml", .content = recipe}},
                                   "recipe", "mallory");
        const auto issue = factory.ask("Anything");
        ++asked;
        REQUIRE(factory.reaches(issue, "blocked"));
        CHECK(PracticeForge::eventually([&] { return contains(factory.status(issue), ".shopfloor.yml"); }));
        CHECK(contains(factory.status(issue), key));
        CHECK(contains(factory.status(issue), "line "));
        CHECK(factory.heard(issue).empty());
    }
    CHECK(factory.forge.pull_requests(repository).empty());
    CHECK(factory.forge.branches(repository).size() == 1);
    CHECK(scenarios::rows_of(factory.state_dir() / "ledger.sqlite").at("runs") == 0);
    CHECK(asked == 6);
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}
