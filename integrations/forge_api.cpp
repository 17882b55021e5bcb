#include "integrations/forge_api.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "generated/version.hpp"
#include "integrations/forge_json.hpp"

namespace integrations {
namespace {

using nlohmann::json;

HttpClient::Options token_api_options(const std::string& api_url) {
    HttpClient::Options options;
    if (is_loopback_url(api_url)) options.write_gap = std::chrono::milliseconds(0);
    return options;
}

}  // namespace

config::Secret token_of(const config::ForgeSettings& settings, const std::optional<config::Error>& fault) {
    if (fault) throw std::invalid_argument(fault->message);
    return *settings.token;
}

std::optional<config::Error> token_fault(const config::ForgeSettings& settings, const std::string& where) {
    if (settings.app)
        return config::Error{.key = "app",
                             .message = "Apps are GitHub's alone",
                             .mend = "give the bot an account and its token: `token: {env: NAME}`"};
    if (!settings.token || settings.token->empty())
        return config::Error{
            .key = "token", .message = "no token of the bot's account", .mend = "add `token: {env: NAME}`"};
    if (settings.api_url == config::ForgeSettings{}.api_url)
        return config::Error{
            .key = "api_url", .message = "this is GitHub's address", .mend = "write " + where};
    return std::nullopt;
}

TokenApi::TokenApi(Manner manner)
    : manner_(std::move(manner)),
      paging_{.base_url = manner_.url, .size_name = manner_.page_size, .largest = manner_.largest},
      http_(manner_.url, token_api_options(manner_.url)) {}

std::pair<std::string, std::string> TokenApi::credential() const {
    return {manner_.token_header, manner_.token_prefix + manner_.token.expose()};
}

std::expected<HttpResponse, ForgeError> TokenApi::send(HttpRequest request) {
    request.headers = {{"Accept", "application/json"},
                       {"Content-Type", "application/json"},
                       {"User-Agent", std::string("shopfloor/") + generated::version},
                       credential()};
    return http_.send(request);
}

ForgeResult<json> TokenApi::call(const RepoRef& repo, const std::string& method, const std::string& suffix,
                                 const json& body) {
    auto path = manner_.path_of(repo);
    if (!path) return std::unexpected(std::move(path.error()));
    *path += suffix;
    const auto what = method + " " + without_query(*path);
    return json_of(what, send({.method = method,
                               .path = *std::move(path),
                               .headers = {},
                               .body = body.is_null() ? std::string() : write_json(body)}));
}

ForgeResult<void> TokenApi::each(const RepoRef& repo, const std::string& suffix, Most most,
                                 const Visit& visit) {
    const auto path = manner_.path_of(repo);
    if (!path) return std::unexpected(path.error());
    return paging_.each([this](const HttpRequest& request) { return send(request); }, *path + suffix, most,
                        visit);
}

ForgeResult<bool> TokenApi::newest(const RepoRef& repo, const std::string& suffix, Most most,
                                   const Visit& visit) {
    const auto path = manner_.path_of(repo);
    if (!path) return std::unexpected(path.error());
    return paging_.newest([this](const HttpRequest& request) { return send(request); }, *path + suffix, most,
                          visit);
}

ForgeResult<std::string> TokenApi::tail(const RepoRef& repo, const std::string& suffix,
                                        const TailLimits& limits) {
    const auto path = manner_.path_of(repo);
    if (!path) return std::unexpected(path.error());
    return fetch_tail(manner_.url + *path + suffix, limits, {credential()});
}

ForgeResult<Person> TokenApi::self(Person (*read)(const json& user)) {
    {
        const std::scoped_lock lock(mutex_);
        if (self_) return *self_;
    }
    const auto answer = get("/user");
    if (!answer) return std::unexpected(answer.error());
    auto person = read(*answer);
    if (person.login.empty())
        return std::unexpected(ForgeError{.kind = ForgeError::Kind::unreachable,
                                          .message = "the forge does not say who we are; is api_url right?"});
    const std::scoped_lock lock(mutex_);
    self_ = person;
    return person;
}

ForgeResult<json> TokenApi::get(const std::string& path) {
    return json_of("GET " + without_query(path), send(get_request(path)));
}

ForgeResult<void> TokenApi::each_any(const std::string& path, int most, const Visit& visit,
                                     const char* array) {
    return paging_.each([this](const HttpRequest& request) { return send(request); }, path, {.pages = most},
                        visit, array);
}

}  // namespace integrations
