#include "bot/log_tail.hpp"

#include <fmt/format.h>

#include <fstream>
#include <string_view>

#include "bot/sentences.hpp"

namespace bot {

namespace {

/// Length of the UTF-8 sequence at `at`, 0 when it is not one (overlong forms and surrogates are left to the
/// forge).
std::size_t sequence_length(std::string_view text, std::size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const std::size_t length = lead < 0x80                   ? 1
                               : lead >= 0xC2 && lead < 0xE0 ? 2
                               : lead >= 0xE0 && lead < 0xF0 ? 3
                               : lead >= 0xF0 && lead < 0xF5 ? 4
                                                             : 0;
    if (length == 0 || at + length > text.size()) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((static_cast<unsigned char>(text[at + i]) & 0xC0U) != 0x80U) return 0;
    return length;
}

/// After ESC: skips a control sequence (ECMA-48 5.4) or an operating system command; returns the place behind
/// it.
std::size_t behind_escape(std::string_view text, std::size_t at) {
    if (at >= text.size()) return at;
    if (text[at] == ']') {
        while (at < text.size() && text[at] != '\a' && text[at] != '\x1b' && text[at] != '\n') ++at;
        return at < text.size() && text[at] == '\a' ? at + 1 : at;
    }
    if (text[at] != '[') return at + 1;
    ++at;
    while (at < text.size() && text[at] >= 0x20 && text[at] < 0x40) ++at;
    return at < text.size() ? at + 1 : at;
}

std::string plain_output(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (std::size_t at = 0; at < bytes.size();) {
        const char c = bytes[at];
        if (c == '\x1b') {
            at = behind_escape(bytes, at + 1);
            continue;
        }
        const auto length = sequence_length(bytes, at);
        if (length > 1)
            text += bytes.substr(at, length);
        else if (length == 0)
            text += '?';
        else if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f))
            text += c;
        at += length == 0 ? 1 : length;
    }
    return text;
}

}  // namespace

std::string log_tail(const std::filesystem::path& log, std::size_t most) {
    std::ifstream in(log, std::ios::binary);
    if (!in) return {};
    in.seekg(0, std::ios::end);
    const auto size = static_cast<std::size_t>(in.tellg());
    // Twice the size: colours and control characters go out before the cut.
    const auto from = size > 2 * most ? size - 2 * most : 0;
    in.seekg(static_cast<std::streamoff>(from));
    std::string bytes(size - from, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(in.gcount()));
    auto text = plain_output(bytes);
    if (text.size() > most) {
        auto cut = text.size() - most;
        if (const auto line = text.find('\n', cut); line != std::string::npos) cut = line + 1;
        while (cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80U) ++cut;
        text.erase(0, cut);
    }
    return text;
}

std::string how_it_ended(const sandbox::RunOutcome& outcome) {
    using End = sandbox::RunOutcome::End;
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(outcome.duration).count();
    switch (outcome.end) {
        case End::exited:
            return fmt::format(sentence::exited, outcome.exit_code);
        case End::signalled:
            return fmt::format(sentence::signalled, outcome.exit_code - 128);
        case End::out_of_memory:
            return std::string(sentence::out_of_memory);
        case End::total_deadline:
            return fmt::format(sentence::out_of_time, seconds);
        case End::idle_deadline:
            return fmt::format(sentence::silent_too_long, seconds);
        case End::cancelled:
            return std::string(sentence::cancelled);
    }
    return {};
}

}  // namespace bot
