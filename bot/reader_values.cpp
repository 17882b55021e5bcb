#include "bot/reader_values.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "integrations/agents_text.hpp"

namespace bot::reader {

namespace {

using integrations::AgentReply;
using sandbox::Change;
using sandbox::HarvestError;
using sandbox::Message;

constexpr std::size_t longest_detail = 2200;  // code points
constexpr std::uint64_t most_tokens = 1'000'000'000'000;
constexpr double most_dollars = 1'000'000;

template <typename Enum>
Enum enum_of(const nlohmann::json& json, Enum last) {
    const int value = json.get<int>();
    if (value < 0 || value > static_cast<int>(last)) throw std::runtime_error("a reader told nonsense");
    return static_cast<Enum>(value);
}

std::string text_of(const nlohmann::json& json, std::size_t most) {
    return integrations::keep_beginning(integrations::plain_text(json.get<std::string>()), most);
}

std::uint64_t tokens_of(const nlohmann::json& json) {
    return std::min(json.get<std::uint64_t>(), most_tokens);
}

}  // namespace

Message message_of(const sandbox::Changes& changes) {
    Message message;
    auto& list = message.head["changes"] = nlohmann::json::array();
    auto& content = message.blobs.emplace_back();
    for (const auto& change : changes) {
        list.push_back({change.path, static_cast<int>(change.kind), change.content.size()});
        content += change.content;
    }
    return message;
}

sandbox::Changes changes_of(const Message& message) {
    sandbox::Changes changes;
    std::string_view content = message.blobs.at(0);
    for (const auto& one : message.head.at("changes")) {
        const auto size = one.at(2).get<std::size_t>();
        if (size > content.size()) throw std::runtime_error("a reader told nonsense");
        changes.push_back({.path = one.at(0).get<std::string>(),
                           .kind = enum_of(one.at(1), Change::Kind::removed),
                           .content = std::string(content.substr(0, size))});
        content.remove_prefix(size);
    }
    return changes;
}

Message message_of(const HarvestError& error) {
    Message message;
    message.head["fault"] = {static_cast<int>(error.kind), error.path, error.message};
    return message;
}

bool is_error(const Message& message) { return message.head.contains("fault"); }

HarvestError error_of(const Message& message) {
    const auto& fault = message.head.at("fault");
    return {.kind = enum_of(fault.at(0), HarvestError::Kind::io),
            .path = sandbox::printable(fault.at(1).get<std::string>()),
            .message = text_of(fault.at(2), longest_detail)};
}

Message message_of(const AgentReply& reply) {
    Message message;
    const auto& usage = reply.usage;
    message.head = {{"verdict", static_cast<int>(reply.verdict)},
                    {"summary", reply.summary},
                    {"question", reply.question},
                    {"detail", reply.detail},
                    {"usage", {usage.input_tokens, usage.cached_tokens, usage.output_tokens}}};
    if (usage.cost_usd) message.head["cost"] = *usage.cost_usd;
    return message;
}

AgentReply reply_of(const Message& message) {
    const auto& head = message.head;
    const auto& usage = head.at("usage");
    AgentReply reply{.verdict = enum_of(head.at("verdict"), AgentReply::Verdict::unavailable),
                     .summary = text_of(head.at("summary"), integrations::longest_text),
                     .question = text_of(head.at("question"), integrations::longest_text),
                     .detail = text_of(head.at("detail"), longest_detail),
                     .usage = {.input_tokens = tokens_of(usage.at(0)),
                               .cached_tokens = tokens_of(usage.at(1)),
                               .output_tokens = tokens_of(usage.at(2))}};
    if (const auto cost = head.find("cost"); cost != head.end())
        reply.usage.cost_usd = std::clamp(cost->get<double>(), 0.0, most_dollars);
    if (reply.verdict == AgentReply::Verdict::asks && reply.question.empty())
        throw std::runtime_error("a reader told nonsense");
    return reply;
}

}  // namespace bot::reader
