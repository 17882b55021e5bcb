#include "tests/bot/rendered.hpp"

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>

#include <array>
#include <cstdlib>

namespace rendered {

std::string html(const std::string& markdown) {
    cmark_gfm_core_extensions_ensure_registered();
    auto* parser = cmark_parser_new(CMARK_OPT_UNSAFE);
    for (const auto* name : {"table", "strikethrough", "autolink", "tasklist"})
        cmark_parser_attach_syntax_extension(parser, cmark_find_syntax_extension(name));
    cmark_parser_feed(parser, markdown.data(), markdown.size());
    auto* document = cmark_parser_finish(parser);
    char* text = cmark_render_html(document, CMARK_OPT_UNSAFE, cmark_parser_get_syntax_extensions(parser));
    std::string copy(text);
    std::free(text);
    cmark_node_free(document);
    cmark_parser_free(parser);
    return copy;
}

std::string without_code(const std::string& page) {
    std::string rest;
    for (std::size_t at = 0; at < page.size();) {
        const auto open = page.find("<code", at);
        rest += page.substr(at, open - at);
        if (open == std::string::npos) break;
        at = page.find("</code>", open) + 7;
        rest += "<code></code>";
    }
    return rest;
}

bool has_strange_tag(std::string_view page) {
    static constexpr std::array<std::string_view, 20> plain{
        "p",  "strong", "em",    "del",   "pre", "code",       "ul", "ol", "li",  "br",
        "hr", "table",  "thead", "tbody", "tr",  "blockquote", "th", "td", "sup", "sub"};
    for (auto at = page.find('<'); at != std::string_view::npos; at = page.find('<', at + 1)) {
        auto begin = at + 1;
        if (begin < page.size() && page[begin] == '/') ++begin;
        auto end = begin;
        while (end < page.size() && is_letter(page[end])) ++end;
        if (end == begin || std::ranges::find(plain, page.substr(begin, end - begin)) == plain.end())
            return true;
    }
    return false;
}

}  // namespace rendered
