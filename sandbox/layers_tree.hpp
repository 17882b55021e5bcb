#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/sandbox.hpp"

/// File trees written by somebody else. Every open goes through openat2 beneath a folder we hold: no link is
/// followed, no mount entered. Paths are relative and shorter than PATH_MAX; a deeper tree is refused (or
/// flattened, to remove it).
namespace sandbox::tree {

using Fd = Descriptor;

/// `what`, then the sentence of errno (or of `number`). Of the kind `unavailable` when the machine has run
/// out of something or its disk fails.
[[nodiscard]] Error failed(std::string_view what, const std::filesystem::path& path, int number);
[[nodiscard]] Error failed(std::string_view what, const std::filesystem::path& path);

/// A folder of ours, by a path that we trust.
[[nodiscard]] Fd open_folder(const std::filesystem::path& path);

/// Beneath `folder`; errno tells why when the result is empty. `relative` empty or "." is the folder itself.
[[nodiscard]] Fd open_beneath(int folder, const std::string& relative, int flags, mode_t mode = 0);

/// Whether this kernel has openat2 (Linux 5.6).
[[nodiscard]] bool have_openat2();

/// Names in a folder without `.` and `..`, sorted.
[[nodiscard]] std::expected<std::vector<std::string>, int> names_in(int folder);

/// A whiteout of the kernel's overlay: a character device 0:0.
[[nodiscard]] bool is_whiteout(const struct stat& about);
/// A folder that hides what lies below it in lower layers.
[[nodiscard]] bool is_opaque(int folder);

/// To the sandbox user, when we are root; else it is ours and so his already. errno tells why not.
[[nodiscard]] bool give(int file);
[[nodiscard]] bool give_name(int parent, const std::string& name);

/// Bytes and holes; shares blocks where the file system can.
[[nodiscard]] std::expected<void, int> copy_bytes(int from, int to);

enum class Marks {
    none,     ///< plain trees: every device node and socket is left out
    overlay,  ///< whiteouts and opaque folders are copied too
};

/// Paths of folders that one walk over a tree may come to hold, in bytes: more are somebody's attack on our
/// memory.
inline constexpr std::size_t most_folder_bytes = 32U << 20;

/// Copies what is in `from` into `to`, over what is there: modes (rwx only), links and times are kept,
/// everything becomes the sandbox user's. Pipes, sockets and devices are left out, several names of one file
/// become several files.
[[nodiscard]] std::expected<void, Error> copy_into(int from, int to, Marks marks);

/// Makes all of a tree the sandbox user's, takes set-id bits away, and counts the bytes on disk.
[[nodiscard]] std::expected<std::uint64_t, Error> settle(int folder);

/// Removes a name with all below it, however deep, without following a link or entering a mount.
[[nodiscard]] std::expected<void, Error> remove(int parent, const std::string& name);

/// Creates or opens the folders of `relative` beneath `root`, owned by the sandbox user; anything in the way
/// that is no folder, a link too, is replaced and never followed.
[[nodiscard]] std::expected<Fd, Error> make_folders(int root, const std::string& relative);

}  // namespace sandbox::tree
