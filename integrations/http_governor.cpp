#include "integrations/http_governor.hpp"

#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "integrations/forge_words.hpp"

namespace integrations {
namespace {

using std::chrono::seconds;

// A forge's windows are an hour long; a header that says more is a mistake that must not park jobs for days.
constexpr seconds longest_wait{3600 + 300};
constexpr seconds first_backoff{60};
constexpr int most_doublings = 4;  // 16 minutes

std::optional<std::int64_t> number(const std::string& text) {
    std::int64_t value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

std::optional<seconds> retry_after(const Headers& headers, Governor::Wall server_now) {
    const auto text = header(headers, "retry-after");
    if (const auto value = number(text)) return seconds(std::min<std::int64_t>(*value, longest_wait.count()));
    const auto date = parse_http_date(text);
    if (!date) return std::nullopt;
    return std::chrono::ceil<seconds>(*date - server_now);
}

bool speaks_of_rate(const std::string& body) {
    const auto words = lower_case(std::string_view(body).substr(0, 4096));
    return words.find("rate limit") != std::string::npos ||
           words.find("abuse detection") != std::string::npos;
}

/// GitLab's names have no `x-`: https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/
std::optional<std::int64_t> limit_number(const Headers& headers, const std::string& name) {
    const auto value = number(header(headers, "x-" + name));
    return value ? value : number(header(headers, name));
}

}  // namespace

Governor::Wait Governor::closed_for(Steady now) const {
    const std::scoped_lock lock(mutex_);
    return std::max(Wait(0), std::chrono::ceil<Wait>(closed_until_ - now));
}

void Governor::close(Steady now, Wait time) {
    closed_until_ = std::max(closed_until_, now + std::clamp<Wait>(time, seconds(1), longest_wait));
}

bool Governor::learn(int status, const Headers& headers, const std::string& body, Steady now, Wall wall) {
    const auto server_now = parse_http_date(header(headers, "date")).value_or(wall);
    const bool nothing_left = limit_number(headers, "ratelimit-remaining") == 0;
    const auto wait = retry_after(headers, server_now);
    const bool refused = status == 429 || (status == 403 && (wait || nothing_left || speaks_of_rate(body)));

    std::optional<Wait> until_reset;
    if (const auto reset = limit_number(headers, "ratelimit-reset");
        nothing_left && reset && *reset < 1LL << 40) {
        until_reset = std::chrono::ceil<Wait>(Wall(seconds(*reset)) - server_now);
    }

    const std::scoped_lock lock(mutex_);
    if (!refused) {
        if (status < 400) refusals_ = 0;
        if (until_reset) close(now, *until_reset);
        return false;
    }
    if (wait) {
        close(now, *wait);
    } else if (until_reset) {
        close(now, *until_reset);
    } else {
        close(now, first_backoff * (1 << std::min(refusals_++, most_doublings)));
    }
    return true;
}

std::optional<std::chrono::system_clock::time_point> parse_http_date(const std::string& text) {
    tm parts{};
    const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string header(const Headers& headers, const std::string& lower_case_name) {
    const auto found = headers.find(lower_case_name);
    return found == headers.end() ? std::string() : found->second;
}

}  // namespace integrations
