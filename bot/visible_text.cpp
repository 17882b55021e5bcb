#include "bot/visible_text.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>
#include <vector>

#include "bot/markdown.hpp"

// What an agent reads must be what the person saw who set the label. Two passes: `scrub` takes out characters
// that show nothing, then `without_hidden_html` takes out what Markdown hides: comments, processing
// instructions, declarations, and link definitions that nothing refers to. Code shows its text, so what
// stands in code stays. Where our reading and CommonMark's could differ, the text goes.

namespace bot {

namespace {

// Default ignorables and format characters,
// https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt
constexpr std::array<std::pair<char32_t, char32_t>, 27> hidden_ranges{{
    {0x00, 0x08},       {0x0B, 0x1F},       {0x7F, 0x9F},       {0xAD, 0xAD},       {0x34F, 0x34F},
    {0x61C, 0x61C},     {0x115F, 0x1160},   {0x17B4, 0x17B5},   {0x180B, 0x180F},   {0x200B, 0x200F},
    {0x2028, 0x202E},   {0x2060, 0x206F},   {0x2800, 0x2800},   {0x3164, 0x3164},   {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},   {0x1107F, 0x1107F}, {0x13430, 0x1345F},
    {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE007F}, {0xE0080, 0xE00FF}, {0xE0100, 0xE01EF},
    {0xE01F0, 0xE0FFF}, {0xFFFE, 0xFFFF},
}};

bool is_letter(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// One joiner between two characters of a joining script, or one emoji selector after a symbol.
bool shapes_its_neighbours(char32_t before, char32_t self, char32_t after) {
    if (self == 0x200C || self == 0x200D)
        return before >= 0x600 && after >= 0x600 && (!is_hidden(before) || before == 0xFE0F) &&
               !is_hidden(after);
    if (self == 0xFE0E || self == 0xFE0F) return before > ' ' && !is_letter(before) && !is_hidden(before);
    return false;
}

/// Bytes of the terminal sequence that starts with ESC at `at`: CSI, OSC and the like, or two bytes.
std::size_t terminal_sequence(std::string_view bytes, std::size_t at) {
    auto end = at + 1;
    if (end >= bytes.size()) return 1;
    const char kind = bytes[end++];
    if (kind == '[') {
        while (end < bytes.size() && bytes[end] >= 0x20 && bytes[end] < 0x40) ++end;
        if (end < bytes.size() && bytes[end] >= 0x40 && bytes[end] < 0x7F) ++end;
    } else if (kind == ']' || kind == 'P' || kind == '_' || kind == '^') {
        // Up to BEL or ESC \; never past the line, so that a cut sequence hides nothing more.
        while (end < bytes.size() && bytes[end] != '\a' && bytes[end] != '\x1b' && bytes[end] != '\n') ++end;
        if (end < bytes.size() && bytes[end] == '\a')
            ++end;
        else if (end + 1 < bytes.size() && bytes[end] == '\x1b' && bytes[end + 1] == '\\')
            end += 2;
    } else if (kind < 0x20 || kind > 0x7E) {
        return 1;
    }
    return end - at;
}

void append(std::string& text, std::string_view bytes, std::size_t at, const CodePoint& point) {
    if (point.value == 0xFFFD)
        text += "\xEF\xBF\xBD";
    else
        text += bytes.substr(at, point.length);
}

}  // namespace

CodePoint code_point_at(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t offset) { return static_cast<unsigned char>(text[at + offset]); };
    const auto first = byte(0);
    if (first < 0x80) return {first, 1};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || at + length > text.size()) return {0xFFFD, 1};
    char32_t value = first & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {0xFFFD, 1};
        value = (value << 6U) | (byte(i) & 0x3FU);
    }
    const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {0xFFFD, 1};
    return {value, length};
}

bool is_hidden(char32_t code_point) {
    return std::ranges::any_of(hidden_ranges, [&](const auto& range) {
        return code_point >= range.first && code_point <= range.second;
    });
}

Scrubbed scrub(std::string_view bytes, LoneReturn lone_return) {
    Scrubbed out;
    char32_t before = 0;
    bool in_piece = false;
    const auto hide = [&] {
        if (!std::exchange(in_piece, true)) ++out.pieces;
    };
    for (std::size_t at = 0; at < bytes.size();) {
        const auto point = code_point_at(bytes, at);
        const auto next = at + point.length;
        if (point.value == '\r') {
            if (next < bytes.size() && bytes[next] == '\n') {
                at = next;
                continue;
            }
            if (lone_return == LoneReturn::rewrite)
                out.text.resize(out.text.rfind('\n') + 1);
            else
                out.text += '\n';
            before = '\n';
        } else if (point.value == 0x1B) {
            hide();
            at += terminal_sequence(bytes, at);
            continue;
        } else if (is_hidden(point.value)) {
            const auto after = next < bytes.size() ? code_point_at(bytes, next).value : U'\0';
            if (!shapes_its_neighbours(before, point.value, after)) {
                hide();
                at = next;
                continue;
            }
            append(out.text, bytes, at, point);
            before = point.value;
        } else {
            append(out.text, bytes, at, point);
            before = point.value;
        }
        in_piece = false;
        at = next;
    }
    return out;
}

std::size_t code_points(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string first_code_points(std::string_view utf8, std::size_t limit) {
    if (limit == 0) return {};
    if (code_points(utf8) <= limit) return std::string(utf8);
    std::size_t end = 0;
    for (std::size_t taken = 1; taken < limit; ++taken) end += code_point_at(utf8, end).length;
    return std::string(utf8.substr(0, end)) + "…";
}

std::string last_code_points(std::string_view utf8, std::size_t limit) {
    if (limit == 0) return {};
    const auto all = code_points(utf8);
    if (all <= limit) return std::string(utf8);
    std::size_t begin = 0;
    for (std::size_t skipped = 0; skipped < all - limit + 1; ++skipped)
        begin += code_point_at(utf8, begin).length;
    return "…" + std::string(utf8.substr(begin));
}

namespace {

/// Which lines are what, as CommonMark sees it. Lines count from 0.
struct Layout {
    enum class Line { prose, code, html, nothing };
    std::vector<Line> lines;
    std::multiset<std::string, std::less<>> code_spans;
};

Layout layout_of(std::string_view text, std::size_t line_count) {
    Layout layout{.lines = std::vector<Layout::Line>(line_count, Layout::Line::nothing), .code_spans = {}};
    const auto document = markdown::parse(text, markdown::Dialect::plain);
    markdown::each(document.get(), [&](cmark_node* node) {
        const auto type = cmark_node_get_type(node);
        if (type == CMARK_NODE_CODE) layout.code_spans.emplace(markdown::literal(node));
        const bool leaf = type == CMARK_NODE_PARAGRAPH || type == CMARK_NODE_HEADING ||
                          type == CMARK_NODE_CODE_BLOCK || type == CMARK_NODE_HTML_BLOCK ||
                          type == CMARK_NODE_THEMATIC_BREAK;
        if (!leaf) return;
        const auto kind = type == CMARK_NODE_CODE_BLOCK   ? Layout::Line::code
                          : type == CMARK_NODE_HTML_BLOCK ? Layout::Line::html
                                                          : Layout::Line::prose;
        const auto first = static_cast<std::size_t>(std::max(1, cmark_node_get_start_line(node)));
        const auto last = static_cast<std::size_t>(std::max(0, cmark_node_get_end_line(node)));
        for (auto line = first; line <= last && line <= line_count; ++line) layout.lines[line - 1] = kind;
    });
    return layout;
}

std::string span_words(std::string_view inside) {
    std::string words(inside);
    std::ranges::replace(words, '\n', ' ');
    const bool padded = words.size() > 2 && words.front() == ' ' && words.back() == ' ' &&
                        words.find_first_not_of(' ') != std::string::npos;
    return padded ? words.substr(1, words.size() - 2) : words;
}

class HiddenHtml {
 public:
    explicit HiddenHtml(std::string_view text)
        : text_(text),
          layout_(layout_of(text, static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1)) {}

    VisibleText strip() {
        while (at_ < text_.size()) step();
        return std::move(out_);
    }

 private:
    void step() {
        const auto kind = layout_.lines[line_];
        if (line_begins()) {
            hiding_definition_ = hiding_definition_ && kind == Layout::Line::nothing && text_[at_] != '\n';
            if (kind == Layout::Line::nothing && hide_unused_definition()) return;
        }
        const bool prose = kind == Layout::Line::prose || kind == Layout::Line::nothing;
        if (kind == Layout::Line::code) return keep(line_end() - at_ + 1);
        if (prose && text_[at_] == '\\' && at_ + 1 < text_.size()) return keep(2);
        if (prose && text_[at_] == '`') return keep(code_span());
        if (text_[at_] == '<')
            if (const auto length = hidden_html(prose); length > 0) {
                ++out_.stripped;
                return skip(length);
            }
        keep(1);
    }

    std::size_t line_end() const { return std::min(text_.find('\n', at_), text_.size()); }
    bool line_begins() const { return at_ == 0 || text_[at_ - 1] == '\n'; }

    void skip(std::size_t length) {
        const auto piece = text_.substr(at_, length);
        line_ += static_cast<std::size_t>(std::ranges::count(piece, '\n'));
        at_ += piece.size();
    }
    void keep(std::size_t length) {
        out_.text += text_.substr(at_, length);
        skip(length);
    }

    /// Length of the code span that begins here, or of the backticks alone when CommonMark knows no such
    /// span.
    std::size_t code_span() {
        const auto ticks = text_.find_first_not_of('`', at_);
        const auto run = (ticks == std::string_view::npos ? text_.size() : ticks) - at_;
        const auto end = paragraph_end();
        for (auto close = text_.find('`', at_ + run); close < end; close = text_.find('`', close)) {
            auto after = text_.find_first_not_of('`', close);
            if (after == std::string_view::npos) after = text_.size();
            if (after - close == run) {
                const auto known =
                    layout_.code_spans.find(span_words(text_.substr(at_ + run, close - at_ - run)));
                if (known == layout_.code_spans.end()) return run;
                return after - at_;
            }
            close = after;
        }
        return run;
    }

    std::size_t paragraph_end() const {
        const auto blank = text_.find("\n\n", at_);
        return blank == std::string_view::npos ? text_.size() : blank;
    }

    /// Length of what HTML hides here; 0 when it is shown. In prose it must close within its paragraph, else
    /// it is only text; a block of HTML that never closes hides all that follows.
    std::size_t hidden_html(bool prose) const {
        const auto rest = text_.substr(at_);
        std::string_view close;
        if (rest.starts_with("<!--"))
            close = "-->";
        else if (rest.starts_with("<![CDATA["))
            close = "]]>";
        else if (rest.starts_with("<?"))
            close = "?>";
        else if (rest.starts_with("<!") && rest.size() > 2 && is_letter(static_cast<unsigned char>(rest[2])))
            close = ">";
        else
            return 0;
        const auto found = text_.find(close, at_ + 2);
        const auto end = found == std::string_view::npos ? found : found + close.size();
        if (prose) return end <= paragraph_end() ? end - at_ : 0;
        return end == std::string_view::npos ? rest.size() : end - at_;
    }

    /// `[note]: # (words)` shows nothing; a definition that is used belongs to a link that shows.
    bool hide_unused_definition() {
        const auto end = line_end();
        const auto whole = text_.substr(at_, end - at_);
        const auto open = whole.find_first_not_of(" \t>*+-0123456789.");
        if (open == std::string_view::npos) return false;
        if (whole[open] == '[') {
            const auto close = whole.find("]:", open);
            if (close == std::string_view::npos) return false;
            const auto label = whole.substr(open, close - open + 1);
            if (text_.substr(0, at_).find(label) != std::string_view::npos ||
                text_.substr(end).find(label) != std::string_view::npos)
                return false;
        } else if (!hiding_definition_) {
            return false;  // the parser's lines are off here; showing too little would change the meaning
        }
        hiding_definition_ = true;
        ++out_.stripped;
        skip(whole.size());
        return true;
    }

    std::string_view text_;
    Layout layout_;
    std::size_t at_ = 0;
    std::size_t line_ = 0;
    bool hiding_definition_ = false;
    VisibleText out_;
};

}  // namespace

VisibleText visible_text(std::string_view text) {
    const auto scrubbed = scrub(text, LoneReturn::line_break);
    auto visible = HiddenHtml(scrubbed.text).strip();
    visible.stripped += scrubbed.pieces;
    return visible;
}

}  // namespace bot
