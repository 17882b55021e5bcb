#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <chrono>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "integrations/github.hpp"
#include "tests/integrations/github_server.hpp"

namespace forge_tests {

using std::chrono::system_clock;

inline const std::string sha(40, 'd');
inline const std::string runs_of_commit = "GET /repos/octo/app/commits/" + sha + "/check-runs";

inline std::string timestamp(system_clock::time_point time, const char* format = "%Y-%m-%dT%H:%M:%SZ") {
    const auto seconds = system_clock::to_time_t(time);
    char text[64];
    std::strftime(text, sizeof text, format, std::gmtime(&seconds));
    return text;
}

/// An RSA key made once a program: the PEM for the settings, the key to check signatures with.
struct Key {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_RSA_gen(2048), &EVP_PKEY_free};
    std::string pem;

    Key() {
        const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
        PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        char* data = nullptr;
        const auto size = BIO_get_mem_data(bio.get(), &data);
        pem.assign(data, static_cast<std::size_t>(size));
    }
    static const Key& shared() {
        static const Key key;
        return key;
    }
};

/// A forge on loopback with the one repository octo/app, and us as a client of it, with a clock cranked by
/// hand.
struct World {
    Server server;
    system_clock::time_point now = std::chrono::floor<std::chrono::seconds>(system_clock::now());
    std::chrono::milliseconds slept{0};
    int minted = 0;
    std::chrono::minutes token_life{60};
    integrations::RepoRef repo{.forge = "work",
                               .id = "77",
                               .full_name = "octo/app",
                               .clone_url = "https://forge.example/octo/app.git",
                               .default_branch = "main",
                               .installation = {}};
    integrations::ThreadRef issue{.repo = repo, .number = 12};

    World() {
        server.on("GET /user", {{"login", "robot"}, {"id", 5}, {"type", "User"}});
        server.on("GET /app", {{"slug", "shopfloor"}, {"id", 31}});
        server.on("GET /repos/octo/app", repository());
        server.on("GET /repos/octo/app/branches/main",
                  {{"name", "main"}, {"commit", {{"sha", std::string(40, 'a')}}}});
        server.on("GET /repos/octo/app/installation", {{"id", 99}});
        server.on("POST /app/installations/99/access_tokens",
                  [this](const httplib::Request&, httplib::Response& response) {
                      const nlohmann::json token = {{"token", "ghs_" + std::to_string(++minted)},
                                                    {"expires_at", timestamp(now + token_life)}};
                      response.status = 201;
                      response.set_content(token.dump(), "application/json");
                  });
    }

    static nlohmann::json repository() {
        return {{"id", 77},
                {"full_name", "octo/app"},
                {"clone_url", "https://forge.example/octo/app.git"},
                {"default_branch", "main"},
                {"archived", false}};
    }

    integrations::ForgeClock clock() {
        return {.now = [this] { return now; },
                .sleep =
                    [this](std::chrono::milliseconds time) {
                        slept += time;
                        now += time;
                    }};
    }
    std::unique_ptr<integrations::Forge> with_token() {
        return integrations::connect_github({.name = "work",
                                             .api_url = server.url(),
                                             .token = config::Secret("ghp_plain"),
                                             .repositories = {"octo/app", "octo/*"}},
                                            clock());
    }
    std::unique_ptr<integrations::Forge> with_app() {
        return integrations::connect_github(
            {.name = "work",
             .api_url = server.url(),
             .app =
                 config::AppCredentials{.app_id = "1234", .private_key = config::Secret(Key::shared().pem)},
             .repositories = {"octo/*"}},
            clock());
    }
};

}  // namespace forge_tests
