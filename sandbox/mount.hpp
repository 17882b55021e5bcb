#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <vector>

#include "sandbox/sandbox.hpp"

/// The kernel's part of a workspace: an ext4 image of fixed size attached to a loop device, and an overlay on
/// it.
namespace sandbox::mount {

/// What fits into an image: file bytes, and files. The file system's own tables come on top.
struct Size {
    std::uint64_t bytes = 0;
    std::uint64_t inodes = 0;
};

/// Makes an empty image at `image`, a sparse copy of one kept per size in `templates`.
[[nodiscard]] std::expected<void, Error> make_image(const std::filesystem::path& templates,
                                                    const std::filesystem::path& image, Size size);

/// Mounts the image (nosuid, nodev). The loop device belongs to the mount and goes with it.
[[nodiscard]] std::expected<void, Error> mount_image(const std::filesystem::path& image,
                                                     const std::filesystem::path& target);

struct Overlay {
    std::vector<std::filesystem::path> layers;  ///< lowest first, at least one
    std::filesystem::path upper;
    std::filesystem::path work;  ///< on the file system of `upper`
    std::filesystem::path target;
};
[[nodiscard]] std::expected<void, Error> mount_overlay(const Overlay& overlay);

[[nodiscard]] bool is_mounted(const std::filesystem::path& target);

/// Has a mounted image forget what is not yet written; whoever still uses it gets errors. Then unmounting
/// does not write gigabytes into a file that is about to be removed. Does nothing where no image is mounted.
void abandon(const std::filesystem::path& target);

/// Takes every mount at `target` away; one still in use goes as soon as its last user does. Nothing mounted
/// is success.
[[nodiscard]] std::expected<void, Error> unmount(const std::filesystem::path& target);

}  // namespace sandbox::mount
