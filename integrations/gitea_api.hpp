#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_pages.hpp"
#include "integrations/http.hpp"

namespace integrations {

/// Gitea's REST as JSON calls with one token; statuses of 300 and more are errors. Thread-safe.
/// What stands in one issue or pull request: its comments, or its reviews.
inline constexpr int pages_of_a_thread = 100;

/// Follows `/repos/{owner}/{name}`.
[[nodiscard]] std::string issue_path(const ThreadRef& thread);

/// https://docs.gitea.com/api
class GiteaApi {
 public:
    explicit GiteaApi(const config::ForgeSettings& settings);

    [[nodiscard]] const config::Secret& token() const { return token_; }

    /// `suffix` follows `/repos/{owner}/{name}`. A null body is none.
    [[nodiscard]] ForgeResult<nlohmann::json> call(const RepoRef& repo, const std::string& method,
                                                   const std::string& suffix,
                                                   const nlohmann::json& body = nullptr);
    /// Lists page after page, at most `most` of 50 items.
    [[nodiscard]] ForgeResult<void> each(const RepoRef& repo, const std::string& suffix, int most,
                                         const Visit& visit);
    /// As `Paging::newest`.
    [[nodiscard]] ForgeResult<bool> newest(const RepoRef& repo, const std::string& suffix, Most most,
                                           const Visit& visit);

    // The same for paths that are no repository's.
    [[nodiscard]] ForgeResult<nlohmann::json> get(const std::string& path);
    [[nodiscard]] ForgeResult<void> each_any(const std::string& path, int most, const Visit& visit,
                                             const char* array = nullptr);

 private:
    [[nodiscard]] std::expected<HttpResponse, ForgeError> send(HttpRequest request);

    Paging paging_;
    config::Secret token_;
    HttpClient http_;
};

}  // namespace integrations
