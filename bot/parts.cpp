#include "bot/parts.hpp"

#include <fmt/format.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "bot/door_part.hpp"
#include "bot/listener_part.hpp"
#include "bot/reader_part.hpp"
#include "bot/runner_part.hpp"
#include "sandbox/part.hpp"

namespace bot {

namespace {

using Serve = int (*)(sandbox::Descriptor channel);

constexpr std::array parts{
    std::pair<std::string_view, Serve>{"door", serve_door},
    std::pair<std::string_view, Serve>{"listener", serve_listener},
    std::pair<std::string_view, Serve>{"reader", serve_reader},
    std::pair<std::string_view, Serve>{"runner", serve_runner},
    std::pair<std::string_view, Serve>{"runner-over-tcp", serve_runner_over_tcp},
};

}  // namespace

int run_part(std::string_view name) {
    for (const auto& [known, serve] : parts)
        if (known == name) return serve(sandbox::channel_to_keeper());
    throw std::runtime_error(fmt::format("there is no part '{}'", name));
}

}  // namespace bot
