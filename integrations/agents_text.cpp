#include "integrations/agents_text.hpp"

#include <algorithm>
#include <vector>

namespace integrations {

namespace {

constexpr std::string_view blanks = " \t\n";

std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

/// Length of the escape sequence at the beginning (ECMA-48 5.4 and 5.6: CSI ends with 0x40-0x7E, the string
/// kinds with BEL or ESC \).
std::size_t escape_length(std::string_view text) {
    if (text.size() < 2) return text.size();
    if (text[1] == '[') {
        std::size_t at = 2;
        while (at < text.size() && text[at] >= 0x20 && text[at] <= 0x3f) ++at;
        return at < text.size() && text[at] >= 0x40 && text[at] <= 0x7e ? at + 1 : at;
    }
    if (std::string_view("]PX^_").find(text[1]) != std::string_view::npos) {
        const auto line =
            std::min(text.find('\n'), text.size());  // one that is never closed does not eat the rest
        const auto end = text.find_first_of("\a\033", 2);
        if (end >= line) return line;
        return text[end] == '\a' ? end + 1 : std::min(end + 2, text.size());
    }
    std::size_t at = 1;
    while (at < text.size() && text[at] >= 0x20 && text[at] <= 0x2f) ++at;
    return std::min(at + 1, text.size());
}

/// Length of the code point at the beginning; 0 when it is none (RFC 3629: no overlong forms, no surrogates).
std::size_t code_point_length(std::string_view text) {
    const auto byte = [&](std::size_t at) {
        return at < text.size() ? static_cast<unsigned char>(text[at]) : static_cast<unsigned char>(0);
    };
    const auto follows = [&](std::size_t at) { return (byte(at) & 0xc0) == 0x80; };
    const auto first = byte(0), second = byte(1);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf && follows(1)) return 2;
    if (first >= 0xe0 && first <= 0xef && follows(1) && follows(2) && !(first == 0xe0 && second < 0xa0) &&
        !(first == 0xed && second >= 0xa0))
        return 3;
    if (first >= 0xf0 && first <= 0xf4 && follows(1) && follows(2) && follows(3) &&
        !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second >= 0x90))
        return 4;
    return 0;
}

/// One line, its escapes and controls gone; a carriage return begins it again.
void add_line(std::string_view line, std::string& out) {
    const auto begin = out.size();
    for (std::size_t at = 0; at < line.size();) {
        const auto c = static_cast<unsigned char>(line[at]);
        const auto length = code_point_length(line.substr(at));
        const bool control_1 = length == 2 && c == 0xc2 && static_cast<unsigned char>(line[at + 1]) < 0xa0;
        if (c == '\033') {
            at += escape_length(line.substr(at));
        } else if (c == '\r') {
            if (at + 1 < line.size()) out.resize(begin);
            ++at;
        } else if (length == 0) {
            out += "\ufffd";
            ++at;
        } else {
            const bool hidden = (c < 0x20 && c != '\t') || c == 0x7f || control_1;
            if (!hidden) out += line.substr(at, length);
            at += length;
        }
    }
}

bool is_inner_byte(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

}  // namespace

std::string_view end_of(std::string_view printed, std::size_t most) {
    if (printed.size() <= most) return printed;
    printed.remove_prefix(printed.size() - most);
    if (const auto first = printed.find('\n'); first + 1 < printed.size()) printed.remove_prefix(first + 1);
    return printed;
}

std::string plain_text(std::string_view printed) {
    std::string out;
    out.reserve(printed.size());
    while (!printed.empty()) {
        const auto end = std::min(printed.find('\n'), printed.size());
        auto line = printed.substr(0, end);
        while (line.ends_with('\r')) line.remove_suffix(1);
        add_line(line, out);
        if (end < printed.size()) out += '\n';
        printed.remove_prefix(std::min(end + 1, printed.size()));
    }
    return out;
}

std::string last_paragraph(std::string_view text) {
    text = trimmed(text);
    std::size_t begin = text.size();
    while (begin > 0) {
        const auto break_at = text.rfind('\n', begin - 1);
        const auto line_begin = break_at == std::string_view::npos ? 0 : break_at + 1;
        if (trimmed(text.substr(line_begin, begin - line_begin)).empty()) break;
        begin = break_at == std::string_view::npos ? 0 : break_at;
    }
    return std::string(trimmed(text.substr(begin)));
}

std::string last_lines(std::string_view text, std::size_t most_lines) {
    std::vector<std::string_view> lines;
    while (!text.empty() && lines.size() < most_lines) {
        const auto break_at = text.rfind('\n');
        const auto line = break_at == std::string_view::npos ? text : text.substr(break_at + 1);
        if (!trimmed(line).empty()) lines.push_back(line);
        text = break_at == std::string_view::npos ? std::string_view() : text.substr(0, break_at);
    }
    std::ranges::reverse(lines);
    std::string joined;
    for (const auto line : lines) joined += (joined.empty() ? "" : "\n") + std::string(line);
    return joined;
}

Asked take_question(std::string_view message) {
    constexpr std::string_view marker = "QUESTION:";
    constexpr std::string_view around = " \t*_";  // models like to make the word bold
    for (std::size_t at = 0; at < message.size();) {
        const auto end = std::min(message.find('\n', at), message.size());
        auto line = message.substr(at, end - at);
        line.remove_prefix(std::min(line.find_first_not_of(around), line.size()));
        if (line.starts_with(marker)) {
            auto question =
                message.substr(static_cast<std::size_t>(line.data() - message.data()) + marker.size());
            question.remove_prefix(std::min(question.find_first_not_of("*_"), question.size()));
            question = trimmed(question);
            if (!question.empty())
                return {.before = std::string(trimmed(message.substr(0, at))),
                        .question = std::string(question)};
        }
        at = end + 1;
    }
    return {.before = std::string(trimmed(message)), .question = {}};
}

std::string keep_beginning(std::string_view text, std::size_t limit) {
    std::size_t points = 0, at = 0, cut = 0;
    for (; at < text.size(); ++at) {
        if (is_inner_byte(text[at])) continue;
        if (++points == limit) cut = at;  // where the limit's last code point begins
        if (points > limit) return std::string(text.substr(0, cut)) + "…";
    }
    return std::string(text);
}

std::string keep_end(std::string_view text, std::size_t limit) {
    std::size_t points = 0, cut = text.size();
    for (auto at = text.size(); at-- > 0;) {
        if (is_inner_byte(text[at])) continue;
        if (++points < limit) cut = at;
        if (points > limit) return "…" + std::string(text.substr(cut));
    }
    return std::string(text);
}

}  // namespace integrations
