#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm-extension_api.h>
#include <cmark-gfm.h>

#include <array>
#include <memory>
#include <mutex>
#include <regex>
#include <string>
#include <vector>

#include "tests/practice_forge/inside.hpp"

/// Raw HTML is taken apart here: a few harmless tags without attributes pass, comments vanish, the rest is
/// shown as text. cmark's own `unsafe` stays off.
namespace practice_forge {
namespace {

struct FreeMarkdown {
    void operator()(cmark_parser* parser) const { cmark_parser_free(parser); }
    void operator()(cmark_node* node) const { cmark_node_free(node); }
    void operator()(cmark_iter* iterator) const { cmark_iter_free(iterator); }
    void operator()(char* text) const { cmark_get_default_mem_allocator()->free(text); }
};
template <typename T>
using OwnedMarkdown = std::unique_ptr<T, FreeMarkdown>;

constexpr std::array kExtensions = {"table", "strikethrough", "autolink", "tasklist"};

std::string harmless(const std::string& html) {
    static const std::regex pattern(
        R"(<!--[^]*?-->|</?(?:details|summary|b|i|em|strong|code|pre|sub|sup|kbd|br|hr|p|ul|ol|li|table|thead|tbody|tr|th|td|blockquote)(?: open)? ?/?>)",
        std::regex::icase);
    std::string result;
    auto last = html.cbegin();
    for (std::sregex_iterator at(html.begin(), html.end(), pattern), end; at != end; ++at) {
        result += escape_html(std::string(last, (*at)[0].first));
        if (!at->str().starts_with("<!--")) result += at->str();
        last = (*at)[0].second;
    }
    return result + escape_html(std::string(last, html.cend()));
}

void replace_html(cmark_node* node, bool block) {
    cmark_node* custom = cmark_node_new(block ? CMARK_NODE_CUSTOM_BLOCK : CMARK_NODE_CUSTOM_INLINE);
    cmark_node_set_on_enter(custom, harmless(cmark_node_get_literal(node)).c_str());
    cmark_node_replace(node, custom);
    cmark_node_free(node);
}

/// `#12` in running text leads to the issue.
void link_numbers(cmark_node* node, const std::string& issues) {
    static const std::regex pattern(R"((^|[\s(,])#(\d+)\b)");
    const std::string text = cmark_node_get_literal(node);
    std::vector<cmark_node*> parts;
    const auto add_text = [&](const std::string& content) {
        if (content.empty()) return;
        parts.push_back(cmark_node_new(CMARK_NODE_TEXT));
        cmark_node_set_literal(parts.back(), content.c_str());
    };
    auto last = text.cbegin();
    for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at) {
        add_text(std::string(last, (*at)[1].second));
        cmark_node* link = cmark_node_new(CMARK_NODE_LINK);
        cmark_node_set_url(link, (issues + "/" + (*at)[2].str()).c_str());
        cmark_node* inner = cmark_node_new(CMARK_NODE_TEXT);
        cmark_node_set_literal(inner, ("#" + (*at)[2].str()).c_str());
        cmark_node_append_child(link, inner);
        parts.push_back(link);
        last = (*at)[0].second;
    }
    if (parts.empty()) return;
    add_text(std::string(last, text.cend()));
    for (auto* part : parts) cmark_node_insert_before(node, part);
    cmark_node_unlink(node);
    cmark_node_free(node);
}

bool inside_link(cmark_node* node) {
    for (; node != nullptr; node = cmark_node_parent(node)) {
        if (cmark_node_get_type(node) == CMARK_NODE_LINK) return true;
    }
    return false;
}

}  // namespace

std::string render_markdown(const std::string& text, const std::string& issues) {
    static std::once_flag once;
    std::call_once(once, cmark_gfm_core_extensions_ensure_registered);
    const OwnedMarkdown<cmark_parser> parser(cmark_parser_new(CMARK_OPT_DEFAULT | CMARK_OPT_VALIDATE_UTF8));
    for (const char* name : kExtensions) {
        if (auto* extension = cmark_find_syntax_extension(name))
            cmark_parser_attach_syntax_extension(parser.get(), extension);
    }
    cmark_parser_feed(parser.get(), text.data(), text.size());
    const OwnedMarkdown<cmark_node> document(cmark_parser_finish(parser.get()));

    std::vector<cmark_node*> texts, blocks, inlines;
    const OwnedMarkdown<cmark_iter> iterator(cmark_iter_new(document.get()));
    for (auto event = cmark_iter_next(iterator.get()); event != CMARK_EVENT_DONE;
         event = cmark_iter_next(iterator.get())) {
        if (event != CMARK_EVENT_ENTER) continue;
        cmark_node* node = cmark_iter_get_node(iterator.get());
        const auto type = cmark_node_get_type(node);
        if (type == CMARK_NODE_HTML_BLOCK) blocks.push_back(node);
        if (type == CMARK_NODE_HTML_INLINE) inlines.push_back(node);
        if (type == CMARK_NODE_TEXT && !inside_link(node)) texts.push_back(node);
    }
    for (auto* node : blocks) replace_html(node, true);
    for (auto* node : inlines) replace_html(node, false);
    for (auto* node : texts) link_numbers(node, issues);
    const OwnedMarkdown<char> rendered(cmark_render_html(document.get(), CMARK_OPT_DEFAULT,
                                                         cmark_parser_get_syntax_extensions(parser.get())));
    return rendered.get();
}

std::string escape_html(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            case '\'':
                result += "&#39;";
                break;
            default:
                result += c;
        }
    }
    return result;
}

}  // namespace practice_forge
