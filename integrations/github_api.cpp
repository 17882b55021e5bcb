#include "integrations/github_api.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/http_governor.hpp"

namespace integrations {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

// A new token is not known everywhere at once: octokit retries its 401 for as long.
constexpr seconds token_settles{5};

ForgeResult<json> as_json(const HttpRequest& request, const std::expected<HttpResponse, ForgeError>& answer) {
    return json_of(request.method + " " + without_query(request.path), answer);
}

}  // namespace

GithubApi::GithubApi(const config::ForgeSettings& settings, ForgeClock clock)
    : api_url_(settings.api_url),
      // https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
      paging_{.base_url = settings.api_url, .size_name = "per_page", .largest = 100, .always_links = true},
      plain_token_(settings.token),
      clock_(std::move(clock)) {
    if (settings.app) {
        tokens_ = std::make_unique<InstallationTokens>(settings, clock_);
    } else if (!plain_token_ || plain_token_->empty()) {
        throw std::invalid_argument("forge " + settings.name + " has neither an App nor a token");
    }
    if (!is_app()) (void)client("");  // a bad api_url is found now
}

HttpClient& GithubApi::client(const std::string& installation) {
    const std::scoped_lock lock(mutex_);
    auto& client = clients_[installation];
    const auto gap = is_loopback_url(api_url_) ? milliseconds(0) : HttpClient::Options{}.write_gap;
    if (!client) client = std::make_unique<HttpClient>(api_url_, HttpClient::Options{.write_gap = gap});
    return *client;
}

ForgeResult<std::string> GithubApi::installation(const RepoRef& repo) {
    if (!is_app() || !repo.installation.empty()) return is_app() ? repo.installation : std::string();
    const auto name = lower_case(repo.full_name);
    {
        const std::scoped_lock lock(mutex_);
        if (const auto known = installations_.find(name); known != installations_.end()) return known->second;
    }
    const auto answer = call_as_app("/repos/" + repo.full_name + "/installation");
    if (!answer) {
        auto error = answer.error();
        if (error.status == 404) error.message = "the GitHub App is not installed on " + repo.full_name;
        return std::unexpected(std::move(error));
    }
    const std::scoped_lock lock(mutex_);
    return installations_[name] = text_at(*answer, "id");
}

ForgeResult<GithubApi::Scope> GithubApi::scope(const RepoRef& repo, const std::string& reads) {
    if (!is_full_name(repo.full_name)) {
        return std::unexpected(ForgeError{.kind = ForgeError::Kind::invalid,
                                          .message = "the repository's name is not owner/name"});
    }
    auto found = installation(repo);
    if (!found) return std::unexpected(std::move(found.error()));
    const auto name = repo.full_name.substr(repo.full_name.find('/') + 1);
    return Scope{.installation = *std::move(found),
                 .repository_id = repo.id,
                 .repository_name = repo.id.empty() ? name : std::string(),
                 .reads = reads};
}

std::expected<HttpResponse, ForgeError> GithubApi::send(const Scope& scope, HttpRequest request) {
    for (const auto& [name, value] : github_headers()) request.headers[name] = value;
    if (!is_app()) {
        request.headers["Authorization"] = "Bearer " + plain_token_->expose();
        return client("").send(request);
    }
    bool waited = false;
    bool renewed = false;
    while (true) {
        const auto token = tokens_->token(scope);
        if (!token) {
            if (token.error().status == 404) {  // uninstalled, perhaps installed anew under another id
                const std::scoped_lock lock(mutex_);
                std::erase_if(installations_,
                              [&](const auto& known) { return known.second == scope.installation; });
            }
            return std::unexpected(token.error());
        }
        request.headers["Authorization"] = "Bearer " + token->value.expose();
        auto answer = client(scope.installation).send(request);
        if (!answer || answer->status != 401) return answer;
        const auto age = clock_.now() - token->made;
        if (age < token_settles && !waited) {
            waited = true;
            clock_.sleep(std::chrono::ceil<milliseconds>(token_settles - age));
            continue;
        }
        tokens_->drop(scope, *token);
        if (renewed) return answer;
        renewed = true;
    }
}

ForgeResult<config::Secret> GithubApi::token(const RepoRef& repo) {
    if (!is_app()) return *plain_token_;
    const auto where = scope(repo);
    if (!where) return std::unexpected(where.error());
    auto token = tokens_->token(*where);
    if (!token) return std::unexpected(std::move(token.error()));
    return std::move(token->value);
}

ForgeResult<json> GithubApi::call(const RepoRef& repo, const std::string& method, const std::string& suffix,
                                  const json& body) {
    const auto where = scope(repo);
    if (!where) return std::unexpected(where.error());
    const HttpRequest request{.method = method,
                              .path = "/repos/" + repo.full_name + suffix,
                              .headers = {},
                              .body = body.is_null() ? std::string() : write_json(body)};
    return as_json(request, send(*where, request));
}

ForgeResult<void> GithubApi::each(const RepoRef& repo, const std::string& suffix, int most,
                                  const Visit& visit, const char* array) {
    const auto where = scope(repo);
    if (!where) return std::unexpected(where.error());
    return paging_.each([&](const HttpRequest& request) { return send(*where, request); },
                        "/repos/" + repo.full_name + suffix, {.pages = most}, visit, array);
}

ForgeResult<void> GithubApi::each_of(const std::string& reads, const RepoRef& repo, const std::string& suffix,
                                     int most, const Visit& visit) {
    const auto where = scope(repo, reads);
    if (!where) return std::unexpected(where.error());
    return paging_.each([&](const HttpRequest& request) { return send(*where, request); },
                        "/repos/" + repo.full_name + suffix, {.pages = most}, visit);
}

ForgeResult<std::string> GithubApi::tail(const RepoRef& repo, const std::string& suffix,
                                         const std::string& reads, std::size_t keep) {
    const auto where = scope(repo, reads);
    if (!where) return std::unexpected(where.error());
    auto request = get_request("/repos/" + repo.full_name + suffix);
    request.tell_found = true;
    const auto answer = send(*where, request);
    if (!answer) return std::unexpected(answer.error());
    if (answer->status != 302) return std::unexpected(error_of("GET " + request.path, *answer));
    const auto address = header(answer->headers, "location");
    // A forge elsewhere has no business on this machine.
    if (is_loopback_url(address) && !is_loopback_url(api_url_)) {
        return std::unexpected(ForgeError{.kind = ForgeError::Kind::invalid,
                                          .status = answer->status,
                                          .message = "redirected to this machine, not followed"});
    }
    return fetch_tail(address, {.keep = keep});
}

ForgeResult<json> GithubApi::call_any(const std::string& installation, const std::string& path) {
    const auto request = get_request(path);
    return as_json(
        request, send({.installation = installation, .repository_id = {}, .repository_name = {}, .reads = {}},
                      request));
}

ForgeResult<void> GithubApi::each_any(const std::string& installation, const std::string& path, int most,
                                      const Visit& visit, const char* array) {
    const Scope where{.installation = installation, .repository_id = {}, .repository_name = {}, .reads = {}};
    return paging_.each([&](const HttpRequest& request) { return send(where, request); }, path,
                        {.pages = most}, visit, array);
}

ForgeResult<json> GithubApi::call_as_app(const std::string& path) {
    const auto request = get_request(path);
    return as_json(request, tokens_->send_as_app(request));
}

ForgeResult<void> GithubApi::each_as_app(const std::string& path, int most, const Visit& visit) {
    return paging_.each([&](const HttpRequest& request) { return tokens_->send_as_app(request); }, path,
                        {.pages = most}, visit);
}

ForgeResult<bool> GithubApi::newest(const RepoRef& repo, const std::string& suffix, Most most,
                                    const Visit& visit) {
    const auto where = scope(repo);
    if (!where) return std::unexpected(where.error());
    return paging_.newest([&](const HttpRequest& request) { return send(*where, request); },
                          "/repos/" + repo.full_name + suffix, most, visit);
}

}  // namespace integrations
