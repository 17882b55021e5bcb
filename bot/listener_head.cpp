#include "bot/listener_head.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <optional>
#include <system_error>
#include <utility>

namespace bot {

namespace {

constexpr std::size_t most_fields = 100;

/// RFC 9110, section 5.6.2.
bool token(char c) {
    static constexpr auto table = [] {
        std::array<bool, 256> good{};
        for (char letter = 'a'; letter <= 'z'; ++letter) good[static_cast<unsigned char>(letter)] = true;
        for (char letter = 'A'; letter <= 'Z'; ++letter) good[static_cast<unsigned char>(letter)] = true;
        for (char digit = '0'; digit <= '9'; ++digit) good[static_cast<unsigned char>(digit)] = true;
        for (const char other : std::string_view("!#$%&'*+-.^_`|~"))
            good[static_cast<unsigned char>(other)] = true;
        return good;
    }();
    return table[static_cast<unsigned char>(c)];
}

/// No control byte but tabs.
bool good_in_value(char c) { return static_cast<unsigned char>(c) >= 0x20 ? c != 0x7f : c == '\t'; }

bool good_in_target(char c) { return c > 0x20 && c < 0x7f; }

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

/// `POST /hooks/github HTTP/1.1`
bool read_request_line(std::string_view line, ListenerHead& head) {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) return false;
    const auto method = line.substr(0, first);
    const auto target = line.substr(first + 1, last - first - 1);
    const auto version = line.substr(last + 1);
    if (method.empty() || !std::ranges::all_of(method, token)) return false;
    if (!target.starts_with('/') || !std::ranges::all_of(target, good_in_target)) return false;
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
    head.method = method;
    head.path = target.substr(0, target.find('?'));
    head.keeps_open = version == "HTTP/1.1";
    return true;
}

/// Names with a line end, a space before the colon or a folded value are none.
bool read_field(std::string_view line, integrations::Headers& headers) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const auto name = line.substr(0, colon);
    const auto value = trimmed(line.substr(colon + 1));
    if (!std::ranges::all_of(name, token) || !std::ranges::all_of(value, good_in_value)) return false;
    headers.emplace(lower(name), value);
    return true;
}

/// The one value of a field; nothing when it is not there. `twice` is set when it comes more than once.
std::optional<std::string> only(const integrations::Headers& headers, const std::string& name, bool& twice) {
    const auto [first, last] = headers.equal_range(name);
    if (first == last) return std::nullopt;
    twice = twice || std::next(first) != last;
    return first->second;
}

/// Which bytes after the head belong to it: one way of saying so, or none.
std::string_view read_framing(ListenerHead& head, bool old) {
    bool twice = false;
    const auto length = only(head.headers, "content-length", twice);
    const auto coding = only(head.headers, "transfer-encoding", twice);
    if (twice || (length && coding)) return "the length of the body is said more than once";
    if (coding) {
        if (old || lower(*coding) != "chunked") return "the body is in no encoding that is taken here";
        head.body = ListenerHead::Body::chunked;
    }
    if (length) {
        const auto* end = length->data() + length->size();
        const auto [stopped, fault] = std::from_chars(length->data(), end, head.length);
        if (fault != std::errc() || stopped != end) return "Content-Length is not a number of bytes";
        head.body = ListenerHead::Body::counted;
    }
    return {};
}

void read_connection(ListenerHead& head) {
    const auto [first, last] = head.headers.equal_range("connection");
    for (auto field = first; field != last; ++field) {
        std::string_view rest = field->second;
        while (!rest.empty()) {
            const auto comma = std::min(rest.find(','), rest.size());
            const auto word = lower(trimmed(rest.substr(0, comma)));
            if (word == "close") head.keeps_open = false;
            rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
    }
    const auto expected = head.headers.find("expect");
    head.expects_continue = expected != head.headers.end() && lower(expected->second) == "100-continue";
}

}  // namespace

std::expected<ListenerHead, std::string> read_listener_head(std::string_view text) {
    ListenerHead head;
    auto end = std::min(text.find(line_end), text.size());
    if (!read_request_line(text.substr(0, end), head))
        return std::unexpected("the first line is not `METHOD /path HTTP/1.1`");
    for (std::size_t fields = 0; end < text.size(); ++fields) {
        text.remove_prefix(end + line_end.size());
        end = std::min(text.find(line_end), text.size());
        if (fields == most_fields) return std::unexpected("there are more than 100 header fields");
        if (!read_field(text.substr(0, end), head.headers))
            return std::unexpected("a header field is not `Name: value`");
    }
    if (const auto fault = read_framing(head, !head.keeps_open); !fault.empty())
        return std::unexpected(std::string(fault));
    read_connection(head);
    return head;
}

}  // namespace bot
