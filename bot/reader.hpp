#pragma once

#include <chrono>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bot/evidence.hpp"
#include "integrations/agents.hpp"
#include "sandbox/descriptor.hpp"
#include "sandbox/harvest.hpp"
#include "sandbox/peer.hpp"

namespace bot {

/// Reads what strangers wrote: trees, transcripts, test reports. Each question goes to a process of its own
/// that has nothing but the bytes in question and ends with its answer, which is not trusted either: what
/// takes over one of them learns no secret, reaches nobody, and tells of no other question. Thread-safe.
class Reader final : public sandbox::TreeReader {
 public:
    /// `folder` is made, and stays empty. `patience`: after it a reader is killed, and its question lost.
    /// Throws std::runtime_error.
    Reader(std::filesystem::path program, const std::filesystem::path& folder,
           std::chrono::milliseconds patience = std::chrono::minutes(3));

    [[nodiscard]] std::expected<sandbox::Changes, sandbox::HarvestError> harvest(
        const std::filesystem::path& own, sandbox::Written written,
        const std::vector<std::filesystem::path>& layers, const sandbox::HarvestLimits& limits) override;
    [[nodiscard]] std::expected<std::string, sandbox::HarvestError> read(const std::filesystem::path& root,
                                                                         const std::string& path,
                                                                         std::uint64_t cap) override;
    /// As the adapter of that name reads the last 64 MiB of the log. What cannot be read is a failed pass.
    [[nodiscard]] integrations::AgentReply reply(const std::string& adapter, const std::filesystem::path& log,
                                                 int exit_code) const;
    /// As parse_junit.
    [[nodiscard]] std::expected<std::vector<TestCase>, std::string> junit(std::string xml) const;

 private:
    /// Throws std::runtime_error when there is no answer.
    [[nodiscard]] sandbox::Message ask(std::string_view verb, sandbox::Message question,
                                       sandbox::Peer::Verbs verbs = {}) const;

    std::filesystem::path program_;
    sandbox::Descriptor empty_;
    std::chrono::milliseconds patience_;
};

}  // namespace bot
