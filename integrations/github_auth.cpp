#include "integrations/github_auth.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "generated/version.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/http_governor.hpp"

namespace integrations {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::system_clock;

constexpr minutes renewed_before{10};
constexpr std::size_t longest_token = 4096;

std::string base64url(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const auto length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    text.resize(static_cast<std::size_t>(length));
    while (text.ends_with('=')) text.pop_back();
    for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return text;
}

std::int64_t epoch(system_clock::time_point time) {
    return std::chrono::floor<seconds>(time).time_since_epoch().count();
}

/// What we do there and no more:
/// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
nlohmann::json narrowed(const InstallationTokens::Scope& scope) {
    if (scope.repository_id.empty() && scope.repository_name.empty()) {
        return {{"permissions", {{"issues", "read"}, {"metadata", "read"}}}};
    }
    nlohmann::json body = {{"permissions",
                            {{"contents", "write"},
                             {"pull_requests", "write"},
                             {"issues", "write"},
                             {"checks", "write"},
                             {"metadata", "read"}}}};
    if (!scope.reads.empty()) body["permissions"] = {{scope.reads, "read"}, {"metadata", "read"}};
    if (is_digits(scope.repository_id, 18)) {
        body["repository_ids"] = nlohmann::json::array({std::stoll(scope.repository_id)});
    } else {
        body["repositories"] = nlohmann::json::array({scope.repository_name});
    }
    return body;
}

}  // namespace

const std::map<std::string, std::string>& github_headers() {
    static const std::map<std::string, std::string> headers{
        {"Accept", "application/vnd.github+json"},
        {"X-GitHub-Api-Version", "2022-11-28"},
        {"Content-Type", "application/json"},
        {"User-Agent", std::string("shopfloor/") + generated::version},
    };
    return headers;
}

AppKey::AppKey(const config::AppCredentials& credentials) : issuer_(credentials.app_id) {
    const auto& pem = credentials.private_key.expose();
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
    // An encrypted key must not make OpenSSL ask for a passphrase on the terminal.
    const auto no_passphrase = [](char*, int, int, void*) { return -1; };
    if (bio) key_.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    if (!key_ || EVP_PKEY_get_base_id(key_.get()) != EVP_PKEY_RSA) {
        throw std::invalid_argument(
            "the App's private key is not an RSA private key in PEM without a passphrase");
    }
}

config::Secret AppKey::jwt(system_clock::time_point server_now) const {
    const nlohmann::json claims = {
        {"iat", epoch(server_now - seconds(60))}, {"exp", epoch(server_now + minutes(9))}, {"iss", issuer_}};
    const auto text = base64url(R"({"alg":"RS256","typ":"JWT"})") + "." + base64url(claims.dump());
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    const auto* data = reinterpret_cast<const unsigned char*>(text.data());
    std::string signature;
    std::size_t size = 0;
    bool good = context &&
                EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                EVP_DigestSign(context.get(), nullptr, &size, data, text.size()) == 1;
    if (good) {
        signature.resize(size);
        good = EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                              text.size()) == 1;
    }
    if (!good) throw std::runtime_error("OpenSSL does not sign with the App's private key");
    signature.resize(size);
    return config::Secret(text + "." + base64url(signature));
}

InstallationTokens::InstallationTokens(const config::ForgeSettings& settings, ForgeClock clock)
    : key_(settings.app.value()),
      clock_(std::move(clock)),
      http_(settings.api_url, {.write_gap = std::chrono::milliseconds(0)}) {
}  // making tokens creates no content

std::expected<HttpResponse, ForgeError> InstallationTokens::send_as_app(HttpRequest request) {
    for (auto& [name, value] : github_headers()) request.headers[name] = value;
    const auto skew = http_.clock_skew();
    request.headers["Authorization"] = "Bearer " + key_.jwt(clock_.now() + skew).expose();
    auto answer = http_.send(request);
    if (!answer || answer->status != 401) return answer;
    // The refusal tells the forge's time. Skew is against the real clock, which ours is, but in a test.
    const auto moved = http_.clock_skew() - skew;
    if (std::chrono::abs(moved) < seconds(2)) return answer;
    request.headers["Authorization"] = "Bearer " + key_.jwt(clock_.now() + http_.clock_skew()).expose();
    return http_.send(request);
}

InstallationTokens::Slot& InstallationTokens::slot(const Scope& scope) {
    const std::scoped_lock lock(mutex_);
    auto& slot = slots_[scope];
    if (!slot) slot = std::make_unique<Slot>();
    return *slot;
}

ForgeResult<InstallationTokens::Token> InstallationTokens::token(const Scope& scope) {
    auto& kept = slot(scope);
    const std::scoped_lock lock(kept.mutex);
    if (!kept.token.value.empty() && clock_.now() + renewed_before < kept.token.ends) return kept.token;
    auto made = make(scope);
    if (made) kept.token = *made;
    return made;
}

void InstallationTokens::drop(const Scope& scope, const Token& refused) {
    auto& kept = slot(scope);
    const std::scoped_lock lock(kept.mutex);
    if (kept.token.value.expose() == refused.value.expose()) kept.token = {};
}

ForgeResult<InstallationTokens::Token> InstallationTokens::make(const Scope& scope) {
    const auto answer =
        send_as_app({.method = "POST",
                     .path = "/app/installations/" + url_encoded(scope.installation) + "/access_tokens",
                     .headers = {},
                     .body = narrowed(scope).dump()});
    if (!answer) return std::unexpected(answer.error());
    if (answer->status != 201) {
        auto error = error_of("POST /app/installations/…/access_tokens", *answer);
        // 422: the App was not granted what we ask for, or does not see the repository.
        if (answer->status == 422) error.kind = ForgeError::Kind::forbidden;
        return std::unexpected(std::move(error));
    }
    const auto body = parse_json(answer->body);
    const auto value = text_at(body, "token");
    const auto ends = parse_timestamp(text_at(body, "expires_at"));
    const bool plain = value.find_first_of(" \t\r\n") == std::string::npos;
    if (value.empty() || value.size() > longest_token || !plain || !ends) {
        return std::unexpected(ForgeError{.kind = ForgeError::Kind::invalid,
                                          .status = answer->status,
                                          .message = "the answer holds no installation token we can use"});
    }
    return Token{.value = config::Secret(value), .made = clock_.now(), .ends = *ends - http_.clock_skew()};
}

}  // namespace integrations
