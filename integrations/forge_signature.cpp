#include "integrations/forge_signature.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <utility>

#include "integrations/forge_words.hpp"

namespace integrations {
namespace {

struct FreeMacContext {
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using MacContext = std::unique_ptr<EVP_MAC_CTX, FreeMacContext>;

/// Looking HMAC and SHA-256 up costs more than a short message: done once, then copied.
const EVP_MAC_CTX* keyless_hmac() {
    static const MacContext context = [] {
        EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
        MacContext made(EVP_MAC_CTX_new(hmac));
        EVP_MAC_free(hmac);
        std::string digest = "SHA256";
        const std::array parameters{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                    OSSL_PARAM_construct_end()};
        if (!made || EVP_MAC_CTX_set_params(made.get(), parameters.data()) != 1) made.reset();
        return made;
    }();
    return context.get();
}

std::optional<Mac> hmac_sha256(const std::string& key, const std::string& bytes) {
    const auto* prepared = keyless_hmac();
    const MacContext context(prepared ? EVP_MAC_CTX_dup(prepared) : nullptr);
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
    Mac mac{};
    std::size_t size = 0;
    if (!context || key.empty() ||
        EVP_MAC_init(context.get(), reinterpret_cast<const unsigned char*>(key.data()), key.size(),
                     nullptr) != 1 ||
        EVP_MAC_update(context.get(), data, bytes.size()) != 1 ||
        EVP_MAC_final(context.get(), mac.data(), &size, mac.size()) != 1 || size != mac.size()) {
        return std::nullopt;
    }
    return mac;
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

/// `application/x-www-form-urlencoded`: the value of `payload`.
std::optional<std::string> form_payload(std::string_view form) {
    constexpr std::string_view name = "payload=";
    while (!form.starts_with(name)) {
        const auto next = form.find('&');
        if (next == std::string_view::npos) return std::nullopt;
        form.remove_prefix(next + 1);
    }
    form = form.substr(name.size(), form.find('&') - name.size());
    std::string decoded;
    decoded.reserve(form.size());
    for (std::size_t i = 0; i < form.size(); ++i) {
        if (form[i] != '%') {
            decoded += form[i] == '+' ? ' ' : form[i];
            continue;
        }
        const auto high = i + 2 < form.size() ? hex_digit(form[i + 1]) : std::nullopt;
        const auto low = high ? hex_digit(form[i + 2]) : std::nullopt;
        if (!low) return std::nullopt;
        decoded += static_cast<char>(*high << 4U | *low);
        i += 2;
    }
    return decoded;
}

bool consists_of(std::string_view text, std::size_t longest, bool (*allowed)(char)) {
    return !text.empty() && text.size() <= longest && std::ranges::all_of(text, allowed);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_event_char(char c) { return (c >= 'a' && c <= 'z') || c == '_'; }
bool is_id_char(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

std::string media_type(std::string_view content_type) {
    auto type = content_type.substr(0, content_type.find(';'));
    while (type.ends_with(' ')) type.remove_suffix(1);
    return lower_case(type);
}

}  // namespace

std::optional<Mac> mac_of_hex(std::string_view text) {
    Mac mac{};
    if (text.size() != 2 * mac.size()) return std::nullopt;
    for (std::size_t i = 0; i < mac.size(); ++i) {
        const auto high = hex_digit(text[2 * i]);
        const auto low = hex_digit(text[2 * i + 1]);
        if (!high || !low) return std::nullopt;
        mac[i] = static_cast<unsigned char>(*high << 4U | *low);
    }
    return mac;
}

std::optional<std::string> bytes_of_base64(const std::string& text) {
    const auto is_base64 = [](char c) { return is_id_char(c) ? c != '-' : c == '+' || c == '/'; };
    const auto padding = text.size() - std::min(text.find('='), text.size());
    const auto plain = std::string_view(text).substr(0, text.size() - padding);
    if (text.empty() || text.size() % 4 != 0 || padding > 2 ||
        text.find_first_not_of('=', plain.size()) != text.npos || !std::ranges::all_of(plain, is_base64))
        return std::nullopt;
    std::string bytes(text.size() / 4 * 3, '\0');
    if (EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size())) < 0)
        return std::nullopt;
    bytes.resize(bytes.size() - padding);
    return bytes;
}

std::optional<Mac> mac_of_base64(std::string_view text) {
    Mac mac{};
    if (text.size() > 2 * mac.size()) return std::nullopt;
    const auto bytes = bytes_of_base64(std::string(text));
    if (!bytes || bytes->size() != mac.size()) return std::nullopt;
    std::ranges::copy(*bytes, mac.begin());
    return mac;
}

std::string digest_of(const std::string& bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    std::size_t size = 0;
    if (EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), digest.data(), &size) != 1)
        throw std::runtime_error("OpenSSL has no SHA-256");
    std::string hex;
    for (const auto byte : std::span(digest).first(size)) {
        hex += "0123456789abcdef"[byte >> 4U];
        hex += "0123456789abcdef"[byte & 0xFU];
    }
    return hex;
}

bool is_one_of(std::span<const config::Secret> secrets, const std::string& claimed) {
    // Digests of one length are compared, and under a key: what time tells of them tells nothing of a secret.
    static const std::string key = "compare";
    const auto mac = hmac_sha256(key, claimed);
    bool right = false;
    for (const auto& secret : secrets) {
        const auto other = hmac_sha256(key, secret.expose());
        right |= mac && other && CRYPTO_memcmp(mac->data(), other->data(), mac->size()) == 0;
    }
    return right && !claimed.empty();
}

bool signed_by_one(std::span<const config::Secret> keys, const std::string& bytes, const Mac& claimed) {
    bool right = false;
    for (const auto& key : keys) {
        const auto mac = hmac_sha256(key.expose(), bytes);
        right |= mac && CRYPTO_memcmp(mac->data(), claimed.data(), mac->size()) == 0;
    }
    return right;
}

std::unexpected<Rejected> reject(int status, std::string reason) {
    return std::unexpected(Rejected{.status = status, .reason = std::move(reason)});
}

const std::string* single(const Headers& headers, std::string_view name) {
    const auto [first, last] = headers.equal_range(std::string(name));
    return first == last || std::next(first) != last ? nullptr : &first->second;
}

bool is_delivery_id(std::string_view text) { return consists_of(text, 100, &is_id_char); }

bool is_event_name(std::string_view text) { return consists_of(text, 60, &is_event_char); }

std::expected<std::string, Rejected> payload_of(Delivery&& delivery) {
    const auto* type = single(delivery.headers, "content-type");
    const auto media = type == nullptr ? std::string() : media_type(*type);
    if (media == "application/json") return std::move(delivery.body);
    if (media != "application/x-www-form-urlencoded")
        return reject(415, "Content-Type is neither application/json nor application/x-www-form-urlencoded");
    auto payload = form_payload(delivery.body);
    if (!payload) return reject(400, "the form has no well-formed `payload`");
    return *std::move(payload);
}

}  // namespace integrations
