// One daemon for several forges, and for several accounts of one: each is answered where it asked.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"
#include "tests/scenarios/daemon.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using namespace std::chrono_literals;
using practice_forge::Dialect;
using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::maintainer;
using scenarios::repository;

namespace {

/// A forge as the daemon's settings name it, with a repository of the same name as on all others.
struct Town {
    std::string name;
    PracticeForge forge;
    config::ForgeSettings settings;

    Town(std::string its_name, Dialect dialect, const std::filesystem::path& folder, bool app)
        : name(std::move(its_name)), forge({.dialect = dialect, .directory = folder / name}) {
        forge.create_repository(
            {.full_name = std::string(repository),
             .files = {{.path = "words", .content = name + "\n"},
                       {.path = ".shopfloor.yml", .content = "checks: [{name: tests, run: 'true'}]\n"}}});
        forge.add_collaborator(repository, maintainer, practice_forge::Permission::write);
        settings = {.name = name,
                    .kind = practice_forge::dialect_names().at(static_cast<std::size_t>(dialect)),
                    .api_url = forge.api_url(),
                    .webhook_secrets = {config::Secret("hook-of-" + name)},
                    .repositories = {std::string(repository)}};
        if (app) {
            const auto keys = practice_forge::make_key_pair();
            forge.set_app({.public_key = keys.public_pem});
            settings.app =
                config::AppCredentials{.app_id = "1", .private_key = config::Secret(keys.private_pem)};
            return;
        }
        forge.add_collaborator(repository, forge.app_login(), practice_forge::Permission::admin);
        give_token(std::nullopt);
        settings.token = config::Secret("token-of-" + name);
    }

    void give_token(std::optional<std::chrono::system_clock::time_point> until) {
        forge.add_token(forge.app_login(), "token-of-" + name, until);
    }
    std::int64_t ask() {
        const auto issue = forge.create_issue(repository, "Words of " + name, "Please.", maintainer);
        forge.add_label(repository, issue, "agent", maintainer);
        return issue;
    }
    [[nodiscard]] std::string said(const practice_forge::Which& thread) const {
        std::string all;
        for (const auto& comment : forge.issue(repository, thread).comments)
            if (contains(comment.body, "<!-- shopfloor:v1")) all += comment.body;
        return all;
    }
};

/// The daemon, and all that it works for.
struct Region {
    std::filesystem::path folder = scenarios::Factory::fresh_folder();
    std::list<Town> towns;
    std::optional<scenarios::Daemon> daemon;

    Region() {
        towns.emplace_back("hub", Dialect::github, folder, true);
        towns.emplace_back("second-hub", Dialect::github, folder, false);
        towns.emplace_back("lab", Dialect::gitlab, folder, false);
        towns.emplace_back("tea", Dialect::gitea, folder, false);
        towns.emplace_back("jo", Dialect::forgejo, folder, false);
    }
    ~Region() {
        daemon.reset();
        std::filesystem::remove_all(folder);
    }
    Region(const Region&) = delete;
    Region& operator=(const Region&) = delete;

    void start() {
        config::Settings settings{.listen_port = 0,
                                  .state_dir = folder / "state",
                                  .retry_pause = 1s,
                                  .sandbox = {.backend = "bubblewrap", .default_image = "host"}};
        settings.sandbox.roots = {{"host", "/"}};
        settings.profiles.push_back(
            {.name = "worker", .command = {"/bin/sh", "-c", "echo more >> words; echo 'I said more.'"}});
        for (const auto& town : towns) settings.forges.push_back(town.settings);
        daemon.emplace(scenarios::plan_daemon(settings, folder, {}));
        for (auto& town : towns)
            town.forge.set_hook(
                {.url = fmt::format("http://127.0.0.1:{}/hooks/{}", daemon->port(), town.name),
                 .secret = "hook-of-" + town.name});
    }
    [[nodiscard]] std::string log() const { return scenarios::bytes_of(folder / "shopfloor.log"); }
    [[nodiscard]] std::string metrics() const {
        const auto answer = httplib::Client("127.0.0.1", daemon->port()).Get("/metrics");
        return answer ? answer->body : "";
    }
};

bool is_in_review(const Town& town, std::int64_t issue) {
    return PracticeForge::eventually(
        [&] {
            return town.forge.issue(repository, issue).labels ==
                   std::vector<std::string>{"agent-state: review"};
        },
        120s);
}

}  // namespace

TEST_CASE("one daemon works for all forges at once, and each hears of its own alone") {
    if (!can_run("bubblewrap")) return;
    Region region;
    region.start();
    std::vector<std::int64_t> issues;
    for (auto& town : region.towns) issues.push_back(town.ask());
    for (auto at = issues.begin(); auto& town : region.towns) {
        CAPTURE(town.name);
        const auto issue = *at++;
        CHECK(issue == 1);  // the same number of a repository of the same name, everywhere
        REQUIRE(is_in_review(town, issue));
        const auto proposals = town.forge.pull_requests(repository);
        REQUIRE(proposals.size() == 1);
        CHECK(town.forge.file(repository, proposals.front().head_sha, "words") == town.name + "\nmore\n");
        CHECK(contains(proposals.front().head_branch, "words-of-" + town.name));
    }
    auto& lab = *std::ranges::find(region.towns, "lab", &Town::name);
    auto& tea = *std::ranges::find(region.towns, "tea", &Town::name);
    lab.forge.comment(repository, 1, "/agent stop", maintainer);
    REQUIRE(PracticeForge::eventually([&] { return contains(lab.said(1), "Stopped by `ada`"); }, 60s));
    CHECK_FALSE(contains(tea.said(1), "Stopped"));
    CHECK(tea.forge.issue(repository, 1).labels == std::vector<std::string>{"agent-state: review"});
}

TEST_CASE("the log speaks of each forge in its own words") {
    if (!can_run("bubblewrap")) return;
    Region region;
    region.start();
    for (const auto& [name, words] : {std::pair("lab", "The merge request was merged."),
                                      std::pair("hub", "The pull request was merged.")}) {
        auto& town = *std::ranges::find(region.towns, name, &Town::name);
        REQUIRE(is_in_review(town, town.ask()));
        town.forge.merge(repository, town.forge.pull_requests(repository).front().number, maintainer);
        CHECK(PracticeForge::eventually([&] { return contains(region.log(), words); }, 60s));
    }
    CHECK_FALSE(contains(region.log(), "«"));
}

TEST_CASE("a forge that is down holds up nothing that another one asks for") {
    if (!can_run("bubblewrap")) return;
    Region region;
    auto& lab = *std::ranges::find(region.towns, "lab", &Town::name);
    lab.forge.fail({.name = "down", .path = "/*", .times = -1, .status = 502});
    region.start();
    const auto waits = lab.ask();
    for (auto& town : region.towns)
        if (&town != &lab) CHECK(is_in_review(town, town.ask()));
    CHECK(lab.said(waits).empty());
    CHECK(PracticeForge::eventually(
        [&] { return contains(region.metrics(), "shopfloor_forge_quiet{forge=\"lab\"} 1"); }));
    CHECK(contains(region.metrics(), "shopfloor_forge_quiet{forge=\"tea\"} 0"));
    lab.forge.clear_faults();
    CHECK(is_in_review(lab, waits));
}

TEST_CASE("a delivery is heard only at the address of the forge that signed it") {
    if (!can_run("bubblewrap")) return;
    Region region;
    region.start();
    auto& tea = *std::ranges::find(region.towns, "tea", &Town::name);
    tea.forge.set_hook(
        {.url = fmt::format("http://127.0.0.1:{}/hooks/jo", region.daemon->port()), .secret = "hook-of-tea"});
    const auto issue = tea.ask();
    REQUIRE(tea.forge.hooks_sent());
    const auto sent = tea.forge.deliveries();
    REQUIRE_FALSE(sent.empty());
    CHECK(std::ranges::all_of(sent, [](const auto& each) { return each.status_code == 401; }));
    CHECK(tea.said(issue).empty());
    for (auto& town : region.towns) CHECK(town.forge.pull_requests(repository).empty());
}

TEST_CASE("what the operator should mend at a forge is counted for alarms") {
    if (!can_run("bubblewrap")) return;
    Region region;
    auto& lab = *std::ranges::find(region.towns, "lab", &Town::name);
    lab.give_token(std::chrono::system_clock::now() + 48h);
    region.start();
    CHECK(PracticeForge::eventually(
        [&] { return contains(region.metrics(), "shopfloor_forge_warnings{forge=\"lab\"} 1"); }, 60s));
    CHECK(contains(region.metrics(), "shopfloor_forge_warnings{forge=\"hub\"} 0"));
}
