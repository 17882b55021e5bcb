#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "tests/sandbox/sandbox_stage.hpp"

/// Every agent program starts inside the walls that it will work in, without a network.

namespace {

/// What `./dev test --agents` has made.
std::string made(const char* variable) {
    const char* value = std::getenv(variable);
    REQUIRE_MESSAGE(value != nullptr, variable, " is not set: run `./dev test --agents`");
    return value;
}

void expect_version(sandbox::Sandbox& sandbox, sandbox::RunSpec spec) {
    stage::PlainWorkspace workspace;
    const auto ran = stage::run(sandbox, std::move(spec), workspace);
    INFO(ran.output);
    CHECK(ran.outcome.ok());
    CHECK(ran.output.find_first_of("0123456789") != std::string::npos);
}

sandbox::RunSpec version_of(sandbox::Sandbox& sandbox, const std::string& agent) {
    auto spec = stage::program(sandbox, {agent, "--version"});
    spec.limits.memory_bytes = 2ULL << 30;
    spec.limits.pids = 256;
    return spec;
}

}  // namespace

TEST_CASE("each agent of the image starts in a container") {
    auto* docker = stage::backend("docker");
    REQUIRE(docker != nullptr);
    const auto image = docker->resolve(made("SHOPFLOOR_AGENT_IMAGE"), {});
    REQUIRE_MESSAGE(image.has_value(), (image ? "" : image.error().message));
    for (const char* agent : {"claude", "codex", "opencode", "pi", "gemini", "amp"}) {
        INFO(agent);
        auto spec = version_of(*docker, agent);
        spec.image = image->id;
        expect_version(*docker, std::move(spec));
    }
}

TEST_CASE("an agent of this machine starts in bubblewrap, with a Node.js of its own") {
    auto* bubblewrap = stage::backend("bubblewrap");
    REQUIRE(bubblewrap != nullptr);
    auto spec = version_of(*bubblewrap, "pi");
    spec.mounts = {{made("SHOPFLOOR_AGENT_FOLDER"), "/opt/agents"}};
    spec.environment["PATH"] = "/opt/agents/bin:/usr/bin:/bin";
    expect_version(*bubblewrap, std::move(spec));
}
