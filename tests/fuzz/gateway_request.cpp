#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "config/models.hpp"
#include "sandbox/gateway_json.hpp"
#include "sandbox/gateway_rules.hpp"

// A call from inside: the first line its method and target, the rest its body. What passes is JSON of one
// model within its limits, and judging it again changes nothing. What the gateway reads of a body is what the
// library reads.

namespace {

void must(bool holds) {
    if (!holds) std::abort();
}

config::ModelProvider provider(config::ModelApi api) {
    return {.name = "svc",
            .api = api,
            .url = "http://127.0.0.1",
            .models = {{.name = "m", .max_output = 100}, {.name = "other"}}};
}

std::uint64_t output_limit(const nlohmann::json& request, sandbox::Endpoint endpoint) {
    using sandbox::Endpoint;
    switch (endpoint) {
        case Endpoint::messages:
            return request["max_tokens"].get<std::uint64_t>();
        case Endpoint::chat:
            must(request.contains("max_tokens") != request.contains("max_completion_tokens"));
            return request.value("max_tokens", request.value("max_completion_tokens", std::uint64_t{0}));
        case Endpoint::responses:
            return request["max_output_tokens"].get<std::uint64_t>();
        case Endpoint::generate:
        case Endpoint::stream_generate: {
            must(request.contains("generationConfig") != request.contains("generation_config"));
            const auto& settings =
                request[request.contains("generationConfig") ? "generationConfig" : "generation_config"];
            must(!settings.contains("max_output_tokens"));
            return settings["maxOutputTokens"].get<std::uint64_t>();
        }
        case Endpoint::count_tokens:
        case Endpoint::gemini_count:
        case Endpoint::listing:
            break;
    }
    return 0;
}

void read_alike(std::string_view body) {
    const auto read = sandbox::read_json(body);
    const auto known = sandbox::Json::parse(body, nullptr, false);
    if (!read) return;  // it has limits, and takes neither a byte order mark nor a NUL for an end
    must(!known.is_discarded() && *read == known && read->dump() == known.dump());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto end = input.find('\n');
    const auto line = input.substr(0, end);
    const auto body = end == std::string_view::npos ? std::string_view{} : input.substr(end + 1);
    read_alike(body);
    const auto space = line.find(' ');
    const auto target = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
    for (const auto api : {config::ModelApi::anthropic, config::ModelApi::openai, config::ModelApi::gemini}) {
        const auto service = provider(api);
        const auto route = sandbox::find_route(line.substr(0, space), target, service);
        if (!route) {
            must(route.error().status >= 400 && !route.error().why.empty());
            must(nlohmann::json::accept(sandbox::error_body(api, route.error().status, route.error().why)));
            continue;
        }
        must(route->target.starts_with("/v1") && route->target.find("key=") == std::string::npos);
        if (route->endpoint == sandbox::Endpoint::listing) continue;
        const auto good = sandbox::judge_request(*route, body, service, {"m"});
        if (!good) {
            must(good.error().status >= 400 && !good.error().why.empty());
            continue;
        }
        must(good->model->name == "m");
        const auto request = nlohmann::json::parse(good->body);
        if (api != config::ModelApi::gemini) must(request["model"] == "m");
        if (!sandbox::costs_nothing(route->endpoint)) {
            must(good->output_most <= 100 && output_limit(request, route->endpoint) == good->output_most);
            must(good->input_most > good->body.size());
        }
        const auto again = sandbox::judge_request(*route, good->body, service, {"m"});
        must(again && again->body == good->body && again->input_most == good->input_most);
    }
    return 0;
}
