#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tests/agents/real_agents.hpp"
#include "tests/sandbox/sandbox_stage.hpp"

/// Every agent program starts inside the walls that it will work in, without a network.

namespace {

struct Program {
    const char* name;
    const char* version;  ///< the variable of sandbox/images/install-agents that chooses it
};

/// The version that is installed unless another is asked for.
std::string version(const Program& program) {
    const auto script = stage::read_file(SHOPFLOOR_SOURCE_DIR "/sandbox/images/install-agents");
    const auto sign = std::string("${") + program.version + ":-";
    const auto found = script.find(sign);
    REQUIRE_MESSAGE(found != std::string::npos, "install-agents does not know ", sign);
    const auto begin = found + sign.size();
    return script.substr(begin, script.find('}', begin) - begin);
}

void expect_version(sandbox::Sandbox& sandbox, sandbox::RunSpec spec, const Program& program) {
    stage::PlainWorkspace workspace;
    const auto ran = stage::run(sandbox, std::move(spec), workspace);
    INFO(ran.output);
    CHECK(ran.outcome.ok());
    CHECK(ran.output.find(version(program)) != std::string::npos);
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
    const auto image = docker->resolve(real_agents::made("SHOPFLOOR_AGENT_IMAGE"), {});
    REQUIRE_MESSAGE(image.has_value(), (image ? "" : image.error().message));
    for (const Program& agent : {Program{"claude", "CLAUDE_VERSION"}, Program{"codex", "CODEX_VERSION"},
                                 Program{"opencode", "OPENCODE_VERSION"}, Program{"pi", "PI_VERSION"},
                                 Program{"gemini", "GEMINI_VERSION"}, Program{"amp", "AMP_VERSION"}}) {
        INFO(agent.name);
        auto spec = version_of(*docker, agent.name);
        spec.image = image->id;
        expect_version(*docker, std::move(spec), agent);
    }
}

TEST_CASE("an agent of this machine starts in bubblewrap, with a Node.js of its own") {
    auto* bubblewrap = stage::backend("bubblewrap");
    REQUIRE(bubblewrap != nullptr);
    auto spec = version_of(*bubblewrap, "pi");
    spec.mounts = {{real_agents::made("SHOPFLOOR_AGENT_FOLDER"), "/opt/agents"}};
    spec.environment["PATH"] = "/opt/agents/bin:/usr/bin:/bin";
    expect_version(*bubblewrap, std::move(spec), {"pi", "PI_VERSION"});
}
