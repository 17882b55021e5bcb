#include "integrations/gitea_api.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "generated/version.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitea.hpp"

namespace integrations {
namespace {

using nlohmann::json;

config::Secret token_of(const config::ForgeSettings& settings) {
    if (const auto fault = gitea_fault(settings)) throw std::invalid_argument(fault->message);
    return *settings.token;
}

HttpClient::Options options_for(const std::string& api_url) {
    HttpClient::Options options;
    if (is_loopback_url(api_url)) options.write_gap = std::chrono::milliseconds(0);
    return options;
}

ForgeResult<std::string> path_of(const RepoRef& repo, const std::string& suffix) {
    if (is_full_name(repo.full_name)) return "/repos/" + repo.full_name + suffix;
    return std::unexpected(
        ForgeError{.kind = ForgeError::Kind::invalid, .message = "the repository's name is not owner/name"});
}

}  // namespace

std::string issue_path(const ThreadRef& thread) { return "/issues/" + std::to_string(thread.number); }

std::optional<config::Error> gitea_fault(const config::ForgeSettings& settings) {
    if (settings.app)
        return config::Error{.key = "app",
                             .message = "Gitea and Forgejo have no Apps",
                             .mend = "give the bot an account and its token: `token: {env: NAME}`"};
    if (!settings.token || settings.token->empty())
        return config::Error{
            .key = "token", .message = "no token of the bot's account", .mend = "add `token: {env: NAME}`"};
    if (settings.api_url == config::ForgeSettings{}.api_url)
        return config::Error{.key = "api_url",
                             .message = "this is GitHub's address",
                             .mend = "write https://HOST/api/v1 of your Gitea or Forgejo"};
    return std::nullopt;
}

GiteaApi::GiteaApi(const config::ForgeSettings& settings)
    : paging_{.base_url = settings.api_url, .size_name = "limit", .largest = 50},
      token_(token_of(settings)),
      http_(settings.api_url, options_for(settings.api_url)) {}

std::expected<HttpResponse, ForgeError> GiteaApi::send(HttpRequest request) {
    request.headers = {{"Accept", "application/json"},
                       {"Content-Type", "application/json"},
                       {"User-Agent", std::string("shopfloor/") + generated::version},
                       {"Authorization", "token " + token_.expose()}};
    return http_.send(request);
}

ForgeResult<json> GiteaApi::call(const RepoRef& repo, const std::string& method, const std::string& suffix,
                                 const json& body) {
    auto path = path_of(repo, suffix);
    if (!path) return std::unexpected(std::move(path.error()));
    const auto what = method + " " + without_query(*path);
    return json_of(what, send({.method = method,
                               .path = *std::move(path),
                               .headers = {},
                               .body = body.is_null() ? std::string() : write_json(body)}));
}

ForgeResult<void> GiteaApi::each(const RepoRef& repo, const std::string& suffix, int most,
                                 const Visit& visit) {
    const auto path = path_of(repo, suffix);
    return path ? each_any(*path, most, visit) : std::unexpected(path.error());
}

ForgeResult<bool> GiteaApi::newest(const RepoRef& repo, const std::string& suffix, Most most,
                                   const Visit& visit) {
    const auto path = path_of(repo, suffix);
    if (!path) return std::unexpected(path.error());
    return paging_.newest([this](const HttpRequest& request) { return send(request); }, *path, most, visit);
}

ForgeResult<json> GiteaApi::get(const std::string& path) {
    return json_of("GET " + without_query(path), send(get_request(path)));
}

ForgeResult<void> GiteaApi::each_any(const std::string& path, int most, const Visit& visit,
                                     const char* array) {
    return paging_.each([this](const HttpRequest& request) { return send(request); }, path, most, visit,
                        array);
}

}  // namespace integrations
