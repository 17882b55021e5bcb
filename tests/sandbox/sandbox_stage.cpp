#include "sandbox_stage.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>
#include <thread>

#include "tests/sandbox/probe.hpp"

namespace stage {

namespace fs = std::filesystem;

namespace {

fs::path fresh_folder() {
    auto name = (fs::temp_directory_path() / "shopfloor-stage-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    ::chmod(name.c_str(), 0711);
    return name;
}

bool until(const std::function<bool()>& holds, std::chrono::seconds patience) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

}  // namespace

PlainWorkspace::PlainWorkspace() : folder_(fresh_folder()) {
    for (const auto& part : {root(), home()}) {
        fs::create_directories(part);
        REQUIRE(::chown(part.c_str(), sandbox::sandbox_uid(), sandbox::sandbox_uid()) == 0);
    }
}

PlainWorkspace::~PlainWorkspace() {
    std::error_code error;
    fs::remove_all(folder_, error);
}

std::expected<std::string, sandbox::HarvestError> PlainWorkspace::read(const fs::path& relative,
                                                                       std::uint64_t) const {
    return read_file(root() / relative);
}

void PlainWorkspace::bring_probe() const {
    const auto file = root() / "probe";
    std::ofstream(file, std::ios::binary) << probe_program();
    fs::permissions(file, fs::perms(0755));
}

config::SandboxSettings settings(const std::string& backend) {
    config::SandboxSettings settings;
    settings.backend = backend;
    settings.pull_images = false;
    settings.roots = {{image, "/"}};
    return settings;
}

std::string instance() { return fmt::format("test-{}", ::getpid()); }

sandbox::Sandbox* backend(const std::string& name) {
    static std::map<std::string, std::expected<std::unique_ptr<sandbox::Sandbox>, sandbox::Error>> made;
    auto known = made.find(name);
    if (known == made.end())
        known = made.emplace(name, sandbox::make_sandbox(settings(name), instance())).first;
    if (known->second) return known->second->get();
    const auto reason = fmt::format("no {} here: {}", name, known->second.error().message);
    if (std::getenv("CI") != nullptr) {
        FAIL_CHECK(reason);
    } else {
        MESSAGE("skipped, " << reason);
    }
    return nullptr;
}

void on_both(const std::function<void(sandbox::Sandbox&)>& test) {
    for (const char* name : {"docker", "bubblewrap"}) {
        SUBCASE(name) {
            if (auto* sandbox = backend(name)) test(*sandbox);
        }
    }
}

sandbox::RunSpec program(sandbox::Sandbox& sandbox, std::vector<std::string> argv) {
    static std::atomic<int> next{0};
    const auto resolved = sandbox.resolve(image, {});
    REQUIRE_MESSAGE(resolved.has_value(), (resolved ? "" : resolved.error().message));
    sandbox::RunSpec spec{
        .name = fmt::format("run-{}", ++next), .image = resolved->id, .argv = std::move(argv)};
    spec.limits.memory_bytes = 256ULL << 20;
    spec.limits.pids = 64;
    spec.limits.total = std::chrono::seconds(120);
    spec.limits.idle = std::chrono::seconds(60);
    return spec;
}

sandbox::RunSpec script(sandbox::Sandbox& sandbox, const std::string& text) {
    return program(sandbox, {"sh", "-c", text});
}

Ran run(sandbox::Sandbox& sandbox, sandbox::RunSpec spec, sandbox::Workspace& workspace,
        const sandbox::Control& control) {
    Ran ran;
    const auto heard = spec.on_output;
    spec.on_output = [&](std::string_view part) {
        ran.output.append(part);
        if (heard) heard(part);
    };
    const auto outcome = sandbox.run(spec, workspace, control);
    REQUIRE_MESSAGE(outcome.has_value(), (outcome ? "" : outcome.error().message));
    ran.outcome = *outcome;
    return ran;
}

std::map<std::string, std::string> probe(sandbox::Sandbox& sandbox, std::vector<std::string> arguments) {
    PlainWorkspace workspace;
    workspace.bring_probe();
    arguments.insert(arguments.begin(), "/workspace/probe");
    const auto ran = run(sandbox, program(sandbox, std::move(arguments)), workspace);
    INFO(ran.output);
    CHECK(ran.outcome.ok());
    std::map<std::string, std::string> results;
    std::istringstream lines(ran.output);
    for (std::string line; std::getline(lines, line);) {
        const auto colon = line.rfind(": ");
        if (colon != std::string::npos) results[line.substr(0, colon)] = line.substr(colon + 2);
    }
    return results;
}

std::vector<int> processes_with(std::string_view marker) {
    std::vector<int> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos || name == std::to_string(::getpid()))
            continue;
        if (read_file(entry.path() / "cmdline").contains(marker)) found.push_back(std::stoi(name));
    }
    return found;
}

bool gone(std::string_view marker, std::chrono::seconds patience) {
    return until([&] { return processes_with(marker).empty(); }, patience);
}

bool appears(std::string_view marker, std::chrono::seconds patience) {
    return until([&] { return !processes_with(marker).empty(); }, patience);
}

std::string unique_sleep() {
    static std::atomic<int> next{0};
    return fmt::format("{}.{:03}", 100000 + ::getpid(), ++next);
}

std::string read_file(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace stage
