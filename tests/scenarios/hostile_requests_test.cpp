#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <regex>
#include <string>

#include "tests/practice_forge/credentials.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

/// Who may make the factory work: not who cannot sign, and not who may not write.

using practice_forge::Dialect;
using practice_forge::PracticeForge;
using scenarios::Ability;
using scenarios::asked_for_permission_of;
using scenarios::can;
using scenarios::can_run;
using scenarios::contains;
using scenarios::exchange;
using scenarios::Factory;
using scenarios::hook_secret;
using scenarios::maintainer;
using scenarios::repository;
using scenarios::visitor;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// How the tested forge names a comment's delivery, and shows that it is its own.
struct Manner {
    Headers names;  ///< the first one's value is the delivery's
    std::string seal, before_digits;
};
const Manner& manner() {
    static const std::map<Dialect, Manner> manners{
        {Dialect::github,
         {.names = {{"X-GitHub-Delivery", ""},
                    {"X-GitHub-Event", "issue_comment"},
                    {"X-GitHub-Hook-ID", "424242"}},
          .seal = "X-Hub-Signature-256",
          .before_digits = "sha256="}},
        {Dialect::gitea,
         {.names = {{"X-Gitea-Delivery", ""}, {"X-Gitea-Event", "issue_comment"}},
          .seal = "X-Gitea-Signature",
          .before_digits = ""}},
        {Dialect::forgejo,
         {.names = {{"X-Forgejo-Delivery", ""}, {"X-Forgejo-Event", "issue_comment"}},
          .seal = "X-Forgejo-Signature",
          .before_digits = ""}},
        {Dialect::gitlab,
         {.names = {{"Idempotency-Key", ""}, {"X-Gitlab-Event", "Note Hook"}},
          .seal = "X-Gitlab-Token",
          .before_digits = ""}}};
    return manners.at(scenarios::tested_forge());
}

std::string request(const std::string& id, const std::string& body, const Headers& more) {
    auto text = fmt::format(
        "POST /hooks/{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        "Content-Length: {}\r\n",
        scenarios::tested_kind().name, body.size());
    for (const auto& [name, value] : manner().names)
        text += name + ": " + (value.empty() ? id : value) + "\r\n";
    for (const auto& [name, value] : more) text += name + ": " + value + "\r\n";
    return text + "\r\n" + body;
}

std::string sealed(std::string_view secret, const std::string& body) {
    if (!can(Ability::sign_deliveries)) return std::string(secret);
    return manner().before_digits + practice_forge::hmac_sha256(secret, body);
}

struct Forged {
    std::string what;
    Headers headers;
};

std::vector<Forged> forgeries(const std::string& body) {
    const auto right = sealed(hook_secret, body);
    const auto wrong = sealed("another secret", body);
    const auto& name = manner().seal;
    auto in_small_letters = name;
    std::ranges::transform(in_small_letters, in_small_letters.begin(),
                           [](unsigned char c) { return std::tolower(c); });
    std::vector<Forged> all{
        {"none", {}},
        {"sha1 only", {{"X-Hub-Signature", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6"}}},
        {"sha1 in its place", {{name, "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6"}}},
        {"wrong", {{name, wrong}}},
        {"cut off", {{name, right.substr(0, right.size() - 1)}}},
        {"only its name", {{name, "sha256="}}},
        {"empty", {{name, ""}}},
        {"doubled, right one first", {{name, right}, {name, wrong}}},
        {"doubled, right one last", {{name, wrong}, {name, right}}},
        {"doubled, both right", {{name, right}, {in_small_letters, right}}},
        {"joined", {{name, right + "," + wrong}}}};
    if (can(Ability::sign_deliveries))
        all.push_back({"of another body", {{name, sealed(hook_secret, body + "\n")}}});
    return all;
}

bool something_ran(const Factory& factory) {
    std::error_code none;
    return std::filesystem::exists(factory.state_dir() / "logs/job-1", none) ||
           !factory.forge.pull_requests(repository).empty() || factory.forge.branches(repository).size() != 1;
}

}  // namespace

TEST_CASE("a delivery that is not signed as agreed is answered 401, unread, and leaves no trace") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}}});
    const auto issue = factory.forge.create_issue(repository, "Anything", "Please.", maintainer);
    factory.forge.comment(repository, issue, "Just talk.", maintainer);
    REQUIRE(factory.forge.hooks_sent());
    const auto ignored = factory.forge.deliveries().back();
    REQUIRE(ignored.what == "issue_comment.created");
    // One that would be obeyed.
    const auto wanted = std::regex_replace(ignored.body, std::regex(R"("Just talk\.")"), R"("/agent run")");
    REQUIRE(wanted != ignored.body);
    const auto ledger = factory.state_dir() / "ledger.sqlite";
    // All that came is decided on, and the first sweep has noted since when this forge is worked for.
    const auto is_at_rest = [](const auto& found) {
        return found.at("inbox") == 0 && found.at("served") == 1;
    };
    auto rows = scenarios::rows_of(ledger);
    REQUIRE(PracticeForge::eventually([&] { return is_at_rest(rows = scenarios::rows_of(ledger)); }));
    REQUIRE(rows.at("deliveries") == 2);

    int number = 0;
    for (const std::string& body : {wanted, std::string("{ this is no JSON"), std::string()}) {
        for (const auto& [what, headers] : forgeries(body)) {
            CAPTURE(what);
            CAPTURE(body.size());
            const auto id = fmt::format("forged-{}-guid", ++number);
            const auto answer = exchange(factory.port(), request(id, body, headers));
            CHECK(answer.starts_with("HTTP/1.1 401 "));
            CHECK_FALSE(contains(answer, hook_secret));
        }
    }
    CHECK(scenarios::rows_of(ledger) == rows);
    CHECK(scenarios::files_with(factory.state_dir(), {"forged-"}).empty());
    CHECK_FALSE(asked_for_permission_of(factory.forge, repository, maintainer));

    // The same bytes, signed, are taken: it was the signature. One that is none is good for any bytes.
    const auto signed_bytes = can(Ability::sign_deliveries) ? wanted : wanted + "\n";
    const Headers good{{manner().seal, sealed(hook_secret, signed_bytes)}};
    const auto taken = exchange(factory.port(), request("signed-guid", wanted, good));
    CHECK(taken.starts_with("HTTP/1.1 202 "));
    CHECK(scenarios::rows_of(ledger).at("deliveries") == 3);
    CHECK_FALSE(scenarios::files_with(factory.state_dir(), {"signed-guid"}).empty());
    CHECK(PracticeForge::eventually(
        [&] { return asked_for_permission_of(factory.forge, repository, maintainer); }));
}

TEST_CASE("a label set by a reader or by a stranger: the forge is asked who they are, and nothing runs") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}},
                     .agents = {{"worker", "echo more >> README.md"}}});
    for (const std::string& person : {std::string(visitor), std::string("mallory")}) {
        CAPTURE(person);
        const auto issue = factory.forge.create_issue(repository, "Mine", "Bitcoin please", person);
        factory.forge.add_label(repository, issue, "agent", person);
        REQUIRE(PracticeForge::eventually([&] { return !factory.answers(issue).empty(); }));
        CHECK(asked_for_permission_of(factory.forge, repository, person));
        CHECK(factory.answers(issue).size() == 1);
        CHECK(factory.status(issue).empty());
        // The label goes, so that nobody else's later event finds it and runs the stranger's wish.
        CHECK(
            PracticeForge::eventually([&] { return factory.forge.issue(repository, issue).labels.empty(); }));
    }
    CHECK_FALSE(something_ran(factory));
    CHECK(scenarios::rows_of(factory.state_dir() / "ledger.sqlite").at("jobs") == 0);
}

TEST_CASE("commands by outsiders start nothing, however they are put") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}},
                     .agents = {{"worker", "echo more >> README.md"}}});
    const auto issue = factory.forge.create_issue(repository, "Theirs", "Please.", maintainer);
    for (const auto* words : {"/agent run", "/agent retry worker do as I say", "@shopfloor-practice run",
                              "I am ada.\n\n/agent run", "> /agent run\n\n/agent run"}) {
        factory.forge.comment(repository, issue, words, "mallory");
        factory.forge.comment(repository, issue, words, visitor);
    }
    REQUIRE(factory.forge.hooks_sent());
    for (const auto person : {std::string_view("mallory"), visitor})
        CHECK(PracticeForge::eventually(
            [&] { return asked_for_permission_of(factory.forge, repository, person); }));
    // One answer a person, not one a comment: strangers cannot make the bot talk.
    CHECK(PracticeForge::eventually([&] { return factory.answers(issue).size() == 2; }));
    const auto rows = [&] { return scenarios::rows_of(factory.state_dir() / "ledger.sqlite"); };
    CHECK(PracticeForge::eventually([&] { return rows().at("inbox") == 0; }));
    CHECK(rows().at("jobs") == 0);
    CHECK_FALSE(something_ran(factory));
    CHECK(factory.answers(issue).size() == 2);
}

TEST_CASE("an outsider cannot stop the job of somebody else") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}},
                     .agents = {{"worker",
                                 "touch ready; until test -e go; do sleep 0.1; done; rm -f ready go; "
                                 "echo more >> README.md"}}});
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "working"));
    factory.forge.comment(repository, issue, "/agent stop", "mallory");
    REQUIRE(PracticeForge::eventually([&] {
        return std::ranges::any_of(factory.answers(issue),
                                   [](const auto& answer) { return contains(answer, "`mallory`"); });
    }));
    CHECK(asked_for_permission_of(factory.forge, repository, "mallory"));
    const auto tree = scenarios::workspace_with(factory, "ready");
    std::ofstream(tree / "go") << "";
    REQUIRE(factory.reaches(issue, "review"));
    CHECK(factory.forge.pull_requests(repository).size() == 1);
}
