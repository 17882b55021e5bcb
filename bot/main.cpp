#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>
#include <stop_token>
#include <string>
#include <thread>

#include "bot/listener_health.hpp"
#include "bot/parts.hpp"
#include "bot/service.hpp"
#include "config/models.hpp"
#include "config/settings.hpp"
#include "generated/version.hpp"
#include "integrations/agents.hpp"
#include "integrations/forge.hpp"

namespace {

constexpr int bad_configuration = 2;

/// What only the upper rooms know: names of forge kinds and agent adapters, and what an adapter can do.
std::vector<config::Error> unknown_names(const config::Settings& settings, const std::string& file) {
    std::vector<config::Error> errors;
    for (std::size_t i = 0; i < settings.forges.size(); ++i) {
        const auto& forge = settings.forges[i];
        const auto* kind = integrations::find_forge_kind(forge.kind);
        if (kind == nullptr) {
            std::string known;
            for (const auto& one : integrations::forge_kinds()) known += fmt::format(" {}", one.name);
            errors.push_back({.file = file,
                              .key = fmt::format("forges[{}].kind", i),
                              .message = fmt::format("no forge kind '{}'", forge.kind),
                              .mend = "use one of:" + known});
        } else if (auto wrong = kind->fault(forge)) {
            wrong->file = file;
            wrong->key = fmt::format("forges[{}].{}", i, wrong->key);
            errors.push_back(std::move(*wrong));
        }
    }
    for (std::size_t i = 0; i < settings.profiles.size(); ++i) {
        const auto& profile = settings.profiles[i];
        const auto* agent = integrations::find_agent(profile.adapter);
        if (agent == nullptr) {
            errors.push_back(
                {.file = file,
                 .key = fmt::format("profiles[{}].adapter", i),
                 .message = fmt::format("no agent adapter '{}'", profile.adapter),
                 .mend = fmt::format("use one of: {}", fmt::join(integrations::agent_names(), ", "))});
        } else if (auto wrong =
                       agent->fault(profile, config::find_provider(settings.models, profile.provider))) {
            wrong->file = file;
            wrong->key = fmt::format("profiles[{}].{}", i, wrong->key);
            errors.push_back(std::move(*wrong));
        }
    }
    return errors;
}

std::optional<config::Settings> load(const std::string& file) {
    auto settings = config::load_settings(file);
    auto errors = settings ? unknown_names(*settings, file) : settings.error();
    for (const auto& error : errors) fmt::print(stderr, "{}\n", config::to_string(error));
    if (!errors.empty()) {
        fmt::print(stderr, "{} error{} in {}\n", errors.size(), errors.size() == 1 ? "" : "s", file);
        return std::nullopt;
    }
    return std::move(*settings);
}

int check(const std::string& file) {
    const auto settings = load(file);
    if (!settings) return bad_configuration;
    fmt::print("{}: good ({} forge{}, {} agent profile{})\n", file, settings->forges.size(),
               settings->forges.size() == 1 ? "" : "s", settings->profiles.size(),
               settings->profiles.size() == 1 ? "" : "s");
    return 0;
}

int healthy(const std::string& file) {
    const auto settings = load(file);
    if (!settings) return bad_configuration;
    if (bot::answers_healthz(settings->listen_host, settings->listen_port)) return 0;
    fmt::print(stderr, "nothing healthy on {}:{}; start it with `shopfloor serve`\n", settings->listen_host,
               settings->listen_port);
    return 1;
}

void set_up_log() {
    spdlog::set_default_logger(spdlog::stderr_logger_mt("shopfloor"));
    spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
}

int serve(const std::string& file) {
    // Blocked before any thread starts, so that only the waiting thread sees them.
    sigset_t ends{};
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): a closed connection is told by write()

    auto settings = load(file);
    if (!settings) return bad_configuration;
    // No debugger but root's, and no core: both would show every secret. Not as another user, whose
    // /proc/self it would close.
    if (::geteuid() == 0) ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    set_up_log();
    spdlog::set_level(spdlog::level::from_str(settings->log_level));
    bot::Service service(std::move(*settings), "/proc/self/exe");
    const std::jthread server([&](const std::stop_token& stop) { service.run(stop); });
    int which = 0;
    sigwait(&ends, &which);
    spdlog::info("stopping on {}: sandboxes go on and are taken over at the next start",
                 which == SIGINT ? "SIGINT" : "SIGTERM");
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Label an issue, get a tested pull request."};
    const auto version = std::string("shopfloor ") + generated::version;
    app.set_version_flag("--version", version);
    app.require_subcommand(1);
    std::string file;
    auto* serving = app.add_subcommand("serve", "Listen for webhooks and work until interrupted");
    auto* checking = app.add_subcommand(
        "check", "Read the configuration and say what is wrong with it; exit status 2 when something is");
    auto* asking = app.add_subcommand(
        "healthy", "Ask the running daemon whether it is well; exit status 1 when it does not say so");
    for (auto* command : {serving, checking, asking}) {
        command->set_version_flag("--version", version);
        command
            ->add_option("--config", file,
                         "The operator's YAML; config/shopfloor.example.yaml shows every key")
            ->required();
    }
    // How the keeper starts its other processes; nothing for people.
    std::string name;
    auto* part = app.add_subcommand("part", "One of the daemon's own processes")->group("");
    part->add_option("name", name)->required();
    CLI11_PARSE(app, argc, argv);
    try {
        if (part->parsed()) {
            // Its end is the keeper's, also when a service manager signals the whole group.
            for (const int signal : {SIGINT, SIGTERM, SIGPIPE})
                std::signal(signal, SIG_IGN);  // NOLINT(cert-err33-c)
            set_up_log();
            // Nothing to tidy up, and what a sanitizer would do at the end no wall of a part allows.
            ::_exit(bot::run_part(name));
        }
        if (serving->parsed()) return serve(file);
        return checking->parsed() ? check(file) : healthy(file);
    } catch (const std::exception& error) {
        fmt::print(stderr, "shopfloor: {}\n", error.what());
        return 1;
    }
}
