#include "integrations/forge_json.hpp"

#include <fmt/chrono.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

#include "integrations/forge_words.hpp"

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

/// East of Greenwich: `Z`, ` UTC`, `+02:00`, `-03:30`.
std::optional<std::chrono::minutes> offset_of(std::string_view zone) {
    if (zone == "Z" || zone == " UTC") return std::chrono::minutes(0);
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
    int hours = 0;
    int minutes = 0;
    const auto number = [&](std::size_t from, int& into) {
        const char* first = zone.data() + from;
        return std::from_chars(first, first + 2, into).ptr == first + 2 && into >= 0;
    };
    if (!number(1, hours) || !number(4, minutes) || hours > 23 || minutes > 59) return std::nullopt;
    const std::chrono::minutes offset(60 * hours + minutes);
    return zone[0] == '-' ? -offset : offset;
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
    const char* end = strptime(text.c_str(), "%Y-%m-%d", &parts);
    if (end == nullptr || (*end != 'T' && *end != ' ')) return std::nullopt;
    end = strptime(end + 1, "%H:%M:%S", &parts);
    if (end == nullptr) return std::nullopt;
    std::string_view rest(end);
    if (rest.starts_with('.'))
        rest.remove_prefix(std::min(rest.find_first_not_of("0123456789", 1), rest.size()));
    const auto offset = offset_of(rest);
    if (!offset) return std::nullopt;
    return std::chrono::system_clock::from_time_t(timegm(&parts)) - *offset;
}

std::string timestamp(std::chrono::system_clock::time_point at) {
    return fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(at)));
}

Person read_person(const json& user) {
    const auto login = text_at(user, "login");
    return {.login = login,
            .id = text_at(user, "id"),
            .bot = text_at(user, "type") == "Bot" || login.ends_with("[bot]")};
}

bool was_edited(const json& said) {
    const auto made = parse_timestamp(text_at(said, "created_at"));
    const auto changed = parse_timestamp(text_at(said, "updated_at"));
    return made && changed && *changed - *made > std::chrono::seconds(1);
}

/// Gitea gives the address of either, GitHub the issue's alone, and says in the page's what it is.
std::optional<CommentCreated> read_comment(const RepoRef& repo, const json& comment) {
    auto of = text_at(comment, "pull_request_url");
    const bool on_pull = !of.empty() || text_at(comment, "html_url").find("/pull/") != std::string::npos;
    if (of.empty()) of = text_at(comment, "issue_url");
    const auto number = of.substr(of.rfind('/') + 1);
    const auto id = text_at(comment, "id");
    if (was_edited(comment) || !is_digits(number, 18) || !is_digits(id, 20)) return std::nullopt;
    return CommentCreated{
        .thread = {.repo = repo,
                   .number = std::stoll(number),
                   .kind = on_pull ? ThreadRef::Kind::pull_request : ThreadRef::Kind::issue},
        .comment_id = id,
        .body = text_at(comment, "body"),
        .by = read_person(at(comment, "user")),
        .at = parse_timestamp(text_at(comment, "created_at"))};
}

PullRequest read_pull(const json& pull) {
    auto branch = text(at(pull, "head", "ref"));
    // Of a branch that is gone Gitea says `refs/pull/N/head`, and its name only here.
    if (branch.starts_with("refs/pull/")) branch = text(at(pull, "head", "label"));
    const auto& mergeable = at(pull, "mergeable");  // null while the forge finds out; lists have none
    return {.number = number_at(pull, "number"),
            .web_url = text_at(pull, "html_url"),
            .head_branch = std::move(branch),
            .head_sha = text(at(pull, "head", "sha")),
            .draft = true_at(pull, "draft"),
            .open = text_at(pull, "state") == "open",
            // Lists have `merged_at` only.
            .merged = true_at(pull, "merged") || at(pull, "merged_at").is_string(),
            .conflicts = mergeable.is_boolean() ? std::optional(!mergeable.get<bool>()) : std::nullopt,
            .author = read_person(at(pull, "user"))};
}

IssueSnapshot read_issue(const json& issue) {
    IssueSnapshot snapshot{.title = text_at(issue, "title"),
                           .body = text_at(issue, "body"),
                           .labels = {},
                           .author = read_person(at(issue, "user")),
                           .open = text_at(issue, "state") == "open",
                           .web_url = text_at(issue, "html_url"),
                           .locked = true_at(issue, "locked")};
    for (const auto& label : at(issue, "labels")) snapshot.labels.push_back(read_label(label));
    return snapshot;
}

ForgeResult<RepoRef> read_repository(const json& repository, const std::string& forge,
                                     std::string installation) {
    RepoRef repo{.forge = forge,
                 .id = text_at(repository, "id"),
                 .full_name = text_at(repository, "full_name"),
                 .clone_url = text_at(repository, "clone_url"),
                 .default_branch = text_at(repository, "default_branch"),
                 .installation = std::move(installation)};
    if (repo.id.empty() || !is_full_name(repo.full_name) || !is_clone_url(repo.clone_url)) {
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid,
                       .message = "the forge describes a repository without id, name or clone_url"});
    }
    return repo;
}

const char* reaction_name(Reaction reaction) {
    switch (reaction) {
        case Reaction::eyes:
            return "eyes";
        case Reaction::rocket:
            return "rocket";
        case Reaction::thumbs_down:
            return "-1";
        case Reaction::confused:
            return "confused";
    }
    std::unreachable();
}

std::string read_label(const json& label) { return label.is_string() ? text(label) : text_at(label, "name"); }

int line_at(const json& value, const char* key) {
    return static_cast<int>(std::clamp<std::int64_t>(number_at(value, key), 0, 1 << 30));
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

ForgeResult<json> json_of(std::string_view what, const std::expected<HttpResponse, ForgeError>& answer) {
    if (!answer) return std::unexpected(answer.error());
    if (answer->status >= 300) return std::unexpected(error_of(what, *answer));
    if (answer->body.empty()) return json();
    auto body = parse_json(answer->body);
    if (!body.is_discarded()) return body;
    return std::unexpected(
        ForgeError{.kind = ForgeError::Kind::unreachable,
                   .status = answer->status,
                   .message = std::string(what) + ": the answer is no JSON; is api_url right?"});
}

Headers headers_in(const json& object) {
    Headers headers;
    if (!object.is_object()) return headers;
    for (const auto& [name, value] : object.items())
        if (value.is_string()) headers.emplace(lower_case(name), value.get<std::string>());
    return headers;
}

ForgeResult<void> done(const ForgeResult<json>& answer) {
    if (!answer) return std::unexpected(answer.error());
    return {};
}

ForgeResult<std::string> made_id(const ForgeResult<json>& answer) {
    if (!answer) return std::unexpected(answer.error());
    return text_at(*answer, "id");
}

}  // namespace integrations
