#pragma once

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>

#include "integrations/forge.hpp"
#include "integrations/gitea.hpp"
#include "integrations/github.hpp"
#include "integrations/gitlab.hpp"
#include "tests/practice_forge/practice_forge.hpp"

/// One contract for all forges: the same verbs against the practice forge in each dialect, and on GitHub once
/// with a plain token and once as an App.
namespace forge_tests {

using practice_forge::Dialect;
using practice_forge::PracticeForge;

/// A forge and how we sign in there.
struct Way {
    const char* name;
    Dialect dialect;
    bool as_app = false;
    [[nodiscard]] bool on_github() const { return dialect == Dialect::github; }
    [[nodiscard]] bool on_gitlab() const { return dialect == Dialect::gitlab; }
};
inline constexpr std::array<Way, 5> ways{{{"GitHub, as an App", Dialect::github, true},
                                          {"GitHub, with a token", Dialect::github},
                                          {"Gitea", Dialect::gitea},
                                          {"Forgejo", Dialect::forgejo},
                                          {"GitLab", Dialect::gitlab}}};

struct Contract {
    Way way;
    PracticeForge practice{{.dialect = way.dialect}};
    practice_forge::KeyPair keys = practice_forge::make_key_pair();
    integrations::RepoRef repo{.forge = "practice", .full_name = "octo/app"};
    std::int64_t issue_number = 0;
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now();

    explicit Contract(const Way& with) : way(with) {
        practice.create_repository(
            {.full_name = "octo/app", .files = {{.path = "README.md", .content = "# App\n"}}});
        practice.add_collaborator("octo/app", "ann", practice_forge::Permission::write);
        practice.add_collaborator("octo/app", "rita", practice_forge::Permission::read);
        practice.add_collaborator("octo/app", "robot",
                                  way.on_github() || way.on_gitlab() ? practice_forge::Permission::write
                                                                     : practice_forge::Permission::admin);
        practice.add_token("robot", "ghp_practice");
        practice.set_app({.public_key = keys.public_pem});
        issue_number = practice.create_issue("octo/app", "It breaks", "Every time.", "ann", {"agent"});
    }
    std::unique_ptr<integrations::Forge> connect() {
        config::ForgeSettings settings{
            .name = "practice", .api_url = practice.api_url(), .repositories = {"octo/app"}};
        if (way.as_app) {
            settings.app =
                config::AppCredentials{.app_id = "1", .private_key = config::Secret(keys.private_pem)};
        } else {
            settings.token = config::Secret("ghp_practice");
        }
        // A token that is refused while it is new is tried again, without the wait that real forges want.
        const integrations::ForgeClock clock{.now = [this] { return now; },
                                             .sleep = [](std::chrono::milliseconds) {}};
        if (way.on_github()) return integrations::connect_github(settings, clock);
        return way.on_gitlab() ? integrations::connect_gitlab(settings, clock)
                               : integrations::connect_gitea(settings, clock);
    }
    [[nodiscard]] std::string our_login() const { return way.as_app ? practice.app_login() : "robot"; }
    [[nodiscard]] std::string git_user() const {
        if (way.on_gitlab()) return "oauth2";
        return way.on_github() ? "x-access-token" : "robot";
    }
};

template <typename T>
T must(integrations::ForgeResult<T> result) {
    if (!result) FAIL(result.error().message);
    return *std::move(result);
}
inline void must(integrations::ForgeResult<void> result) {
    if (!result) FAIL(result.error().message);
}

/// The same on every forge.
inline void on_each(void (*part)(const Way&)) {
    for (const auto& way : ways) {
        INFO(std::string(way.name));
        part(way);
    }
}

}  // namespace forge_tests
