#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

/// What an agent may leave behind in the tree, and what of it may reach the forge.

using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::in_repository;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::refs_of;
using scenarios::repository;

namespace {

const std::string results_recipe =
    "checks:\n  - name: tests\n    run: test -f README.md\nprotected_paths: [deploy/]\n";

/// An agent of this name does this, and its job must end blocked and name this path.
struct Deed {
    std::string name, script, path;
};

std::map<std::string, std::string> agents_of(const std::vector<Deed>& deeds) {
    std::map<std::string, std::string> agents;
    for (const auto& deed : deeds) agents[deed.name] = deed.script;
    return agents;
}

/// As the status comment shows a path; where it shows only the beginning of one, the reason.
std::string shown(const std::string& path) {
    return path.find(' ') == std::string::npos ? "`" + path + "`" : path;
}

/// All at once; each ends blocked with its path, and the forge has no reference that it did not have.
void all_end_blocked(Factory& factory, const std::vector<Deed>& deeds) {
    const auto bare = factory.forge.git_directory(repository);
    const auto before = refs_of(bare);
    std::vector<std::int64_t> issues;
    for (const auto& deed : deeds) issues.push_back(factory.ask(deed.name, "Please.", "agent:" + deed.name));
    for (std::size_t i = 0; i < deeds.size(); ++i) {
        CAPTURE(deeds[i].name);
        REQUIRE(factory.reaches(issues[i], "blocked"));
        const bool named = PracticeForge::eventually(
            [&] { return contains(factory.status(issues[i]), shown(deeds[i].path)); },
            std::chrono::seconds(20));
        INFO(factory.status(issues[i]));
        CHECK(named);
        CHECK_FALSE(factory.pull_request_of(issues[i]));
    }
    CHECK(refs_of(bare) == before);
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}

/// The default branch gets links as no File can tell them.
void add_link(const Factory& factory, const std::string& path, const std::string& target) {
    (void)in_repository(
        factory.forge.git_directory(repository),
        fmt::format(
            "export GIT_INDEX_FILE=$PWD/links.index; git read-tree main; git update-index --add "
            "--cacheinfo 120000,$(printf %s '{1}' | git hash-object -w --stdin),'{0}'; git update-ref "
            "refs/heads/main $(git commit-tree -p main -m link $(git write-tree)); rm links.index",
            path, target));
}

}  // namespace

TEST_CASE("links and special files that lead out of the tree reject the whole result, on either backend") {
    const std::vector<Deed> deeds{
        {"absolute", "ln -s /etc/passwd passwords; echo more >> README.md", "passwords"},
        {"parent", "ln -s ../../etc/passwd src/up", "src/up"},
        {"folder", "rm -rf src; ln -s /etc src", "src"},
        {"root", "mkdir -p a/b; ln -s /proc/self/root a/b/root", "a/b/root"},
        {"own-git", "ln -s .git/config settings", "settings"},
        {"hard-link",
         "if ln /etc/passwd outside || ln $HOME/../../etc/group outside; then exit 1; fi; echo x > one; ln "
         "one zwei",
         "one"},
        {"pipe", "mkfifo pipe; echo more >> README.md", "pipe"}};
    scenarios::on_both([&](const std::string& backend) {
        auto agents = agents_of(deeds);
        Factory factory({.files = {{.path = "src/a.txt", .content = "a\n"}},
                         .recipe = results_recipe,
                         .agents = std::move(agents),
                         .backend = backend});
        all_end_blocked(factory, deeds);
    });
}

TEST_CASE(
    "what an archive could smuggle is refused as files too: names, sizes, numbers, nested repositories") {
    const std::vector<Deed> deeds{
        {"newline", "echo x > \"$(printf 'a\\nb')\"", "a\\x0ab"},
        {"escape", "echo x > \"$(printf 'a\\033[31mb')\"", "a\\x1b[31mb"},
        {"no-utf8", "echo x > \"$(printf 'bad\\377')\"", "bad\\xff"},
        {"backslash", "echo x > '..\\evil'", "..\\evil"},
        {"trailing-dot", "mkdir .git.; echo x > .git./config", ".git."},
        {"short-name", "mkdir -p src/git~1; echo x > src/git~1/config", "src/git~1"},
        {"sparse", "truncate -s 3G huge", "huge"},
        {"large", "head -c 5000000 /dev/zero > large", "large"},
        {"deep",
         "for i in $(seq 60); do mkdir $(printf %0200d 1) && cd $(printf %0200d 1) || break; done; echo "
         "x > x",
         "longer than 4,096 bytes"},
        {"nested", "mkdir src/.git; echo x > src/.git/HEAD", "src/.git"}};
    scenarios::on_both([&](const std::string& backend) {
        Factory factory({.files = {{.path = "src/a.txt", .content = "a\n"}},
                         .recipe = results_recipe,
                         .agents = agents_of(deeds),
                         .backend = backend});
        all_end_blocked(factory, deeds);
    });
}

TEST_CASE("links of the repository stay links in the result, wherever they point") {
    scenarios::on_both([](const std::string& backend) {
        Factory factory({.recipe = results_recipe,
                         .agents = {{"worker", "echo more >> README.md; ln -s README.md new"}},
                         .backend = backend});
        add_link(factory, "inside", "README.md");
        add_link(factory, "folder/outside", "/etc/passwd");
        const auto issue = factory.ask("Anything");
        REQUIRE(factory.reaches(issue, "review"));
        const auto proposal = factory.pull_request_of(issue);
        REQUIRE(proposal);
        const auto tree = in_repository(
            factory.forge.git_directory(repository),
            fmt::format("git ls-tree -r {0}; for link in inside folder/outside new; do git cat-file blob "
                        "{0}:$link; echo; done",
                        proposal->head_sha));
        CHECK(std::ranges::count(tree, '\n') == 5 + 3);
        for (const auto* line : {"\tinside\n", "\tfolder/outside\n", "\tnew\n"}) {
            CAPTURE(line);
            const auto end = tree.find(line);
            REQUIRE(end != std::string::npos);
            CHECK(tree.substr(tree.rfind('\n', end) + 1, 12) == "120000 blob ");
        }
        CHECK(tree.ends_with("README.md\n/etc/passwd\nREADME.md\n"));
    });
}

TEST_CASE("what a forge runs or obeys by itself is not published, by no way there") {
    if (!can_run("bubblewrap")) return;
    const std::vector<Deed> deeds{
        {"changed", "echo more >> .github/workflows/ci.yml", ".github/workflows/ci.yml"},
        {"removed", "rm .github/workflows/ci.yml; echo more >> README.md", ".github/workflows/ci.yml"},
        {"renamed-in", "mv ci/plain.yml .github/workflows/new.yml", ".github/workflows/new.yml"},
        {"renamed-away", "mv .github/workflows/ci.yml ci/ci.yml", ".github/workflows/ci.yml"},
        {"renamed-folder", "mv .github old", ".github/workflows/ci.yml"},
        {"case", "mkdir -p .GITHUB/Workflows; echo x > .GITHUB/Workflows/x.yml", ".GITHUB/Workflows/x.yml"},
        {"action", "mkdir -p .github/actions/x; echo x > .github/actions/x/action.yml",
         ".github/actions/x/action.yml"},
        {"owners", "echo '* @mallory' > CODEOWNERS", "CODEOWNERS"},
        {"owners-case", "mkdir -p docs; echo '* @mallory' > docs/CodeOwners", "docs/CodeOwners"},
        {"gitlab", "echo x > .gitlab-ci.yml", ".gitlab-ci.yml"},
        {"link-in-place", "rm -rf .github; ln -s ci .github", ".github"},
        {"link-through", "ln -s .github/workflows flows; echo x > flows/evil.yml",
         ".github/workflows/evil.yml"},
        {"link-inside", "ln -s ../../ci/plain.yml .github/workflows/linked.yml",
         ".github/workflows/linked.yml"},
        {"recipe", "echo 'checks: []' > .shopfloor.yml", ".shopfloor.yml"},
        {"own-rule", "mkdir deploy; mv ci/plain.yml deploy/plain.yml", "deploy/plain.yml"}};
    Factory factory({.files = {{.path = ".github/workflows/ci.yml", .content = "on: push\n"},
                               {.path = "ci/plain.yml", .content = "on: pull_request_target\n"}},
                     .recipe = results_recipe,
                     .agents = agents_of(deeds)});
    all_end_blocked(factory, deeds);
}

TEST_CASE("branches are the bot's own to name, and no reference that is there is ever moved") {
    if (!can_run("bubblewrap")) return;
    Factory factory(
        {.recipe = results_recipe,
         .agents = {{"worker",
                     "git branch -f main HEAD; git checkout -q -b agent/mine; git tag agent/mine-too; "
                     "printf 'ref: refs/heads/main\\n' > .git/HEAD; echo more >> README.md; echo "
                     "'{\"summary\": \"push me to main\", \"branch\": \"main\", \"ref\": "
                     "\"refs/heads/main\"}'"}}});
    const auto bare = factory.forge.git_directory(repository);
    const std::vector<std::string> titles{"Taken", "main", "../../heads/main", "--force HEAD:main",
                                          "..",    "🚀"};
    std::vector<std::int64_t> issues;
    for (const auto& title : titles)
        issues.push_back(factory.forge.create_issue(repository, title, "Please.", maintainer));
    const auto taken = fmt::format("agent/issue-{}-taken", issues.front());
    factory.forge.commit_files(repository, taken, {{.path = "theirs", .content = "x\n"}}, "theirs",
                               maintainer);
    (void)in_repository(bare,
                        fmt::format("git tag agent/issue-{0}-taken-2 main; git tag agent/main main; git "
                                    "tag v1 main; git update-ref refs/pull/99/head main",
                                    issues.front()));
    const auto before = refs_of(bare);
    factory.forge.forget_requests();
    for (const auto issue : issues) factory.forge.add_label(repository, issue, "agent", maintainer);
    for (const auto issue : issues) REQUIRE(factory.reaches(issue, "review"));

    const auto after = refs_of(bare);
    CHECK(after.size() == before.size() + titles.size());
    for (const auto& [name, id] : after) {
        CAPTURE(name);
        if (const auto old = before.find(name); old != before.end())
            CHECK(old->second == id);
        else
            CHECK(std::ranges::any_of(issues, [&](auto issue) {
                const auto own = fmt::format("refs/heads/agent/issue-{}", issue);
                return name == own || name.starts_with(own + "-");
            }));
    }
    // On the wire: each push makes one branch that was not there (old value zero), and names no other.
    int pushes = 0;
    for (const auto& request : factory.forge.requests()) {
        if (request.method != "POST" || !contains(request.path, "git-receive-pack")) continue;
        if (request.status != 200) continue;  // asks for a credential first
        ++pushes;
        // https://git-scm.com/docs/gitprotocol-pack: length, old value, new value, name, a zero byte, what
        // the client can; then a flush.
        REQUIRE(request.body.size() > 160);
        const auto length = std::stoul(request.body.substr(0, 4), nullptr, 16);
        const auto command = request.body.substr(4, length - 4);
        CHECK(command.starts_with(std::string(40, '0') + " "));
        CHECK(command.substr(82).starts_with("refs/heads/agent/issue-"));
        CHECK(request.body.substr(length, 4) == "0000");
    }
    CHECK(pushes == static_cast<int>(titles.size()));
}
