#pragma once

#include <openssl/evp.h>

#include <chrono>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "config/secret.hpp"
#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "integrations/github.hpp"
#include "integrations/http.hpp"

namespace integrations {

/// The headers of every request to GitHub, but for Authorization.
[[nodiscard]] const std::map<std::string, std::string>& github_headers();

/// Signs a GitHub App's JWTs (RS256).
/// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
class AppKey {
 public:
    /// Throws std::invalid_argument when the key is not an RSA private key in PEM.
    explicit AppKey(const config::AppCredentials& credentials);

    /// `server_now`: the forge's time. Issued a minute earlier and good for nine: clocks differ, ten is the
    /// most.
    [[nodiscard]] config::Secret jwt(std::chrono::system_clock::time_point server_now) const;

 private:
    struct FreeKey {
        void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    };
    std::string issuer_;
    std::unique_ptr<EVP_PKEY, FreeKey> key_;
};

/// Installation tokens, made when they are needed and kept until ten minutes before their end. Thread-safe.
class InstallationTokens {
 public:
    struct Scope {
        std::string installation;
        std::string repository_id;  ///< the token is good for this repository only …
        std::string
            repository_name;  ///< … or, without an id, for the one of this name; neither: read-only, for all
        std::string reads;    ///< a permission that not every operator gave: the token may read this only
        friend auto operator<=>(const Scope&, const Scope&) = default;
    };
    struct Token {
        config::Secret value;  ///< opaque: `ghs_…`, or some 520 characters with dots, or what comes next
        std::chrono::system_clock::time_point made, ends;  ///< our time
    };

    InstallationTokens(const config::ForgeSettings& settings, ForgeClock clock);

    /// A request signed by the App itself. A JWT refused because our clock is off is signed again with the
    /// forge's time.
    [[nodiscard]] std::expected<HttpResponse, ForgeError> send_as_app(HttpRequest request);

    [[nodiscard]] ForgeResult<Token> token(const Scope& scope);
    /// Forgets a token that was refused, unless somebody has replaced it already.
    void drop(const Scope& scope, const Token& refused);

 private:
    struct Slot {
        std::mutex mutex;  ///< held while the token is made: those who want the same one wait for it
        Token token;
    };
    [[nodiscard]] Slot& slot(const Scope& scope);
    [[nodiscard]] ForgeResult<Token> make(const Scope& scope);

    AppKey key_;
    ForgeClock clock_;
    HttpClient http_;
    std::mutex mutex_;
    std::map<Scope, std::unique_ptr<Slot>>
        slots_;  ///< pointers: a slot stays where it is while the map grows
};

}  // namespace integrations
