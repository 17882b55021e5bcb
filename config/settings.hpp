#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.hpp"
#include "config/limits.hpp"
#include "config/models.hpp"
#include "config/secret.hpp"

namespace config {

/// GitHub App credentials:
/// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
struct AppCredentials {
    std::string app_id;  ///< numeric App id or client id, the JWT's `iss`
    Secret private_key;  ///< PEM, RSA
};

struct ForgeSettings {
    std::string name;             ///< the hook route: POST /hooks/{name}
    std::string kind = "github";  ///< a name of the forge table in integrations/forge
    std::string api_url =
        "https://api.github.com";           ///< no trailing slash; GitHub Enterprise: https://HOST/api/v3
    std::vector<Secret> webhook_secrets;    ///< all valid at once, for rotation; at least one
    std::optional<AppCredentials> app;      ///< either this
    std::optional<Secret> token;            ///< or this
    std::vector<std::string> repositories;  ///< `owner/name` or `owner/*` or `*`; at least one
};

struct AgentProfile {
    std::string name;                  ///< label `agent:<name>` picks it
    std::string adapter = "command";   ///< a name of the adapter table in integrations/agents
    std::vector<std::string> command;  ///< adapter `command`: program and arguments, prompt on stdin
    std::string provider;  ///< a name of `models.providers`; empty: the agent reaches no model service
    std::string model;     ///< one of the provider's; empty: the provider's first
    std::string effort;    ///< how long it may think, in the agent program's own words; empty: its default
    std::vector<std::string> arguments;              ///< after those that the adapter gives
    std::vector<std::string> labels;                 ///< `agent:<label>` picks it too
    std::string good_at;                             ///< what people should pick it for, told by `help`
    std::map<std::string, std::string> environment;  ///< plain values, visible inside the sandbox; no secrets
    std::map<std::string, std::filesystem::path> mounts;  ///< absolute target inside -> host path, read-only
    std::optional<std::string> image;  ///< overrides the recipe's image for the agent step only
};

struct SandboxSettings {
    std::string backend = "auto";  ///< auto | docker | bubblewrap
    std::string
        docker_host;  ///< unix:///path or tcp://host:port; empty: DOCKER_HOST, then the default socket
    std::string default_image = "debian:bookworm-slim";  ///< used when the recipe names none
    bool pull_images = true;         ///< ask the engine to pull an image that it does not have
    bool allow_weak_limits = false;  ///< run although a limit cannot be enforced here (said aloud at start)
    std::map<std::string, std::filesystem::path>
        roots;  ///< bubblewrap: image name -> root directory; `*` for any other
    Limits ceiling;
    /// Hosts that recipes may let their programs reach, on port 443: names, or `*.` before one
    /// (config/hosts.hpp). A recipe gets of these what it asks for.
    std::vector<std::string> egress;
};

struct LabelSettings {
    std::string trigger = "agent";            ///< `agent`, and `agent:<profile>`
    std::string priority = "agent-priority";  ///< on the issue: goes before all that wait without it
    std::string state_prefix =
        "agent-state: ";  ///< state labels: queued, working, waiting, review, blocked, done
};

struct Settings {
    std::string listen_host = "127.0.0.1";
    int listen_port = 8080;  ///< 0 picks a free one
    std::filesystem::path state_dir = "/var/lib/shopfloor";
    std::string log_level = "info";        ///< trace | debug | info | warn | error
    int max_parallel = 10;                 ///< jobs at once, 1..200
    int max_parallel_per_repository = 10;  ///< of them for one repository
    int max_jobs_per_issue_per_day = 10;   ///< a stop for loops between bots
    std::chrono::seconds retry_pause{
        60};  ///< after a fault of ours, then 4 times as long, at most 15 minutes
    /// Pristine checkouts and setup layers kept for later runs; as much again for mirrors of repositories.
    std::uint64_t cache_bytes = 20ULL << 30;
    std::uint64_t min_free_bytes = 1ULL << 30;     ///< no job is begun with less free where state_dir is
    std::string default_profile;                   ///< empty: the first of `profiles`
    std::chrono::seconds remind_after{24 * 3600};  ///< of a job that waits for a person: once
    int max_tries = 4;                             ///< side by side for one issue
    int ci_repairs = 2;  ///< how often, without a person in between, what the forge's own CI found is mended
    std::string command_prefix = "/agent";  ///< what a line of a comment begins with that is a command
    std::string bot_name = "Shopfloor";     ///< commit author
    std::string bot_email = "shopfloor@users.noreply.invalid";
    std::vector<ForgeSettings> forges;   ///< at least one
    std::vector<AgentProfile> profiles;  ///< at least one
    ModelSettings models;
    SandboxSettings sandbox;
    LabelSettings labels;
};

/// Reads the operator's YAML. Secrets are never written in the file itself: `{env: NAME}` or `{file: PATH}`
/// (relative to the configuration file). Every error found is returned, not only the first.
[[nodiscard]] std::expected<Settings, std::vector<Error>> load_settings(const std::filesystem::path& file);

/// The same from text; `file` is the name used in errors and the base of relative paths.
[[nodiscard]] std::expected<Settings, std::vector<Error>> parse_settings(std::string_view text,
                                                                         const std::filesystem::path& file);

/// The profile of that name or, when there is none, with that label; empty name: the default one. nullptr
/// when there is none.
[[nodiscard]] const AgentProfile* find_profile(const Settings& settings, std::string_view name);

}  // namespace config
