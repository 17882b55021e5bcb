#include "integrations/forge_conversation.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "integrations/forge_clamp.hpp"
#include "integrations/forge_json.hpp"

namespace integrations {
namespace {

constexpr std::size_t most_words = 16'000;  // code points
constexpr std::size_t longest_hunk = 4096;

}  // namespace

std::string last_lines(std::string diff_hunk) {
    if (diff_hunk.size() <= longest_hunk) return diff_hunk;
    diff_hunk.erase(0, diff_hunk.size() - longest_hunk);
    return diff_hunk.substr(std::min(diff_hunk.find('\n') + 1, diff_hunk.size()));
}

Remark read_remark(const nlohmann::json& said, Remark::Where where, const char* when) {
    return {.where = where,
            .id = text_at(said, "id"),
            .body = clamp_text(text_at(said, "body"), most_words, ellipsis),
            .by = read_person(at(said, "user")),
            .at = parse_timestamp(text_at(said, when))};
}

void put_in_order(Conversation& conversation) {
    std::erase_if(conversation.remarks, [](const Remark& remark) {  // most reviews say all beside lines
        return remark.verdict == "pending" || remark.body.find_first_not_of(" \t\r\n") == std::string::npos;
    });
    std::ranges::stable_sort(conversation.remarks, {}, &Remark::at);
}

}  // namespace integrations
