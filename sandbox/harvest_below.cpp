#include "sandbox/harvest_below.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <numeric>

namespace sandbox {

Below::Below(std::vector<tree::Fd> layers) : layers_(std::move(layers)) { std::ranges::reverse(layers_); }

Below::Layers Below::all() const {
    Layers every(layers_.size());
    std::iota(every.begin(), every.end(), std::size_t{0});
    return every;
}

std::expected<Below::Folder, int> Below::open(const std::string& path, const Layers& layers) const {
    Folder folder;
    for (const auto layer : layers) {
        auto part = tree::open_beneath(layers_[layer].get(), path, O_RDONLY | O_DIRECTORY);
        if (!part) return std::unexpected(errno);
        folder.parts.emplace_back(layer, std::move(part));
    }
    return folder;
}

std::expected<Below::Entry, int> Below::find(const Folder& folder, const std::string& name) const {
    Entry found;
    for (const auto& [layer, part] : folder.parts) {
        struct stat about{};
        if (::fstatat(part.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT || errno == ENAMETOOLONG) continue;
            return std::unexpected(errno);
        }
        if (tree::is_whiteout(about)) break;
        if (!S_ISDIR(about.st_mode)) {
            if (found.kind != Entry::Kind::none) break;
            found.kind = S_ISREG(about.st_mode)   ? Entry::Kind::file
                         : S_ISLNK(about.st_mode) ? Entry::Kind::link
                                                  : Entry::Kind::other;
            found.layer = layer;
            found.about = about;
            break;
        }
        if (found.kind == Entry::Kind::none) found.about = about;
        found.kind = Entry::Kind::folder;
        found.layers.push_back(layer);
        if (layer == folder.parts.back().first) break;
        const auto inner = tree::open_beneath(part.get(), name, O_RDONLY | O_DIRECTORY);
        if (!inner) return std::unexpected(errno);
        if (tree::is_opaque(inner.get())) break;
    }
    return found;
}

std::expected<std::map<std::string, Below::Entry>, int> Below::list(const Folder& folder) const {
    std::map<std::string, Entry> result;
    for (const auto& part : folder.parts) {
        const auto names = tree::names_in(part.second.get());
        if (!names) return std::unexpected(names.error());
        for (const auto& name : *names) {
            if (result.contains(name)) continue;
            auto entry = find(folder, name);
            if (!entry) return std::unexpected(entry.error());
            result.emplace(name, std::move(*entry));
        }
    }
    std::erase_if(result, [](const auto& named) { return named.second.kind == Entry::Kind::none; });
    return result;
}

int Below::part_of(const Folder& folder, std::size_t layer) {
    const auto part =
        std::ranges::find(folder.parts, layer, [](const auto& numbered) { return numbered.first; });
    return part == folder.parts.end() ? -1 : part->second.get();
}

tree::Fd Below::open_file(const Folder& folder, const Entry& entry, const std::string& name) const {
    return tree::open_beneath(part_of(folder, entry.layer), name, O_RDONLY | O_NONBLOCK);
}

std::expected<std::string, int> Below::read_link(const Folder& folder, const Entry& entry,
                                                 const std::string& name) const {
    return sandbox::read_link(part_of(folder, entry.layer), name);
}

std::expected<std::string, int> read_link(int folder, const std::string& name) {
    std::array<char, PATH_MAX> target;
    const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (size < 0) return std::unexpected(errno);
    return std::string(target.data(), static_cast<std::size_t>(size));
}

}  // namespace sandbox
