#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "integrations/delivery.hpp"
#include "integrations/event.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/github.hpp"

using integrations::decode_github;
using integrations::Event;
using integrations::Ignored;
using nlohmann::json;

namespace {

Event decode(const std::string& name, const std::string& body) {
    return decode_github(integrations::Replay::stored("work", "1", "id", name, body));
}

/// What an issues.labeled delivery of an App's webhook holds, as far as we read it.
json labelled() {
    return {{"action", "labeled"},
            {"issue",
             {{"number", 7},
              {"title", "It breaks"},
              {"labels", json::array({{{"name", "bug"}}})},
              {"updated_at", "2026-03-01T14:03:20Z"}}},
            {"label", {{"id", 1}, {"name", "agent: härter"}}},
            {"repository",
             {{"id", 186853002},
              {"full_name", "Codertocat/Hello-World"},
              {"owner", {{"login", "Codertocat"}, {"id", 5}}},
              {"clone_url", "https://github.com/Codertocat/Hello-World.git"},
              {"default_branch", "main"}}},
            {"sender", {{"login", "Codertocat"}, {"id", 21031067}, {"type", "User"}}},
            {"installation", {{"id", 2}}}};
}

/// When that was.
const auto updated = integrations::parse_timestamp("2026-03-01T14:03:20Z");

std::string why_ignored(const std::string& name, const std::string& body) {
    const auto event = decode(name, body);
    REQUIRE(std::holds_alternative<Ignored>(event));
    CHECK_FALSE(std::get<Ignored>(event).why.empty());
    return std::get<Ignored>(event).why;
}

/// What is about no issue: the event says what GitHub's example says.
void matches(const Event& event, const json& example) {
    if (const auto* pushed = std::get_if<integrations::BranchPushed>(&event)) {
        CHECK("refs/heads/" + pushed->branch == example.at("ref").get<std::string>());
        CHECK(pushed->by.login == example.at("sender").at("login").get<std::string>());
        CHECK(pushed->repo.full_name == example.at("repository").at("full_name").get<std::string>());
    } else if (const auto* renamed = std::get_if<integrations::RepositoryRenamed>(&event)) {
        CHECK(renamed->repo.full_name == example.at("repository").at("full_name").get<std::string>());
        CHECK(renamed->repo.id == std::to_string(example.at("repository").at("id").get<std::int64_t>()));
        CHECK(renamed->repo.clone_url == example.at("repository").at("clone_url").get<std::string>());
    } else {
        const auto& ended = std::get<integrations::AccessEnded>(event);
        CHECK(ended.forge == "work");
        CHECK(ended.installation == std::to_string(example.at("installation").at("id").get<std::int64_t>()));
        std::vector<std::string> removed;
        if (ended.how == integrations::AccessEnded::How::removed)
            for (const auto& repository : example.at("repositories_removed"))
                removed.push_back(std::to_string(repository.at("id").get<std::int64_t>()));
        CHECK(ended.repositories == removed);
    }
}

}  // namespace

TEST_CASE("a labelled issue is read: where, which label, by whom and when") {
    const auto event = decode("issues", labelled().dump());
    REQUIRE(std::holds_alternative<integrations::IssueLabelled>(event));
    const integrations::IssueLabelled expected{
        .issue = {.repo = {.forge = "work",
                           .id = "186853002",
                           .full_name = "Codertocat/Hello-World",
                           .clone_url = "https://github.com/Codertocat/Hello-World.git",
                           .default_branch = "main",
                           .installation = "2"},
                  .number = 7},
        .label = "agent: härter",
        .by = {.login = "Codertocat", .id = "21031067", .bot = false},
        .at = updated};
    REQUIRE(expected.at);
    CHECK(std::get<integrations::IssueLabelled>(event) == expected);
}

TEST_CASE("without an App there is no installation; bots are known as such") {
    auto payload = labelled();
    payload.erase("installation");
    payload["sender"]["type"] = "Bot";
    const auto event = std::get<integrations::IssueLabelled>(decode("issues", payload.dump()));
    CHECK(event.issue.repo.installation.empty());
    CHECK(event.by.bot);
}

TEST_CASE("an issue's end is told apart: closed, deleted, transferred, locked, unlabelled") {
    using How = integrations::IssueEnded::How;
    for (const auto& [action, how] : std::map<std::string, How>{{"closed", How::closed},
                                                                {"deleted", How::deleted},
                                                                {"transferred", How::transferred},
                                                                {"locked", How::locked}}) {
        auto payload = labelled();
        payload["action"] = action;
        const auto ended = std::get<integrations::IssueEnded>(decode("issues", payload.dump()));
        CHECK(ended.how == how);
        CHECK(ended.at == updated);
    }
    auto payload = labelled();
    payload["action"] = "unlabeled";
    const auto off = std::get<integrations::IssueUnlabelled>(decode("issues", payload.dump()));
    CHECK(off.label == "agent: härter");
    CHECK(off.at == updated);
    for (const json& strange : {json(nullptr), json("yesterday"), json(12)}) {
        payload["issue"]["updated_at"] = strange;
        CHECK_FALSE(std::get<integrations::IssueUnlabelled>(decode("issues", payload.dump())).at);
    }
}

TEST_CASE("a comment is read, on an issue and on a pull request; edits are not commands") {
    auto payload = labelled();
    payload["action"] = "created";
    payload["comment"] = {
        {"id", 492700400}, {"body", "/agent\nplease"}, {"created_at", "2026-03-01T14:03:21Z"}};
    auto event = std::get<integrations::CommentCreated>(decode("issue_comment", payload.dump()));
    CHECK(event.comment_id == "492700400");
    CHECK(event.body == "/agent\nplease");
    CHECK(event.at.value() - updated.value() == std::chrono::seconds(1));
    using Kind = integrations::ThreadRef::Kind;
    CHECK(event.thread.kind == Kind::issue);

    payload["issue"]["pull_request"] = {{"url", "https://api.github.com/repos/o/r/pulls/7"}};
    const auto kind = [&] {
        return std::get<integrations::CommentCreated>(decode("issue_comment", payload.dump())).thread.kind;
    };
    CHECK(kind() == Kind::pull_request);
    payload["issue"]["pull_request"] = nullptr;
    CHECK(kind() == Kind::issue);

    for (const auto* action : {"edited", "deleted"}) {
        payload["action"] = action;
        CHECK(why_ignored("issue_comment", payload.dump()) ==
              std::string("issue_comment.") + action + " is not for us");
    }
}

TEST_CASE("a review is heard when it asks for changes") {
    auto payload = labelled();
    payload["action"] = "submitted";
    payload["pull_request"] = {{"number", 7}};
    payload["review"] = {{"id", 3001}, {"state", "changes_requested"}, {"body", "Say more."}};
    const auto event =
        std::get<integrations::ChangesRequested>(decode("pull_request_review", payload.dump()));
    CHECK(event.pull_request.number == 7);
    CHECK(event.review_id == "3001");
    CHECK(event.body == "Say more.");
    payload["review"]["body"] = nullptr;
    CHECK(
        std::get<integrations::ChangesRequested>(decode("pull_request_review", payload.dump())).body.empty());
    for (const auto* state : {"approved", "commented", "dismissed"}) {
        payload["review"]["state"] = state;
        CHECK(why_ignored("pull_request_review", payload.dump()) == "a review that asks for no changes");
    }
    payload["review"] = {{"state", "changes_requested"}};
    CHECK(why_ignored("pull_request_review", payload.dump()) ==
          "pull_request_review.submitted without a review");
}

TEST_CASE("a closed pull request says whether it was merged") {
    auto payload = labelled();
    payload["action"] = "closed";
    payload["pull_request"] = {{"number", 9}, {"merged", true}};
    const auto event = std::get<integrations::PullRequestEnded>(decode("pull_request", payload.dump()));
    CHECK(event.merged);
    CHECK(event.pull_request.number == 9);
    payload["pull_request"]["merged"] = false;
    CHECK_FALSE(std::get<integrations::PullRequestEnded>(decode("pull_request", payload.dump())).merged);
}

TEST_CASE("what is malformed or not for us is ignored with a reason, and nothing throws") {
    CHECK(why_ignored("fork", "this is not even read") == "event fork is not for us");
    for (const std::string body :
         {"", "{", "null", "[]", "\"x\"", "{}", "{\"action\":1}", "\xff\xfe", "{\"action\":\"labeled\"}"}) {
        CAPTURE(body);
        why_ignored("issues", body);
    }
    CHECK(why_ignored("issues", std::string(200'000, '[')).find("not a JSON object") != std::string::npos);
    std::string deep = "{\"action\":";
    for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
    CHECK(why_ignored("issues", deep).find("nested too deep") != std::string::npos);

    const auto broken = [](const json::json_pointer& where, const json& value) {
        auto payload = labelled();
        payload[where] = value;
        return why_ignored("issues", payload.dump());
    };
    using Pointer = json::json_pointer;
    for (const json& number :
         {json(0), json(-3), json("x"), json(7.5), json(nullptr), json(1e30), json::array({7})}) {
        CAPTURE(number);
        broken(Pointer("/issue/number"), number);
    }
    for (const auto* name : {"Hello-World", "a/b/c", "../etc", "a/..", "a/b?x=1", "a b/c", "", "/", "ä/b"}) {
        CAPTURE(name);
        broken(Pointer("/repository/full_name"), name);
    }
    for (const auto* url : {"", "git@github.com:a/b.git", "file:///etc", "https://u:p@github.com/a/b.git",
                            "https://token@github.com/a/b", "ssh://github.com/a/b", "https://", "https:///a",
                            "https://github.com/a b", "ext::sh -c x", "https://evil\\@github.com/x"}) {
        CAPTURE(url);
        CHECK(broken(Pointer("/repository/clone_url"), url).find("clone_url") != std::string::npos);
    }
    broken(Pointer("/label"), nullptr);
    broken(Pointer("/sender"), nullptr);
    broken(Pointer("/repository"), "x");
    broken(Pointer("/issue/pull_request"), json::object());
}

TEST_CASE("values are read from their own place only") {
    auto payload = labelled();
    payload["label.name"] = "posing";
    payload["issues"] = {{{"label", {{"name", "posing"}}}}};
    payload["issue"]["label"] = {{"name", "posing"}};
    payload["repository"]["label"] = {{"name", "posing"}};
    CHECK(std::get<integrations::IssueLabelled>(decode("issues", payload.dump())).label == "agent: härter");
}

TEST_CASE("every payload that GitHub publishes as an example decodes to what it says") {
    const char* file = std::getenv("SHOPFLOOR_WEBHOOK_EXAMPLES");
    if (file == nullptr) {
        if (std::getenv("CI") != nullptr) FAIL("SHOPFLOOR_WEBHOOK_EXAMPLES is not set");
        MESSAGE("skipped: SHOPFLOOR_WEBHOOK_EXAMPLES names no index.json of npm @octokit/webhooks-examples");
        return;
    }
    std::ifstream stream(file);
    const auto examples = json::parse(stream);
    std::map<std::string, int> acted_on;
    int all = 0;
    for (const auto& group : examples) {
        const auto name = group.at("name").get<std::string>();
        for (const auto& example : group.at("examples")) {
            ++all;
            const auto action = name + "." + example.value("action", "");
            CAPTURE(action);
            const auto event = decode(name, example.dump());
            CHECK(decode(name, example.dump(2)) == event);
            if (const auto* ignored = std::get_if<Ignored>(&event)) {
                const std::set<std::string> left{"a review that asks for no changes",
                                                 "checks that did not fail", "a status that is no failure",
                                                 "a push that deletes", "a push to no branch"};
                CHECK((ignored->why.ends_with("is not for us") || left.contains(ignored->why)));
                continue;
            }
            ++acted_on[name == "ping" ? name : action];
            if (name == "ping") continue;
            if (!example.contains("issue") && !example.contains("pull_request")) {
                matches(event, example);
                continue;
            }
            std::visit(
                [&](const auto& known) {
                    using Known = std::decay_t<decltype(known)>;
                    integrations::ThreadRef where;
                    integrations::Person by;
                    if constexpr (requires { known.issue; }) where = known.issue;
                    if constexpr (requires { known.thread; }) where = known.thread;
                    if constexpr (requires { known.pull_request; }) where = known.pull_request;
                    if constexpr (requires { known.by; }) by = known.by;
                    if constexpr (requires { known.label; })
                        CHECK(known.label == example.at("label").at("name").get<std::string>());
                    if constexpr (std::is_same_v<Known, integrations::CommentCreated>)
                        CHECK(known.body == example.at("comment").at("body").get<std::string>());
                    const auto& repository = example.at("repository");
                    const auto* subject = name == "pull_request" ? "pull_request" : "issue";
                    CHECK(where.number == example.at(subject).at("number").get<std::int64_t>());
                    const bool of_pull =
                        example.contains("pull_request") || example.at("issue").contains("pull_request");
                    CHECK((where.kind == integrations::ThreadRef::Kind::pull_request) == of_pull);
                    CHECK(where.repo.full_name == repository.at("full_name").get<std::string>());
                    CHECK(where.repo.id == std::to_string(repository.at("id").get<std::int64_t>()));
                    CHECK(where.repo.installation.empty() == !example.contains("installation"));
                    CHECK(by.login == example.at("sender").at("login").get<std::string>());
                },
                event);
        }
    }
    MESSAGE(all << " examples decoded");
    CHECK(all > 200);
    for (const auto* action :
         {"ping", "issues.labeled", "issues.unlabeled", "issues.deleted", "issues.transferred",
          "issues.locked", "issue_comment.created", "pull_request.closed", "push.", "repository.renamed",
          "repository.transferred", "installation_repositories.removed", "installation.deleted",
          "installation.suspend"}) {
        CAPTURE(action);
        CHECK(acted_on[action] > 0);
    }
    CHECK(acted_on.size() == 14);  // and nothing else: no example of issues.closed is published
}
