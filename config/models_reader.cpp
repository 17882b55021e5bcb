// `models` of the settings: services, keys, prices, budgets.
#include <string>

#include "config/secret_source.hpp"
#include "config/settings_reader.hpp"
#include "config/syntax.hpp"

namespace config {

namespace {

constexpr double dearest = 1'000;  // dollars for a million tokens
constexpr std::uint64_t most_tokens = 1'000'000'000'000;
constexpr std::size_t longest_model = 200;

void read_price(const Place& place, ModelPrice& price) {
    Fields fields(place);
    const std::string mend = "add what a million tokens cost in dollars; 0 when nothing";
    if (const auto at = fields.need("input", mend)) at->number(price.input, 0, dearest);
    if (const auto at = fields.need("output", mend)) at->number(price.output, 0, dearest);
    price.cached = price.input;
    if (const auto at = fields.find("cached")) at->number(price.cached, 0, dearest);
    if (const auto at = fields.find("cache_write")) at->number(price.cache_write, 0, dearest);
    fields.close();
}

void read_model(const Place& place, Model& model) {
    Fields fields(place);
    if (const auto at = fields.need("name", "add `name: NAME`, as the service calls the model"))
        at->text(model.name, longest_model);
    if (const auto at = fields.need("price", "add `price: {input: DOLLARS, output: DOLLARS}`"))
        read_price(*at, model.price);
    if (const auto at = fields.find("max_output")) at->count(model.max_output, 256, 10'000'000);
    if (const auto at = fields.find("context")) at->count(model.context, 1000, 100'000'000);
    fields.close();
}

void read_api(const Place& place, ModelApi& target) {
    std::string word;
    if (!place.choice(word, {"anthropic", "openai", "gemini"})) return;
    for (const auto api : {ModelApi::anthropic, ModelApi::openai, ModelApi::gemini})
        if (word == name(api)) target = api;
}

void read_provider(const Place& place, const std::filesystem::path& base, ModelProvider& provider) {
    Fields fields(place);
    if (const auto at = fields.need("name", "add `name: NAME`; profiles name their `provider`"))
        at->matching(provider.name, name_fault, "write a word that can stand in a path");
    if (const auto at = fields.need("api", "add `api: anthropic`, `openai` or `gemini`"))
        read_api(*at, provider.api);
    if (const auto at = fields.need("url", "add the address of the service, without /v1 and what follows"))
        read_url(*at, provider.url);
    if (const auto at = fields.need("keys", "add `keys: [{env: NAME}]`")) {
        for (const Place& item : at->list(20)) read_secret(item, base, provider.keys.emplace_back());
        if (at->node().kind == YamlNode::Kind::list && at->node().items.empty())
            at->error("is empty", "add the key of the service, {env: NAME} or {file: PATH}");
    }
    if (const auto at = fields.need("models", "add `models: [{name: NAME, price: {…}}]`")) {
        for (const Place& item : at->list(200)) {
            Model model;
            read_model(item, model);
            if (!model.name.empty() && find_model(provider, model.name) != nullptr)
                item.error("another of them is named `" + model.name + "`", "name each model once");
            provider.models.push_back(std::move(model));
        }
        if (at->node().kind == YamlNode::Kind::list && at->node().items.empty())
            at->error("is empty, so nothing would be forwarded", "name at least one model");
    }
    fields.close();
}

void read_budget(const Place& place, Budget& budget) {
    Fields fields(place);
    if (const auto at = fields.find("dollars")) {
        double dollars = 0;
        if (at->number(dollars, 0.01, 10'000'000)) budget.dollars = dollars;
    }
    const auto count = [&](std::string_view key, std::optional<std::uint64_t>& target) {
        const auto at = fields.find(key);
        std::uint64_t value = 0;
        if (at && at->count(value, 1, most_tokens)) target = value;
    };
    count("tokens", budget.tokens);
    count("requests", budget.requests);
    fields.close();
}

}  // namespace

void read_models(const Place& place, const std::filesystem::path& base, ModelSettings& models) {
    Fields fields(place);
    if (const auto at = fields.find("providers")) {
        for (const Place& item : at->list(50)) {
            ModelProvider provider;
            read_provider(item, base, provider);
            if (!provider.name.empty() && find_provider(models, provider.name) != nullptr)
                item.error("another of them is named `" + provider.name + "`", "give each a name of its own");
            models.providers.push_back(std::move(provider));
        }
    }
    if (const auto at = fields.find("budget")) {
        Fields budgets(*at);
        if (const auto run = budgets.find("run")) read_budget(*run, models.run);
        if (const auto job = budgets.find("job")) read_budget(*job, models.job);
        if (const auto day = budgets.find("day")) read_budget(*day, models.day);
        budgets.close();
    }
    fields.close();
}

}  // namespace config
