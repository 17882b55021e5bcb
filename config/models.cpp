#include "config/models.hpp"

#include <algorithm>

namespace config {

std::string_view name(ModelApi api) {
    switch (api) {
        case ModelApi::anthropic:
            return "anthropic";
        case ModelApi::openai:
            return "openai";
        case ModelApi::gemini:
            return "gemini";
    }
    return {};
}

const ModelProvider* find_provider(const ModelSettings& settings, std::string_view name) {
    const auto found = std::ranges::find(settings.providers, name, &ModelProvider::name);
    return found == settings.providers.end() ? nullptr : &*found;
}

const Model* find_model(const ModelProvider& provider, std::string_view name) {
    const auto found = std::ranges::find(provider.models, name, &Model::name);
    return found == provider.models.end() ? nullptr : &*found;
}

}  // namespace config
