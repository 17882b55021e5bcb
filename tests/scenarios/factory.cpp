#include "tests/scenarios/factory.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "bot/log_tail.hpp"
#include "sandbox/docker_api.hpp"
#include "sandbox/sandbox.hpp"

namespace scenarios {

namespace fs = std::filesystem;
using practice_forge::PracticeForge;

namespace {

practice_forge::Options forge_options(const fs::path& directory) {
    const char* record = std::getenv("PRACTICE_FORGE_RECORD");
    return {.dialect = tested_forge(),
            .directory = directory / "forge",
            .record_file = record == nullptr ? "" : record};
}

constexpr std::string_view status_mark = "-status -->";

/// Loop devices over files below a folder. https://docs.kernel.org/ABI/testing/sysfs-block-loop
void add_loop_devices(std::vector<std::string>& found, const std::string& folder) {
    std::error_code error;
    for (const auto& device : fs::directory_iterator("/sys/block", error))
        if (text_of(device.path() / "loop/backing_file").find(folder) != std::string::npos)
            found.push_back("loop device " + device.path().filename().string());
}

/// Processes that were told of the folder, or see it from a sandbox; but for the daemon, told of `config`.
void add_processes(std::vector<std::string>& found, const std::string& folder, const std::string& config) {
    std::error_code error;
    const auto own_mounts = fs::read_symlink("/proc/self/ns/mnt", error);
    for (const auto& process : fs::directory_iterator("/proc", error)) {
        const auto name = process.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto mounts = fs::read_symlink(process.path() / "ns/mnt", error);
        const bool sandboxed = !error && mounts != own_mounts;
        const auto command = text_of(process.path() / "cmdline");
        if (!config.empty() && command.find(config) != std::string::npos) continue;
        if (command.find(folder) != std::string::npos ||
            (sandboxed && text_of(process.path() / "mountinfo").find(folder) != std::string::npos))
            found.push_back("process " + name + " " + command);
    }
}

void add_containers(std::vector<std::string>& found, const std::string& instance) {
    const auto endpoint = sandbox::Endpoint::parse("");
    if (!endpoint || instance.empty()) return;
    sandbox::DockerApi engine(*endpoint, "");
    const auto filters = fmt::format("%7B%22label%22%3A%5B%22shopfloor.instance%3D{}%22%5D%7D", instance);
    const auto listed = engine.get("/containers/json?all=1&filters=" + filters);
    if (!listed || listed->body == "[]\n") return;
    found.push_back("containers " + listed->body);
}

void unmount_below(const std::string& folder) {
    std::vector<std::string> places;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string device, place, rest; mounts >> device >> place && std::getline(mounts, rest);)
        if (place.starts_with(folder + "/")) places.push_back(place);
    for (auto place = places.rbegin(); place != places.rend(); ++place)  // the latest lie on the others
        (void)::umount2(place->c_str(), MNT_DETACH);
}

}  // namespace

fs::path Factory::fresh_folder() {
    auto pattern = (fs::temp_directory_path() / "shopfloor-scenario-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    fs::permissions(pattern, fs::perms(0711));
    return pattern;
}

bool can_run(const std::string& backend) {
    config::SandboxSettings settings{.backend = backend, .roots = {{"host", "/"}}};
    if (const auto made = sandbox::make_sandbox(settings, "probe"); !made) {
        if (std::getenv("CI") != nullptr) FAIL(backend << " cannot run here: " << made.error().message);
        MESSAGE("SKIPPED: " << backend << " cannot run here: " << made.error().message);
        return false;
    }
    return true;
}

Factory::Factory(Plan plan)
    : forge(forge_options(directory_)), app_(plan.app), server_hook_(plan.server_hook) {
    plan.files.push_back({.path = "README.md", .content = "# widget\n"});
    forge.set_rate_limit(1'000'000);  // a slow machine asks more often
    if (!plan.recipe.empty()) plan.files.push_back({.path = ".shopfloor.yml", .content = plan.recipe});
    create({.full_name = std::string(repository), .files = plan.files});
    forge.add_collaborator(repository, visitor, practice_forge::Permission::read);

    const auto kind = practice_forge::dialect_names().at(static_cast<std::size_t>(tested_forge()));
    config::ForgeSettings at{.name = kind,
                             .kind = kind,
                             .api_url = forge.api_url(),
                             .webhook_secrets = {config::Secret(std::string(hook_secret))},
                             .repositories = {std::string(repository)}};
    if (plan.app) {
        const auto keys = practice_forge::make_key_pair();
        forge.set_app({.public_key = keys.public_pem});
        at.app = config::AppCredentials{.app_id = "1", .private_key = config::Secret(keys.private_pem)};
    } else {
        forge.add_token(bot(), bot_token);
        at.token = config::Secret(std::string(bot_token));
    }
    const bool docker = plan.backend == "docker";
    settings_ = {
        .listen_port = 0,
        .state_dir = directory_ / "state",
        .retry_pause = std::chrono::seconds(1),
        .forges = {std::move(at)},
        .sandbox = {.backend = plan.backend, .default_image = docker ? "debian:bookworm-slim" : "host"}};
    if (!docker) settings_.sandbox.roots = {{"host", "/"}};
    for (const auto& [name, script] : plan.agents)
        settings_.profiles.push_back({.name = name, .command = {"/bin/sh", "-c", script}});
    if (plan.change) plan.change(settings_);
    if (plan.process) process_ = plan_daemon(settings_, directory_, plan.wrapper);
    start();
}

Factory::~Factory() {
    stop();
    unmount_below(directory_.string());  // a job that waits keeps its workspace
    std::error_code error;
    fs::remove_all(directory_, error);
}

void Factory::create(const practice_forge::RepositorySeed& seed) {
    forge.create_repository(seed);
    forge.add_collaborator(seed.full_name, maintainer, practice_forge::Permission::write);
    // An account with a token must be let in; Gitea tells only administrators who may do what.
    if (!app_) forge.add_collaborator(seed.full_name, bot(), practice_forge::Permission::admin);
}

void Factory::start() {
    if (!process_.config.empty()) {
        daemon_ = std::make_unique<Daemon>(process_);
        port_ = daemon_->port();
    } else {
        service_ = std::make_unique<bot::Service>(settings_, daemon_program());
        port_ = service_->port();
        serving_ = std::jthread([this](const std::stop_token& stop) { service_->run(stop); });
    }
    forge.set_hook({.url = fmt::format("http://127.0.0.1:{}/hooks/{}", port_, settings_.forges.front().name),
                    .secret = std::string(hook_secret),
                    .instance_too = server_hook_});
}

void Factory::kill() {
    REQUIRE(daemon_);
    daemon_->kill();
    daemon_.reset();
}

void Factory::stop() {
    if (serving_.joinable()) {
        serving_.request_stop();
        serving_.join();
    }
    service_.reset();
    daemon_.reset();
}

std::int64_t Factory::ask(std::string_view title, std::string_view body, std::string_view label) {
    const auto number = forge.create_issue(repository, title, body, maintainer);
    forge.add_label(repository, number, label, maintainer);
    return number;
}

bool Factory::reaches(std::int64_t issue, std::string_view state) {
    const auto label = fmt::format("agent-state: {}", state);
    const bool reached = PracticeForge::eventually(
        [&] {
            auto states = forge.issue(repository, issue).labels;
            std::erase_if(states, [](const auto& one) { return !one.starts_with("agent-state: "); });
            return states == std::vector{label};  // the new one is put on before the old one is taken off
        },
        std::chrono::seconds(60));
    if (!reached) {
        MESSAGE("status comment: " << status(issue));
        if (daemon_) MESSAGE("the daemon's log ends with: " << bot::log_tail(process_.log));
    }
    return reached;
}

std::string Factory::status(std::int64_t issue) const {
    std::string latest;  // a retry has a status comment of its own
    for (const auto& comment : forge.issue(repository, issue).comments)
        if (comment.body.find(status_mark) != std::string::npos) latest = comment.body;
    return latest;
}

std::vector<std::string> Factory::answers(const practice_forge::Which& which) const {
    std::vector<std::string> found;
    for (const auto& comment : forge.issue(repository, which).comments)
        if (comment.body.find("<!-- shopfloor:v1") != std::string::npos &&
            comment.body.find(status_mark) == std::string::npos)
            found.push_back(comment.body);
    return found;
}

std::optional<practice_forge::PullRequest> Factory::pull_request_of(std::int64_t issue) const {
    const auto exact = fmt::format("agent/issue-{}", issue);
    for (auto& proposal : forge.pull_requests(repository))
        if (proposal.head_branch == exact || proposal.head_branch.starts_with(exact + "-")) return proposal;
    return std::nullopt;
}

std::string Factory::heard(std::int64_t issue) const {
    const auto text = status(issue);  // ends with <!-- shopfloor:v1 job-N-status -->
    const auto from = text.rfind("job-");
    if (from == std::string::npos) return {};
    return log(fmt::format("{}/agent-1.log", text.substr(from, text.find(status_mark, from) - from)));
}

std::string Factory::log(std::string_view file) const { return text_of(settings_.state_dir / "logs" / file); }

std::vector<std::string> Factory::leftovers() const {
    std::vector<std::string> found;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);)
        if (line.find(directory_.string()) != std::string::npos) found.push_back("mount " + line);
    std::error_code error;
    for (const auto& run : fs::directory_iterator(settings_.state_dir / "workspaces" / "runs", error))
        found.push_back("folder " + run.path().string());
    add_loop_devices(found, directory_.string());
    add_processes(found, directory_.string(), process_.config.string());
    if (settings_.sandbox.backend == "docker") add_containers(found, instance());
    return found;
}

std::string Factory::instance() const {
    auto text = text_of(settings_.state_dir / "instance");
    while (text.ends_with('\n')) text.pop_back();
    return text;
}

}  // namespace scenarios
