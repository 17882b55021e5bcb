#include "integrations/forge.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "integrations/forge_words.hpp"
#include "integrations/gitea.hpp"
#include "integrations/github.hpp"
#include "integrations/gitlab.hpp"

namespace integrations {
namespace {

std::unique_ptr<Forge> connect_github_now(const config::ForgeSettings& settings) {
    return connect_github(settings);
}

std::unique_ptr<Forge> connect_gitea_now(const config::ForgeSettings& settings) {
    return connect_gitea(settings);
}

std::unique_ptr<Forge> connect_gitlab_now(const config::ForgeSettings& settings) {
    return connect_gitlab(settings);
}

std::expected<VerifiedDelivery, Rejected> verify_gitlab_now(const config::ForgeSettings& settings,
                                                            Delivery&& delivery) {
    return Verifier::gitlab(settings, std::move(delivery), std::chrono::system_clock::now());
}

/// https://docs.github.com/en/account-and-profile/reference/email-addresses-reference
std::string github_mail_of(const config::ForgeSettings& settings, const Person& person) {
    const auto host = host_of(settings.api_url);
    const auto user = person.id.empty() ? person.login : person.id + "+" + person.login;
    return user + "@users.noreply." + (host == "api.github.com" ? "github.com" : host);
}

/// Where NO_REPLY_ADDRESS is as it comes: https://docs.gitea.com/administration/config-cheat-sheet
std::string gitea_mail_of(const config::ForgeSettings& settings, const Person& person) {
    return lower_case(person.login) + "@noreply." + host_of(settings.api_url);
}

/// Where the instance's host for such addresses is as it comes; without an id there is none.
/// https://docs.gitlab.com/user/profile/#use-an-automatically-generated-private-commit-email
std::string gitlab_mail_of(const config::ForgeSettings& settings, const Person& person) {
    if (person.id.empty()) return {};
    return person.id + "-" + person.login + "@users.noreply." + host_of(settings.api_url);
}

std::optional<config::Error> no_fault(const config::ForgeSettings& /*settings*/) { return std::nullopt; }

/// Gitea's, and Forgejo's that is the same but for its name.
ForgeKind gitea_kind(std::string_view name) {
    return {.name = name,
            .verify = &Verifier::gitea,
            .decode = &decode_gitea,
            .connect = &connect_gitea_now,
            .fault = &gitea_fault,
            .mail_of = &gitea_mail_of,
            .proposal_name = "pull request",
            .proposal_sign = '#',
            .body_limit = gitea_body_limit,
            .text_limit = gitea_text_limit};
}

}  // namespace

const std::vector<ForgeKind>& forge_kinds() {
    static const std::vector<ForgeKind> kinds{
        {.name = "github",
         .verify = &Verifier::github,
         .decode = &decode_github,
         .connect = &connect_github_now,
         .fault = &no_fault,
         .mail_of = &github_mail_of,
         .proposal_name = "pull request",
         .proposal_sign = '#',
         .body_limit = github_body_limit,
         .text_limit = github_text_limit},
        gitea_kind("gitea"),
        gitea_kind("forgejo"),
        {.name = "gitlab",
         .verify = &verify_gitlab_now,
         .decode = &decode_gitlab,
         .connect = &connect_gitlab_now,
         .fault = &gitlab_fault,
         .mail_of = &gitlab_mail_of,
         .proposal_name = "merge request",
         .proposal_sign = '!',
         .body_limit = gitlab_body_limit,
         .text_limit = gitlab_text_limit},
    };
    return kinds;
}

const ForgeKind* find_forge_kind(std::string_view name) {
    const auto found = std::ranges::find(forge_kinds(), name, &ForgeKind::name);
    return found == forge_kinds().end() ? nullptr : &*found;
}

}  // namespace integrations
