#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "config/settings.hpp"
#include "integrations/forge.hpp"
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
    /// Returns false to stop.
    using Visit = std::function<bool(const nlohmann::json& item)>;

    GithubApi(const config::ForgeSettings& settings, GithubClock clock);

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
    struct Most {
        int pages = 1;
        std::size_t size = 100;  ///< items of a page, 1 to 100
    };
    /// As `each`, of a list that goes from old to new: of one that is longer than `most` its last pages, and
    /// the answer is false. For lists that have `page`, and a link to the last one.
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
    using Send = std::function<std::expected<HttpResponse, ForgeError>(const HttpRequest&)>;

    [[nodiscard]] ForgeResult<Scope> scope(const RepoRef& repo, const std::string& reads = {});
    [[nodiscard]] HttpClient& client(const std::string& installation);
    [[nodiscard]] std::expected<HttpResponse, ForgeError> send(const Scope& scope, HttpRequest request);
    [[nodiscard]] ForgeResult<void> each_page(const Send& send, std::string path, int most,
                                              const Visit& visit, const char* array);

    std::string api_url_;
    std::optional<config::Secret> plain_token_;
    GithubClock clock_;
    std::unique_ptr<InstallationTokens> tokens_;  ///< none with a plain token
    std::mutex mutex_;
    std::map<std::string, std::unique_ptr<HttpClient>>
        clients_;                                       ///< by installation; they stay where they are
    std::map<std::string, std::string> installations_;  ///< by full name, lower case
};

}  // namespace integrations
