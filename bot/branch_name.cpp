#include "bot/branch_name.hpp"

#include <fmt/format.h>

#include <cctype>

namespace bot {

std::string branch_name(std::int64_t issue, std::string_view title, int attempt) {
    constexpr std::size_t longest_slug = 40;
    std::string slug;
    for (const char c : title) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 && std::isalnum(byte) != 0)
            slug += static_cast<char>(std::tolower(byte));
        else if (byte < 0x80 && !slug.empty() && slug.back() != '-')
            slug += '-';  // other alphabets are dropped
        if (slug.size() == longest_slug) break;
    }
    while (!slug.empty() && slug.back() == '-') slug.pop_back();
    auto name = fmt::format("agent/issue-{}", issue);
    if (!slug.empty()) name += "-" + slug;
    if (attempt > 1) name += fmt::format("-{}", attempt);
    return name;
}

}  // namespace bot
