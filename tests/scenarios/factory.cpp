#include "tests/scenarios/factory.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "sandbox/sandbox.hpp"

namespace scenarios {

namespace fs = std::filesystem;
using practice_forge::PracticeForge;

namespace {

practice_forge::Options forge_options(const fs::path& directory) {
    const char* record = std::getenv("PRACTICE_FORGE_RECORD");
    return {.directory = directory / "forge", .record_file = record == nullptr ? "" : record};
}

constexpr std::string_view hook_secret = "a secret of the practice forge";
constexpr std::string_view status_mark = "-status -->";
constexpr std::string_view bot_token = "practice-token-of-the-bot";

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

Factory::Factory(Plan plan) : forge(forge_options(directory_)) {
    plan.files.push_back({.path = "README.md", .content = "# widget\n"});
    if (!plan.recipe.empty()) plan.files.push_back({.path = ".shopfloor.yml", .content = plan.recipe});
    forge.create_repository({.full_name = std::string(repository), .files = plan.files});
    forge.add_collaborator(repository, maintainer, practice_forge::Permission::write);
    forge.add_collaborator(repository, visitor, practice_forge::Permission::read);

    config::ForgeSettings github{.name = "github",
                                 .api_url = forge.api_url(),
                                 .webhook_secrets = {config::Secret(std::string(hook_secret))},
                                 .repositories = {std::string(repository)}};
    if (plan.app) {
        const auto keys = practice_forge::make_key_pair();
        forge.set_app({.public_key = keys.public_pem});
        github.app = config::AppCredentials{.app_id = "1", .private_key = config::Secret(keys.private_pem)};
    } else {
        forge.add_token("shopfloor-practice[bot]", bot_token);
        forge.add_collaborator(repository, "shopfloor-practice[bot]", practice_forge::Permission::write);
        github.token = config::Secret(std::string(bot_token));
    }
    const bool docker = plan.backend == "docker";
    settings_ = {
        .listen_port = 0,
        .state_dir = directory_ / "state",
        .forges = {std::move(github)},
        .sandbox = {.backend = plan.backend, .default_image = docker ? "debian:bookworm-slim" : "host"}};
    if (!docker) settings_.sandbox.roots = {{"host", "/"}};
    for (const auto& [name, script] : plan.agents)
        settings_.profiles.push_back({.name = name, .command = {"/bin/sh", "-c", script}});
    if (plan.change) plan.change(settings_);
    start();
}

Factory::~Factory() {
    stop();
    std::error_code error;
    fs::remove_all(directory_, error);
}

void Factory::start() {
    service_ = std::make_unique<bot::Service>(settings_);
    forge.set_hook({.url = fmt::format("http://127.0.0.1:{}/hooks/github", service_->port()),
                    .secret = std::string(hook_secret)});
    serving_ = std::jthread([this](const std::stop_token& stop) { service_->run(stop); });
}

void Factory::stop() {
    if (serving_.joinable()) {
        serving_.request_stop();
        serving_.join();
    }
    service_.reset();
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
            for (const auto& one : forge.issue(repository, issue).labels)
                if (one == label) return true;
            return false;
        },
        std::chrono::seconds(60));
    if (!reached) MESSAGE("status comment: " << status(issue));
    return reached;
}

std::string Factory::status(std::int64_t issue) const {
    std::string latest;  // a retry has a status comment of its own
    for (const auto& comment : forge.issue(repository, issue).comments)
        if (comment.body.find(status_mark) != std::string::npos) latest = comment.body;
    return latest;
}

std::vector<std::string> Factory::answers(std::int64_t issue) const {
    std::vector<std::string> found;
    for (const auto& comment : forge.issue(repository, issue).comments)
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

std::string Factory::log(std::string_view file) const {
    std::ifstream in(settings_.state_dir / "logs" / file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<std::string> Factory::leftovers() const {
    std::vector<std::string> found;
    std::ifstream mounts("/proc/self/mounts");
    for (std::string line; std::getline(mounts, line);)
        if (line.find(directory_.string()) != std::string::npos) found.push_back("mount " + line);
    std::error_code error;
    for (const auto& run : fs::directory_iterator(settings_.state_dir / "workspaces" / "runs", error))
        found.push_back("folder " + run.path().string());
    for (const auto& process : fs::directory_iterator("/proc", error)) {
        std::ifstream environment(process.path() / "cmdline", std::ios::binary);
        std::string line;
        std::getline(environment, line);
        if (line.find(directory_.string()) != std::string::npos)
            found.push_back("process " + process.path().string());
    }
    return found;
}

}  // namespace scenarios
