#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "bot/part.hpp"
#include "sandbox/sandbox.hpp"

namespace bot {

/// The sandbox in a process of its own: the one that holds the engine's socket or starts bwrap, and nothing
/// else that is worth having. When it dies, runs under way end as unavailable and are tried again: programs
/// that survive are found by their names.
class Runner final : public sandbox::Sandbox {
 public:
    /// Starts it. Throws std::runtime_error with why there is no sandbox.
    Runner(const std::filesystem::path& program, const config::SandboxSettings& settings,
           const std::string& instance);

    [[nodiscard]] std::string_view backend() const override { return backend_; }
    [[nodiscard]] std::string describe() const override { return description_; }
    [[nodiscard]] std::expected<sandbox::Image, sandbox::Error> resolve(const std::string& image,
                                                                        std::stop_token stop) override;
    [[nodiscard]] std::expected<sandbox::RunOutcome, sandbox::Error> run(
        const sandbox::RunSpec& spec, const sandbox::RunFiles& files,
        const sandbox::Control& control) override;
    [[nodiscard]] std::expected<std::vector<std::string>, sandbox::Error> sweep(
        const std::function<bool(std::string_view name)>& keep) override;

    [[nodiscard]] pid_t pid() const { return part_->pid(); }

 private:
    /// What the runner asks back while it works on a call of ours.
    struct Asked {
        std::function<void(std::string_view)> output;
        std::function<void(const sandbox::RunOutcome&)> end;
        std::function<bool(std::string_view)> keep;
        std::exception_ptr thrown;  ///< by one of them; the caller gets it
        int busy = 0;               ///< answers under way
    };
    class Errand;

    [[nodiscard]] sandbox::Peer::Verbs verbs();
    sandbox::Message ask_back(const sandbox::Message& question, const std::function<void(Asked&)>& answer);

    std::string backend_, description_;
    std::mutex mutex_;  // of all below but the part
    std::condition_variable news_;
    std::uint64_t errands_ = 0;
    std::map<std::uint64_t, std::shared_ptr<Asked>> asked_;
    std::optional<PeerPart> part_;  // last: its calls use all of the above
};

}  // namespace bot
