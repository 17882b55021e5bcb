#pragma once

#include <filesystem>
#include <string>

#include "config/settings.hpp"
#include "config/yaml_reader.hpp"

namespace config {

/// The parts of the settings that are more than a few lines to read. `base`: where relative paths begin.
void read_forge(const Place& place, const std::filesystem::path& base, ForgeSettings& forge);
void read_profile(const Place& place, const std::filesystem::path& base, AgentProfile& profile);
void read_sandbox(const Place& place, const std::filesystem::path& base, SandboxSettings& sandbox);
void read_models(const Place& place, const std::filesystem::path& base, ModelSettings& models);

/// A path, made absolute and normal.
bool read_path(const Place& place, const std::filesystem::path& base, std::filesystem::path& target);

/// A URL without its trailing slashes.
bool read_url(const Place& place, std::string& target);

}  // namespace config
