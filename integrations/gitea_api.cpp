#include "integrations/gitea_api.hpp"

#include "integrations/forge_words.hpp"
#include "integrations/gitea.hpp"

namespace integrations {

std::string issue_path(const ThreadRef& thread) { return "/issues/" + std::to_string(thread.number); }

std::optional<config::Error> gitea_fault(const config::ForgeSettings& settings) {
    return token_fault(settings, "https://HOST/api/v1 of your Gitea or Forgejo");
}

TokenApi::Manner gitea_manner(const config::ForgeSettings& settings) {
    return {.url = settings.api_url,
            .token_header = "Authorization",
            .token_prefix = "token ",
            .token = token_of(settings, gitea_fault(settings)),
            .page_size = "limit",
            .largest = 50,
            .path_of = [](const RepoRef& repo) -> ForgeResult<std::string> {
                if (is_full_name(repo.full_name)) return "/repos/" + repo.full_name;
                return std::unexpected(ForgeError{.kind = ForgeError::Kind::invalid,
                                                  .message = "the repository's name is not owner/name"});
            }};
}

}  // namespace integrations
