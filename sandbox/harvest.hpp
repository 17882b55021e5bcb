#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox {

/// One changed path of a run, validated: relative, no `.` or `..`, no `.git` component in any spelling a file
/// system may fold to it, no control or bidi characters, valid UTF-8, not longer than 4,096 bytes.
struct Change {
    enum class Kind { file, executable, link, removed };
    std::string path;
    Kind kind = Kind::file;
    std::string content;  ///< file bytes, or the target of a link that stays inside the tree

    friend bool operator==(const Change&, const Change&) = default;
};

/// Sorted by path, each path once, and none below another. So a file that became a folder is told by the
/// paths in that folder alone, a folder that became a file by that file alone; whoever applies them replaces
/// what is in the way. A removed folder is told as every file it had. A `removed` path may be one that only a
/// setup layer had.
using Changes = std::vector<Change>;

struct HarvestLimits {
    std::size_t max_files = 100;           ///< changed paths, after `ignored`
    std::uint64_t max_bytes = 4ULL << 20;  ///< of content altogether
    /// Paths not looked at, e.g. what .gitignore names; a folder path ends in '/', and is not entered when
    /// ignored. Called before anything else is known of a path: it may be any bytes but NUL.
    std::function<bool(const std::string& path)> ignored;
};

/// Why the result of a run is rejected whole. `path` is made printable.
struct HarvestError {
    enum class Kind { bad_name, outward_link, special_file, too_many, too_large, hard_link, vanished, io };
    Kind kind = Kind::io;
    std::string path;
    std::string message;  ///< a sentence for the issue
};

/// How a tree tells what a run changed.
enum class Written {
    overlay,  ///< only what changed, with the kernel's whiteouts and opaque folders: an overlay's upper
              ///< folder
    whole,    ///< the whole tree: what is not there was removed
};

/// Who reads trees that strangers wrote: this process (`own_reader`), or one that has nothing to lose.
/// Thread-safe.
class TreeReader {
 public:
    virtual ~TreeReader() = default;
    /// What `own` holds that the layers (lowest first) do not.
    [[nodiscard]] virtual std::expected<Changes, HarvestError> harvest(
        const std::filesystem::path& own, Written written, const std::vector<std::filesystem::path>& layers,
        const HarvestLimits& limits) = 0;
    /// One plain file beneath `root`, never through a link, at most `cap` bytes.
    [[nodiscard]] virtual std::expected<std::string, HarvestError> read(const std::filesystem::path& root,
                                                                        const std::string& path,
                                                                        std::uint64_t cap) = 0;
};

[[nodiscard]] TreeReader& own_reader();

/// Why these are no changes that a harvest within such limits gives, as a sentence; empty when they are.
[[nodiscard]] std::string changes_fault(const Changes& changes, const HarvestLimits& limits);

/// Why a path must not enter a commit, as the end of a sentence ("its name ..."); empty when it may.
[[nodiscard]] std::string path_fault(std::string_view path);

/// Why the link at `path` must not point at `target`, as the end of a sentence ("it ..."); empty when it may.
/// Only the text is judged: `..` is allowed at the beginning alone, so that links to folders cannot lead it
/// astray.
[[nodiscard]] std::string link_fault(std::string_view path, std::string_view target);

/// Hostile bytes for people to read: what is not plain text becomes \xNN, and what is long is cut.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace sandbox
