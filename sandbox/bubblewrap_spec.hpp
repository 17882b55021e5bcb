#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "sandbox/sandbox.hpp"

/// RunSpec -> options of bwrap. Pure but for looking at the root folder.
namespace sandbox {

/// Descriptors that bwrap finds open.
struct BubblewrapFiles {
    int options = 3;
    int seccomp = 4;
    int status = 5;
    int hosts = 6;  ///< content of /etc/hosts, and so on
    int passwd = 7;
    int group = 8;
    int init = 9;  ///< the first process inside
};

struct BubblewrapPlan {
    std::filesystem::path root;  ///< "/" is the machine's own programs, without its data
    std::filesystem::path workspace;
    std::filesystem::path home;
    unsigned uid = 0;
    BubblewrapFiles files;
};

/// Walls alone: namespaces, capabilities, life time.
[[nodiscard]] std::vector<std::string> bubblewrap_walls(unsigned uid);

/// The first process inside, where init_command() looks for it.
[[nodiscard]] std::vector<std::string> bubblewrap_init(const BubblewrapFiles& files);

/// All options, without the program.
[[nodiscard]] std::vector<std::string> bubblewrap_options(const RunSpec& spec, const BubblewrapPlan& plan);

}  // namespace sandbox
