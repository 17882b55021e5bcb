#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/bubblewrap_spec.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/sandbox.hpp"

namespace sandbox {

/// What is the same for every run.
struct BubblewrapMachine {
    std::filesystem::path program;
    std::string version;
    std::string seccomp;
    std::optional<ControlGroups> groups;  ///< none only with allow_weak_limits
};

/// One program from its start to its end.
[[nodiscard]] std::expected<RunOutcome, Error> run_bubblewrap(const BubblewrapMachine& machine,
                                                              const RunSpec& spec,
                                                              const std::vector<std::string>& options,
                                                              const BubblewrapFiles& files,
                                                              const Control& control);

}  // namespace sandbox
