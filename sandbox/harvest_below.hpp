#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <expected>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/layers_tree.hpp"

namespace sandbox {

/// The shared layers of a workspace seen as the one tree that an overlay would show: whiteouts hide, opaque
/// folders cut. Nothing is read before it is asked for.
class Below {
 public:
    using Layers = std::vector<std::size_t>;  ///< numbers of layers, topmost first

    struct Entry {
        enum class Kind { none, file, link, folder, other };
        Kind kind = Kind::none;
        std::size_t layer = 0;  ///< where it is seen, unless it is a folder
        struct stat about{};
        Layers layers;  ///< of Kind::folder: who has a part of it
    };

    /// The parts of one folder, open.
    struct Folder {
        std::vector<std::pair<std::size_t, tree::Fd>> parts;  ///< topmost first
    };

    /// Lowest layer first, as workspaces have them.
    explicit Below(std::vector<tree::Fd> layers);

    [[nodiscard]] Layers all() const;
    /// `path` is "" or ends in '/'. Error: errno.
    [[nodiscard]] std::expected<Folder, int> open(const std::string& path, const Layers& layers) const;
    [[nodiscard]] std::expected<Entry, int> find(const Folder& folder, const std::string& name) const;
    [[nodiscard]] std::expected<std::map<std::string, Entry>, int> list(const Folder& folder) const;
    /// The file that `find` saw in this folder.
    [[nodiscard]] tree::Fd open_file(const Folder& folder, const Entry& entry, const std::string& name) const;
    [[nodiscard]] std::expected<std::string, int> read_link(const Folder& folder, const Entry& entry,
                                                            const std::string& name) const;

 private:
    static int part_of(const Folder& folder, std::size_t layer);

    std::vector<tree::Fd> layers_;  // topmost first
};

/// Where a link points; errno otherwise.
[[nodiscard]] std::expected<std::string, int> read_link(int folder, const std::string& name);

}  // namespace sandbox
