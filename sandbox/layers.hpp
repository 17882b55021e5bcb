#pragma once

#include <condition_variable>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "sandbox/workspace.hpp"

namespace sandbox {

/// The shared layers on disk: a folder each, named by the hash of its key, with a small file of facts beside
/// it whose time is that of the last use. Thread-safe.
class LayerCache {
 public:
    using Fill = std::function<std::expected<void, Error>(const std::filesystem::path&)>;

    /// Knows what an earlier process left whole, and removes what it left half-made.
    explicit LayerCache(std::filesystem::path folder);

    /// From the cache or made by `fill`, by one asker per key at a time. Who waited for one that failed
    /// (stopped, say) tries it with its own `fill`, so that only who tried is told of a failure.
    [[nodiscard]] std::expected<SharedLayer, Error> get(const std::string& key, bool whole, const Fill& fill);

    /// Least recently used first, until `most` bytes are left; never one in use or named in `pinned`.
    void evict(std::uint64_t most, const std::set<std::string>& pinned);

    [[nodiscard]] Workspaces::CacheFigures figures() const;

    [[nodiscard]] static std::string hash(const std::string& key);

 private:
    struct Entry {
        std::uint64_t bytes = 0;
        bool whole = false;
        std::filesystem::file_time_type used;
        std::weak_ptr<const LayerUse> use;
    };
    /// One layer being made. Shared by its maker and those who wait for it, whoever leaves last.
    struct Flight {
        bool landed = false;
    };

    void load();
    SharedLayer use(const std::string& name, Entry& entry);
    std::expected<Entry, Error> make(const std::string& name, const std::string& key, bool whole,
                                     const Fill& fill);
    void discard(const std::string& file_name);
    void land(const std::string& name, const std::shared_ptr<Flight>& flight);

    const std::filesystem::path folder_;
    mutable std::mutex mutex_;
    std::condition_variable landed_;
    std::map<std::string, Entry> entries_;
    std::map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace sandbox
