#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "config/settings.hpp"

namespace scenarios {

/// Empty when it cannot be read.
[[nodiscard]] std::string text_of(const std::filesystem::path& file);

/// `shopfloor serve` as a process of its own.
class Daemon {
 public:
    struct Plan {
        std::filesystem::path config;                    ///< its YAML
        std::filesystem::path log;                       ///< of its standard error; grows
        std::vector<std::string> wrapper;                ///< a program that runs it, with options
        std::map<std::string, std::string> environment;  ///< besides our own
    };

    /// Waits until it listens; throws with its log when it does not.
    explicit Daemon(const Plan& plan);
    ~Daemon();  ///< asks it to end (SIGTERM), and waits
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] pid_t pid() const { return pid_; }
    void kill();  ///< SIGKILL, and waits

 private:
    [[nodiscard]] bool has_ended();
    void end(int signal);
    pid_t pid_ = -1;
    int port_ = 0;
};

/// `shopfloor`, beside the tests.
[[nodiscard]] std::filesystem::path daemon_program();

/// Writes the settings, and each secret where the settings may name it: each webhook's and each model
/// service's first in the environment, forges' keys and tokens (`token-NAME`) and further keys in files.
[[nodiscard]] Daemon::Plan plan_daemon(const config::Settings& settings,
                                       const std::filesystem::path& directory,
                                       std::vector<std::string> wrapper);

}  // namespace scenarios
