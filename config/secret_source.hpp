#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "config/secret.hpp"
#include "config/yaml_reader.hpp"

namespace config {

/// Reads `{env: NAME}` or `{file: PATH}`; a relative PATH begins at `base`. A secret written in the file
/// itself is an error, and so are an unset variable, a file that is missing, empty, no plain file or readable
/// by everybody.
bool read_secret(const Place& place, const std::filesystem::path& base, Secret& target);

/// Whether a credential of a known service stands in a text, by its prefix and length.
[[nodiscard]] bool looks_like_secret(std::string_view text);

/// Reports each value and key of the tree that looks like one, without repeating it. `key`, `line`: where
/// `node` stands.
void refuse_secrets(const YamlNode& node, const std::string& key, int line, Report& report);

}  // namespace config
