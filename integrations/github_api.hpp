#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_pages.hpp"
#include "integrations/github.hpp"
#include "integrations/github_auth.hpp"
#include "integrations/http.hpp"

namespace integrations {

/// GitHub's REST as JSON calls in a repository's name: finds the installation, brings the token, turns
/// statuses of 400 and more into errors. One HttpClient per installation, as rate limits are counted there.
/// Thread-safe.
class GithubApi {
 public:
    using Scope = InstallationTokens::Scope;

    GithubApi(const config::ForgeSettings& settings, ForgeClock clock);

    [[nodiscard]] bool is_app() const { return tokens_ != nullptr; }

    /// `suffix` follows `/repos/{owner}/{name}`. A null body is none.
    [[nodiscard]] ForgeResult<nlohmann::json> call(const RepoRef& repo, const std::string& method,
                                                   const std::string& suffix,
                                                   const nlohmann::json& body = nullptr);
    /// The end of a text that the forge keeps elsewhere, at most `keep` bytes: it answers with a 302 to an
    /// address that bears its own permission, which is asked without our credential. `reads` as below.
    [[nodiscard]] ForgeResult<std::string> tail(const RepoRef& repo, const std::string& suffix,
                                                const std::string& reads, std::size_t keep);
    /// As `each`, with a token that may only read this (`statuses`, `actions`): an App that was not given it
    /// is `forbidden` here and nowhere else.
    [[nodiscard]] ForgeResult<void> each_of(const std::string& reads, const RepoRef& repo,
                                            const std::string& suffix, int most, const Visit& visit);
    /// Lists page after page, at most `most` of 100 items. `array`: the member that holds them, if not the
    /// whole body.
    [[nodiscard]] ForgeResult<void> each(const RepoRef& repo, const std::string& suffix, int most,
                                         const Visit& visit, const char* array = nullptr);
    /// As `Paging::newest`.
    [[nodiscard]] ForgeResult<bool> newest(const RepoRef& repo, const std::string& suffix, Most most,
                                           const Visit& visit);

    // The same for paths that are no repository's. `installation` is empty with a plain token.
    [[nodiscard]] ForgeResult<nlohmann::json> call_any(const std::string& installation,
                                                       const std::string& path);
    [[nodiscard]] ForgeResult<void> each_any(const std::string& installation, const std::string& path,
                                             int most, const Visit& visit, const char* array = nullptr);
    // Signed by the App itself.
    [[nodiscard]] ForgeResult<nlohmann::json> call_as_app(const std::string& path);
    [[nodiscard]] ForgeResult<void> each_as_app(const std::string& path, int most, const Visit& visit);

    /// The App's installation that sees the repository; empty with a plain token.
    [[nodiscard]] ForgeResult<std::string> installation(const RepoRef& repo);
    [[nodiscard]] ForgeResult<config::Secret> token(const RepoRef& repo);

 private:
    [[nodiscard]] ForgeResult<Scope> scope(const RepoRef& repo, const std::string& reads = {});
    [[nodiscard]] HttpClient& client(const std::string& installation);
    [[nodiscard]] std::expected<HttpResponse, ForgeError> send(const Scope& scope, HttpRequest request);

    std::string api_url_;
    Paging paging_;
    std::optional<config::Secret> plain_token_;
    ForgeClock clock_;
    std::unique_ptr<InstallationTokens> tokens_;  ///< none with a plain token
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<HttpClient>>
        clients_;                                       ///< by installation; they stay where they are
    std::map<std::string, std::string> installations_;  ///< by full name, lower case
};

}  // namespace integrations
