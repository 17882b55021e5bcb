#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
/// Removes its mount, loop device and folder when destroyed, unless `keep()` was called (for adoption after a
/// restart). Destroyed before the Workspaces it came from.
class Workspace : public RunFiles {
 public:
    /// What the run changed against its layers, as validated hostile data. Cost follows the change.
    [[nodiscard]] virtual std::expected<Changes, HarvestError> harvest(const HarvestLimits& limits) const = 0;
    /// One file of the merged tree, never through a link, at most `cap` bytes.
    [[nodiscard]] virtual std::expected<std::string, HarvestError> read(const std::filesystem::path& relative,
                                                                        std::uint64_t cap) const = 0;
    /// Writes changes into the own layer before anything runs (the result tree of another run, guidance
    /// files). A file, folder or link in the way of a path is replaced, never followed. Validates again what
    /// it is given.
    [[nodiscard]] virtual std::expected<void, Error> apply(const Changes& changes) = 0;
    virtual void keep() = 0;
    /// What an earlier process left was taken over: its files are those of the runs so far.
    [[nodiscard]] virtual bool adopted() const { return false; }
};

/// A shared layer in use; while one exists the cache does not evict it. Everything in it is the sandbox
/// user's.
class LayerUse {
 public:
    LayerUse(std::filesystem::path path, bool whole) : path_(std::move(path)), whole_(whole) {}
    LayerUse(const LayerUse&) = delete;
    LayerUse& operator=(const LayerUse&) = delete;

    /// Its folder, read-only by agreement.
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// It contains the layers below it too, which are then left out of a workspace.
    [[nodiscard]] bool whole() const { return whole_; }

 private:
    std::filesystem::path path_;
    bool whole_;
};

/// Shared because several workspaces and askers use one layer at a time, and the last of them lets the cache
/// evict it.
using SharedLayer = std::shared_ptr<const LayerUse>;

/// Makes and caches layers and workspaces under one folder. Thread-safe; two askers of one layer make it
/// once.
class Workspaces {
 public:
    struct Settings {
        std::filesystem::path directory;  ///< made when it is not there; root-owned, mode 0711; ours alone
        std::uint64_t cache_bytes = 20ULL << 30;
        std::optional<Layering> force;  ///< instead of the best this machine can do
    };

    /// Tries out what the kernel gives. Throws when the folder cannot be had, another process has it, the
    /// kernel is older than 5.6, or the forced layering cannot be had.
    explicit Workspaces(Settings settings);
    ~Workspaces();

    [[nodiscard]] Layering layering() const;
    /// Why not overlay, one sentence; empty when it is.
    [[nodiscard]] std::string layering_reason() const;

    /// The layer of this key: from the cache, or made by `fill` in a fresh folder that becomes the layer when
    /// `fill` succeeds and vanishes when it does not. `key` is free text; its hash names the folder.
    [[nodiscard]] std::expected<SharedLayer, Error> layer(
        const std::string& key,
        const std::function<std::expected<void, Error>(const std::filesystem::path&)>& fill);

    /// A layer made from what ran in a workspace: its own changes, taken as they are (deletions included);
    /// its home is not. With Layering::copy it is the whole tree, made anew for other layers below.
    [[nodiscard]] std::expected<SharedLayer, Error> layer_from_run(
        const std::string& key, const std::vector<SharedLayer>& below, const config::Limits& limits,
        const std::function<std::expected<void, Error>(Workspace&)>& run);

    /// A fresh workspace of that name over the layers (lowest first). One left by an earlier process under
    /// the same name is removed first, or with `adopt` taken over as it is, if it lies over the same layers.
    enum class Existing { replace, adopt };
    [[nodiscard]] std::expected<std::unique_ptr<Workspace>, Error> open(
        const std::string& name, const std::vector<SharedLayer>& layers, const config::Limits& limits,
        Existing existing = Existing::replace);

    /// Removes workspaces of earlier processes that `keep` does not answer for; returns their names.
    std::vector<std::string> sweep(const std::function<bool(std::string_view name)>& keep);

    /// Brings the cache under its limit, least recently used first, never one in use. Called after each new
    /// layer.
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
