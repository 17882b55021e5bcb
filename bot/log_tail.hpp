#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "sandbox/sandbox.hpp"

namespace bot {

/// The last lines of a program's output: valid UTF-8, control characters and terminal colours out, at most
/// `most` bytes.
[[nodiscard]] std::string log_tail(const std::filesystem::path& log, std::size_t most = 8 * 1024);

/// "exit status 2", "no output for 10 min", … for sentences.
[[nodiscard]] std::string how_it_ended(const sandbox::RunOutcome& outcome);

}  // namespace bot
