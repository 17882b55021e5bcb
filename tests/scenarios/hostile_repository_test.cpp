#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

/// Repositories and workspaces that are made to run programs in whoever looks at them with git. Every
/// program they name would leave a file on this machine.

using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::in_repository;
using scenarios::Plan;
using scenarios::repository;

namespace {

const std::string recipe = "checks:\n  - name: tests\n    run: test -f README.md\n";

/// Programs that the daemon and what it started became, by name; of a log of `strace -f -e trace=execve`.
std::set<std::string> programs_of(const std::filesystem::path& trace) {
    std::set<std::string> names;
    std::istringstream lines(scenarios::bytes_of(trace));
    constexpr std::string_view call = "execve(\"";
    for (std::string line; std::getline(lines, line);) {
        const auto at = line.find(call);
        if (at == std::string::npos) continue;
        const auto path = line.substr(at + call.size(), line.find('"', at + call.size()) - at - call.size());
        names.insert(path.substr(path.rfind('/') + 1));
    }
    return names;
}

bool is_git(const std::string& name) { return name == "git" || name.starts_with("git-"); }

/// Everything that makes git run a program in somebody's tree, each leaving the file.
std::string hostile_git(const std::string& git_folder, const std::string& canary) {
    return fmt::format(
        "mkdir -p {0}/hooks {0}/info; printf '#!/bin/sh\\ntouch {1}\\n' > evil.sh; chmod +x evil.sh; "
        "for hook in post-checkout pre-commit post-index-change reference-transaction fsmonitor-watchman "
        "update pre-push; do cp evil.sh {0}/hooks/$hook; done; "
        "printf '* filter=x diff=x merge=x\\n' > {0}/info/attributes; "
        "printf '%b' '[core]\\n\\trepositoryformatversion = 0\\n\\tfsmonitor = touch {1}\\n\\thooksPath = "
        "/workspace/{0}/hooks\\n\\tsshCommand = touch {1}\\n\\tpager = touch {1}\\n\\teditor = touch {1}\\n"
        "\\tgitProxy = touch {1}\\n\\taskPass = touch {1}\\n\\tworktree = /etc\\n\\tattributesFile = "
        "/workspace/{0}/info/attributes\\n[filter \"x\"]\\n\\tclean = touch {1}\\n\\tsmudge = touch {1}\\n"
        "\\tprocess = touch {1}\\n\\trequired\\n[diff \"x\"]\\n\\ttextconv = touch {1}\\n\\tcommand = touch "
        "{1}\\n[diff]\\n\\texternal = touch {1}\\n[merge \"x\"]\\n\\tdriver = touch {1}\\n[gpg]\\n\\tprogram "
        "= "
        "touch {1}\\n[commit]\\n\\tgpgSign = true\\n[credential]\\n\\thelper = !touch {1}\\n[protocol]\\n"
        "\\tallow = always\\n[remote \"origin\"]\\n\\turl = ext::touch% {1}\\n\\tuploadpack = touch {1}\\n"
        "\\treceivepack = touch {1}\\n[url \"ext::touch% {1}\"]\\n\\tinsteadOf = "
        "http://\\n[alias]\\n\\tstatus "
        "= !touch {1}\\n[include]\\n\\tpath = /workspace/{0}/more\\n' > {0}/config; "
        "cp {0}/config {0}/more; cp {0}/config $HOME/.gitconfig; rm evil.sh; ",
        git_folder, canary);
}

/// A tree made by hand, as no git would: `script` prints its entries with `entry MODE NAME ID`.
void commit_by_hand(const Factory& factory, const std::string& script) {
    (void)in_repository(
        factory.forge.git_directory(repository),
        "entry() { printf '%s %b\\0' \"$1\" \"$2\"; perl -e 'print pack q(H*), shift' $3; }\n"
        "blob() { git hash-object -w --stdin; }\n"
        "first=$(git rev-list --max-parents=0 main); recipe=$(git rev-parse $first:.shopfloor.yml); "
        "readme=$(git rev-parse $first:README.md)\n"
        "tree=$({ " +
            script +
            "\n} | git hash-object -t tree -w --literally --stdin)\n"
            "git update-ref refs/heads/main $(git commit-tree -p main -m hostile $tree)");
}

}  // namespace

TEST_CASE("submodules and references that name programs run none, and the work goes on") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.recipe = recipe, .agents = {{"worker", "echo more >> README.md; ls sub"}}});
    const auto canary = (factory.directory() / "canary").string();
    commit_by_hand(
        factory,
        fmt::format(
            "modules=$(printf '[submodule \"../../modules\"]\\n\\tpath = sub\\n\\turl = -u./payload\\n"
            "\\tupdate = !touch {0}\\n[submodule \"x\"]\\n\\tpath = -u./x\\n\\turl = ext::touch%% {0}\\n'"
            " | blob); payload=$(printf '#!/bin/sh\\ntouch {0}\\n' | blob); "
            "entry 100644 .gitmodules $modules; entry 100644 .shopfloor.yml $recipe; "
            "entry 100644 README.md $readme; entry 100755 payload $payload; "
            "entry 160000 sub $(printf %040d 7)",
            canary));
    // A branch, a tag and a commit message that a careless command line would take for options.
    (void)in_repository(
        factory.forge.git_directory(repository),
        fmt::format("main=$(git rev-parse main); for name in heads/--upload-pack=touch-canary heads/-u "
                    "tags/--exec=canary; do mkdir -p refs/$(dirname $name); printf '%s\\n' $main > "
                    "\"refs/$name\"; done; echo {} > /dev/null",
                    canary));
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    const auto tree = in_repository(factory.forge.git_directory(repository),
                                    "git ls-tree " + proposal->head_sha + " sub README.md");
    CHECK(contains(tree, "160000 commit 0000000000000000000000000000000000000007\tsub"));
    CHECK_FALSE(std::filesystem::exists(canary));
    CHECK(scenarios::files_with(factory.state_dir() / "mirrors", {"ext::touch"}).empty());
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}

TEST_CASE("a repository that carries a .git of its own is refused with a word, and nothing of it is used") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.recipe = recipe, .agents = {{"worker", "echo more >> README.md"}}});
    const auto canary = (factory.directory() / "canary").string();
    const auto rest = "entry 100644 .shopfloor.yml $recipe; entry 100644 README.md $readme; ";
    const auto hook = fmt::format("hook=$(printf '#!/bin/sh\\ntouch {0}\\n' | blob); ", canary);
    const auto folder = fmt::format(
        "config=$(printf '[core]\\n\\tfsmonitor = touch {0}\\n' | blob); git_folder=$(entry 100644 config "
        "$config | git hash-object -t tree -w --literally --stdin); ",
        canary);
    for (const auto& script :
         {"outside=$(printf payload | blob); entry 120000 .git $outside; " + std::string(rest),
          "outside=$(printf /etc | blob); entry 120000 .GIT $outside; " + std::string(rest),
          folder + "entry 40000 .git $git_folder; " + rest, folder + "entry 40000 git~1 $git_folder; " + rest,
          hook + rest + "entry 100755 ../evil $hook",
          // A link and a folder of one name: the folder's file would land where the link points.
          fmt::format("outside=$(printf '{}' | blob); ", factory.directory().string()) + hook +
              "inner=$(entry 100755 canary $hook | git hash-object -t tree -w --literally --stdin); "
              "entry 120000 a $outside; entry 40000 a $inner; " +
              rest}) {
        CAPTURE(script);
        commit_by_hand(factory, script);
        const auto issue = factory.ask("Anything");
        REQUIRE(factory.reaches(issue, "blocked"));
        CHECK(PracticeForge::eventually([&] { return contains(factory.status(issue), "checking out"); }));
        INFO(factory.status(issue));
        CHECK(factory.heard(issue).empty());
        CHECK_FALSE(std::filesystem::exists(canary));
        CHECK_FALSE(std::filesystem::exists(factory.state_dir() / "evil"));
    }
    CHECK(factory.forge.pull_requests(repository).empty());
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}

TEST_CASE("the daemon runs no git at all, whatever the agent made of .git: seen with strace") {
    if (!scenarios::can_trace()) return;
    scenarios::on_both([](const std::string& backend) {
        const auto folder = Factory::fresh_folder();
        const auto canary = (folder / "canary").string();
        const auto trace = (folder / "trace").string();
        {
            Factory factory({.recipe = recipe,
                             .agents = {{"worker", hostile_git(".git", canary) + "echo more >> README.md"},
                                        {"nested", "mkdir sub; " + hostile_git("sub/.git", canary) +
                                                       "echo more >> README.md"},
                                        {"linked", "rm -rf .git; ln -s /workspace/other .git; mkdir other; " +
                                                       hostile_git("other", canary) +
                                                       "rm -rf other; "
                                                       "echo more >> README.md"}},
                             .backend = backend,
                             .process = true,
                             .wrapper = scenarios::tracing_to(trace),
                             .change = [](config::Settings& s) { s.default_profile = "worker"; }});
            const auto own = factory.ask("Own .git");
            const auto nested = factory.ask("Nested .git", "Please.", "agent:nested");
            const auto linked = factory.ask("Linked .git", "Please.", "agent:linked");
            REQUIRE(factory.reaches(own, "review"));
            REQUIRE(factory.reaches(linked, "review"));
            REQUIRE(factory.reaches(nested, "blocked"));
            CHECK(PracticeForge::eventually([&] { return contains(factory.status(nested), "sub/.git"); }));
            const auto proposal = factory.pull_request_of(own);
            REQUIRE(proposal);
            CHECK(factory.forge.file(repository, proposal->head_sha, "README.md") == "# widget\nmore\n");
            CHECK_FALSE(factory.pull_request_of(nested));
            CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
        }
        auto programs = programs_of(trace);
        std::erase_if(programs, [](const std::string& name) { return name.starts_with("llvm-symbolizer"); });
        CHECK(programs.contains("shopfloor"));
        CHECK(programs.contains("mke2fs"));
        CHECK(std::ranges::none_of(programs, is_git));
        // With an engine the sandboxes are not its children: these are all it ever ran. "exe" is itself, for
        // its other processes.
        if (backend == "docker") CHECK(programs == std::set<std::string>{"exe", "mke2fs", "shopfloor"});
        // Without one they are, and are seen too.
        if (backend == "bubblewrap") CHECK((programs.contains("bwrap") && programs.contains("mkdir")));
        CHECK_FALSE(std::filesystem::exists(canary));
        std::filesystem::remove_all(folder);
    });
}
