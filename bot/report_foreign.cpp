#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

#include "bot/markdown.hpp"
#include "bot/report.hpp"
#include "bot/same_word.hpp"
#include "bot/sentences.hpp"
#include "bot/visible_text.hpp"

// Foreign Markdown is read into a tree as GitHub reads it, the tree is made harmless, written out again and
// read once more to prove it. What cannot be proved is shown in a fence.
//
// What a forge would bring to life (mentions, issue numbers after closing words, addresses) becomes a code
// span. Escapes and entities do not do: GitHub looks for mentions in the rendered text, so `\@name` and
// `&#64;name` both notify (openjdk/skara#1548, github/cmark-gfm#389). A zero-width space would do, but hidden
// characters are what we take out of others' texts.

namespace bot::report {

namespace {

using markdown::Dialect;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-'; }

/// Would a forge make something of this run of non-spaces?
bool is_live(std::string_view token) {
    const auto next = [&](std::size_t at) { return at + 1 < token.size() ? token[at + 1] : ' '; };
    for (std::size_t at = 0; at < token.size(); ++at) {
        if (token[at] == '@' && is_word(next(at))) return true;
        if ((token[at] == '#' || token[at] == '!') && is_digit(next(at))) return true;
        const auto rest = token.substr(at);
        if (rest.starts_with("://")) return true;
        const auto is = [&](std::string_view word) {
            return rest.size() > word.size() &&
                   std::ranges::equal(rest.substr(0, word.size()), word, {}, lower_letter);
        };
        if (is("www.") || is("mailto:") || is("xmpp:") || (is("gh-") && is_digit(rest[3]))) return true;
    }
    return false;
}

std::string_view words_within(std::string_view token) {
    while (!token.empty() && std::string_view("([{\"'<*").contains(token.front())) token.remove_prefix(1);
    while (!token.empty() && std::string_view(")]}\"'>,.;:!?*").contains(token.back()))
        token.remove_suffix(1);
    return token;
}

cmark_node* leaf(cmark_node_type type, std::string_view text) {
    auto* node = cmark_node_new(type);
    cmark_node_set_literal(node, std::string(text).c_str());
    return node;
}

bool in_table(cmark_node* node) {
    for (; node != nullptr; node = cmark_node_parent(node))
        if (std::string_view(cmark_node_get_type_string(node)) == "table_cell") return true;
    return false;
}

void add_text(cmark_node* before, std::string_view text) {
    if (!text.empty()) cmark_node_insert_before(before, leaf(CMARK_NODE_TEXT, text));
}

/// Two code spans side by side would run into one.
void add_code(cmark_node* before, std::string_view text) {
    if (text.empty()) return;
    if (auto* neighbour = cmark_node_previous(before);
        neighbour != nullptr && cmark_node_get_type(neighbour) == CMARK_NODE_CODE)
        add_text(before, " ");
    cmark_node_insert_before(before, leaf(CMARK_NODE_CODE, text));
}

void remove(cmark_node* node) {
    cmark_node_unlink(node);
    cmark_node_free(node);
}

void unwrap(cmark_node* node) {
    while (auto* child = cmark_node_first_child(node)) cmark_node_insert_before(node, child);
    remove(node);
}

void tame_link(cmark_node* node) {
    const bool image = cmark_node_get_type(node) == CMARK_NODE_IMAGE;
    const auto* destination = cmark_node_get_url(node);
    const std::string address = first_code_points(destination == nullptr ? "" : destination, 300);
    const auto label = markdown::words(node);
    if (image || label.empty()) {
        add_text(node, image ? fmt::format(sentence::image_of, label) + " " : label);
        add_code(node, address);
        return remove(node);
    }
    const bool bare = address == label || address == "mailto:" + label || address == "http://" + label;
    if (bare) {
        add_code(node, label);
        return remove(node);
    }
    while (auto* child = cmark_node_first_child(node)) cmark_node_insert_before(node, child);
    if (!address.empty()) {
        add_text(node, " (");
        add_code(node, address);
        add_text(node, ")");
    }
    remove(node);
}

void tame_heading(cmark_node* heading) {
    std::vector<cmark_node*> strong;
    markdown::each(heading, [&](cmark_node* node) {
        const auto type = cmark_node_get_type(node);
        if (type == CMARK_NODE_STRONG) strong.push_back(node);
        // Words may still lie in the heading's own buffer, which goes with it.
        if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE)
            cmark_node_set_literal(node, std::string(markdown::literal(node)).c_str());
    });
    for (auto* node : strong) unwrap(node);
    if (cmark_node_first_child(heading) == nullptr) return remove(heading);
    auto* paragraph = cmark_node_new(CMARK_NODE_PARAGRAPH);
    auto* bold = cmark_node_new(CMARK_NODE_STRONG);
    cmark_node_append_child(paragraph, bold);
    while (auto* child = cmark_node_first_child(heading)) cmark_node_append_child(bold, child);
    cmark_node_insert_before(heading, paragraph);
    remove(heading);
}

/// Only plain language names: GitHub draws `mermaid`, `math` and maps, and applies `suggestion`.
std::string tame_language(std::string_view info) {
    const auto word = info.substr(0, info.find_first_of(" \t"));
    const bool plain =
        std::ranges::all_of(word, [](char c) { return is_word(c) || c == '+' || c == '#' || c == '.'; });
    static constexpr std::array<std::string_view, 6> drawn{"mermaid", "geojson", "topojson",
                                                           "stl",     "math",    "suggestion"};
    const bool special = std::ranges::any_of(
        drawn, [&](auto name) { return std::ranges::equal(word, name, {}, lower_letter); });
    return word.empty() || !plain || special || word.size() > 20 ? "text" : std::string(word);
}

void tame_text(cmark_node* node) {
    const std::string text(markdown::literal(node));
    std::string plain;
    for (std::size_t at = 0; at < text.size();) {
        const bool space = text[at] == ' ' || text[at] == '\t';
        auto end = at;
        while (end < text.size() && (text[end] == ' ' || text[end] == '\t') == space) ++end;
        const auto token = std::string_view(text).substr(at, end - at);
        at = end;
        if (space || !is_live(token)) {
            plain += token;
            continue;
        }
        auto inner = words_within(token);
        if (!is_live(inner)) inner = token;
        const auto lead = static_cast<std::size_t>(inner.data() - token.data());
        plain += token.substr(0, lead);
        add_text(node, plain);
        add_code(node, inner);
        plain = token.substr(lead + inner.size());
    }
    add_text(node, plain);
    if (auto* next = cmark_node_next(node);
        plain.empty() && next != nullptr && cmark_node_get_type(next) == CMARK_NODE_CODE)
        add_text(node, " ");
    remove(node);
}

std::vector<cmark_node*> nodes_of(cmark_node* root, std::initializer_list<cmark_node_type> types) {
    std::vector<cmark_node*> found;
    markdown::each(root, [&](cmark_node* node) {
        if (std::ranges::find(types, cmark_node_get_type(node)) != types.end()) found.push_back(node);
    });
    std::ranges::reverse(found);  // children before their parents
    return found;
}

void tame(cmark_node* document) {
    for (auto* node : nodes_of(document, {CMARK_NODE_HTML_INLINE})) {
        add_text(node, markdown::literal(node));
        remove(node);
    }
    for (auto* node : nodes_of(document, {CMARK_NODE_HTML_BLOCK})) {
        cmark_node_insert_before(node, leaf(CMARK_NODE_CODE_BLOCK, markdown::literal(node)));
        remove(node);
    }
    for (auto* node : nodes_of(document, {CMARK_NODE_LINK, CMARK_NODE_IMAGE})) tame_link(node);
    for (auto* node : nodes_of(document, {CMARK_NODE_HEADING})) tame_heading(node);
    for (auto* node : nodes_of(document, {CMARK_NODE_CODE_BLOCK}))
        cmark_node_set_fence_info(node, tame_language(cmark_node_get_fence_info(node)).c_str());
    cmark_consolidate_text_nodes(document);
    for (auto* node : nodes_of(document, {CMARK_NODE_TEXT})) tame_text(node);
    for (auto* node : nodes_of(document, {CMARK_NODE_CODE}))
        if (in_table(node)) {
            std::string text;
            for (const char c : markdown::literal(node)) (c == '|' ? text += '\\' : text) += c;
            cmark_node_set_literal(node, text.c_str());
        }
}

/// Nothing alive is left, as GitHub reads it.
bool is_harmless(const std::string& text) {
    const auto document = markdown::parse(text, Dialect::github);
    bool harmless = true;
    markdown::each(document.get(), [&](cmark_node* node) {
        const auto type = cmark_node_get_type(node);
        if (type == CMARK_NODE_LINK || type == CMARK_NODE_IMAGE || type == CMARK_NODE_HTML_BLOCK ||
            type == CMARK_NODE_HTML_INLINE || type == CMARK_NODE_HEADING)
            harmless = false;
        if (type == CMARK_NODE_CODE_BLOCK &&
            cmark_node_get_fence_info(node) != tame_language(cmark_node_get_fence_info(node)))
            harmless = false;
        if (type == CMARK_NODE_TEXT && is_live(markdown::literal(node))) harmless = false;
    });
    return harmless;
}

std::optional<std::string> tamed(const std::string& text) {
    const auto document = markdown::parse(text, Dialect::github);
    tame(document.get());
    auto out = markdown::render(document.get());
    // The writer parts a list from what follows with a comment; a fence or a merged list needs none.
    constexpr std::string_view parting = "<!-- end list -->";
    for (auto at = out.find(parting); at != std::string::npos; at = out.find(parting, at))
        out.erase(at, parting.size());
    while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
    if (!is_harmless(out)) return std::nullopt;
    return out;
}

/// Closing words work before an issue's address too, in commits for instance:
/// https://docs.gitlab.com/user/project/issues/managing_issues/#default-closing-pattern
bool leads_to_a_number(std::string_view text) {
    static constexpr std::array<std::string_view, 5> places{"/issues/", "/pull/", "/pulls/", "/work_items/",
                                                            "/merge_requests/"};
    return std::ranges::any_of(places, [&](auto place) {
        return text.size() >= place.size() &&
               std::ranges::equal(text.substr(text.size() - place.size()), place, {}, lower_letter);
    });
}

std::string collapsed(std::string_view text) {
    std::string line;
    for (const char c : scrub(text, LoneReturn::line_break).text) {
        const bool space = c == ' ' || c == '\n' || c == '\t';
        if (!space)
            line += c;
        else if (!line.empty() && line.back() != ' ')
            line += ' ';
    }
    if (!line.empty() && line.back() == ' ') line.pop_back();
    return line;
}

/// The mark of our own sentences for the sign before a number (`spoken`) would become one after all is tame.
std::string without_marks(std::string text) {
    constexpr std::string_view mark = "«#»";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
        text.insert(at + std::string_view("«").size(), 1, ' ');
    return text;
}

}  // namespace

std::string foreign(std::string_view markdown, std::size_t limit) {
    const auto text = visible_text(markdown).text;
    // Made harmless, text grows a little: try with less of it until it fits.
    for (auto budget = limit; budget > 0; budget = budget * 3 / 4) {
        auto out = tamed(first_code_points(text, budget));
        if (!out) return fenced(text, limit);
        out = without_marks(std::move(*out));
        if (code_points(*out) <= limit) return *out;
    }
    return {};
}

std::string fenced(std::string_view text, std::size_t limit) {
    auto body = plain_output(text);
    while (!body.empty() && (body.back() == '\n' || body.back() == ' ')) body.pop_back();
    std::size_t longest = 0, run = 0;
    for (const char c : body) longest = std::max(longest, run = c == '`' ? run + 1 : 0);
    if (longest > 16) {
        std::ranges::replace(body, '`', '\'');
        longest = 0;
    }
    const std::string fence(std::max<std::size_t>(3, longest + 1), '`');
    const auto frame = 2 * fence.size() + 6;
    if (limit <= frame) return {};
    return fence + "text\n" + last_code_points(body, limit - frame) + "\n" + fence;
}

std::string one_line(std::string_view text, std::size_t limit) {
    const auto line = collapsed(text);
    std::string plain;
    for (std::size_t at = 0; at < line.size(); ++at) {
        plain += line[at];
        const char next = at + 1 < line.size() ? line[at + 1] : ' ';
        if ((line[at] == '@' && is_word(next)) || (line[at] == '#' && is_digit(next))) plain += ' ';
        const bool gh = line[at] == '-' && at >= 2 && lower_letter(line[at - 2]) == 'g' &&
                        lower_letter(line[at - 1]) == 'h';
        if (gh && is_digit(next)) plain += ' ';
        if (is_digit(next) && leads_to_a_number(plain)) plain += ' ';
    }
    return first_code_points(without_marks(std::move(plain)), limit);
}

std::string code(std::string_view text, std::size_t limit) {
    auto line = first_code_points(collapsed(text), limit);
    std::ranges::replace(line, '`', '\'');
    return line.empty() ? std::string(sentence::no_name) : "`" + line + "`";
}

std::string plain_output(std::string_view bytes) { return scrub(bytes, LoneReturn::rewrite).text; }

}  // namespace bot::report
