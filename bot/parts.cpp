#include "bot/parts.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "bot/door_part.hpp"
#include "sandbox/part.hpp"

namespace bot {

namespace {

using Serve = int (*)(sandbox::Descriptor channel);

constexpr std::array parts{
    std::pair<std::string_view, Serve>{"door", serve_door},
};

}  // namespace

int run_part(std::string_view name) {
    for (const auto& [known, serve] : parts)
        if (known == name) return serve(sandbox::channel_to_keeper());
    throw std::runtime_error(fmt::format("there is no part '{}'", name));
}

}  // namespace bot
