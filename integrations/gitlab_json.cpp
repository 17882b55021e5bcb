#include "integrations/gitlab_json.hpp"

#include <algorithm>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_signature.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitlab.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr std::string_view gitlab_api_path = "/api/v4";

}  // namespace

std::optional<config::Error> gitlab_fault(const config::ForgeSettings& settings) {
    const std::string where = "https://HOST/api/v4 of your GitLab";
    if (auto fault = token_fault(settings, where)) return fault;
    if (!settings.api_url.ends_with(gitlab_api_path))
        return config::Error{
            .key = "api_url", .message = "not the address of an API", .mend = "write " + where};
    const auto is_broken = [](const config::Secret& secret) {
        const auto& text = secret.expose();
        return text.starts_with(gitlab_signing_prefix) &&
               bytes_of_base64(text.substr(gitlab_signing_prefix.size())).value_or("").empty();
    };
    if (std::ranges::any_of(settings.webhook_secrets, is_broken))
        return config::Error{.key = "webhook_secrets",
                             .message = "a signing token that is not `whsec_` and base64",
                             .mend = "copy it whole from the webhook's page"};
    return std::nullopt;
}

/// By its number: a name may change hands.
TokenApi::Manner gitlab_manner(const config::ForgeSettings& settings) {
    return {.url = settings.api_url,
            .token_header = "PRIVATE-TOKEN",
            .token_prefix = "",
            .token = token_of(settings, gitlab_fault(settings)),
            .page_size = "per_page",
            .largest = 100,
            .path_of = [](const RepoRef& repo) -> ForgeResult<std::string> {
                if (is_digits(repo.id, 20)) return "/projects/" + repo.id;
                if (is_full_path(repo.full_name)) return "/projects/" + url_encoded(repo.full_name);
                return std::unexpected(ForgeError{.kind = ForgeError::Kind::invalid,
                                                  .message = "the project's path is not group/name"});
            }};
}

Person read_gitlab_person(const json& user) {
    auto login = text_at(user, "username");
    const bool bot = true_at(user, "bot") || is_gitlab_bot(login);
    return {.login = std::move(login), .id = text_at(user, "id"), .bot = bot};
}

ForgeResult<RepoSeen> read_project(const ForgeResult<json>& answer, const std::string& forge) {
    if (!answer) return std::unexpected(answer.error());
    RepoSeen seen{.repo = {.forge = forge,
                           .id = text_at(*answer, "id"),
                           .full_name = text_at(*answer, "path_with_namespace"),
                           .clone_url = text_at(*answer, "http_url_to_repo"),
                           .default_branch = text_at(*answer, "default_branch"),
                           .installation = {}},
                  .archived = true_at(*answer, "archived")};
    if (is_digits(seen.repo.id, 20) && is_full_path(seen.repo.full_name) && is_clone_url(seen.repo.clone_url))
        return seen;
    return std::unexpected(
        ForgeError{.kind = ForgeError::Kind::unreachable,
                   .message = "the forge describes a project without id, path or http_url_to_repo"});
}

PullRequest read_merge_request(const json& request) {
    const auto state = text_at(request, "state");
    // Lists have what was found out last; it is looked at anew when one is asked for.
    std::optional<bool> conflicts;
    const auto mergeable = text_at(request, "merge_status");
    if (mergeable == "can_be_merged") conflicts = false;
    if (mergeable == "cannot_be_merged") conflicts = true_at(request, "has_conflicts");
    return {.number = number_at(request, "iid"),
            .web_url = text_at(request, "web_url"),
            .head_branch = text_at(request, "source_branch"),
            .head_sha = text_at(request, "sha"),
            .draft = true_at(request, "draft"),
            .open = state == "opened" || state == "locked",  // while it is being merged
            .merged = state == "merged",
            .conflicts = conflicts,
            .author = read_gitlab_person(at(request, "author"))};
}

std::string thread_path(const ThreadRef& thread) {
    return (thread.kind == ThreadRef::Kind::issue ? "/issues/" : "/merge_requests/") +
           std::to_string(thread.number);
}

std::string without_quick_actions(std::string_view text) {
    std::string spoken;
    for (const char c : text) {
        if (c == '\r') continue;  // dropped before it looks for them
        if (c == '/' && spoken.empty()) spoken += '\\';
        if (c == '/' && spoken.ends_with('\n')) spoken += ' ';
        spoken += c;
    }
    return spoken;
}

}  // namespace integrations
