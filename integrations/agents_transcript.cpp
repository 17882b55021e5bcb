#include "integrations/agents_transcript.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

#include "integrations/agents_text.hpp"

namespace integrations {

namespace {

using Json = nlohmann::json;
using Verdict = AgentReply::Verdict;

constexpr std::size_t longest_line = 2 << 20;  ///< lines of 1.05 MB were seen (codex, of 5 MB of output)
constexpr int deepest = 24;
constexpr std::size_t longest_rest = 16 << 10;
constexpr std::size_t longest_detail = 2000;  ///< code points
constexpr std::uint64_t most_tokens = 1'000'000'000'000;
constexpr double most_dollars = 1'000'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The first number from 400 to 599 that stands alone.
int status_in(std::string_view words) {
    for (std::size_t at = 0; at < words.size();) {
        if (!is_digit(words[at])) {
            ++at;
            continue;
        }
        auto end = at;
        while (end < words.size() && (is_digit(words[end]) || words[end] == '.')) ++end;
        if (end - at == 3 && (words[at] == '4' || words[at] == '5') && (at == 0 || words[at - 1] != '.'))
            return (words[at] - '0') * 100 + (words[at + 1] - '0') * 10 + (words[at + 2] - '0');
        at = end;
    }
    return 0;
}

bool says_one_of(std::string_view words, std::initializer_list<std::string_view> phrases) {
    std::string lower(words);
    for (auto& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return std::ranges::any_of(
        phrases, [&](std::string_view phrase) { return lower.find(phrase) != std::string::npos; });
}

std::string words_of(const ModelFault& fault) {
    auto words = keep_beginning(plain_text(fault.words), longest_detail);
    if (words.empty())
        words = fault.status == 0 ? "the program gave no reason"
                                  : "the model service answered " + std::to_string(fault.status);
    return words;
}

}  // namespace

nlohmann::json parse_record(std::string_view line) {
    const auto shallow = [](int depth, Json::parse_event_t event, const Json&) {
        const bool opens =
            event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start;
        return !opens || depth < deepest;
    };
    if (line.size() > longest_line) return Json(Json::value_t::discarded);
    return Json::parse(line, shallow, false);
}

BesideRecords read_records(std::string_view printed, const std::function<void(const Json&)>& record,
                           const std::function<void(std::string_view)>& rest) {
    BesideRecords beside;
    std::string words;
    while (!printed.empty()) {
        const auto end = std::min(printed.find('\n'), printed.size());
        const auto line = printed.substr(0, std::min(end, longest_line + 1));
        printed.remove_prefix(std::min(end + 1, printed.size()));
        const auto object = line.starts_with('{') ? parse_record(line) : Json(Json::value_t::discarded);
        if (object.is_object()) {
            beside.any_record = true;
            record(object);
            continue;
        }
        if (rest) rest(line);
        words.append(line.substr(0, longest_rest)).push_back('\n');
        if (words.size() > 4 * longest_rest) words.erase(0, words.size() - longest_rest);
    }
    beside.words = last_lines(plain_text(words), 10);
    return beside;
}

const Json* find(const Json& in, Path path) {
    const auto* at = &in;
    for (const auto* key : path) {
        const auto next = at->is_object() ? at->find(key) : at->end();
        if (!at->is_object() || next == at->end()) return nullptr;
        at = &*next;
    }
    return at;
}

std::string_view text(const Json& in, Path path) {
    const auto* at = find(in, path);
    return at != nullptr && at->is_string() ? std::string_view(at->get_ref<const std::string&>())
                                            : std::string_view();
}

bool truth(const Json& in, Path path) {
    const auto* at = find(in, path);
    return at != nullptr && at->is_boolean() && at->get<bool>();
}

std::uint64_t number(const Json& in, Path path) {
    const auto* at = find(in, path);
    return at != nullptr && at->is_number_unsigned() ? std::min(at->get<std::uint64_t>(), most_tokens) : 0;
}

std::optional<double> dollars(const Json& in, Path path) {
    const auto* at = find(in, path);
    if (at == nullptr || !at->is_number()) return {};
    const auto amount = at->get<double>();
    if (!std::isfinite(amount) || amount < 0 || amount > most_dollars) return {};
    return amount;
}

std::string text_parts(const Json* list) {
    std::string joined;
    if (list == nullptr || !list->is_array()) return joined;
    for (const auto& part : *list) {
        if (text(part, {"type"}) != "text") continue;
        if (!joined.empty()) joined += "\n\n";
        joined += text(part, {"text"});
    }
    return joined;
}

void add(std::uint64_t& sum, std::uint64_t more) {
    sum = std::min(most_tokens, sum + std::min(more, most_tokens));
}

void add(std::optional<double>& sum, std::optional<double> more) {
    if (more) sum = std::min(most_dollars, sum.value_or(0) + *more);
}

std::uint64_t without(std::uint64_t whole, std::uint64_t part) { return whole > part ? whole - part : 0; }

Verdict class_of(const ModelFault& fault) {
    const auto status = fault.status != 0 ? fault.status : status_in(fault.words);
    // A service that is overloaded says so with several numbers, Gemini with 503.
    if (status == 429 || status == 529) return Verdict::quota;
    if (status == 503 && says_one_of(fault.words, {"overloaded"})) return Verdict::quota;
    if (status == 408 || (status >= 500 && status <= 599)) return Verdict::unavailable;
    if (status != 0) return Verdict::failed;
    if (says_one_of(fault.words, {"rate limit", "rate_limit", "ratelimit", "quota", "too many requests",
                                  "overloaded", "resource_exhausted", "usage limit"}))
        return Verdict::quota;
    if (says_one_of(fault.words,
                    {"high demand", "timed out", "timeout", "connection", "connect to", "econnre", "econnab",
                     "enotfound", "eai_again", "epipe", "fetch failed", "failed to fetch", "unreachable",
                     "socket hang up", "network error", "stream disconnected", "server error", "terminated"}))
        return Verdict::unavailable;
    return Verdict::failed;
}

AgentReply reply_of(const Transcript& told, const BesideRecords& beside, int exit_code) {
    AgentReply reply{.usage = told.usage};
    auto asked = take_question(plain_text(told.message));
    reply.summary = keep_beginning(asked.before, longest_text);
    if (told.fault) {
        reply.verdict = class_of(*told.fault);
        reply.detail = words_of(*told.fault);
    } else if (!told.ended) {
        // A program that printed no record at all says in plain words why it could not begin.
        const auto exit = "exit status " + std::to_string(exit_code);
        reply.verdict = beside.any_record ? Verdict::failed : class_of({.status = 0, .words = beside.words});
        reply.detail = exit + (beside.any_record ? ", and its transcript has no end" : "") +
                       (beside.words.empty() ? beside.any_record ? "" : ", and nothing said"
                                             : ": " + keep_end(beside.words, longest_detail));
    } else if (!asked.question.empty()) {
        reply.verdict = Verdict::asks;
        reply.question = keep_beginning(asked.question, longest_text);
    }
    return reply;
}

}  // namespace integrations
