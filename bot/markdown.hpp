#pragma once

#include <cmark-gfm.h>

#include <memory>
#include <string>
#include <string_view>

namespace bot::markdown {

struct FreeNode {
    void operator()(cmark_node* node) const { cmark_node_free(node); }
};
/// The root of a tree owns all of it; nodes taken from it are borrowed.
using Document = std::unique_ptr<cmark_node, FreeNode>;

enum class Dialect {
    plain,   ///< CommonMark
    github,  ///< with tables, strikethrough and bare links, as GitHub reads comments
};

[[nodiscard]] Document parse(std::string_view text, Dialect dialect);

/// Back to text that `parse` reads as the same tree.
[[nodiscard]] std::string render(cmark_node* document);

[[nodiscard]] std::string_view literal(cmark_node* node);

/// The words of a node's inline children, without their dress.
[[nodiscard]] std::string words(cmark_node* node);

/// Calls `visit(node)` on entering each node, in document order. The tree must not be changed meanwhile.
template <typename Visit>
void each(cmark_node* root, Visit visit) {
    auto* walk = cmark_iter_new(root);
    for (auto event = cmark_iter_next(walk); event != CMARK_EVENT_DONE; event = cmark_iter_next(walk))
        if (event == CMARK_EVENT_ENTER) visit(cmark_iter_get_node(walk));
    cmark_iter_free(walk);
}

}  // namespace bot::markdown
