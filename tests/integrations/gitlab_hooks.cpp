// From a deed on the practice GitLab to the event that it is for us: its hooks, our verifier and our decoder.

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "integrations/forge_words.hpp"
#include "tests/integrations/forge_contract.hpp"
#include "tests/integrations/github_server.hpp"

namespace {

using integrations::Event;
using integrations::ThreadRef;

/// The practice GitLab with hooks of the project, its group and the whole instance, and what they tell as it
/// is understood here.
struct Hooked {
    forge_tests::Contract world{forge_tests::ways.back()};
    forge_tests::Server ear;
    config::ForgeSettings settings{.name = "practice"};
    std::set<std::string> ids;  ///< of all deliveries

    explicit Hooked(const std::string& signing_token = "") {
        REQUIRE(world.way.on_gitlab());
        settings.webhook_secrets.emplace_back(signing_token.empty() ? "a secret" : signing_token);
        ear.on("POST /hooks/practice", nlohmann::json::object());
        world.practice.set_hook({.url = ear.url() + "/hooks/practice",
                                 .secret = "a secret",
                                 .signing_token = signing_token,
                                 .group_too = true,
                                 .instance_too = true});
    }
    /// Since the last time, without what is not for us.
    std::vector<Event> told() {
        REQUIRE(world.practice.hooks_sent());
        const auto* kind = integrations::find_forge_kind("gitlab");
        const auto sent = world.practice.deliveries();
        std::vector<Event> events;
        for (const auto& heard : ear.seen()) {
            integrations::Delivery delivery{.forge = "practice", .headers = {}, .body = {}};
            for (const auto& [name, value] : heard.headers)
                delivery.headers.emplace(integrations::lower_case(name), value);
            const auto same = std::ranges::find(sent, heard.headers.find("Idempotency-Key")->second,
                                                &practice_forge::Delivery::guid);
            REQUIRE(same != sent.end());
            delivery.body = same->body;
            const auto verified = kind->verify(settings, std::move(delivery));
            if (!verified) FAIL(verified.error().reason);
            CHECK(ids.insert(verified->delivery_id()).second);
            auto event = kind->decode(*verified);
            if (!std::holds_alternative<integrations::Ignored>(event)) events.push_back(std::move(event));
        }
        ear.forget();
        return events;
    }
    /// What a project's and a group's hook tell alike.
    Event told_twice() {
        const auto events = told();
        REQUIRE(events.size() == 2);
        CHECK(events[0] == events[1]);
        return events[0];
    }
};

}  // namespace

TEST_CASE("what two hooks of GitLab tell of one event is one event, be it signed or not") {
    for (const std::string token : {"", "whsec_b25lIHNpZ25pbmcgdG9rZW4gb2YgMzIgYnl0ZXMgISE="}) {
        Hooked hooked(token);
        auto& practice = hooked.world.practice;
        const auto number = hooked.world.issue_number;
        practice.add_label("octo/app", number, "agent:careful", "ann");
        const auto labelled = std::get<integrations::IssueLabelled>(hooked.told_twice());
        CHECK(labelled.label == "agent:careful");
        CHECK(labelled.by.login == "ann");
        CHECK(labelled.issue.number == number);
        CHECK(labelled.issue.kind == ThreadRef::Kind::issue);
        CHECK(labelled.at.has_value());
        practice.remove_label("octo/app", number, "agent", "ann");
        CHECK(std::get<integrations::IssueUnlabelled>(hooked.told_twice()).label == "agent");
        const auto said = practice.comment("octo/app", number, "/agent run", "ann");
        const auto heard = std::get<integrations::CommentCreated>(hooked.told_twice());
        CHECK(heard.comment_id == std::to_string(said));
        CHECK(heard.body == "/agent run");
        practice.close("octo/app", number, "ann");
        CHECK(std::get<integrations::IssueEnded>(hooked.told_twice()).issue.number == number);
    }
}

TEST_CASE(
    "a review on GitLab is told, and a merge request of the same number as an issue is another thread") {
    Hooked hooked;
    auto& practice = hooked.world.practice;
    practice.commit_files("octo/app", "b", {{.path = "a.txt", .content = "x\ny\n"}}, "Change");
    const auto number = practice.open_pull_request("octo/app", "b", "main", "Change", "", "robot");
    CHECK(number == hooked.world.issue_number);
    (void)hooked.told();
    practice.comment("octo/app", practice_forge::pull_request(number), "Nearly.", "ann");
    CHECK(std::get<integrations::CommentCreated>(hooked.told_twice()).thread.kind ==
          ThreadRef::Kind::pull_request);
    practice.review("octo/app", number, "changes_requested", "",
                    {{.path = "a.txt", .line = 2, .body = "Why?"}}, "ann");
    const auto asked = std::get<integrations::ChangesRequested>(hooked.told_twice());
    CHECK(asked.by.login == "ann");
    const auto forge = hooked.world.connect();
    const auto whole = forge_tests::must(forge->completed(asked));
    REQUIRE(whole.size() == 1);
    CHECK(forge_tests::must(
              forge->review_comments(asked.pull_request,
                                     std::get<integrations::ChangesRequested>(whole[0]).review_id))
              .size() == 1);
    practice.close("octo/app", practice_forge::pull_request(number), "ann");
    const auto ended = std::get<integrations::PullRequestEnded>(hooked.told_twice());
    CHECK_FALSE(ended.merged);
    CHECK(ended.pull_request.number == number);
}

TEST_CASE("labels that we set on GitLab ourselves are told as one change, and come to nothing") {
    Hooked hooked;
    const auto forge = hooked.world.connect();
    const auto repo = forge_tests::must(forge->repository(hooked.world.repo)).repo;
    const ThreadRef issue{.repo = repo, .number = hooked.world.issue_number};
    forge_tests::must(forge->relabel(issue, {"agent"}, {"agent-state: queued"}));
    const auto changed = hooked.told_twice();
    CHECK(std::get<integrations::LabelsChanged>(changed).by.login == "robot");
    CHECK(forge_tests::must(forge->completed(changed)).empty());
}

TEST_CASE("a project that is renamed or deleted is told by the hook of the whole GitLab") {
    Hooked hooked;
    const auto forge = hooked.world.connect();
    const auto repo = forge_tests::must(forge->repository(hooked.world.repo)).repo;
    hooked.world.practice.rename_repository("octo/app", "else/app");
    const auto renamed = hooked.told();
    REQUIRE_FALSE(renamed.empty());
    for (const auto& again : renamed) CHECK(again == renamed[0]);
    const auto whole = forge_tests::must(forge->completed(renamed[0]));
    REQUIRE(whole.size() == 1);
    const auto& now = std::get<integrations::RepositoryRenamed>(whole[0]).repo;
    CHECK(now.id == repo.id);
    CHECK(now.full_name == "else/app");
    CHECK(now.clone_url == hooked.world.practice.clone_url("else/app"));
    CHECK(forge_tests::must(forge->repository(repo)).repo == now);
    hooked.world.practice.delete_repository("else/app");
    const auto deleted = hooked.told();
    REQUIRE_FALSE(deleted.empty());
    CHECK(std::get<integrations::AccessEnded>(deleted[0]).repositories == std::vector{repo.id});
}

TEST_CASE("the operator of a practice GitLab is warned of a token that ends and of a hook that is off") {
    Hooked hooked;
    auto& world = hooked.world;
    world.practice.add_collaborator("octo/app", "robot", practice_forge::Permission::admin);
    world.practice.add_token("robot", "ghp_practice", world.now + std::chrono::hours(24 * 300));
    const auto forge = world.connect();
    CHECK(forge_tests::must(forge->warnings()).empty());
    world.practice.add_token("robot", "ghp_practice", world.now + std::chrono::hours(24 * 9));
    const auto of_token = forge_tests::must(forge->warnings());
    REQUIRE(of_token.size() == 1);
    CHECK(of_token[0].find(" ends on ") != std::string::npos);
    world.practice.disable_hook();
    const auto of_both = forge_tests::must(forge->warnings());
    REQUIRE(of_both.size() == 2);
    CHECK(of_both[1].starts_with("the webhook of octo/app is switched off"));
}
