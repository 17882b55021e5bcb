#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/characters.hpp"
#include "integrations/agents.hpp"

// What a hostile program printed, read by every adapter: text that can be shown, of bounded length, and
// counts that can be added up.

namespace {

void must(bool holds) {
    if (!holds) std::abort();
}

void must_be_plain(std::string_view text, std::size_t most) {
    must(config::is_utf8(text));
    for (const char c : text)
        must((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) || c == '\n' || c == '\t');
    std::size_t points = 0;
    for (const char c : text) points += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
    must(points <= most);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view log(reinterpret_cast<const char*>(data), size);
    for (const auto name : integrations::agent_names()) {
        const auto reply = integrations::find_agent(name)->reply(log, static_cast<int>(size % 2));
        must_be_plain(reply.summary, 4000);
        must_be_plain(reply.question, 4000);
        must_be_plain(reply.detail, 2100);
        using Verdict = integrations::AgentReply::Verdict;
        must(reply.verdict != Verdict::asks || !reply.question.empty());
        must(reply.verdict == Verdict::done || reply.verdict == Verdict::asks || !reply.detail.empty());
        for (const auto tokens :
             {reply.usage.input_tokens, reply.usage.cached_tokens, reply.usage.output_tokens})
            must(tokens <= 1'000'000'000'000);
        must(!reply.usage.cost_usd || (*reply.usage.cost_usd >= 0 && *reply.usage.cost_usd <= 1'000'000));
    }
    return 0;
}
