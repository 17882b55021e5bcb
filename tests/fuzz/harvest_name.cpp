#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sandbox/harvest.hpp"

// A path that passes is one a careless reader would take for what it is, and a link that passes ends inside
// the tree.

namespace {

void must(bool holds) {
    if (!holds) std::abort();
}

/// Where a link leads when every part before its end is a plain folder: how far below the top, or -1.
int depth_of_end(std::string_view path, std::string_view target) {
    int depth = 0;
    for (const char c : path) depth += c == '/' ? 1 : 0;
    for (std::size_t at = 0; at <= target.size();) {
        const auto end = std::min(target.find('/', at), target.size());
        const auto part = target.substr(at, end - at);
        if (part == "..") --depth;
        if (!part.empty() && part != "." && part != "..") ++depth;
        if (depth < 0) return -1;
        at = end + 1;
    }
    return depth;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto cut = text.find('\n');
    const std::string_view path = text.substr(0, cut);
    const std::string_view target = cut == std::string_view::npos ? std::string_view{} : text.substr(cut + 1);

    if (sandbox::path_fault(path).empty()) {
        must(!path.empty() && path.size() <= 4096 && path.front() != '/' && path.back() != '/');
        const std::string parts = "/" + std::string(path) + "/";
        for (const char* bad :
             {"//", "/./", "/../", "/.git/", "/.GIT/", "/git~1/", "\\", "\n", "\x1b", "\u202e"})
            must(parts.find(bad) == std::string::npos);
        must(parts.find('\0') == std::string::npos);
        if (sandbox::link_fault(path, target).empty()) {
            must(!target.empty() && target.front() != '/');
            must(depth_of_end(path, target) >= 0);
        }
    }
    const std::string shown = sandbox::printable(text);
    must(shown.size() <= 320);
    for (const char c : shown) must(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    return 0;
}
