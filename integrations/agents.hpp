#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.hpp"
#include "config/settings.hpp"

namespace integrations {

/// The model service as a program inside sees it: through the gateway, without a credential of worth.
struct ModelAccess {
    std::string
        base_url;     ///< http://127.0.0.1:PORT/PROVIDER; the API's own paths (/v1/messages, …) go after it
    std::string key;  ///< what programs that insist on a key are given; worth nothing anywhere
    const config::ModelProvider& provider;
    const config::Model& model;
};

struct AgentTask {
    std::string prompt;  ///< goes in on stdin: long issues never touch argv
    const config::AgentProfile& profile;
    const ModelAccess* models = nullptr;  ///< nullptr: no model service for this profile
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
    std::uint64_t cached_tokens = 0;  ///< read from or written to a cache
    std::uint64_t output_tokens = 0;
    std::optional<double> cost_usd;

    friend bool operator==(const Usage&, const Usage&) = default;
};

/// How the pass ended, as far as the transcript can tell; deadlines and memory are known from the sandbox.
struct AgentReply {
    enum class Verdict {
        done,         ///< finished by its own account
        asks,         ///< `question` wants an answer from a person
        failed,       ///< the task was too hard, or the program broke: an attempt of the agent
        quota,        ///< the model service said not now: tried again as after a fault of ours
        unavailable,  ///< the model service did not answer: likewise
    };
    Verdict verdict = Verdict::done;
    std::string
        summary;  ///< Markdown, what and why, in the agent's words; may be empty; at most 4,000 code points
    std::string question;  ///< likewise
    std::string detail;    ///< of a failure: the last thing worth reading
    Usage usage;
};

/// One agent program's manners. Adapters are pure: task -> command, transcript -> reply.
class Agent {
 public:
    virtual ~Agent() = default;
    [[nodiscard]] virtual AgentCommand command(const AgentTask& task) const = 0;
    /// `printed`: by the program, possibly without its middle or beginning, hostile. `exit_code` is not the
    /// verdict for all agents.
    [[nodiscard]] virtual AgentReply reply(std::string_view printed, int exit_code) const = 0;
    /// Why this adapter cannot do what a profile says, for `check`; `key` is the profile's member, file and
    /// line are not set. `provider` is the one that the profile names, or nullptr.
    [[nodiscard]] virtual std::optional<config::Error> fault(const config::AgentProfile& profile,
                                                             const config::ModelProvider* provider) const = 0;
};

/// What a prompt has to say about questions, to every agent. An agent asks a person by ending its last
/// message with a line that begins `QUESTION:`; the question is all from there to the message's end, what
/// stands before it is the summary.
inline constexpr std::string_view how_to_ask =
    "If you cannot go on without an answer from a person, change nothing further and end your last message "
    "with "
    "a line that begins with QUESTION: followed by the question.";

/// The adapter of that name; nullptr when there is none. `agent_names()` lists them for error messages.
///
/// `amp`, `claude`, `codex`, `gemini`, `opencode` and `pi` run the program of that name headless (or
/// `AgentProfile::command`, then the same options). What it prints is its verdict, not its exit status; an
/// end that is not told is a failure. Amp's service cannot be had offline: see integrations/agents_amp.cpp
/// for what that means.
///
/// `command` runs any program: `AgentProfile::command` and `arguments`, in the repository's root, with the
/// prompt on stdin and `AgentProfile::environment`, and, unless that has them, `SHOPFLOOR_MODEL` and
/// `SHOPFLOOR_EFFORT` as the profile says, and with a model service `SHOPFLOOR_MODEL_URL`,
/// `SHOPFLOOR_MODEL_KEY` and `SHOPFLOOR_MODEL`. What it says back:
///  - exit status 0: done. 75 (EX_TEMPFAIL of sysexits.h): the model service said not now. 69
///    (EX_UNAVAILABLE): it did not answer. Anything else: failed, and the last lines of its output say why.
///  - The last line of its output that is a JSON object may tell more; every key may be missing:
///    {"summary": "Markdown", "question": "for a person", "usage": {"input_tokens": 1, "cached_tokens": 1,
///    "output_tokens": 1, "cost_usd": 0.5}}. A question after exit status 0 means: asks.
///  - Without such a line, the last paragraph of the output is the summary, and asks as any last message
///  does.
[[nodiscard]] const Agent* find_agent(std::string_view adapter);
[[nodiscard]] std::vector<std::string_view> agent_names();

}  // namespace integrations
