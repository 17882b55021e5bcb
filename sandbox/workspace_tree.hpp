#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/limits.hpp"
#include "sandbox/workspace.hpp"

namespace sandbox {

/// One workspace in its folder, overlay or copy. `Workspaces` decides which and when.
class WorkspaceTree final : public Workspace {
 public:
    struct Place {
        std::filesystem::path folder;     ///< runs/<name>
        std::filesystem::path templates;  ///< empty disk images, one per size
        Layering layering = Layering::overlay;
        TreeReader* reader = &own_reader();
    };
    /// Called once, when the workspace is closed; whether it was kept.
    using Closed = std::function<void(bool kept)>;

    WorkspaceTree(Place place, std::vector<SharedLayer> layers)
        : place_(std::move(place)), layers_(std::move(layers)) {}
    ~WorkspaceTree() override;

    /// In a folder that is not there yet. What fails leaves the folder for `demolish`.
    [[nodiscard]] std::expected<void, Error> create(const config::Limits& limits);
    /// Over a folder that an earlier process kept, whatever of it is still mounted.
    [[nodiscard]] std::expected<void, Error> adopt();
    /// What could not be adopted is left for a person, or for `replace`, to remove.
    void keep_as_found() { kept_ = ready_ = true; }
    void on_close(Closed closed) { closed_ = std::move(closed); }

    [[nodiscard]] std::filesystem::path root() const override { return place_.folder / "root"; }
    [[nodiscard]] std::filesystem::path home() const override;
    [[nodiscard]] std::vector<std::filesystem::path> layers() const override;
    [[nodiscard]] std::expected<Changes, HarvestError> harvest(const HarvestLimits& limits) const override;
    [[nodiscard]] std::expected<std::string, HarvestError> read(const std::filesystem::path& relative,
                                                                std::uint64_t cap) const override;
    [[nodiscard]] std::expected<void, Error> apply(const Changes& changes) override;
    void keep() override { kept_ = true; }
    [[nodiscard]] bool adopted() const override { return adopted_; }
    [[nodiscard]] std::string identity() const override;

    /// What the run wrote (overlay) or the whole tree (copy), as it is, into a folder that becomes a layer.
    [[nodiscard]] std::expected<void, Error> copy_own(const std::filesystem::path& to) const;

    /// Unmounts and removes the folder of a workspace, whatever state it is in. True when it is gone.
    static bool demolish(const std::filesystem::path& folder);
    /// Whether the folder holds a workspace that was opened to its end.
    [[nodiscard]] static bool was_opened(const std::filesystem::path& folder);
    /// Folder names of the layers it was opened over.
    [[nodiscard]] static std::vector<std::string> layer_names(const std::filesystem::path& folder);
    /// Whether what is there was opened in this way and over these layers.
    [[nodiscard]] bool fits() const;

 private:
    [[nodiscard]] std::filesystem::path disk() const { return place_.folder / "disk"; }
    [[nodiscard]] std::filesystem::path own() const;
    [[nodiscard]] std::expected<void, Error> create_overlay(const config::Limits& limits);
    [[nodiscard]] std::expected<void, Error> create_copy();
    [[nodiscard]] std::expected<void, Error> mount_root();
    [[nodiscard]] std::string facts() const;

    Place place_;
    std::vector<SharedLayer> layers_;
    Closed closed_;
    bool ready_ = false;
    bool kept_ = false;
    bool adopted_ = false;
};

}  // namespace sandbox
