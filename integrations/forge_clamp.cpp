#include "integrations/forge_clamp.hpp"

#include <algorithm>

namespace integrations {
namespace {

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

std::size_t code_points(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, starts_code_point));
}

/// The first `limit` code points.
std::string_view prefix(std::string_view text, std::size_t limit) {
    std::size_t seen = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (starts_code_point(text[at]) && seen++ == limit) return text.substr(0, at);
    }
    return text;
}

/// The run of backticks or tildes that opens or closes a fence in this line, or nothing.
/// https://spec.commonmark.org/0.31.2/#fenced-code-blocks
std::string_view fence_of(std::string_view line, std::string_view& after) {
    const auto start = line.find_first_not_of(' ');
    if (start > 3) return {};  // or there is nothing else
    const char mark = line[start];
    if (mark != '`' && mark != '~') return {};
    const auto end = std::min(line.find_first_not_of(mark, start), line.size());
    after = line.substr(end);
    return end - start < 3 ? std::string_view{} : line.substr(start, end - start);
}

/// The fence that is still open where the text ends, or nothing.
std::string_view open_fence(std::string_view text) {
    std::string_view open;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string_view after;
        const auto fence = fence_of(text.substr(0, end), after);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (fence.empty()) continue;
        if (open.empty()) {
            if (fence[0] == '~' || after.find('`') == std::string_view::npos) open = fence;
        } else if (fence[0] == open[0] && fence.size() >= open.size() &&
                   after.find_first_not_of(" \t\r") == std::string_view::npos) {
            open = {};
        }
    }
    return open;
}

}  // namespace

std::string clamp_text(std::string_view text, std::size_t limit, std::string_view note) {
    if (text.size() <= limit || code_points(text) <= limit) return std::string(text);
    const std::string tail = note.empty() ? std::string() : "\n\n" + std::string(note);
    const auto tail_points = code_points(tail);
    if (tail_points >= limit) return std::string(prefix(text, limit));
    // Closing a fence costs room, and the shorter text may have another fence open: a few rounds settle it.
    for (std::size_t closing = 0;;) {
        const auto room = limit - tail_points;
        if (closing >= room) return std::string(prefix(text, limit));
        const auto kept = prefix(text, room - closing);
        const auto fence = open_fence(kept);
        const auto needed = fence.empty() ? 0 : fence.size() + 1;
        if (needed > closing) {
            closing = needed;
            continue;
        }
        return std::string(kept) + (fence.empty() ? std::string() : "\n" + std::string(fence)) + tail;
    }
}

}  // namespace integrations
