#include "sandbox/gateway_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sandbox/gateway_dialects.hpp"
#include "sandbox/gateway_json.hpp"
#include "sandbox/harvest.hpp"

namespace sandbox {

namespace {

/// What services put before and around a request: templates, instructions for tools. Anthropic's tool
/// instructions come to some 300 to 1,000 tokens.
constexpr std::uint64_t around_a_request = 4096;
/// No service counts a picture for more; Anthropic's largest come to 4,784.
constexpr std::uint64_t picture_tokens = 8192;

std::string judge(Endpoint endpoint, Draft request, const config::Model& model, Asked& asked) {
    switch (endpoint) {
        case Endpoint::messages:
        case Endpoint::count_tokens:
            return judge_messages(request, model, asked);
        case Endpoint::chat:
            return judge_chat(request, model, asked);
        case Endpoint::responses:
            return judge_responses(request, model, asked);
        case Endpoint::generate:
        case Endpoint::stream_generate:
            return judge_gemini(request, model, asked);
        case Endpoint::gemini_count: {
            // The request to be counted is named directly or one level below.
            if (const auto inner = request->find("generateContentRequest"); inner != request->end()) {
                if (!inner->is_object()) return "generateContentRequest must be an object";
                auto fault = judge_gemini(request.object_at("generateContentRequest"), model, asked);
                if (!fault.empty()) return fault;
            }
            auto fault = must_lack(*request, {"generate_content_request"}, "write generateContentRequest");
            if (!fault.empty()) return fault;
            return judge_gemini(request, model, asked);
        }
        case Endpoint::listing:
            break;
    }
    return "a listing takes no request";
}

/// Counting takes a request without what is about the answer.
void drop_answer_limits(Endpoint endpoint, Draft request) {
    if (endpoint == Endpoint::count_tokens) request.erase("max_tokens");
    if (endpoint == Endpoint::gemini_count) request.erase("generationConfig");
}

/// A cache that is kept for an hour costs more to write.
bool asks_for_hour(const Json& value) {
    if (!value.is_structured()) return false;
    if (text_of(value, "ttl") == "1h") return true;
    return std::ranges::any_of(value, asks_for_hour);
}

}  // namespace

std::expected<GoodRequest, Refusal> judge_request(const Route& route, std::string_view body,
                                                  const config::ModelProvider& provider,
                                                  const std::set<std::string>& models) {
    auto document = read_document(body);
    if (!document) return std::unexpected(Refusal{400, "the request is " + document.error()});
    const auto& request = document->json;
    if (!request.is_object()) return std::unexpected(Refusal{400, "the request is not a JSON object"});

    const bool gemini = provider.api == config::ModelApi::gemini;
    const auto wanted = gemini ? route.model : text_of(request, "model");
    const auto* model = config::find_model(provider, wanted);
    if (model == nullptr || !models.contains(wanted))
        return std::unexpected(
            Refusal{403, fmt::format("the model '{}' is not among those that this run may call: {}",
                                     printable(wanted.substr(0, 100)), fmt::join(models, ", "))});

    GoodRequest good{.model = model};
    good.streamed = route.endpoint == Endpoint::stream_generate;
    if (!gemini) {
        const auto* stream = member(request, "stream");
        if (stream != nullptr && !stream->is_boolean())
            return std::unexpected(Refusal{400, "stream must be true or false"});
        good.streamed = stream != nullptr && stream->get<bool>();
        if (auto fault = plain_keys(request); !fault.empty())
            return std::unexpected(Refusal{400, std::move(fault)});
    }

    Asked asked;
    bool mended = false;
    const Draft draft(document->json, mended);
    if (auto fault = judge(route.endpoint, draft, *model, asked); !fault.empty())
        return std::unexpected(Refusal{400, std::move(fault)});
    if (costs_nothing(route.endpoint)) drop_answer_limits(route.endpoint, draft);
    good.body = mended || !document->reads_one_way ? request.dump() : std::string(body);
    if (costs_nothing(route.endpoint)) return good;

    // A token is at least a byte of text, but a page of a document can be a few bytes: at most the context.
    good.input_most = good.body.size() - asked.picture_bytes + around_a_request +
                      asked.pictures * picture_tokens + (asked.documents > 0 ? model->context : 0);
    good.output_most = asked.output_most;
    good.hour_cache = asks_for_hour(request);
    return good;
}

std::uint64_t limit_number(Draft object, std::string_view key, std::uint64_t most) {
    const auto* asked = member(*object, key);
    auto limit = most;
    if (asked != nullptr && asked->is_number_integer() && (asked->is_number_unsigned() || *asked >= 0))
        limit = std::min(most, asked->get<std::uint64_t>());
    object.set(key, limit);
    return limit;
}

std::string must_lack(const Json& object, std::initializer_list<std::string_view> keys,
                      std::string_view why) {
    for (const auto key : keys)
        if (member(object, key) != nullptr)
            return fmt::format("the model gateway does not pass on '{}': {}", key, why);
    return {};
}

std::string one_of(const Json& object, std::string_view key, std::initializer_list<std::string_view> texts) {
    const auto* value = member(object, key);
    if (value == nullptr) return {};
    if (value->is_string() && std::ranges::find(texts, value->get_ref<const std::string&>()) != texts.end())
        return {};
    return fmt::format("the model gateway passes on '{}' only as: {}", key, fmt::join(texts, ", "));
}

std::string plain_keys(const Json& object) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyz0123456789_";
    for (const auto& [key, value] : object.items())
        if (key.find_first_not_of(plain) != std::string::npos)
            return fmt::format("no key of this API is written '{}'", printable(key.substr(0, 60)));
    return {};
}

std::string refused_tool(std::string_view type) {
    return fmt::format(
        "the tool '{}' is run by the model service itself, outside the sandbox; switch it off in the agent",
        printable(type.substr(0, 60)));
}

bool is_one(const Json& value) { return value.is_number_integer() && value == 1; }

bool is_data_url(const Json& value) {
    return value.is_string() && value.get_ref<const std::string&>().starts_with("data:");
}

}  // namespace sandbox
