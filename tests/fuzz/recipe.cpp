// Any bytes as a recipe: parsed or refused, never more; and what was parsed survives its canonical text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/recipe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto recipe = config::parse_recipe({reinterpret_cast<const char*>(data), size});
    if (!recipe) {
        for (const config::Error& error : recipe.error()) {
            if (error.message.empty()) std::abort();
        }
        return 0;
    }
    const std::string text = config::canonical(*recipe);
    const auto again = config::parse_recipe(text);
    // Escapes can carry a text past the size limit; nothing else may keep it from being read again.
    if (!again && text.size() <= (64U << 10)) std::abort();
    if (again && !(*again == *recipe && config::canonical(*again) == text)) std::abort();
    for (const config::Check& check : recipe->checks) {
        (void)config::matches_any(check.name, recipe->protected_paths);
    }
    return 0;
}
