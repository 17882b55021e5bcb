#include "tests/practice_forge/credentials.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

namespace practice_forge {
namespace {

struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(BIO* bio) const { BIO_free(bio); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

std::string hex(const unsigned char* bytes, std::size_t size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
}

struct Digest {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned size = 0;
};

Digest digest_of(const EVP_MD* kind, std::string_view secret, std::string_view body) {
    Digest digest;
    HMAC(kind, secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest.bytes.data(), &digest.size);
    return digest;
}

std::string hmac(const EVP_MD* kind, std::string_view secret, std::string_view body) {
    const auto digest = digest_of(kind, secret, body);
    return hex(digest.bytes.data(), digest.size);
}

std::string pem_of(EVP_PKEY* key, bool with_private) {
    const Owned<BIO> bio(BIO_new(BIO_s_mem()));
    if (with_private) {
        PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    } else {
        PEM_write_bio_PUBKEY(bio.get(), key);
    }
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

bool signature_holds(const std::string& public_pem, std::string_view text, const std::string& signature) {
    const Owned<BIO> bio(BIO_new_mem_buf(public_pem.data(), static_cast<int>(public_pem.size())));
    const Owned<EVP_PKEY> key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
    return key != nullptr &&
           EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                            signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                            text.size()) == 1;
}

std::string decode_base64url(std::string text) {
    std::ranges::replace(text, '-', '+');
    std::ranges::replace(text, '_', '/');
    while (text.size() % 4 != 0) text += '=';
    return decode_base64(text);
}

Problem unauthorized(const char* message) { return {401, message}; }

}  // namespace

std::string hmac_sha256(std::string_view secret, std::string_view body) {
    return hmac(EVP_sha256(), secret, body);
}

std::string hmac_sha1(std::string_view secret, std::string_view body) {
    return hmac(EVP_sha1(), secret, body);
}

std::string standard_signature(std::string_view token, std::string_view text) {
    constexpr std::string_view mark = "whsec_";
    const auto digest =
        digest_of(EVP_sha256(), decode_base64(token.substr(std::min(mark.size(), token.size()))), text);
    std::string result((digest.size + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()), digest.bytes.data(),
                                     static_cast<int>(digest.size));
    result.resize(static_cast<std::size_t>(size));
    return result;
}

std::string sha256(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
    return hex(digest.data(), size);
}

std::string random_hex(std::size_t bytes) {
    std::vector<unsigned char> data(bytes);
    RAND_bytes(data.data(), static_cast<int>(bytes));
    return hex(data.data(), bytes);
}

std::string random_guid() {
    const std::string text = random_hex(16);
    return fmt::format("{}-{}-{}-{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(12, 4),
                       text.substr(16, 4), text.substr(20));
}

std::string decode_base64(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) return {};
    std::string result(text.size() / 4 * 3, '\0');
    const int size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (size < 0) return {};
    const auto padding = static_cast<std::size_t>(text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0);
    result.resize(static_cast<std::size_t>(size) - padding);
    return result;
}

Credential credential_of(const std::string& authorization) {
    const auto space = authorization.find(' ');
    return {.scheme = lower(authorization.substr(0, space)),
            .token = space == std::string::npos ? "" : authorization.substr(space + 1)};
}

KeyPair make_key_pair() {
    const Owned<EVP_PKEY> key(EVP_RSA_gen(2048));
    if (key == nullptr) throw std::runtime_error("no RSA key could be made");
    return {.private_pem = pem_of(key.get(), true), .public_pem = pem_of(key.get(), false)};
}

void check_app_token(std::string_view token, const AppSettings& app, Time now) {
    const auto first = token.find('.');
    const auto second = token.rfind('.');
    if (first == std::string_view::npos || first == second)
        throw unauthorized("A JSON web token could not be decoded");
    const json header = json::parse(decode_base64url(std::string(token.substr(0, first))), nullptr, false);
    const json claims = json::parse(
        decode_base64url(std::string(token.substr(first + 1, second - first - 1))), nullptr, false);
    const std::string signature = decode_base64url(std::string(token.substr(second + 1)));
    if (!header.is_object() || !claims.is_object() || header.value("alg", "") != "RS256" ||
        !signature_holds(app.public_key, token.substr(0, second), signature)) {
        throw unauthorized("A JSON web token could not be decoded");
    }
    const auto issuer = claims.find("iss");
    if (issuer == claims.end() ||
        (issuer->is_string() ? issuer->get<std::string>() : issuer->dump()) != std::to_string(app.id)) {
        throw Problem(404, "Integration not found");
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    if (!claims.contains("iat") || !claims["iat"].is_number_integer() ||
        claims["iat"].get<std::int64_t>() > seconds) {
        throw unauthorized(
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was "
            "issued");
    }
    if (!claims.contains("exp") || !claims["exp"].is_number() ||
        claims["exp"].get<std::int64_t>() <= seconds) {
        throw unauthorized(
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which "
            "the assertion "
            "expires");
    }
    if (claims["exp"].get<std::int64_t>() > seconds + 600) {
        throw unauthorized("'Expiration time' claim ('exp') is too far in the future");
    }
}

std::string log_address(const World& world, std::int64_t job) {
    const auto ticket = hmac_sha256(world.base_url, std::to_string(job));
    return fmt::format("{}/practice/logs/{}?sig={}", world.base_url, job, ticket);
}

std::string new_installation_token() {
    return "ghs_" + random_hex(40) + "." + random_hex(150) + "." + random_hex(64);
}

}  // namespace practice_forge
