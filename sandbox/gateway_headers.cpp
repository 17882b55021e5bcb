#include "sandbox/gateway_headers.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <string>

#include "sandbox/gateway_json.hpp"
#include "sandbox/harvest.hpp"

namespace sandbox {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t longest_value = 2048;
constexpr milliseconds longest_wait = std::chrono::days(30);

constexpr std::array<std::string_view, 5> to_service{"accept", "anthropic-version", "anthropic-beta",
                                                     "openai-beta", "user-agent"};
constexpr std::array<std::string_view, 7> to_inside{"content-type",   "retry-after", "retry-after-ms",
                                                    "x-should-retry", "request-id",  "x-request-id",
                                                    "openai-version"};
constexpr std::array<std::string_view, 2> to_inside_beginnings{"anthropic-ratelimit-", "x-ratelimit-"};
/// Betas of Anthropic's that change prices.
constexpr std::array<std::string_view, 3> dear_betas{"context-1m", "fast-mode", "compact-"};

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

bool is_plain(std::string_view value) {
    return value.size() <= longest_value &&
           std::ranges::all_of(value, [](char c) { return c >= ' ' && c < 0x7F; });
}

std::string without_dear_betas(std::string_view list) {
    std::string kept;
    for (std::size_t at = 0; at <= list.size();) {
        const auto end = std::min(list.find(',', at), list.size());
        auto beta = list.substr(at, end - at);
        at = end + 1;
        beta.remove_prefix(std::min(beta.find_first_not_of(' '), beta.size()));
        beta = beta.substr(0, beta.find_last_not_of(' ') + 1);
        const auto name = lower(beta);
        const bool dear =
            std::ranges::any_of(dear_betas, [&](auto beginning) { return name.starts_with(beginning); });
        if (beta.empty() || dear) continue;
        if (!kept.empty()) kept += ',';
        kept += beta;
    }
    return kept;
}

std::optional<milliseconds> seconds_in(std::string_view text) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end == text.data() || !std::isfinite(seconds) || seconds < 0)
        return std::nullopt;
    const double most = std::chrono::duration<double>(longest_wait).count();
    return milliseconds(static_cast<std::int64_t>(std::ceil(std::min(seconds, most) * 1000)));
}

std::optional<milliseconds> until_date(const std::string& text) {
    std::tm date{};
    const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
    if (end == nullptr) return std::nullopt;
    const auto then = std::chrono::system_clock::from_time_t(::timegm(&date));
    const auto wait = std::chrono::ceil<milliseconds>(then - std::chrono::system_clock::now());
    return std::clamp(wait, milliseconds(0), longest_wait);
}

const httplib::Headers::value_type* find(const httplib::Headers& headers, const std::string& name) {
    const auto found = headers.find(name);
    return found == headers.end() ? nullptr : &*found;
}

}  // namespace

httplib::Headers headers_to_service(const httplib::Headers& from_inside, config::ModelApi api,
                                    const config::Secret& key) {
    httplib::Headers out;
    for (const auto& [name, value] : from_inside) {
        const auto known = lower(name);
        if (std::ranges::find(to_service, known) == to_service.end() || !is_plain(value)) continue;
        const auto passed = known == "anthropic-beta" ? without_dear_betas(value) : value;
        if (!passed.empty() && (known == "anthropic-beta" || !out.contains(known)))
            out.emplace(known, passed);
    }
    out.emplace("Content-Type", "application/json");
    out.emplace("Accept-Encoding", "identity");
    switch (api) {
        case config::ModelApi::anthropic:
            if (!out.contains("anthropic-version")) out.emplace("anthropic-version", "2023-06-01");
            out.emplace("x-api-key", key.expose());
            break;
        case config::ModelApi::openai:
            out.emplace("Authorization", "Bearer " + key.expose());
            break;
        case config::ModelApi::gemini:
            out.emplace("x-goog-api-key", key.expose());
            break;
    }
    return out;
}

httplib::Headers headers_to_inside(const httplib::Headers& from_service, const KeyShapes& keys) {
    httplib::Headers out;
    for (const auto& [name, value] : from_service) {
        const auto known = lower(name);
        const bool passes =
            std::ranges::find(to_inside, known) != to_inside.end() ||
            std::ranges::any_of(to_inside_beginnings, [&](auto each) { return known.starts_with(each); });
        const bool is_token =
            known.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
        if (!passes || !is_token || !is_plain(value) || out.size() >= 40) continue;
        out.emplace(keys.scrubbed(known), keys.scrubbed(value));
    }
    return out;
}

std::optional<milliseconds> asked_wait(const httplib::Headers& headers, std::string_view body) {
    if (const auto* exact = find(headers, "retry-after-ms"))
        if (const auto wait = seconds_in(exact->second)) return *wait / 1000;
    if (const auto* header = find(headers, "retry-after")) {
        if (const auto wait = seconds_in(header->second)) return wait;
        return until_date(header->second);
    }
    // {"error": {"details": [{"@type": "…/google.rpc.RetryInfo", "retryDelay": "34s"}]}}
    const auto document = read_json(body);
    const auto* error = document ? member(*document, "error") : nullptr;
    const auto* details = error != nullptr ? member(*error, "details") : nullptr;
    if (details == nullptr || !details->is_array()) return std::nullopt;
    for (const auto& detail : *details)
        if (const auto wait = seconds_in(text_of(detail, "retryDelay"))) return wait;
    return std::nullopt;
}

bool quota_used_up(std::string_view body) {
    const auto document = read_json(body);
    const auto* error = document ? member(*document, "error") : nullptr;
    return error != nullptr && text_of(*error, "code") == "insufficient_quota";
}

std::string own_words(std::string_view body, const KeyShapes& keys) {
    const auto document = read_json(body);
    const auto* error = document ? member(*document, "error") : nullptr;
    if (error == nullptr) return {};
    return printable(keys.scrubbed(text_of(*error, "message")).substr(0, 300));
}

}  // namespace sandbox
