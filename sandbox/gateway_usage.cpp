#include "sandbox/gateway_usage.hpp"

#include <algorithm>
#include <cstdint>

namespace sandbox {

namespace {

constexpr std::size_t most_kept = 8 << 20;
/// No answer comes near it; sums of such numbers stay inside 64 bits.
constexpr std::uint64_t most_counted = 100'000'000;

std::uint64_t number(const Json* object, std::string_view key) {
    const auto* value = object != nullptr ? member(*object, key) : nullptr;
    if (value == nullptr || !value->is_number_unsigned()) return 0;
    return std::min(value->get<std::uint64_t>(), most_counted);
}

/// OpenAI counts what it has read from a cache as a part of the input.
TokenCounts without_cached(std::uint64_t input, std::uint64_t cached, std::uint64_t output) {
    cached = std::min(cached, input);
    return {.input = input - cached, .cached = cached, .output = output};
}

}  // namespace

void UsageReader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto end = shape_ == Shape::plain ? bytes.size() : std::min(bytes.find('\n'), bytes.size());
        if (line_.size() + end > most_kept) {
            line_lost_ = true;
            line_.clear();
        }
        if (!line_lost_) line_.append(bytes.substr(0, end));
        if (end == bytes.size()) return;
        bytes.remove_prefix(end + 1);
        take_line();
    }
}

void UsageReader::end() {
    if (shape_ == Shape::events) {
        take_line();
        take_event();
    } else if (!line_lost_) {
        if (const auto document = read_json(line_)) take(*document);
        if (counts_) complete_ = true;
    }
}

// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
void UsageReader::take_line() {
    std::string_view line = line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line_lost_) {
        event_lost_ = true;
    } else if (line.empty()) {
        take_event();
    } else if (line.starts_with("data:")) {
        line.remove_prefix(5);
        if (line.starts_with(' ')) line.remove_prefix(1);
        if (event_.size() + line.size() >= most_kept)
            event_lost_ = true;
        else
            event_.append(line).push_back('\n');
    }
    line_lost_ = false;
    line_.clear();
}

void UsageReader::take_event() {
    if (!event_.empty() && !event_lost_)
        if (const auto document = read_json(event_)) take(*document);  // "[DONE]" is none
    event_lost_ = false;
    event_.clear();
}

void UsageReader::take(const Json& document) {
    if (!document.is_object()) return;
    switch (endpoint_) {
        case Endpoint::messages:
            return take_messages(document);
        case Endpoint::chat:
            return take_chat(document);
        case Endpoint::responses:
            return take_responses(document);
        case Endpoint::generate:
        case Endpoint::stream_generate:
            return take_gemini(document);
        case Endpoint::count_tokens:
        case Endpoint::gemini_count:
        case Endpoint::listing:
            return;
    }
}

/// message_start tells the input, message_delta the output; each may repeat the other's, and what grows is
/// told as a whole each time.
void UsageReader::take_messages(const Json& document) {
    const auto type = text_of(document, "type");
    failed_ = failed_ || type == "error";
    has_content_ = has_content_ || type.starts_with("content_block") || type == "message";
    const auto* message = member(document, "message");
    const auto* usage = member(type == "message_start" && message != nullptr ? *message : document, "usage");
    if (usage == nullptr) return;
    auto& counts = known();
    const auto grow = [](std::uint64_t& known, std::uint64_t said) { known = std::max(known, said); };
    const auto* by_life = member(*usage, "cache_creation");
    const auto hour = number(by_life, "ephemeral_1h_input_tokens");
    const auto written = number(usage, "cache_creation_input_tokens");
    const auto minutes = number(by_life, "ephemeral_5m_input_tokens");
    grow(counts.input, number(usage, "input_tokens"));
    grow(counts.cached, number(usage, "cache_read_input_tokens"));
    grow(counts.written_hour, hour);
    grow(counts.written, std::max(minutes, written - std::min(written, hour)));
    grow(counts.output, number(usage, "output_tokens"));
    if (type == "message_delta") complete_ = true;
}

void UsageReader::take_chat(const Json& document) {
    failed_ = failed_ || member(document, "error") != nullptr;
    const auto* choices = member(document, "choices");
    has_content_ = has_content_ || (choices != nullptr && !choices->empty());
    const auto* usage = member(document, "usage");
    if (usage == nullptr) return;
    counts_ = without_cached(number(usage, "prompt_tokens"),
                             number(member(*usage, "prompt_tokens_details"), "cached_tokens"),
                             number(usage, "completion_tokens"));
    complete_ = true;
}

void UsageReader::take_responses(const Json& document) {
    const auto type = text_of(document, "type");
    failed_ =
        failed_ || type == "response.failed" || type == "error" || text_of(document, "status") == "failed";
    has_content_ = has_content_ || type.starts_with("response.output") ||
                   type.starts_with("response.content") || type.starts_with("response.reasoning") ||
                   type.starts_with("response.function");
    const auto* response = member(document, "response");  // plain answers are one
    const auto* usage = member(response != nullptr ? *response : document, "usage");
    if (usage == nullptr) return;
    counts_ = without_cached(number(usage, "input_tokens"),
                             number(member(*usage, "input_tokens_details"), "cached_tokens"),
                             number(usage, "output_tokens"));
    complete_ = true;
}

/// Each event tells the whole so far; the last one wins. Thinking is apart from what was said.
void UsageReader::take_gemini(const Json& document) {
    failed_ = failed_ || member(document, "error") != nullptr;
    has_content_ = has_content_ || member(document, "candidates") != nullptr;
    const auto* usage = member(document, "usageMetadata");
    if (usage == nullptr) return;
    counts_ = without_cached(number(usage, "promptTokenCount") + number(usage, "toolUsePromptTokenCount"),
                             number(usage, "cachedContentTokenCount"),
                             number(usage, "candidatesTokenCount") + number(usage, "thoughtsTokenCount"));
    complete_ = true;
}

}  // namespace sandbox
