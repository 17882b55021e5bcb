#include "bot/secret_scan.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "bot/digest.hpp"
#include "config/secret_source.hpp"

namespace bot {

namespace {

/// Shorter ones stand in any text by chance.
constexpr std::size_t shortest = 8;
constexpr std::string_view hidden = "***";

void add_needle(std::vector<config::Secret>& needles, std::string needle) {
    if (needle.size() >= shortest) needles.emplace_back(std::move(needle));
}

/// Base64 of whatever the secret stands in: three bytes make four characters, so what is the same in each of
/// the three alignments is the encoding of the whole groups inside. In both alphabets.
void add_base64(std::vector<config::Secret>& needles, std::string_view secret) {
    for (std::size_t skipped = 0; skipped < 3 && skipped < secret.size(); ++skipped) {
        const auto rest = secret.substr(skipped);
        auto text = base64(rest.substr(0, rest.size() / 3 * 3));
        auto url_safe = text;
        std::ranges::replace(url_safe, '+', '-');
        std::ranges::replace(url_safe, '/', '_');
        const bool differs = url_safe != text;
        add_needle(needles, std::move(text));
        if (differs) add_needle(needles, std::move(url_safe));
    }
}

void add_spellings(std::vector<config::Secret>& needles, std::string_view secret) {
    if (secret.size() < shortest) return;
    add_needle(needles, std::string(secret));
    add_base64(needles, secret);
    auto digits = hex(secret);
    add_needle(needles, digits);
    std::ranges::transform(digits, digits.begin(),
                           [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
    add_needle(needles, std::move(digits));
}

/// A private key is known by any of its lines but the first and the last, which all keys share.
void add_secret(std::vector<config::Secret>& needles, const config::Secret& secret) {
    const std::string_view text = secret.expose();
    if (text.find('\n') == std::string_view::npos) return add_spellings(needles, text);
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        const auto line = text.substr(at, end - at);
        if (!line.starts_with("-----") && line.size() >= 32) add_spellings(needles, line);
        at = end + 1;
    }
}

}  // namespace

SecretScan::SecretScan(const config::Settings& settings) {
    for (const auto& forge : settings.forges) {
        for (const auto& secret : forge.webhook_secrets) add_secret(needles_, secret);
        if (forge.app) add_secret(needles_, forge.app->private_key);
        if (forge.token) add_secret(needles_, *forge.token);
    }
    // The operator's word is that these are no secrets; where a program wants a key of its own, one may stand
    // here.
    for (const auto& profile : settings.profiles)
        for (const auto& [name, value] : profile.environment)
            if (name.contains("KEY") || name.contains("TOKEN") || name.contains("SECRET"))
                add_secret(needles_, config::Secret(value));
    for (const auto& provider : settings.models.providers)
        for (const auto& key : provider.keys) add_secret(needles_, key);
}

bool SecretScan::holds_ours(std::string_view text) const {
    return std::ranges::any_of(needles_, [text](const config::Secret& needle) {
        return text.find(needle.expose()) != std::string_view::npos;
    });
}

bool SecretScan::suspicious(std::string_view text) const {
    return holds_ours(text) || config::looks_like_secret(text);
}

std::string SecretScan::redacted(std::string text) const {
    for (const auto& needle : needles_) {
        const auto& bytes = needle.expose();
        for (auto at = text.find(bytes); at != std::string::npos; at = text.find(bytes, at + hidden.size()))
            text.replace(at, bytes.size(), hidden);
    }
    return text;
}

}  // namespace bot
