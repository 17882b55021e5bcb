#include "tests/scenarios/daemon.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "tests/practice_forge/practice_forge.hpp"

namespace scenarios {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// An environment variable that holds the forge's webhook secret.
std::string hook_variable(const config::ForgeSettings& forge) {
    auto name = "SHOPFLOOR_SCENARIO_HOOK_" + forge.name;
    std::ranges::replace(name, '-', '_');
    return name;
}

void write_private(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

json ceiling(const config::Limits& limits) {
    return {{"memory", fmt::format("{}B", limits.memory_bytes)},
            {"cpus", limits.cpus},
            {"pids", limits.pids},
            {"disk", fmt::format("{}B", limits.disk_bytes)},
            {"inodes", limits.disk_inodes},
            {"tmp", fmt::format("{}B", limits.tmp_bytes)},
            {"log", fmt::format("{}B", limits.log_bytes)},
            {"total", fmt::format("{}s", limits.total.count())},
            {"idle", fmt::format("{}s", limits.idle.count())}};
}

json forge_of(const config::ForgeSettings& forge, const fs::path& directory) {
    json written{{"name", forge.name},
                 {"kind", forge.kind},
                 {"api_url", forge.api_url},
                 {"webhook_secrets", json::array({{{"env", hook_variable(forge)}}})},
                 {"repositories", forge.repositories}};
    if (forge.app) {
        const auto file = "app-" + forge.name + ".pem";
        write_private(directory / file, forge.app->private_key.expose());
        written["app"] = {{"app_id", forge.app->app_id}, {"private_key", {{"file", file}}}};
    } else {
        const auto file = "token-" + forge.name;
        write_private(directory / file, forge.token->expose());
        written["token"] = {{"file", file}};
    }
    return written;
}

json budget_of(const config::Budget& budget) {
    json written = json::object();
    if (budget.dollars) written["dollars"] = *budget.dollars;
    if (budget.tokens) written["tokens"] = *budget.tokens;
    if (budget.requests) written["requests"] = *budget.requests;
    return written;
}

/// Of a provider's keys the first is in the environment, the others are in files.
std::string key_variable(const config::ModelProvider& provider) {
    return "SHOPFLOOR_SCENARIO_KEY_" + provider.name;
}

json provider_of(const config::ModelProvider& provider, const fs::path& directory) {
    json keys = json::array({{{"env", key_variable(provider)}}});
    for (std::size_t i = 1; i < provider.keys.size(); ++i) {
        const auto file = fmt::format("key-{}-{}", provider.name, i);
        write_private(directory / file, provider.keys[i].expose());
        keys.push_back({{"file", file}});
    }
    json models = json::array();
    for (const auto& model : provider.models)
        models.push_back(
            {{"name", model.name},
             {"price",
              {{"input", model.price.input}, {"cached", model.price.cached}, {"output", model.price.output}}},
             {"max_output", model.max_output},
             {"context", model.context}});
    return {{"name", provider.name},
            {"api", config::name(provider.api)},
            {"url", provider.url},
            {"keys", std::move(keys)},
            {"models", std::move(models)}};
}

json models_of(const config::ModelSettings& models, const fs::path& directory) {
    json providers = json::array();
    for (const auto& provider : models.providers) providers.push_back(provider_of(provider, directory));
    return {
        {"providers", std::move(providers)},
        {"budget",
         {{"run", budget_of(models.run)}, {"job", budget_of(models.job)}, {"day", budget_of(models.day)}}}};
}

/// JSON is YAML.
json written(const config::Settings& settings, const fs::path& directory) {
    json profiles = json::array();
    for (const auto& profile : settings.profiles) {
        profiles.push_back({{"name", profile.name}, {"command", profile.command}});
        if (!profile.provider.empty()) profiles.back()["provider"] = profile.provider;
    }
    json forges = json::array();
    for (const auto& forge : settings.forges) forges.push_back(forge_of(forge, directory));
    json sandbox{{"backend", settings.sandbox.backend},
                 {"default_image", settings.sandbox.default_image},
                 {"pull_images", settings.sandbox.pull_images},
                 {"egress", settings.sandbox.egress},
                 {"ceiling", ceiling(settings.sandbox.ceiling)}};
    for (const auto& [name, root] : settings.sandbox.roots) sandbox["roots"][name] = root.string();
    return {{"listen", "127.0.0.1:0"},
            {"state_dir", settings.state_dir.string()},
            {"max_parallel", settings.max_parallel},
            {"retry_pause", fmt::format("{}s", settings.retry_pause.count())},
            {"forges", std::move(forges)},
            {"models", models_of(settings.models, directory)},
            {"profiles", std::move(profiles)},
            {"sandbox", std::move(sandbox)}};
}

/// The port that the log tells from `offset` on; 0 when it does not yet.
int port_told(const fs::path& log, std::size_t offset) {
    constexpr std::string_view words = "listening on 127.0.0.1:";
    const auto text = text_of(log);
    const auto at = text.find(words, std::min(offset, text.size()));
    int port = 0;
    if (at == std::string::npos || text.find('\n', at) == std::string::npos) return 0;
    std::from_chars(text.data() + at + words.size(), text.data() + text.size(), port);
    return port;
}

}  // namespace

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

Daemon::Plan plan_daemon(const config::Settings& settings, const fs::path& directory,
                         std::vector<std::string> wrapper) {
    Daemon::Plan plan{.config = directory / "shopfloor.yaml",
                      .log = directory / "shopfloor.log",
                      .wrapper = std::move(wrapper),
                      .environment = {}};
    for (const auto& forge : settings.forges)
        plan.environment[hook_variable(forge)] = forge.webhook_secrets.front().expose();
    for (const auto& provider : settings.models.providers)
        plan.environment[key_variable(provider)] = provider.keys.front().expose();
    std::ofstream(plan.config) << written(settings, directory).dump(2);
    return plan;
}

fs::path daemon_program() {
    return fs::canonical("/proc/self/exe").parent_path().parent_path() / "shopfloor";
}

Daemon::Daemon(const Plan& plan) {
    auto words = plan.wrapper;
    words.push_back(daemon_program());
    for (const auto* more : {"serve", "--config"}) words.emplace_back(more);
    words.push_back(plan.config);
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::vector<std::string> variables;
    for (const auto& [name, value] : plan.environment) variables.push_back(name + "=" + value);
    std::vector<char*> environment;
    for (char** one = environ; *one != nullptr; ++one) environment.push_back(*one);
    for (auto& variable : variables) environment.push_back(variable.data());
    environment.push_back(nullptr);

    std::error_code none;
    const auto told_before = fs::exists(plan.log) ? fs::file_size(plan.log, none) : 0;
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, plan.log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    const int failed =
        ::posix_spawnp(&pid_, argv.front(), &actions, nullptr, argv.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw std::runtime_error("cannot start " + words.front());
    (void)practice_forge::PracticeForge::eventually([&] {
        port_ = port_told(plan.log, told_before);
        return port_ != 0 || has_ended();
    });
    if (port_ != 0) return;
    end(SIGKILL);
    throw std::runtime_error("shopfloor did not come up: " + text_of(plan.log));
}

Daemon::~Daemon() { end(SIGTERM); }

void Daemon::kill() { end(SIGKILL); }

bool Daemon::has_ended() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) pid_ = -1;
    return pid_ <= 0;
}

void Daemon::end(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
}

}  // namespace scenarios
