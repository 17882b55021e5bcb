#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/secret.hpp"

namespace config {

/// The dialect of a model API. `openai` is Chat Completions and Responses under one address.
enum class ModelApi { anthropic, openai, gemini };

/// Dollars for a million tokens, which is the same as millionths of a dollar for one.
struct ModelPrice {
    double input = 0;        ///< read from the request, not from a cache
    double cached = 0;       ///< read from a cache
    double cache_write = 0;  ///< written into a cache; 0: as input
    double output = 0;       ///< written by the model, its thinking too

    friend bool operator==(const ModelPrice&, const ModelPrice&) = default;
};

/// A model that programs may call, and what its use costs.
struct Model {
    std::string name;  ///< as requests name it
    ModelPrice price;
    std::uint64_t max_output = 32'000;  ///< tokens of one answer; a request that names no limit gets this one
    /// Tokens of request and answer together: told to agents that ask, and reserved for documents.
    std::uint64_t context = 200'000;

    friend bool operator==(const Model&, const Model&) = default;
};

/// A model service behind the gateway.
struct ModelProvider {
    std::string name;  ///< profiles name it
    ModelApi api = ModelApi::anthropic;
    std::string url;  ///< what the API's own paths (/v1/messages, …) are put after; no trailing slash
    std::vector<Secret> keys;   ///< at least one; when one is refused or used up the next is taken
    std::vector<Model> models;  ///< at least one; no other is forwarded
};

/// An upper limit on model use. What is empty is not limited.
struct Budget {
    std::optional<double> dollars;
    std::optional<std::uint64_t> tokens;    ///< read and written together, cached ones too
    std::optional<std::uint64_t> requests;  ///< calls that were forwarded

    friend bool operator==(const Budget&, const Budget&) = default;
};

struct ModelSettings {
    std::vector<ModelProvider> providers;  ///< empty: no sandbox reaches a model service
    Budget run{.dollars = 5};              ///< of one pass of an agent
    Budget job{.dollars = 10};             ///< of all passes and attempts of a job; a person may add to it
    Budget day{.dollars = 100};            ///< of the whole installation, a day of UTC
};

[[nodiscard]] std::string_view name(ModelApi api);

/// nullptr when there is none of that name.
[[nodiscard]] const ModelProvider* find_provider(const ModelSettings& settings, std::string_view name);
[[nodiscard]] const Model* find_model(const ModelProvider& provider, std::string_view name);

}  // namespace config
