// What is told of commits, branches and whole repositories.

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "integrations/delivery.hpp"
#include "integrations/event.hpp"
#include "integrations/github.hpp"
#include "tests/integrations/github_world.hpp"

using forge_tests::sha;
using integrations::AccessEnded;
using integrations::BranchPushed;
using integrations::ChecksFailed;
using integrations::Ignored;
using nlohmann::json;

namespace {

integrations::Event decode_payload(const std::string& name, const json& payload) {
    return integrations::decode_github(integrations::Replay::stored("work", "1", "id", name, payload.dump()));
}

std::string why_payload_ignored(const std::string& name, const json& payload) {
    const auto event = decode_payload(name, payload);
    REQUIRE(std::holds_alternative<Ignored>(event));
    return std::get<Ignored>(event).why;
}

json about_repository(const std::string& action) {
    return {{"action", action},
            {"repository",
             {{"id", 77},
              {"full_name", "octo/app"},
              {"clone_url", "https://forge.example/octo/app.git"},
              {"default_branch", "main"}}},
            {"sender", {{"login", "ann"}, {"id", 5}, {"type", "User"}}},
            {"installation", {{"id", 2}}}};
}

const integrations::RepoRef repository{.forge = "work",
                                       .id = "77",
                                       .full_name = "octo/app",
                                       .clone_url = "https://forge.example/octo/app.git",
                                       .default_branch = "main",
                                       .installation = "2"};

json suite(const json& conclusion) {
    auto payload = about_repository("completed");
    payload["check_suite"] = {
        {"id", 1}, {"head_sha", sha}, {"conclusion", conclusion}, {"app", {{"slug", "github-actions"}}}};
    return payload;
}

json status_payload(const std::string& state) {
    auto payload = about_repository("");
    payload.erase("action");
    payload.update({{"id", 1}, {"sha", sha}, {"state", state}, {"context", "ci/build"}});
    return payload;
}

json push(const std::string& ref) {
    auto payload = about_repository("");
    payload.erase("action");
    payload.update({{"ref", ref}, {"deleted", false}, {"after", sha}, {"commits", json::array()}});
    return payload;
}

json about_installation(const std::string& action) {
    return {{"action", action},
            {"installation", {{"id", 2}, {"account", {{"login", "octo"}, {"id", 9}}}}},
            {"sender", {{"login", "ann"}, {"id", 5}}}};
}

}  // namespace

TEST_CASE("checks that failed name their commit; those that ended otherwise do not call for anybody") {
    for (const auto* conclusion : {"failure", "timed_out", "startup_failure"}) {
        CAPTURE(conclusion);
        CHECK(std::get<ChecksFailed>(decode_payload("check_suite", suite(conclusion))) ==
              ChecksFailed{.repo = repository, .head_sha = sha});
    }
    for (const json& conclusion : {json("success"), json("neutral"), json("cancelled"), json("skipped"),
                                   json("stale"), json("action_required"), json(nullptr), json(7)}) {
        CAPTURE(conclusion);
        CHECK(why_payload_ignored("check_suite", suite(conclusion)) == "checks that did not fail");
    }
    auto asked = suite("failure");
    asked["action"] = "requested";
    CHECK(why_payload_ignored("check_suite", asked) == "check_suite.requested is not for us");

    for (const auto* state : {"failure", "error"}) {
        CHECK(std::get<ChecksFailed>(decode_payload("status", status_payload(state))) ==
              ChecksFailed{.repo = repository, .head_sha = sha});
    }
    for (const auto* state : {"success", "pending", ""})
        CHECK(why_payload_ignored("status", status_payload(state)) == "a status that is no failure");
}

TEST_CASE("checks without a usable commit or repository are ignored") {
    for (const json& commit : {json("main"), json(""), json(nullptr), json(1), json::array({sha}),
                               json(std::string(40, 'g')), json(sha + "d"), json("../../../" + sha)}) {
        CAPTURE(commit);
        auto failed = suite("failure");
        failed["check_suite"]["head_sha"] = commit;
        CHECK(why_payload_ignored("check_suite", failed) == "check_suite.completed without a commit");
        auto red = status_payload("error");
        red["sha"] = commit;
        CHECK(why_payload_ignored("status", red) == "a status without a commit");
    }
    auto nowhere = suite("failure");
    nowhere.erase("repository");
    CHECK(why_payload_ignored("check_suite", nowhere) == "check_suite.completed: no repository id");
    nowhere = status_payload("failure");
    nowhere["repository"]["full_name"] = "a/../b";
    CHECK(why_payload_ignored("status", nowhere) == "status: the repository's full_name is not owner/name");
    auto empty = suite("failure");
    empty["check_suite"] = "failure";
    CHECK(why_payload_ignored("check_suite", empty) == "checks that did not fail");
}

TEST_CASE("a push to a branch is told; tags, deletions and nonsense are not") {
    CHECK(std::get<BranchPushed>(decode_payload("push", push("refs/heads/agent/issue-7-x"))) ==
          BranchPushed{.repo = repository,
                       .branch = "agent/issue-7-x",
                       .by = {.login = "ann", .id = "5", .bot = false}});
    for (const auto* ref : {"refs/tags/v1", "refs/heads/", "refs/shopfloor/kept", "main", "",
                            "refs/heads/a b", "refs/heads/a\nb"}) {
        CAPTURE(ref);
        CHECK(why_payload_ignored("push", push(ref)) == "a push to no branch");
    }
    auto gone = push("refs/heads/main");
    gone["deleted"] = true;
    CHECK(why_payload_ignored("push", gone) == "a push that deletes");
    auto nobody = push("refs/heads/main");
    nobody["sender"] = nullptr;
    CHECK(why_payload_ignored("push", nobody) == "push: no sender");
    auto odd = push("refs/heads/main");
    odd["ref"] = json::array({"refs/heads/main"});
    CHECK(why_payload_ignored("push", odd) == "a push to no branch");
    odd["action"] = "created";
    CHECK(why_payload_ignored("push", odd) == "push.created is not for us");
}

TEST_CASE("a repository that is renamed or moved bears its new name") {
    for (const auto* action : {"renamed", "transferred"}) {
        const auto event = decode_payload("repository", about_repository(action));
        CHECK(std::get<integrations::RepositoryRenamed>(event).repo == repository);
    }
    for (const auto* action : {"created", "edited", "unarchived", "privatized", "publicized"}) {
        CHECK(why_payload_ignored("repository", about_repository(action)) ==
              std::string("repository.") + action + " is not for us");
    }
    auto nameless = about_repository("renamed");
    nameless["repository"]["clone_url"] = "ssh://forge.example/octo/app";
    CHECK(why_payload_ignored("repository", nameless).find("clone_url") != std::string::npos);
}

TEST_CASE("where nothing can be done any more is told, and why") {
    using How = AccessEnded::How;
    const AccessEnded one{.how = How::deleted, .forge = "work", .installation = "2", .repositories = {"77"}};
    CHECK(std::get<AccessEnded>(decode_payload("repository", about_repository("deleted"))) == one);
    auto archived = one;
    archived.how = How::archived;
    CHECK(std::get<AccessEnded>(decode_payload("repository", about_repository("archived"))) == archived);
    auto plain = about_repository("deleted");
    plain.erase("installation");
    CHECK(std::get<AccessEnded>(decode_payload("repository", plain)).installation.empty());

    for (const auto* action : {"deleted", "suspend"}) {
        auto payload = about_installation(action);
        payload["repositories"] = {{{"id", 77}, {"full_name", "octo/app"}}};
        CHECK(std::get<AccessEnded>(decode_payload("installation", payload)) ==
              AccessEnded{.how = How::uninstalled, .forge = "work", .installation = "2", .repositories = {}});
    }
    for (const auto* action : {"created", "unsuspend", "new_permissions_accepted"})
        CHECK(why_payload_ignored("installation", about_installation(action)).ends_with("is not for us"));
    auto nothing = about_installation("deleted");
    nothing["installation"] = nullptr;
    CHECK(why_payload_ignored("installation", nothing) == "installation.deleted: no installation");
    nothing["installation"] = {{"id", "all"}};
    CHECK(why_payload_ignored("installation", nothing) == "installation.deleted: no installation");
}

TEST_CASE("repositories taken from the installation are listed; a list that cannot be read is not all") {
    auto payload = about_installation("removed");
    payload["repositories_added"] = {{{"id", 1}}};
    payload["repositories_removed"] = {{{"id", 77}, {"full_name", "octo/app"}, {"owner", {{"id", 3}}}},
                                       {{"name", "no id"}},
                                       {{"id", "seventy-eight"}},
                                       {{"id", -4}},
                                       {{"id", 79}}};
    CHECK(std::get<AccessEnded>(decode_payload("installation_repositories", payload)) ==
          AccessEnded{.how = AccessEnded::How::removed,
                      .forge = "work",
                      .installation = "2",
                      .repositories = {"77", "79"}});
    for (const json& list : {json::array(), json(nullptr), json("all"), json{{"id", 77}}, json{77, 78},
                             json::array({json::array({json{{"id", 77}}})}),
                             json::array({json{{"repository", {{"id", 77}}}}})}) {
        CAPTURE(list);
        payload["repositories_removed"] = list;
        CHECK(why_payload_ignored("installation_repositories", payload) ==
              "installation_repositories.removed without a repository");
    }
    payload["repositories_removed"] = json::parse(R"([{"id":77},[5]])");
    CHECK(std::get<AccessEnded>(decode_payload("installation_repositories", payload)).repositories ==
          std::vector<std::string>{"77"});
    auto many = json::array();
    for (int i = 1; i <= 12'000; ++i) many.push_back({{"id", i}});
    payload["repositories_removed"] = many;
    CHECK(std::get<AccessEnded>(decode_payload("installation_repositories", payload)).repositories.size() ==
          10'000);
    payload["action"] = "added";
    CHECK(why_payload_ignored("installation_repositories", payload).ends_with("is not for us"));
}
