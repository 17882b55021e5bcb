#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace integrations {

struct AgentTask {
    std::string prompt;   ///< goes in on stdin: long issues never touch argv
    const config::AgentProfile& profile;
};

/// What to run inside, free of any backend.
struct AgentCommand {
    std::vector<std::string> argv;
    std::map<std::string, std::string> environment;
    std::map<std::string, std::string> home_files;  ///< relative to HOME -> content
    std::string standard_input;
};

struct Usage {
    std::uint64_t input_tokens = 0;   ///< without cached ones
    std::uint64_t cached_tokens = 0;
    std::uint64_t output_tokens = 0;
    std::optional<double> cost_usd;

    friend bool operator==(const Usage&, const Usage&) = default;
};

/// How the pass ended, as far as the transcript can tell; deadlines and memory are known from the sandbox.
struct AgentReply {
    enum class Verdict {
        done,            ///< finished by its own account
        asks,            ///< `question` wants an answer from a person
        failed,          ///< the task was too hard, or the program broke: an attempt of the agent
        quota,           ///< the model service said not now: no attempt is charged
        unavailable,     ///< the model service did not answer: no attempt is charged
    };
    Verdict verdict = Verdict::done;
    std::string summary;      ///< Markdown, what and why, in the agent's words; may be empty
    std::string question;
    std::string detail;       ///< of a failure: the last thing worth reading
    Usage usage;
};

/// One agent program's manners. Adapters are pure: task -> command, transcript -> reply.
class Agent {
   public:
    virtual ~Agent() = default;
    [[nodiscard]] virtual AgentCommand command(const AgentTask& task) const = 0;
    /// `log` holds what the program printed (possibly capped, hostile); `exit_code` is not the verdict for all agents.
    [[nodiscard]] virtual AgentReply reply(const std::filesystem::path& log, int exit_code) const = 0;
};

/// The adapter of that name; nullptr when there is none. `agent_names()` lists them for error messages.
[[nodiscard]] const Agent* find_agent(std::string_view adapter);
[[nodiscard]] std::vector<std::string_view> agent_names();

}  // namespace integrations
