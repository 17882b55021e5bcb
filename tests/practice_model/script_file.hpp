#pragma once

#include <filesystem>

#include "tests/practice_model/practice_model.hpp"

namespace practice_model {

/// What a file scripts, for trials by hand: {"folder", "steps": [{"say", "shell" | "read" | "write": {"path",
/// "content"} | "edit": {"path", "old", "new"} | "ask"}], "faults": [{"kind", "status", "times", "step",
/// "retry_after", "patience_ms"}], "keys": [...]}. Throws std::runtime_error that names the file.
void play_file(PracticeModel& model, const std::filesystem::path& file);

}  // namespace practice_model
