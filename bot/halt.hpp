#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "bot/job.hpp"
#include "integrations/forge.hpp"
#include "integrations/git.hpp"
#include "sandbox/harvest.hpp"
#include "sandbox/sandbox.hpp"

namespace bot {

/// Why the way of a job ends or pauses before its pull request.
struct Halt {
    enum class Kind {
        answered,        ///< a plain answer and no pull request
        waits,           ///< a person must answer first; `reason` is the question
        failed,          ///< no result; `reason` is for the issue
        infrastructure,  ///< ours or the forge's fault: again later, no attempt of the agent charged
        stopped,         ///< a person said stop
        lease_lost,      ///< another worker has the job now: touch nothing
        detached,        ///< shutting down: programs go on, the next process takes over
    };
    Kind kind = Kind::failed;
    std::string reason;  ///< becomes public: without paths of this machine
    std::optional<Time> retry_at;
    std::string detail;                      ///< for the log, when there is more to say than `reason`
    WaitsFor waits_for = WaitsFor::nothing;  ///< of `waits`
};

template <typename T>
using Step = std::expected<T, Halt>;

/// The words of an error without this machine's absolute paths, which are the operator's business. Paths
/// inside a sandbox and addresses stay.
[[nodiscard]] std::string without_host_paths(std::string_view words);

// What an error of a lower room means for a job. `doing` completes "while …" for the operator and the issue.
[[nodiscard]] Halt halt(const integrations::GitError& error, std::string_view doing);
[[nodiscard]] Halt halt(const integrations::ForgeError& error, std::string_view doing);
[[nodiscard]] Halt halt(const sandbox::Error& error, std::string_view doing);
[[nodiscard]] Halt halt(const sandbox::HarvestError& error);

}  // namespace bot
