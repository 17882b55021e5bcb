#include "integrations/github_json.hpp"

#include <time.h>

#include <algorithm>
#include "generated/version.hpp"
#include "integrations/github_words.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr std::size_t longest_message = 600;

ForgeError::Kind kind_of(int status) {
    using Kind = ForgeError::Kind;
    switch (status) {
        case 401:
            return Kind::unauthorized;
        case 403:
            return Kind::forbidden;
        case 404:
        case 410:
        case 451:
            return Kind::gone;
        case 408:
            return Kind::unreachable;
        case 429:
            return Kind::rate_limited;
        default:
            return status >= 500 ? Kind::unreachable : Kind::invalid;
    }
}

}  // namespace

json parse_json(const std::string& text) { return json::parse(text, nullptr, false); }

std::string write_json(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

const json& at(const json& value, const char* key) {
    static const json nothing;
    if (!value.is_object()) return nothing;
    const auto found = value.find(key);
    return found == value.end() ? nothing : *found;
}

const json& at(const json& value, const char* key, const char* inner) { return at(at(value, key), inner); }

std::string text(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    return value.is_number_integer() ? value.dump() : std::string();
}

std::string text_at(const json& value, const char* key) { return text(at(value, key)); }

std::int64_t number_at(const json& value, const char* key) {
    const auto& member = at(value, key);
    return member.is_number_integer() ? member.get<std::int64_t>() : 0;
}

bool true_at(const json& value, const char* key) {
    const auto& member = at(value, key);
    return member.is_boolean() && member.get<bool>();
}

std::optional<std::chrono::system_clock::time_point> parse_timestamp(const std::string& text) {
    tm parts{};
    const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (end == nullptr) return std::nullopt;
    std::string_view rest(end);
    if (rest.starts_with('.'))
        rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
    if (rest != "Z") return std::nullopt;
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

Person read_person(const json& user) {
    const auto login = text_at(user, "login");
    return {.login = login,
            .id = text_at(user, "id"),
            .bot = text_at(user, "type") == "Bot" || login.ends_with("[bot]")};
}

std::string read_label(const json& label) { return label.is_string() ? text(label) : text_at(label, "name"); }

PullRequest read_pull(const json& pull) {
    const auto& mergeable = at(pull, "mergeable");  // null while GitHub finds out; lists have none
    return {.number = number_at(pull, "number"),
            .web_url = text_at(pull, "html_url"),
            .head_branch = text(at(pull, "head", "ref")),
            .head_sha = text(at(pull, "head", "sha")),
            .draft = true_at(pull, "draft"),
            .open = text_at(pull, "state") == "open",
            // Lists have `merged_at` only.
            .merged = true_at(pull, "merged") || at(pull, "merged_at").is_string(),
            .conflicts = mergeable.is_boolean() ? std::optional(!mergeable.get<bool>()) : std::nullopt,
            .author = read_person(at(pull, "user"))};
}

const std::map<std::string, std::string>& github_headers() {
    static const std::map<std::string, std::string> headers{
        {"Accept", "application/vnd.github+json"},
        {"X-GitHub-Api-Version", "2022-11-28"},
        {"Content-Type", "application/json"},
        {"User-Agent", std::string("shopfloor/") + generated::version},
    };
    return headers;
}

ForgeError error_of(std::string_view what, const HttpResponse& response) {
    auto message = std::string(what) + ": " + std::to_string(response.status);
    const auto body = parse_json(response.body);
    const auto add = [&](std::string_view words) {
        if (!words.empty()) message += " " + one_line(words, longest_message);
    };
    add(text_at(body, "message"));
    if (const auto& errors = at(body, "errors"); errors.is_array()) {
        for (const auto& error : errors) {
            if (message.size() > 2 * longest_message) break;
            if (error.is_string()) add(text(error));
            add(text_at(error, "field"));
            add(text_at(error, "code"));
            add(text_at(error, "message"));
        }
    }
    return {.kind = kind_of(response.status), .status = response.status, .message = std::move(message)};
}

}  // namespace integrations
