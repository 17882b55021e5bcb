#include "integrations/forge_words.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace integrations {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_name_char(char c) { return is_word(c) || c == '-' || c == '.'; }

bool is_name(std::string_view text, std::size_t longest) {
    return !text.empty() && text.size() <= longest && text != "." && text != ".." &&
           std::ranges::all_of(text, is_name_char);
}

std::string without_html_comments(std::string_view text) {
    std::string kept;
    while (true) {
        const auto open = text.find("<!--");
        kept += text.substr(0, open);
        if (open == std::string_view::npos) return kept;
        kept += ' ';
        const auto close = text.find("-->", open + 4);
        if (close == std::string_view::npos) return kept;
        text.remove_prefix(close + 3);
    }
}

/// Whether `text` begins with a reference to the issue that is not the beginning of another number.
bool begins_with_reference(std::string_view text, std::string_view full_name, std::int64_t number) {
    const auto digits = std::to_string(number);
    const auto name = lower_case(full_name);
    const std::array<std::string, 3> forms{"#" + digits, "gh-" + digits, name + "#" + digits};
    const auto whole = [&](std::size_t length) { return length >= text.size() || !is_word(text[length]); };
    for (const auto& form : forms) {
        if (text.starts_with(form) && whole(form.size())) return true;
    }
    if (!text.starts_with("https://") && !text.starts_with("http://")) return false;
    const auto path = text.find('/', text.find("//") + 2);
    const auto wanted = "/" + name + "/issues/" + digits;
    return path != std::string_view::npos && text.substr(path).starts_with(wanted) &&
           whole(path + wanted.size());
}

struct Look {
    std::string_view ending;
    const char* colour;
};

}  // namespace

std::string lower_case(std::string_view ascii) {
    std::string lowered(ascii);
    std::ranges::transform(lowered, lowered.begin(), lower);
    return lowered;
}

bool same_name(std::string_view one, std::string_view other) {
    return std::ranges::equal(one, other, {}, lower, lower);
}

bool is_digits(std::string_view text, std::size_t longest) {
    return !text.empty() && text.size() <= longest &&
           std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_commit_id(std::string_view text) {
    return text.size() == 40 &&
           std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool is_full_name(std::string_view text) {
    constexpr std::size_t longest = 100;
    const auto slash = text.find('/');
    return slash != std::string_view::npos && is_name(text.substr(0, slash), longest) &&
           is_name(text.substr(slash + 1), longest);
}

bool is_full_path(std::string_view text) {
    constexpr std::size_t longest = 255;
    auto slash = text.find('/');
    if (slash == std::string_view::npos || text.size() > 2000) return false;
    for (; slash != std::string_view::npos; slash = text.find('/')) {
        if (!is_name(text.substr(0, slash), longest)) return false;
        text.remove_prefix(slash + 1);
    }
    return is_name(text, longest);
}

bool is_clone_url(std::string_view url) {
    const auto scheme = lower_case(url.substr(0, url.find("://")));
    if ((scheme != "https" && scheme != "http") || url.size() > 2048) return false;
    const auto rest = url.substr(std::min(scheme.size() + 3, url.size()));
    const auto host = rest.substr(0, rest.find_first_of("/?#"));
    return !host.empty() && host.find('@') == std::string_view::npos &&
           std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7F && c != '\\'; });
}

bool matches(std::string_view pattern, std::string_view full_name) {
    if (pattern == "*") return true;
    if (pattern.ends_with("/*"))
        return same_name(pattern.substr(0, pattern.size() - 1), full_name.substr(0, pattern.size() - 1));
    return same_name(pattern, full_name);
}

std::string url_encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 && (is_word(c) || c == '-' || c == '.' || c == '~')) {
            encoded += c;
        } else {
            encoded += {'%', digits[byte >> 4U], digits[byte & 0xFU]};
        }
    }
    return encoded;
}

std::string host_of(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    const auto bracket = url.find(']');
    return lower_case(bracket == std::string_view::npos ? url.substr(0, url.find(':'))
                                                        : url.substr(0, bracket + 1));
}

std::string one_line(std::string_view text, std::size_t limit) {
    std::string line(text);
    std::ranges::replace_if(line, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    std::size_t points = 0;
    std::size_t cut = 0;  // where the last code point that may stay beside the ellipsis ends
    for (std::size_t at = 0; at < line.size(); ++at) {
        if ((static_cast<unsigned char>(line[at]) & 0xC0U) == 0x80U) continue;
        if (points + 1 == limit) cut = at;
        if (points++ == limit) return line.substr(0, cut) + "…";
    }
    return line;
}

bool closes_issue(std::string_view text, std::string_view full_name, std::int64_t number) {
    constexpr std::array<std::string_view, 9> keywords{"closes", "closed",   "close",    "fixes",  "fixed",
                                                       "fix",    "resolves", "resolved", "resolve"};
    const auto words = lower_case(without_html_comments(text));
    for (std::size_t at = 0; at < words.size();) {
        if (!is_word(words[at])) {
            ++at;
            continue;
        }
        auto end = at;
        while (end < words.size() && is_word(words[end])) ++end;
        const auto word = std::string_view(words).substr(at, end - at);
        at = end;
        if (std::ranges::find(keywords, word) == keywords.end()) continue;
        if (end < words.size() && words[end] == ':') ++end;
        const auto reference = words.find_first_not_of(" \t\r\n", end);
        if (reference == std::string::npos || reference == end) continue;
        if (begins_with_reference(std::string_view(words).substr(reference), full_name, number)) return true;
    }
    return false;
}

bool is_bad_conclusion(std::string_view conclusion) {
    return conclusion == "failure" || conclusion == "timed_out" || conclusion == "startup_failure";
}

bool is_bad_status(std::string_view state) { return state == "failure" || state == "error"; }

const char* label_colour(std::string_view label) {
    constexpr std::array<Look, 5> looks{{{"queued", "c5def5"},
                                         {"working", "1d76db"},
                                         {"review", "fbca04"},
                                         {"blocked", "d73a4a"},
                                         {"done", "0e8a16"}}};
    const auto look =
        std::ranges::find_if(looks, [&](const Look& row) { return label.ends_with(row.ending); });
    return look == looks.end() ? "ededed" : look->colour;
}

bool is_branch_for(std::string_view branch, std::int64_t number) {
    const auto stem = "agent/issue-" + std::to_string(number);
    return branch == stem || branch.starts_with(stem + "-");
}

std::string hidden_marker(std::string_view marker) {
    const bool safe =
        !marker.empty() && marker.size() <= 200 && marker.find("--") == std::string_view::npos &&
        std::ranges::all_of(marker, [](char c) { return c >= ' ' && c < 0x7F && c != '<' && c != '>'; });
    return safe ? "<!-- shopfloor:v1 " + std::string(marker) + " -->" : std::string();
}

bool ends_with_marker(std::string_view body, std::string_view hidden) {
    while (!body.empty() && std::isspace(static_cast<unsigned char>(body.back())) != 0) body.remove_suffix(1);
    return body.ends_with(hidden);
}

}  // namespace integrations
