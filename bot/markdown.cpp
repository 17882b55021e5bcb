#include "bot/markdown.hpp"

#include <cmark-gfm-core-extensions.h>

#include <cstdlib>

namespace bot::markdown {

Document parse(std::string_view text, Dialect dialect) {
    static const bool registered =
        (cmark_gfm_core_extensions_ensure_registered(), true);  // once: not thread-safe itself
    (void)registered;
    auto* parser = cmark_parser_new(CMARK_OPT_DEFAULT);
    if (dialect == Dialect::github)
        for (const char* name : {"table", "strikethrough", "autolink"})
            cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension(name));
    cmark_parser_feed(parser, text.data(), text.size());
    Document document(cmark_parser_finish(parser));
    cmark_parser_free(parser);
    cmark_consolidate_text_nodes(document.get());
    return document;
}

std::string render(cmark_node* document) {
    char* text = cmark_render_commonmark(document, CMARK_OPT_DEFAULT, 0);
    std::string copy(text);
    std::free(text);
    return copy;
}

std::string_view literal(cmark_node* node) {
    const char* text = cmark_node_get_literal(node);
    return text == nullptr ? std::string_view() : std::string_view(text);
}

std::string words(cmark_node* node) {
    std::string all;
    each(node, [&](cmark_node* child) {
        const auto type = cmark_node_get_type(child);
        if (type == CMARK_NODE_TEXT || type == CMARK_NODE_CODE) all += literal(child);
        if (type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK) all += ' ';
    });
    return all;
}

}  // namespace bot::markdown
