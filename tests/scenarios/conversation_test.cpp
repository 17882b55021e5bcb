// An open pull request made anew, repaired after the forge's own CI, brought onto a base that moved; several
// tries; and how a job ends when the world around it does.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/scene.hpp"

using practice_forge::PracticeForge;
using scenarios::Ability;
using scenarios::can;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::repository;
using scenarios::Scene;
using scenarios::visitor;

namespace {

/// Whatever it is asked, the agent tells what it heard, and `does` something.
Plan plan_of(const std::string& does) {
    return {.files = {{.path = "tests/run.sh", .content = "true\n"}, {.path = "words", .content = "none\n"}},
            .agents = {{"worker", "cat; " + does}}};
}

std::string ref_of(const Factory& factory, const std::string& ref) {
    const auto refs = scenarios::refs_of(factory.forge.git_directory(repository));
    const auto found = refs.find(ref);
    return found == refs.end() ? std::string() : found->second;
}

bool happens(const std::function<bool()>& condition) {
    return PracticeForge::eventually(condition, std::chrono::seconds(60));
}

}  // namespace

TEST_CASE("retry on an open pull request makes it anew from the present base, and keeps what was there") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_of("cat base >> words 2>/dev/null; echo tried >> words"));
    auto& forge = scene.factory.forge;
    forge.commit_files(repository, "main", {{.path = "base", .content = "newer\n"}}, "Later", "octocat");
    const auto base = forge.branches(repository).at("main");
    const auto comment = forge.comment(repository, scene.proposal, "/agent retry say it better", maintainer);
    REQUIRE(scene.gets_new_commit());
    REQUIRE(scene.factory.reaches(scene.issue, "review"));
    CHECK(scene.words() == "none\nnewer\ntried\n");
    const auto now = scene.now();
    CHECK(now.number == scene.proposal.number);
    CHECK(now.head_branch == scene.proposal.head_branch);
    CHECK(forge.commit(repository, now.head_sha).parents == std::vector{base});
    CHECK(contains(scene.factory.log("job-1/agent-2.log"), "say it better"));
    CHECK(ref_of(scene.factory, "refs/shopfloor/job-1/try-1-" + scene.proposal.head_sha.substr(0, 10)) ==
          scene.proposal.head_sha);
    CHECK(scene.hears("git fetch origin refs/shopfloor/job-1/try-1-"));
    CHECK(contains(now.body, base.substr(0, 10)));
    REQUIRE(happens([&] { return scene.reactions(comment) == std::vector<std::string>{"eyes", "rocket"}; }));
    CHECK(forge.pull_requests(repository).size() == 1);
}

TEST_CASE("retry does not drop what people pushed; the pull request stays as it was") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_of("echo tried >> words"));
    auto& forge = scene.factory.forge;
    const auto theirs = forge.commit_files(repository, scene.proposal.head_branch,
                                           {{.path = "mine", .content = "by hand\n"}}, "By hand", "ada");
    forge.comment(repository, scene.proposal, "/agent retry", maintainer);
    CHECK(scene.hears("People have pushed to"));
    CHECK(scene.now().head_sha == theirs);
    REQUIRE(scene.factory.reaches(scene.issue, "review"));
    // What it stood on before still holds: a change goes on from what people pushed.
    forge.comment(repository, scene.proposal, "/agent refine more", maintainer);
    REQUIRE(happens([&] { return scene.now().head_sha != theirs; }));
    CHECK(forge.commit(repository, scene.now().head_sha).parents == std::vector{theirs});
    CHECK(forge.file(repository, scene.now().head_sha, "mine") == "by hand\n");
    REQUIRE(scene.factory.reaches(scene.issue, "review"));
    // Theirs stays for good: neither another try nor the end takes the branch away.
    const auto together = scene.now().head_sha;
    const auto again = forge.comment(repository, scene.proposal, "/agent retry", maintainer);
    REQUIRE(happens([&] { return scene.reactions(again) == std::vector<std::string>{"eyes"}; }));
    forge.close(repository, scene.proposal, maintainer);
    REQUIRE(happens([&] { return contains(scene.factory.status(scene.issue), "closed without merging"); }));
    CHECK(forge.branches(repository).at(scene.proposal.head_branch) == together);
}

TEST_CASE("what is asked for while another try is made is the next change") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_of("echo started; sleep 1; echo tried >> words"));
    auto& forge = scene.factory.forge;
    forge.comment(repository, scene.proposal, "/agent retry", maintainer);
    REQUIRE(happens([&] { return contains(scene.factory.status(scene.issue), "Queued"); }));
    const auto wish = forge.comment(repository, scene.proposal, "/agent refine and louder", maintainer);
    REQUIRE(happens([&] { return scene.reactions(wish) == std::vector<std::string>{"eyes", "rocket"}; }));
    CHECK(contains(scene.factory.log("job-1/agent-3.log"), "and louder"));
    CHECK(scene.words() == "none\ntried\ntried\n");
}

TEST_CASE("what the forge's own CI found goes to the agent, and its repair to the branch, twice at most") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_of("echo tried >> words"));
    auto& forge = scene.factory.forge;
    auto head = scene.proposal.head_sha;
    for (int repair = 1; repair <= 2; ++repair) {
        forge.finish_check(repository, head, "windows", "failure",
                           {{.path = "words", .level = "failure", .title = "E1", .message = "too few words"}},
                           "line one\nthe very end of the log\n");
        REQUIRE(happens([&] { return scene.now().head_sha != head; }));
        const auto heard = scene.factory.log("job-1/agent-" + std::to_string(repair + 1) + ".log");
        CHECK(contains(heard, "<ci check=\"windows\">"));
        CHECK(contains(heard, "too few words") == can(Ability::annotate_its_ci));
        CHECK(contains(heard, "the very end of the log") == can(Ability::tell_its_ci_log));
        CHECK(forge.commit(repository, scene.now().head_sha).parents == std::vector{head});
        head = scene.now().head_sha;
        REQUIRE(scene.factory.reaches(scene.issue, "review"));
    }
    forge.finish_check(repository, head, "windows", "failure", {}, "again\n");
    CHECK(scene.hears("2 repairs did not turn it green"));
    CHECK(scene.now().head_sha == head);
}

TEST_CASE("a CI check that is red on the base too, or passes sometimes, is no matter of the agent's") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_of("echo tried >> words"));
    auto& forge = scene.factory.forge;
    const auto head = scene.proposal.head_sha;
    forge.finish_check(repository, forge.branches(repository).at("main"), "nightly", "failure");
    forge.finish_check(repository, head, "slow", "success");
    forge.finish_check(repository, head, "slow", "failure");
    forge.finish_check(repository, head, "nightly", "failure");
    CHECK(scene.hears("red on the base commit too: `nightly`"));
    CHECK(scene.hears("has failed and passed on this commit: `slow`"));
    CHECK(scene.now().head_sha == head);
    CHECK(scene.factory.log("job-1/agent-2.log").empty());
}

TEST_CASE("a branch that conflicts with its base is brought onto it, and the agent resolves what conflicts") {
    if (!can_run("bubblewrap")) return;
    Scene scene(
        plan_of("if grep -q '^<<<<<<<' words; then printf 'none\\nboth\\n' > words; "
                "else echo ours >> words; fi"));
    auto& forge = scene.factory.forge;
    forge.commit_files(repository, "main", {{.path = "words", .content = "none\ntheirs\n"}}, "Theirs",
                       "octocat");
    const auto base = forge.branches(repository).at("main");
    REQUIRE(scene.gets_new_commit());
    CHECK(scene.words() == "none\nboth\n");
    CHECK(forge.commit(repository, scene.now().head_sha).parents == std::vector{base});
    CHECK(contains(scene.factory.log("job-1/agent-2.log"), "- words"));
    CHECK(ref_of(scene.factory, "refs/shopfloor/job-1/try-1-" + scene.proposal.head_sha.substr(0, 10)) ==
          scene.proposal.head_sha);
    CHECK(scene.hears("Brought onto commit"));
}

TEST_CASE("conflict markers that the agent leaves are not pushed") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_of("if grep -q '^<<<<<<<' words; then echo more > other; else echo ours >> words; fi"));
    auto& forge = scene.factory.forge;
    forge.commit_files(repository, "main", {{.path = "words", .content = "none\ntheirs\n"}}, "Theirs",
                       "octocat");
    CHECK(scene.hears("The agent left conflict markers"));
    CHECK(scene.now().head_sha == scene.proposal.head_sha);
}

TEST_CASE(
    "several tries are made side by side, the best becomes the pull request, and another can be picked") {
    if (!can_run("bubblewrap")) return;
    auto plan = plan_of("printf 'a\\nlonger\\nchange\\n' >> words; echo > another");
    plan.agents.emplace("zealous", "echo small >> words");
    Factory factory(std::move(plan));
    auto& forge = factory.forge;
    const auto issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    forge.comment(repository, issue, "/agent run worker zealous", maintainer);
    REQUIRE(factory.reaches(issue, "review"));
    const auto first = factory.pull_request_of(issue).value();
    CHECK(forge.file(repository, first.head_sha, "words") == "none\nsmall\n");
    CHECK(contains(first.body, "| 2 **here** | `zealous` |"));
    CHECK(contains(first.body, "`/agent pick 1`"));
    CHECK(ref_of(factory, "refs/shopfloor/job-1/rival-2-" + first.head_sha.substr(0, 10)) == first.head_sha);
    const auto comment = forge.comment(repository, first, "/agent pick 1", maintainer);
    REQUIRE(happens([&] { return factory.pull_request_of(issue)->head_sha != first.head_sha; }));
    const auto now = factory.pull_request_of(issue).value();
    CHECK(now.number == first.number);
    CHECK(now.head_sha == ref_of(factory, "refs/shopfloor/job-1/rival-1-" + now.head_sha.substr(0, 10)));
    CHECK(forge.file(repository, now.head_sha, "words") == "none\na\nlonger\nchange\n");
    REQUIRE(happens([&] { return contains(factory.pull_request_of(issue)->body, "| 1 **here** |"); }));
    CHECK(forge.pull_requests(repository).size() == 1);
    CHECK_FALSE(contains(factory.log("job-2/agent-1.log"), "was worked on before"));
    CHECK(happens([&] {
        for (const auto& each : forge.issue(repository, first).comments)
            if (each.id == comment) return each.reactions.size() == 2;
        return false;
    }));
    CHECK(happens([&] { return factory.leftovers().empty(); }));
}

TEST_CASE("stop ends all tries of a job") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_of("sleep 60"));
    const auto issue = factory.forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    factory.forge.comment(repository, issue, "/agent run x2", maintainer);
    REQUIRE(happens([&] {
        return !factory.log("job-2/agent-1.log").empty() && !factory.log("job-3/agent-1.log").empty();
    }));
    factory.forge.comment(repository, issue, "/agent stop", maintainer);
    REQUIRE(happens([&] { return contains(factory.status(issue), "Stopped"); }));
    CHECK(happens([&] { return factory.leftovers().empty(); }));
    CHECK(factory.forge.pull_requests(repository).empty());
}

TEST_CASE("a job ends, with a sentence where one can be said, when its issue or repository does") {
    if (!can_run("bubblewrap")) return;
    struct End {
        std::string what;
        Ability told;
    };
    for (const auto& [what, told] :
         {End{"locked", Ability::tell_of_locks}, End{"transferred", Ability::move_issues},
          End{"archived", Ability::tell_of_archived_repositories},
          End{"deleted", Ability::tell_of_deleted_repositories}, End{"removed", Ability::tell_of_lost_access},
          End{"uninstalled", Ability::tell_of_lost_access}}) {
        CAPTURE(what);
        Factory factory(
            plan_of("touch ready; until test -e go; do sleep 0.1; done; rm -f ready go; echo done >> words"));
        auto& forge = factory.forge;
        if (what == "transferred") forge.create_repository({.full_name = "acme/other"});
        const auto issue = factory.ask("Words are missing");
        const auto tree = scenarios::workspace_with(factory, "ready");
        if (what == "locked") forge.lock(repository, issue, maintainer);
        if (what == "transferred" && !can(told)) {
            CHECK_THROWS(forge.transfer_issue(repository, issue, "acme/other", maintainer));
            continue;
        }
        if (what == "transferred") (void)forge.transfer_issue(repository, issue, "acme/other", maintainer);
        if (what == "archived") forge.archive_repository(repository);
        if (what == "deleted") forge.delete_repository(repository);
        if (what == "removed") forge.remove_from_installation(repository);
        if (what == "uninstalled") forge.uninstall_app();
        // What is not told is found when the forge is asked next, and is refused; but a lock is in nobody's
        // way.
        if (!can(told)) std::ofstream(tree / "go") << "";
        const auto ends = [&](std::string_view state) {
            if (what == "locked" && !can(told)) return state == "review";
            // It waits until the operator gives it another credential.
            if (what == "uninstalled" && !can(told)) return state == "publishing";
            return state == "stopped";
        };
        CHECK(
            happens([&] { return ends(scenarios::of_job(factory.state_dir() / "ledger.sqlite", "state")); }));
        CHECK(happens([&] { return factory.leftovers().empty(); }));
        if (what == "uninstalled" && !can(told)) {
            CHECK(forge.pull_requests(repository).empty());
            forge.add_token(factory.bot(), scenarios::bot_token);
            CHECK(factory.reaches(issue, "review"));
        }
        if (what == "locked" && can(told))
            CHECK(happens([&] { return contains(factory.status(issue), "conversation was locked"); }));
    }
}

TEST_CASE("a renamed repository is worked in under its new name") {
    if (!can_run("bubblewrap")) return;
    auto plan = plan_of("sleep 3; echo done >> words");
    plan.change = [](config::Settings& settings) { settings.forges.front().repositories = {"acme/*"}; };
    Factory factory(std::move(plan));
    const auto issue = factory.ask("Words are missing");
    REQUIRE(happens([&] { return !factory.log("job-1/agent-1.log").empty(); }));
    factory.forge.rename_repository(repository, "acme/gadget");
    REQUIRE(happens([&] { return factory.forge.pull_requests("acme/gadget").size() == 1; }));
    CHECK(happens([&] {
        return factory.forge.issue("acme/gadget", issue).labels ==
               std::vector<std::string>{"agent-state: review"};
    }));
}

TEST_CASE("the branch of a pull request that was closed goes, and one that people pushed to stays") {
    if (!can_run("bubblewrap")) return;
    for (const bool theirs : {false, true}) {
        Scene scene(plan_of("echo tried >> words"));
        auto& forge = scene.factory.forge;
        const auto branch = scene.proposal.head_branch;
        if (theirs)
            forge.commit_files(repository, branch, {{.path = "mine", .content = "x\n"}}, "By hand", "ada");
        forge.close(repository, scene.proposal, maintainer);
        REQUIRE(
            happens([&] { return contains(scene.factory.status(scene.issue), "closed without merging"); }));
        REQUIRE(happens([&] {
            return scenarios::of_job(scene.factory.state_dir() / "ledger.sqlite", "branch_cleaned") == "1";
        }));
        CHECK(forge.branches(repository).contains(branch) == theirs);
    }
}

TEST_CASE("a merged job tells what it took, and the label set again begins a job that knows of it") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_of("echo tried >> words; echo 'I tried.'"));
    auto& forge = scene.factory.forge;
    forge.merge(repository, scene.proposal.number, maintainer);
    REQUIRE(
        happens([&] { return contains(scene.factory.status(scene.issue), "From label to merge it took"); }));
    CHECK(contains(scene.factory.status(scene.issue), "in 1 pass of the agent"));
    forge.reopen(repository, scene.issue, maintainer);
    forge.add_label(repository, scene.issue, "agent", maintainer);
    REQUIRE(happens([&] {
        return contains(scene.factory.log("job-2/agent-1.log"),
                        "was worked on before; that ended as: merged");
    }));
    CHECK(contains(scene.factory.log("job-2/agent-1.log"),
                   fmt::format("Its pull request had number {}.", scene.proposal.number)));
}

TEST_CASE("who does not answer a question is reminded once") {
    if (!can_run("bubblewrap")) return;
    auto plan = plan_of("echo 'QUESTION: Which words?'");
    plan.change = [](config::Settings& settings) { settings.remind_after = std::chrono::seconds(1); };
    Factory factory(std::move(plan));
    const auto issue = factory.ask("Words are missing");
    REQUIRE(factory.reaches(issue, "waiting"));
    std::this_thread::sleep_for(std::chrono::milliseconds(1200));
    const auto reminders = [&] {
        const auto said = factory.answers(issue);
        return std::ranges::count_if(
            said, [](const auto& each) { return contains(each, "still waits for an answer"); });
    };
    for (int starts = 0; starts < 2; ++starts) {  // each looks at what waits
        factory.stop();
        factory.start();
        CHECK(happens([&] { return reminders() == 1; }));
    }
    std::this_thread::sleep_for(std::chrono::seconds(2));
    CHECK(reminders() == 1);
}

TEST_CASE("commands answer to the prefix that the operator chose, and say it") {
    if (!can_run("bubblewrap")) return;
    auto plan = plan_of("echo done >> words");
    plan.change = [](config::Settings& settings) { settings.command_prefix = "!bot"; };
    Factory factory(std::move(plan));
    auto& forge = factory.forge;
    const auto issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    forge.comment(repository, issue, "/agent run", maintainer);
    forge.comment(repository, issue, "!bot why", maintainer);
    REQUIRE(happens([&] { return !factory.answers(issue).empty(); }));
    CHECK(contains(factory.answers(issue).front(), "`!bot run`"));
    forge.comment(repository, issue, "!bot rnu", maintainer);
    REQUIRE(happens([&] { return factory.answers(issue).size() == 2; }));
    CHECK(contains(factory.answers(issue).back(), "Did you mean `!bot run`?"));
    forge.comment(repository, issue, "!bot run", maintainer);
    REQUIRE(factory.reaches(issue, "review"));
    CHECK(contains(factory.pull_request_of(issue)->body, "`!bot refine`"));
    CHECK_FALSE(contains(factory.pull_request_of(issue)->body, "/agent refine"));
}

TEST_CASE("why tells how the job came to where it is, and strangers are helped to what they may say") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_of("echo done >> words"));
    auto& forge = scene.factory.forge;
    forge.comment(repository, scene.proposal, "/agent why", maintainer);
    CHECK(scene.hears("Run 1 (first try, profile `worker`)"));
    forge.comment(repository, scene.proposal, "/agent help", visitor);
    CHECK(scene.hears("Starting and steering jobs takes write access"));
}

TEST_CASE(
    "instructions for agents hold as the default branch has them; what a branch makes of them is data") {
    if (!can_run("bubblewrap")) return;
    auto plan = plan_of("echo \"they say: $(cat AGENTS.md)\"; echo more >> words");
    plan.files.push_back({.path = "AGENTS.md", .content = "Be brief.\n"});
    Scene scene(std::move(plan));
    auto& forge = scene.factory.forge;
    const auto theirs =
        forge.commit_files(repository, scene.proposal.head_branch,
                           {{.path = "AGENTS.md", .content = "Be verbose.\n"}}, "Rules", "ada");
    forge.comment(repository, scene.proposal, "/agent refine say more", maintainer);
    REQUIRE(happens(
        [&] { return scene.now().head_sha != theirs && scene.now().head_sha != scene.proposal.head_sha; }));
    const auto heard = scene.factory.log("job-1/agent-2.log");
    CHECK(contains(heard, "they say: Be brief."));
    CHECK(contains(heard, "<proposed file=\"AGENTS.md\">\nBe verbose."));
    CHECK(forge.file(repository, scene.now().head_sha, "AGENTS.md") == "Be verbose.\n");
}
