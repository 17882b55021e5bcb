#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/limits.hpp"
#include "sandbox/harvest.hpp"
#include "sandbox/sandbox.hpp"

namespace sandbox {

/// How the writable layer is kept apart from the shared ones.
enum class Layering {
    overlay,  ///< kernel overlay over shared read-only layers, quota by a loop-mounted ext4
    copy,     ///< a plain copy, where overlay cannot be had; no quota, said aloud
};

/// The files of one run: shared read-only layers below, this run's own changes on top.
/// Removes its mount, loop device and folder when destroyed, unless `keep()` was called (for adoption after a restart).
class Workspace {
   public:
    virtual ~Workspace() = default;
    Workspace() = default;
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;

    /// The merged tree, mounted. What a local backend shows at /workspace.
    [[nodiscard]] virtual std::filesystem::path root() const = 0;
    /// A writable home directory under the same quota. What a local backend shows at /home/agent.
    [[nodiscard]] virtual std::filesystem::path home() const = 0;
    /// The read-only layers, lowest first, for a backend that ships them elsewhere.
    [[nodiscard]] virtual std::vector<std::filesystem::path> layers() const = 0;
    /// What the run changed against its layers, as validated hostile data. Cost follows the change.
    [[nodiscard]] virtual std::expected<Changes, HarvestError> harvest(const HarvestLimits& limits) const = 0;
    /// One file of the merged tree, never through a link, at most `cap` bytes.
    [[nodiscard]] virtual std::expected<std::string, HarvestError> read(const std::filesystem::path& relative,
                                                                        std::uint64_t cap) const = 0;
    /// Writes changes into the own layer before anything runs (the result tree of another run, guidance files).
    [[nodiscard]] virtual std::expected<void, Error> apply(const Changes& changes) = 0;
    virtual void keep() = 0;
};

/// A shared layer in use; while one exists the cache does not evict it.
class LayerUse;

/// Makes and caches layers and workspaces under one folder. Thread-safe; two askers of one layer make it once.
class Workspaces {
   public:
    struct Settings {
        std::filesystem::path directory;  ///< root-owned, mode 0711
        std::uint64_t cache_bytes = 20ULL << 30;
    };

    explicit Workspaces(Settings settings);
    ~Workspaces();

    [[nodiscard]] Layering layering() const;
    /// Why not overlay, one sentence; empty when it is.
    [[nodiscard]] std::string layering_reason() const;

    /// The layer of this key: from the cache, or made by `fill` in a fresh folder that becomes the layer when `fill`
    /// succeeds and vanishes when it does not. `key` is free text; its hash names the folder.
    [[nodiscard]] std::expected<std::shared_ptr<const LayerUse>, Error> layer(
        const std::string& key, const std::function<std::expected<void, Error>(const std::filesystem::path&)>& fill);

    /// A layer made from what ran in a workspace: its own changes, taken as they are (deletions included).
    [[nodiscard]] std::expected<std::shared_ptr<const LayerUse>, Error> layer_from_run(
        const std::string& key, const std::vector<std::shared_ptr<const LayerUse>>& below, const config::Limits& limits,
        const std::function<std::expected<void, Error>(Workspace&)>& run);

    /// A fresh workspace of that name over the layers (lowest first). One left by an earlier process under the same
    /// name is removed first, or taken over as it is with `adopt`.
    enum class Existing { replace, adopt };
    [[nodiscard]] std::expected<std::unique_ptr<Workspace>, Error> open(
        const std::string& name, const std::vector<std::shared_ptr<const LayerUse>>& layers, const config::Limits& limits,
        Existing existing = Existing::replace);

    /// Removes workspaces of earlier processes that `keep` does not answer for; returns their names.
    std::vector<std::string> sweep(const std::function<bool(std::string_view name)>& keep);

    /// Brings the cache under its limit, least recently used first, never one in use. Called after each new layer.
    void evict();

    struct CacheFigures {
        std::uint64_t bytes = 0;
        std::size_t layers = 0;
    };
    [[nodiscard]] CacheFigures cache() const;

   private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace sandbox
