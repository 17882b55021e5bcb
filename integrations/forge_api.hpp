#pragma once

#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_pages.hpp"
#include "integrations/http.hpp"

namespace integrations {

/// A forge's REST as JSON calls with one token; statuses of 300 and more are errors. Thread-safe.
class TokenApi {
 public:
    /// How the forge wants to be spoken to.
    struct Manner {
        std::string url;           ///< of the REST API
        std::string token_header;  ///< the token's
        std::string token_prefix;  ///< before it there
        config::Secret token;
        std::string page_size;    ///< what lists call it
        std::size_t largest = 0;  ///< page
        /// What a repository's paths begin with.
        std::function<ForgeResult<std::string>(const RepoRef&)> path_of;
    };
    explicit TokenApi(Manner manner);

    [[nodiscard]] const config::Secret& token() const { return manner_.token; }

    /// `suffix` follows the repository's path. A null body is none.
    [[nodiscard]] ForgeResult<nlohmann::json> call(const RepoRef& repo, const std::string& method,
                                                   const std::string& suffix,
                                                   const nlohmann::json& body = nullptr);
    /// Lists page after page, at most `most` of the largest.
    [[nodiscard]] ForgeResult<void> each(const RepoRef& repo, const std::string& suffix, int most,
                                         const Visit& visit) {
        return each(repo, suffix, Most{.pages = most}, visit);
    }
    [[nodiscard]] ForgeResult<void> each(const RepoRef& repo, const std::string& suffix, Most most,
                                         const Visit& visit);
    /// As `Paging::newest`.
    [[nodiscard]] ForgeResult<bool> newest(const RepoRef& repo, const std::string& suffix, Most most,
                                           const Visit& visit);
    /// The end of a text, as `fetch_tail`.
    [[nodiscard]] ForgeResult<std::string> tail(const RepoRef& repo, const std::string& suffix,
                                                const TailLimits& limits);

    /// Who we are, by what is at `/user`; asked once.
    [[nodiscard]] ForgeResult<Person> self(Person (*read)(const nlohmann::json& user));

    // The same for paths that are no repository's.
    [[nodiscard]] ForgeResult<nlohmann::json> get(const std::string& path);
    [[nodiscard]] ForgeResult<void> each_any(const std::string& path, int most, const Visit& visit,
                                             const char* array = nullptr);

 private:
    [[nodiscard]] std::pair<std::string, std::string> credential() const;
    [[nodiscard]] std::expected<HttpResponse, ForgeError> send(HttpRequest request);

    Manner manner_;
    Paging paging_;
    HttpClient http_;
    std::mutex mutex_;
    std::optional<Person> self_;
};

/// The token that settings are sure to have. Throws std::invalid_argument with the message of the fault.
[[nodiscard]] config::Secret token_of(const config::ForgeSettings& settings,
                                      const std::optional<config::Error>& fault);

/// What settings say that can never work where a bot is an account with a token. `where`: the form of the
/// forge's address.
[[nodiscard]] std::optional<config::Error> token_fault(const config::ForgeSettings& settings,
                                                       const std::string& where);

}  // namespace integrations
