#include "sandbox/init_program.hpp"

#include <fmt/format.h>

namespace sandbox {

/// Both from the assembler, which takes the file in as it is.
extern "C" {
extern const char shopfloor_init_begin[];
extern const char shopfloor_init_end[];
}

std::string_view init_program() { return {shopfloor_init_begin, shopfloor_init_end}; }

std::vector<std::string> init_command(const RunSpec& spec) {
    std::vector<std::string> command{std::string(init_target)};
    if (spec.door) {
        command.insert(command.end(), {"--door", fmt::format("{}/{}", door_target, door_socket), "--port",
                                       std::to_string(door_port)});
    }
    command.emplace_back("--");
    command.insert(command.end(), spec.argv.begin(), spec.argv.end());
    return command;
}

const std::vector<std::string>& door_variables() {
    static const std::vector<std::string> names{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
                                                "http_proxy", "https_proxy", "no_proxy"};
    return names;
}

}  // namespace sandbox
