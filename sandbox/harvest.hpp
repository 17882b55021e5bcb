#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace sandbox {

/// One changed path of a run, validated: relative, no `.` or `..`, no `.git` component in any spelling a file system
/// may fold to it, no control or bidi characters, valid UTF-8, not longer than 4,096 bytes.
struct Change {
    enum class Kind { file, executable, link, removed };
    std::string path;
    Kind kind = Kind::file;
    std::string content;  ///< file bytes, or the target of a link that stays inside the tree

    friend bool operator==(const Change&, const Change&) = default;
};

/// Sorted by path, each path once; a path never lies below another one that is a file.
using Changes = std::vector<Change>;

struct HarvestLimits {
    std::size_t max_files = 100;          ///< changed paths, after `ignored`
    std::uint64_t max_bytes = 4ULL << 20; ///< of content altogether
    /// Paths not looked at, e.g. what .gitignore names; a folder path ends in '/', and is not entered when ignored.
    std::function<bool(const std::string& path)> ignored;
};

/// Why the result of a run is rejected whole. `path` is made printable.
struct HarvestError {
    enum class Kind { bad_name, outward_link, special_file, too_many, too_large, hard_link, vanished, io };
    Kind kind = Kind::io;
    std::string path;
    std::string message;  ///< a sentence for the issue
};

}  // namespace sandbox
