#include "sandbox/sandbox.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "sandbox/bubblewrap.hpp"
#include "sandbox/docker.hpp"

namespace sandbox {

namespace {

using Made = std::expected<std::unique_ptr<Sandbox>, Error>;

Made make_auto(const config::SandboxSettings& settings, const std::string& instance) {
    auto docker = make_docker(settings, instance);
    if (docker || docker.error().kind != Error::Kind::unavailable) return docker;
    auto bubblewrap = make_bubblewrap(settings, instance);
    if (bubblewrap) return bubblewrap;
    return std::unexpected(
        Error{bubblewrap.error().kind, fmt::format("neither backend can be used. Docker: {}. Bubblewrap: {}",
                                                   docker.error().message, bubblewrap.error().message)});
}

struct Backend {
    std::string_view name;
    Made (*make)(const config::SandboxSettings&, const std::string&);
};

constexpr std::array backends{
    Backend{"auto", make_auto},
    Backend{"docker", make_docker},
    Backend{"bubblewrap", make_bubblewrap},
};

}  // namespace

Made make_sandbox(const config::SandboxSettings& settings, const std::string& instance) {
    for (const auto& backend : backends) {
        if (backend.name == settings.backend) return backend.make(settings, instance);
    }
    return std::unexpected(Error{
        Error::Kind::refused,
        fmt::format("there is no sandbox backend '{}'; write auto, docker or bubblewrap", settings.backend)});
}

unsigned sandbox_uid() {
    const auto own = ::geteuid();
    return own == 0 ? 61000U : own;
}

std::string_view name(RunOutcome::End end) {
    switch (end) {
        case RunOutcome::End::exited:
            return "exited";
        case RunOutcome::End::signalled:
            return "signalled";
        case RunOutcome::End::out_of_memory:
            return "out_of_memory";
        case RunOutcome::End::total_deadline:
            return "total_deadline";
        case RunOutcome::End::idle_deadline:
            return "idle_deadline";
        case RunOutcome::End::cancelled:
            return "cancelled";
    }
    return "unknown";
}

}  // namespace sandbox
