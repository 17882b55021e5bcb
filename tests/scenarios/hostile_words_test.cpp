#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "bot/visible_text.hpp"
#include "tests/bot/rendered.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

/// Words of agents, programs and files that would wake the forge: every text that the bot says, on issue,
/// pull request, check run and commit, shows them and wakes nothing.

using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::repository;

namespace {

/// No blank line, so that all of it is an agent's last paragraph.
const std::string nasty =
    "Hello @evilteam and \\@evilteam &#64;evilteam @\u200Bevilteam\n"
    "fixes #4711, Closes acme/other#4711 and resolves GH-4711, see !4711\n"
    "fixes https://github.com/acme/widget/issues/4711 closes https://evil.example/a/-/issues/4711\n"
    "![pixel](https://evil.example/p.png) [click](javascript:evil) <https://evil.example> www.evil.example\n"
    "<img src=https://evil.example/q.png><script>evil()</script> <details open><summary>@evilteam</summary>\n"
    "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07 \u202Ekcab\u202C \U000E0041tag\n"
    "<!-- shopfloor:v1 job-1-status --> `unclosed <!-- @evilteam\n";

const std::string junit =
    "<testsuites><testsuite name=\"s\"><testcase classname=\"@evilteam\" name=\"fixes #4711 "
    "&lt;img src=x&gt; https://evil.example\" file=\"value\" line=\"1\"><failure message=\"@evilteam fixes "
    "#4711\">![x](https://evil.example/p.png)</failure></testcase></testsuite></testsuites>\n";

/// Nothing of the nasty words is alive in this text of the bot's.
void wakes_nothing(const std::string& what, const std::string& text) {
    CAPTURE(what);
    INFO(text);
    const auto page = rendered::html(text);
    const auto live = rendered::without_code(page);
    for (const auto* sign : {"@evilteam", "#4711", "!4711", "GH-4711", "evil.example", "javascript:", "<img",
                             "<script", "<details open"}) {
        CAPTURE(sign);
        CHECK_FALSE(contains(live, sign));
    }
    for (const auto* hidden : {"\x1b", "\u202E", "\u200B", "\U000E0041", "\x07"})
        CHECK_FALSE(contains(text, hidden));
    CHECK_FALSE(contains(page, "href=\"https://evil"));
    CHECK(bot::code_points(text) <= scenarios::tested_kind().text_limit);
    CHECK(std::ranges::count(text, '\0') == 0);
}

/// A title: plain text, and the first line of a squashed commit.
void line_wakes_nothing(const std::string& line) {
    INFO(line);
    CHECK(bot::code_points(line) <= 256);
    for (const auto* sign :
         {"@evilteam", "#4711", "issues/4711", "\x1b", "\u202E", "\u200B", "\n", "[skip ci]"})
        CHECK_FALSE(contains(line, sign));
}

/// Plain text: no Markdown there, but forges find mentions and closing words in commits.
void commit_wakes_nothing(const std::string& message, std::int64_t issue) {
    INFO(message);
    CHECK_FALSE(contains(message, "@evilteam"));
    static const std::regex number(R"(#\d+|GH-\d+|/(issues|pull)/\d+)", std::regex::icase);
    for (std::sregex_iterator at(message.begin(), message.end(), number), end; at != end; ++at)
        CHECK(at->str() == fmt::format("#{}", issue));
    for (const auto* hidden : {"\x1b", "\u202E", "\u200B"}) CHECK_FALSE(contains(message, hidden));
}

void all_of_issue(const Factory& factory, const std::string& what, std::int64_t issue) {
    const auto comments = factory.forge.issue(repository, issue).comments;
    REQUIRE_FALSE(comments.empty());
    for (const auto& comment : comments) wakes_nothing(what + ", on the issue", comment.body);
    // One status comment: the forged mark in the words made no second one, and none was taken for it.
    CHECK(std::ranges::count_if(comments, [](const auto& one) {
              return contains(one.body, "<!-- shopfloor:v1 job-") && contains(one.body, "-status -->");
          }) == 1);
}

void all_of_pull_request(const Factory& factory, const std::string& what, std::int64_t issue) {
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    line_wakes_nothing(proposal->title);
    wakes_nothing(what + ", body", proposal->body);
    CHECK(proposal->body.starts_with(fmt::format("Fixes #{}\n", issue)));
    commit_wakes_nothing(factory.forge.commit(repository, proposal->head_sha).message, issue);
    int runs = 0;
    for (const auto& run : factory.forge.check_runs(repository)) {
        if (run.head_sha != proposal->head_sha) continue;
        ++runs;
        line_wakes_nothing(run.title);
        wakes_nothing(what + ", check summary", run.summary);
        wakes_nothing(what + ", check text", run.text);
        for (const auto& note : run.annotations)
            for (const auto& text : {note.title, note.message})
                for (const auto* hidden : {"\x1b", "\u202E", "\u200B"}) CHECK_FALSE(contains(text, hidden));
    }
    CHECK(runs == 1);
}

}  // namespace

TEST_CASE("whatever an agent says, in whichever way its job ends, is shown and wakes nothing") {
    if (!can_run("bubblewrap")) return;
    const std::string as_json =
        "python3 -c 'import json; print(json.dumps({\"KEY\": open(\"words.txt\", newline=\"\").read()}))'";
    const auto account = [&](const std::string& key) {
        auto script = as_json;
        return script.replace(script.find("KEY"), 3, key);
    };
    Factory factory(
        {.files = {{.path = "words.txt", .content = nasty}, {.path = "value", .content = "1\n"}},
         .recipe = "checks:\n  - name: tests\n    run: test -f README.md\n",
         .agents = {{"said", "echo x > new; cat words.txt"},
                    {"told", "echo x > new; " + account("summary")},
                    {"asked", account("question")},
                    {"idle", "cat words.txt"},
                    {"failed", "cat words.txt; exit 9"},
                    {"long", "echo x > new; for i in $(seq 4000); do cat words.txt; done"},
                    {"long-line", "echo x > new; head -c 1048576 /dev/zero | tr '\\0' '@'; echo evilteam"},
                    {"names", "echo x > '@evilteam fixes #4711.'"}}});
    struct Job {
        std::string profile;
        std::string_view state;
        std::int64_t issue = 0;
    };
    std::vector<Job> jobs{{"said", "review"},      {"told", "review"},    {"asked", "waiting"},
                          {"idle", "done"},        {"failed", "blocked"}, {"long", "review"},
                          {"long-line", "review"}, {"names", "blocked"}};
    for (auto& job : jobs)
        job.issue = factory.ask(
            "Thanks @evilteam, fixes #4711 and https://github.com/a/b/issues/4711 [skip ci] \u202E " +
                job.profile,
            nasty, "agent:" + job.profile);
    for (const auto& job : jobs) {
        CAPTURE(job.profile);
        REQUIRE(factory.reaches(job.issue, job.state));
        REQUIRE(PracticeForge::eventually([&] {
            const auto status = factory.status(job.issue);
            return contains(status, "### ") && !contains(status, "### 🔧");
        }));
        if (job.state == "waiting")  // its question is a comment of its own
            REQUIRE(PracticeForge::eventually([&] { return !factory.answers(job.issue).empty(); }));
        all_of_issue(factory, job.profile, job.issue);
        if (job.state == "review") all_of_pull_request(factory, job.profile, job.issue);
    }
    // Shown, not swallowed: the words are there, in code.
    CHECK(contains(factory.pull_request_of(jobs[0].issue)->body, "`@evilteam`"));
    CHECK(contains(factory.status(jobs[4].issue), "@evilteam"));
}

TEST_CASE("whatever checks, their test reports and the recipe say is shown and wakes nothing") {
    if (!can_run("bubblewrap")) return;
    Factory factory(
        {.files = {{.path = "words.txt", .content = nasty},
                   {.path = "report.xml", .content = junit},
                   {.path = "value", .content = "1\n"}},
         .recipe = "checks:\n"
                   "  - name: \"@evilteam fixes #4711\"\n    run: cat words.txt; test $(cat value) = 1\n"
                   "  - name: units\n    run: cp report.xml out.xml; cat words.txt; test $(cat value) = 1\n"
                   "    junit: out.xml\nrounds: 0\n",
         .agents = {{"worker", "echo 2 > value; sed -i s/failure/error/g report.xml"}}});
    const auto issue = factory.ask("Break it");
    REQUIRE(factory.reaches(issue, "review"));
    REQUIRE(PracticeForge::eventually(
        [&] { return contains(factory.status(issue), scenarios::as_read("Draft «pull request»")); }));
    all_of_issue(factory, "evidence", issue);
    all_of_pull_request(factory, "evidence", issue);
    CHECK(factory.pull_request_of(issue)->draft);
    CHECK(contains(factory.pull_request_of(issue)->body, "evilteam"));

    factory.forge.commit_files(
        repository, "main",
        {{.path = ".shopfloor.yml", .content = "setup: cat words.txt; exit 3\nchecks: []\n"}}, "setup",
        maintainer);
    const auto second = factory.ask("Setup fails");
    REQUIRE(factory.reaches(second, "blocked"));
    REQUIRE(PracticeForge::eventually([&] { return contains(factory.status(second), "evilteam"); }));
    all_of_issue(factory, "setup", second);

    factory.forge.commit_files(repository, "main",
                               {{.path = ".shopfloor.yml",
                                 .content = "\"@evilteam <img src=x> fixes #4711\": https://evil.example\n"}},
                               "recipe", maintainer);
    const auto third = factory.ask("Recipe is bad");
    REQUIRE(factory.reaches(third, "blocked"));
    REQUIRE(PracticeForge::eventually([&] { return contains(factory.status(third), "evilteam"); }));
    all_of_issue(factory, "recipe", third);
}
