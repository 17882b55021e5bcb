#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bot/service.hpp"
#include "config/settings.hpp"
#include "tests/practice_forge/practice_forge.hpp"
#include "tests/scenarios/daemon.hpp"
#include "tests/scenarios/tested_forge.hpp"

/// A whole factory for a test: practice forge, repository, and the real service on real sandboxes, in one
/// folder that vanishes with it. `maintainer` may write, `visitor` may read.
namespace scenarios {

inline constexpr std::string_view repository = "acme/widget";
inline constexpr std::string_view maintainer = "ada";
inline constexpr std::string_view visitor = "eve";

struct Plan {
    std::vector<practice_forge::File> files;  ///< of the first commit, besides a README
    std::string recipe = "checks:\n  - name: tests\n    run: sh tests/run.sh\n";  ///< empty: none
    std::map<std::string, std::string> agents{
        {"worker", "true"}};  ///< profile -> shell script; first is the default
    std::string backend = "bubblewrap";
    bool app = on_github();            ///< sign in as GitHub App; else with a plain token
    bool server_hook = false;          ///< GitLab: the whole server's hook tells of projects, too
    bool process = false;              ///< `shopfloor serve` as a process of its own, as an operator runs it
    std::vector<std::string> wrapper;  ///< of that process: what goes before its name
    std::function<void(config::Settings&)> change;  ///< last word on the settings
};

class Factory {
    std::filesystem::path directory_ = fresh_folder();  // before all that lives in it

 public:
    explicit Factory(Plan plan);
    ~Factory();

    /// A temporary folder that sandbox users may pass through. Who asks for it removes it.
    static std::filesystem::path fresh_folder();

    practice_forge::PracticeForge forge;
    /// The bot's login there.
    [[nodiscard]] std::string bot() const { return forge.app_login(); }

    /// One more, in which the bot and `maintainer` may write.
    void create(const practice_forge::RepositorySeed& seed);
    /// Opens an issue and labels it as the maintainer. Returns its number.
    std::int64_t ask(std::string_view title, std::string_view body = "Please.",
                     std::string_view label = "agent");
    /// Waits until the issue carries this state label; false after a minute. `agent-state: ` is put before
    /// it.
    [[nodiscard]] bool reaches(std::int64_t issue, std::string_view state);
    /// The one status comment, or empty.
    [[nodiscard]] std::string status(std::int64_t issue) const;
    /// All comments of the bot on an issue or a pull request but the status.
    [[nodiscard]] std::vector<std::string> answers(const practice_forge::Which& which) const;
    [[nodiscard]] std::optional<practice_forge::PullRequest> pull_request_of(std::int64_t issue) const;
    /// What the agent of the issue's latest job printed in its first round.
    [[nodiscard]] std::string heard(std::int64_t issue) const;
    /// What an agent or check printed, from the state folder.
    [[nodiscard]] std::string log(std::string_view file) const;

    void stop();   ///< the service, in order
    void kill();   ///< the process, outright
    void start();  ///< again, on the same ledger
    /// Where the service listens on loopback.
    [[nodiscard]] int port() const { return port_; }
    /// Of the service that is a process of its own, or of what wraps it.
    [[nodiscard]] pid_t process() const { return daemon_ ? daemon_->pid() : -1; }
    [[nodiscard]] std::filesystem::path directory() const { return directory_; }
    [[nodiscard]] const config::Settings& settings() const { return settings_; }
    [[nodiscard]] std::filesystem::path state_dir() const { return settings_.state_dir; }
    /// What marks the containers of this factory.
    [[nodiscard]] std::string instance() const;
    /// What runs have left behind: mounts below the state folder, loop devices, workspaces, processes in
    /// sandboxes, containers.
    [[nodiscard]] std::vector<std::string> leftovers() const;

 private:
    config::Settings settings_;
    std::unique_ptr<bot::Service> service_;
    std::jthread serving_;
    std::unique_ptr<Daemon> daemon_;
    Daemon::Plan process_;  ///< its configuration is empty when the service is a thread
    int port_ = 0;
    bool app_, server_hook_;
};

/// The secret that the practice forge signs with, and the bot's plain token.
inline constexpr std::string_view hook_secret = "a-secret-of-the-practice-forge-8c1f0e6b";
inline constexpr std::string_view bot_token = "practice-token-of-the-bot-5d0b27aa";

/// Skips aloud, and fails in CI, when the backend cannot run here. True: go on.
[[nodiscard]] bool can_run(const std::string& backend);

}  // namespace scenarios
