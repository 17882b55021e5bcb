#include "bot/door_values.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bot::door_values {

namespace {

template <typename T>
T at(const Json& json, const char* key) {
    return json.at(key).get<T>();
}

Json to_json(const config::Model& model) {
    return {{"name", model.name},           {"input", model.price.input},
            {"cached", model.price.cached}, {"cache_write", model.price.cache_write},
            {"output", model.price.output}, {"max_output", model.max_output},
            {"context", model.context}};
}

config::Model model_of(const Json& json) {
    return {.name = at<std::string>(json, "name"),
            .price = {.input = at<double>(json, "input"),
                      .cached = at<double>(json, "cached"),
                      .cache_write = at<double>(json, "cache_write"),
                      .output = at<double>(json, "output")},
            .max_output = at<std::uint64_t>(json, "max_output"),
            .context = at<std::uint64_t>(json, "context")};
}

}  // namespace

Json to_json(const sandbox::ModelUse& use) {
    return {use.requests, use.input_tokens, use.cached_tokens, use.output_tokens, use.micro_dollars};
}

sandbox::ModelUse use_of(const Json& json) {
    const auto number = [&](std::size_t which) { return json.at(which).get<std::uint64_t>(); };
    return {.requests = number(0),
            .input_tokens = number(1),
            .cached_tokens = number(2),
            .output_tokens = number(3),
            .micro_dollars = number(4)};
}

Json to_json(const std::optional<sandbox::ModelKeys::Time>& time) {
    if (!time) return nullptr;
    return std::chrono::ceil<std::chrono::milliseconds>(time->time_since_epoch()).count();
}

std::optional<sandbox::ModelKeys::Time> time_of(const Json& json) {
    if (json.is_null()) return std::nullopt;
    return sandbox::ModelKeys::Time(std::chrono::milliseconds(json.get<std::int64_t>()));
}

Json to_json(const sandbox::DoorReport& report) {
    auto refused = Json::array();
    for (const auto& host : report.refused)
        refused.push_back({{"name", host.name}, {"why", host.why}, {"times", host.times}});
    const auto& models = report.models;
    return {{"refused", std::move(refused)},           {"reached", report.reached},
            {"egress_bytes", report.egress_bytes},     {"used", to_json(models.used)},
            {"budget_spent", models.budget_spent},     {"parked_until", to_json(models.parked_until)},
            {"service_failed", models.service_failed}, {"last_fault", models.last_fault},
            {"calls_refused", models.refused}};
}

sandbox::DoorReport report_of(const Json& json) {
    sandbox::DoorReport report{.refused = {},
                               .reached = at<std::vector<std::string>>(json, "reached"),
                               .egress_bytes = at<std::uint64_t>(json, "egress_bytes"),
                               .models = {.used = use_of(json.at("used")),
                                          .budget_spent = at<bool>(json, "budget_spent"),
                                          .parked_until = time_of(json.at("parked_until")),
                                          .service_failed = at<bool>(json, "service_failed"),
                                          .last_fault = at<std::string>(json, "last_fault"),
                                          .refused = at<std::uint64_t>(json, "calls_refused")}};
    for (const auto& host : json.at("refused"))
        report.refused.push_back({.name = at<std::string>(host, "name"),
                                  .why = at<std::string>(host, "why"),
                                  .times = at<int>(host, "times")});
    return report;
}

Json to_json(const config::ModelSettings& models) {
    auto providers = Json::array();
    for (const auto& provider : models.providers) {
        auto keys = Json::array();
        for (const auto& key : provider.keys) keys.push_back(key.expose());
        auto known = Json::array();
        for (const auto& model : provider.models) known.push_back(to_json(model));
        providers.push_back({{"name", provider.name},
                             {"api", static_cast<int>(provider.api)},
                             {"url", provider.url},
                             {"keys", std::move(keys)},
                             {"models", std::move(known)}});
    }
    return providers;
}

config::ModelSettings models_of(const Json& json) {
    config::ModelSettings models;
    for (const auto& each : json) {
        auto& provider = models.providers.emplace_back();
        provider.name = at<std::string>(each, "name");
        provider.api = static_cast<config::ModelApi>(at<int>(each, "api"));
        provider.url = at<std::string>(each, "url");
        for (const auto& key : each.at("keys")) provider.keys.emplace_back(key.get<std::string>());
        for (const auto& model : each.at("models")) provider.models.push_back(model_of(model));
    }
    return models;
}

}  // namespace bot::door_values
