#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox.hpp"
#include "sandbox/workspace.hpp"

/// The stage of the contract suite: both real backends, a plain folder as workspace, and a hostile probe
/// program.
namespace stage {

inline constexpr auto image = "debian:bookworm-slim";

/// Two folders that belong to the sandbox user; gone with the object.
class PlainWorkspace final : public sandbox::Workspace {
 public:
    PlainWorkspace();
    ~PlainWorkspace() override;

    [[nodiscard]] std::filesystem::path root() const override { return folder_ / "workspace"; }
    [[nodiscard]] std::filesystem::path home() const override { return folder_ / "home"; }
    [[nodiscard]] std::filesystem::path folder() const { return folder_; }
    [[nodiscard]] std::vector<std::filesystem::path> layers() const override { return {}; }
    [[nodiscard]] std::expected<sandbox::Changes, sandbox::HarvestError> harvest(
        const sandbox::HarvestLimits&) const override {
        return sandbox::Changes{};
    }
    [[nodiscard]] std::expected<std::string, sandbox::HarvestError> read(
        const std::filesystem::path& relative, std::uint64_t cap) const override;
    [[nodiscard]] std::expected<void, sandbox::Error> apply(const sandbox::Changes&) override { return {}; }
    void keep() override {}
    [[nodiscard]] std::string identity() const override { return folder_.string(); }

    /// The probe, compiled once, is at /workspace/probe.
    void bring_probe() const;

 private:
    std::filesystem::path folder_;
};

/// The settings of every test: both backends can serve `image`.
[[nodiscard]] config::SandboxSettings settings(const std::string& backend);

/// This process's own marker for what it leaves behind.
[[nodiscard]] std::string instance();

/// nullptr and a word about it when the machine lacks the real part; a failure under CI.
[[nodiscard]] sandbox::Sandbox* backend(const std::string& name);

/// Runs `test` once for each backend, each as a subcase of its name.
void on_both(const std::function<void(sandbox::Sandbox&)>& test);

/// A spec for `sh -c script` under a fresh name, with limits for tests.
[[nodiscard]] sandbox::RunSpec script(sandbox::Sandbox& sandbox, const std::string& text);
[[nodiscard]] sandbox::RunSpec program(sandbox::Sandbox& sandbox, std::vector<std::string> argv);

struct Ran {
    sandbox::RunOutcome outcome;
    std::string output;
};

/// Runs it and fails the test when the sandbox itself fails.
Ran run(sandbox::Sandbox& sandbox, sandbox::RunSpec spec, sandbox::Workspace& workspace,
        const sandbox::Control& control = {});

/// The probe's results: name -> result.
[[nodiscard]] std::map<std::string, std::string> probe(sandbox::Sandbox& sandbox,
                                                       std::vector<std::string> arguments);

/// Host processes whose command line holds `marker`.
[[nodiscard]] std::vector<int> processes_with(std::string_view marker);
/// Waits until there is none (or one, with `some`); false after `patience`.
[[nodiscard]] bool gone(std::string_view marker, std::chrono::seconds patience = std::chrono::seconds(10));
[[nodiscard]] bool appears(std::string_view marker, std::chrono::seconds patience = std::chrono::seconds(10));

/// A number of seconds that nobody else sleeps for, to find a process by.
[[nodiscard]] std::string unique_sleep();

[[nodiscard]] std::string read_file(const std::filesystem::path& file);

}  // namespace stage
