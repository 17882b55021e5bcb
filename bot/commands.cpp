#include "bot/commands.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>

#include "bot/markdown.hpp"

namespace bot {

namespace {

constexpr std::size_t most_commands = 5;
constexpr std::size_t longest_comment = 256 * 1024;  ///< bytes; forges allow about a quarter of it

/// Stands for the border of anything that is not plain text, so that no command begins in it or reaches
/// across it.
constexpr char border = '\x01';

bool is_space(char c) { return c == ' ' || c == '\t'; }

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

/// In the document or in its lists; not in a quote, a table, a footnote.
bool speaks_for_itself(cmark_node* paragraph) {
    for (auto* above = cmark_node_parent(paragraph); above != nullptr; above = cmark_node_parent(above)) {
        const auto type = cmark_node_get_type(above);
        if (type != CMARK_NODE_DOCUMENT && type != CMARK_NODE_LIST && type != CMARK_NODE_ITEM) return false;
    }
    return true;
}

std::vector<std::string> lines_of_paragraph(cmark_node* paragraph) {
    std::vector<std::string> lines(1);
    for (auto* child = cmark_node_first_child(paragraph); child != nullptr; child = cmark_node_next(child)) {
        const auto type = cmark_node_get_type(child);
        if (type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK)
            lines.emplace_back();
        else if (type == CMARK_NODE_TEXT)
            lines.back() += markdown::literal(child);
        else if (type == CMARK_NODE_CODE)
            ((lines.back() += border) += '`').append(markdown::literal(child)) += '`';
        else if (type == CMARK_NODE_HTML_INLINE)
            lines.back() += border;
        else
            (lines.back() += border) += markdown::words(child);
    }
    return lines;
}

bool begins_with(std::string_view line, std::string_view prefix) {
    if (prefix.empty() || line.size() < prefix.size()) return false;
    if (!std::ranges::equal(line.substr(0, prefix.size()), prefix, {}, lower, lower)) return false;
    return line.size() == prefix.size() || is_space(line[prefix.size()]);
}

std::optional<Command> command_in(std::string_view line, const std::vector<std::string>& prefixes) {
    line = trim(line);
    const auto prefix =
        std::ranges::find_if(prefixes, [&](const auto& each) { return begins_with(line, each); });
    if (prefix == prefixes.end()) return std::nullopt;
    const auto rest = trim(line.substr(prefix->size()));
    const auto word = rest.substr(0, rest.find_first_of(" \t"));
    if (word.find(border) != std::string_view::npos) return std::nullopt;

    Command command{.prefix = static_cast<std::size_t>(prefix - prefixes.begin())};
    auto verb = word;
    while (!verb.empty() && std::string_view(".,;:!?").contains(verb.back())) verb.remove_suffix(1);
    std::ranges::transform(verb, std::back_inserter(command.verb), lower);
    command.argument = trim(rest.substr(word.size()));
    std::erase(command.argument, border);
    return command;
}

}  // namespace

std::vector<Command> parse_commands(std::string_view markdown, const std::vector<std::string>& prefixes) {
    std::vector<Command> commands;
    const auto document = markdown::parse(markdown.substr(0, longest_comment), markdown::Dialect::plain);
    markdown::each(document.get(), [&](cmark_node* node) {
        if (cmark_node_get_type(node) != CMARK_NODE_PARAGRAPH || !speaks_for_itself(node)) return;
        for (const auto& line : lines_of_paragraph(node))
            if (auto command = command_in(line, prefixes); command && commands.size() < most_commands)
                commands.push_back(std::move(*command));
    });
    return commands;
}

std::vector<Command> parse_commands(std::string_view markdown, std::string_view prefix) {
    return parse_commands(markdown, std::vector<std::string>{std::string(prefix)});
}

}  // namespace bot
