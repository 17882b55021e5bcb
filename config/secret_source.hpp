#pragma once

#include <filesystem>
#include <string>

#include "config/secret.hpp"
#include "config/yaml_reader.hpp"

namespace config {

/// Reads `{env: NAME}` or `{file: PATH}`; a relative PATH begins at `base`. A secret written in the file
/// itself is an error, and so are an unset variable, a file that is missing, empty, no plain file or readable
/// by everybody.
bool read_secret(const Place& place, const std::filesystem::path& base, Secret& target);

/// Whether a text looks like a credential of a known service, by its prefix.
[[nodiscard]] bool looks_like_secret(std::string_view text);

}  // namespace config
