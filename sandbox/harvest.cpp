#include "sandbox/harvest.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include "sandbox/harvest_below.hpp"
#include "sandbox/harvest_walk.hpp"

// How a harvest goes: a list of folders to visit, each opened by its path beneath the top (openat2: no link,
// no mount, nothing outside), its names compared with the same folder of the layers. Only one folder is open
// at a time, so a deep tree costs nothing but its path, and that is at most PATH_MAX.
//
// The tree is hostile, and somebody may still be writing to it: everything is judged by the open file, never
// by what a name said before; pipes cannot hold us (O_NONBLOCK); sizes are checked before and while reading.
// The first fault ends the walk and rejects the whole result.

namespace sandbox {

namespace fs = std::filesystem;

namespace {

using Kind = HarvestError::Kind;
using Entry = Below::Entry;

constexpr int read_folder = O_RDONLY | O_DIRECTORY;
constexpr int read_file = O_RDONLY | O_NONBLOCK;

bool same_moment(const timespec& one, const timespec& other) {
    return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
}

/// The next bytes of a file, until `piece` is full or the file ends.
ssize_t read_full(int file, std::array<char, 65536>& piece) {
    std::size_t have = 0;
    while (have < piece.size()) {
        const ssize_t got = ::read(file, piece.data() + have, piece.size() - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return got;
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    return static_cast<ssize_t>(have);
}

bool same_bytes(int one, int other) {
    std::array<char, 65536> left;
    std::array<char, 65536> right;
    for (;;) {
        const ssize_t size = read_full(one, left);
        if (size < 0 || read_full(other, right) != size) return false;
        if (size == 0) return true;
        if (!std::equal(left.begin(), left.begin() + size, right.begin())) return false;
    }
}

/// All bytes of a file of the size `about` says. Nothing when it changes meanwhile.
std::optional<std::string> steady_content(int file, const struct stat& about) {
    std::string content(static_cast<std::size_t>(about.st_size) + 1, '\0');
    std::size_t have = 0;
    while (have < content.size()) {
        const ssize_t got =
            ::pread(file, content.data() + have, content.size() - have, static_cast<off_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return std::nullopt;
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    struct stat after{};
    if (have + 1 != content.size() || ::fstat(file, &after) != 0 || after.st_size != about.st_size ||
        !same_moment(after.st_mtim, about.st_mtim) || !same_moment(after.st_ctim, about.st_ctim))
        return std::nullopt;
    content.pop_back();
    return content;
}

class Walk {
 public:
    Walk(tree::Fd own, Written written, std::vector<tree::Fd> layers, const HarvestLimits& limits)
        : own_(std::move(own)), written_(written), below_(std::move(layers)), limits_(limits) {}

    std::expected<Changes, HarvestError> all() {
        todo_.push_back({.path = "", .layers = below_.all(), .merges = written_ == Written::overlay});
        while (!todo_.empty()) {
            const Folder next = std::move(todo_.back());
            todo_.pop_back();
            if (!folder(next)) return std::unexpected(std::move(*fault_));
        }
        drop_told_twice();
        return std::move(changes_);
    }

 private:
    struct Folder {
        std::string path;      ///< "" or ending in '/'
        Below::Layers layers;  ///< which layers have it too
        bool merges = false;   ///< whether what is only in the layers is still there
    };

    /// A folder being looked at.
    struct View {
        std::string path;
        tree::Fd own;
        Below::Folder below;
    };

    bool reject(Kind kind, const std::string& path, std::string_view ending) {
        std::string shown = printable(path);
        std::string message = fmt::format("`{}` {}", shown, ending);
        fault_ = HarvestError{.kind = kind, .path = std::move(shown), .message = std::move(message)};
        return false;
    }

    bool lost(const std::string& path, int number) {
        if (number == ENOENT || number == ENOTDIR || number == ELOOP)
            return reject(Kind::vanished, path, "went away while the result was read.");
        return reject(Kind::io, path,
                      fmt::format("cannot be read: {}.", std::generic_category().message(number)));
    }

    bool ignored(const std::string& path) const { return limits_.ignored && limits_.ignored(path); }

    bool folder(const Folder& next) {
        View view{
            .path = next.path, .own = tree::open_beneath(own_.get(), next.path, read_folder), .below = {}};
        if (!view.own) return lost(next.path, errno);
        const auto names = tree::names_in(view.own.get());
        if (!names) return lost(next.path, names.error());
        auto below = below_.open(next.path, next.layers);
        if (!below) return lost(next.path, below.error());
        view.below = std::move(*below);
        const bool merges = next.merges && !tree::is_opaque(view.own.get());
        for (const auto& name : *names) {
            if (next.path.empty() && name == ".git") continue;  // the agent's own, thrown away
            if (!entry(view, name, merges)) return false;
        }
        return merges || left_out(view, {names->begin(), names->end()});
    }

    bool entry(const View& view, const std::string& name, bool merges) {
        const std::string path = view.path + name;
        struct stat about{};
        if (::fstatat(view.own.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
            return lost(path, errno);
        const auto under = below_.find(view.below, name);
        if (!under) return lost(path, under.error());
        if (written_ == Written::overlay && tree::is_whiteout(about)) return removed(path, *under);
        if (S_ISDIR(about.st_mode)) return subfolder(path, *under, merges);
        if (S_ISREG(about.st_mode)) return file(view, name, *under);
        if (S_ISLNK(about.st_mode)) return link(view, name, *under);
        if (ignored(path)) return true;
        return reject(Kind::special_file, path, "is a device, pipe or socket, which no commit can hold.");
    }

    bool subfolder(const std::string& path, const Entry& under, bool merges) {
        if (ignored(path + "/")) return true;
        if (path.size() + 2 > PATH_MAX)
            return reject(Kind::bad_name, path, "is a path longer than 4,096 bytes.");
        const bool known = under.kind == Entry::Kind::folder;
        if (!known)
            if (const auto fault = path_fault(path); !fault.empty())
                return reject(Kind::bad_name, path, fault + ".");
        if (!known && under.kind != Entry::Kind::none) {
            if (!add({.path = path, .kind = Change::Kind::removed, .content = {}})) return false;
            became_folders_.insert(path);
        }
        folder_bytes_ += path.size() + 1;
        if (folder_bytes_ > tree::most_folder_bytes)
            return reject(Kind::too_many, path,
                          "is in a tree of too many folders: their paths are longer than 32 MiB.");
        todo_.push_back({.path = path + "/", .layers = under.layers, .merges = merges && known});
        return true;
    }

    bool file(const View& view, const std::string& name, const Entry& under) {
        const std::string path = view.path + name;
        const auto opened = tree::open_beneath(view.own.get(), name, read_file);
        struct stat about{};
        if (!opened || ::fstat(opened.get(), &about) != 0) return lost(path, errno);
        if (!S_ISREG(about.st_mode)) return lost(path, ENOENT);
        const auto executable = [](const struct stat& one) { return (one.st_mode & S_IXUSR) != 0; };
        if (under.kind == Entry::Kind::file && under.about.st_size == about.st_size &&
            executable(under.about) == executable(about)) {
            const auto original = below_.open_file(view.below, under, name);
            if (!original) return lost(path, errno);
            if (same_bytes(opened.get(), original.get())) return true;
        }
        if (ignored(path)) return true;
        if (about.st_nlink > 1)
            return reject(Kind::hard_link, path,
                          "has a second name (a hard link), which no commit can hold.");
        const std::uint64_t size = static_cast<std::uint64_t>(about.st_size);
        if (size > limits_.max_bytes - bytes_)
            return reject(
                Kind::too_large, path,
                fmt::format("makes the changes larger than {} bytes altogether.", limits_.max_bytes));
        if (!may_add(path)) return false;
        auto content = steady_content(opened.get(), about);
        if (!content) return reject(Kind::vanished, path, "was changed while the result was read.");
        return add({.path = path,
                    .kind = executable(about) ? Change::Kind::executable : Change::Kind::file,
                    .content = std::move(*content)});
    }

    bool link(const View& view, const std::string& name, const Entry& under) {
        const std::string path = view.path + name;
        auto target = read_link(view.own.get(), name);
        if (!target) return lost(path, target.error() == EINVAL ? ENOENT : target.error());
        if (under.kind == Entry::Kind::link) {
            const auto original = below_.read_link(view.below, under, name);
            if (!original) return lost(path, original.error());
            if (*original == *target) return true;
        }
        if (ignored(path)) return true;
        if (!may_add(path)) return false;
        if (const auto fault = link_fault(path, *target); !fault.empty())
            return reject(Kind::outward_link, path, fmt::format("is a link that {}.", fault));
        return add({.path = path, .kind = Change::Kind::link, .content = std::move(*target)});
    }

    /// What the layers have in this folder and nobody sees any more.
    bool left_out(const View& view, const std::set<std::string>& present) {
        const auto names = below_.list(view.below);
        if (!names) return lost(view.path, names.error());
        for (const auto& [name, under] : *names)
            if (!present.contains(name) && !removed(view.path + name, under)) return false;
        return true;
    }

    /// A removed folder is every path it had, found in the layers; no commit ever had a `.git` in it.
    bool removed(const std::string& top, const Entry& top_entry) {
        std::vector<std::pair<std::string, Entry>> gone{{top, top_entry}};
        while (!gone.empty()) {
            const auto [path, under] = std::move(gone.back());
            gone.pop_back();
            if (under.kind == Entry::Kind::none || path.ends_with("/.git") || path == ".git") continue;
            if (under.kind != Entry::Kind::folder) {
                if (ignored(path)) continue;
                if (!add({.path = path, .kind = Change::Kind::removed, .content = {}})) return false;
                continue;
            }
            if (ignored(path + "/")) continue;
            const auto folder = below_.open(path, under.layers);
            if (!folder) return lost(path, folder.error());
            auto names = below_.list(*folder);
            if (!names) return lost(path, names.error());
            for (auto& [name, inner] : *names) gone.emplace_back(path + "/" + name, std::move(inner));
        }
        return true;
    }

    bool may_add(const std::string& path) {
        if (const auto fault = path_fault(path); !fault.empty())
            return reject(Kind::bad_name, path, fault + ".");
        if (changes_.size() < limits_.max_files) return true;
        return reject(Kind::too_many, path,
                      fmt::format("is one path more than the {} that a run may change.", limits_.max_files));
    }

    bool add(Change change) {
        if (!may_add(change.path)) return false;
        if (change.content.size() > limits_.max_bytes - bytes_)
            return reject(
                Kind::too_large, change.path,
                fmt::format("makes the changes larger than {} bytes altogether.", limits_.max_bytes));
        bytes_ += change.content.size();
        changes_.push_back(std::move(change));
        return true;
    }

    /// Sorts; a file that became a folder is already told by what is in that folder.
    void drop_told_twice() {
        std::ranges::sort(changes_, {}, &Change::path);
        std::erase_if(became_folders_, [&](const std::string& path) {
            const auto first = std::ranges::lower_bound(changes_, path + "/", {}, &Change::path);
            return first == changes_.end() || !first->path.starts_with(path + "/");
        });
        std::erase_if(changes_, [&](const Change& change) { return became_folders_.contains(change.path); });
    }

    tree::Fd own_;
    Written written_;
    Below below_;
    const HarvestLimits& limits_;
    std::vector<Folder> todo_;
    std::set<std::string> became_folders_;
    Changes changes_;
    std::uint64_t bytes_ = 0;
    std::size_t folder_bytes_ = 0;
    std::optional<HarvestError> fault_;
};

HarvestError unreadable(const std::string& path, Kind kind, std::string_view ending) {
    return {
        .kind = kind, .path = printable(path), .message = fmt::format("`{}` {}", printable(path), ending)};
}

}  // namespace

std::expected<Changes, HarvestError> harvest_tree(tree::Fd own, Written written, std::vector<tree::Fd> layers,
                                                  const HarvestLimits& limits) {
    return Walk{std::move(own), written, std::move(layers), limits}.all();
}

std::expected<std::string, HarvestError> read_file_beneath(const tree::Fd& own, const std::string& path,
                                                           std::uint64_t cap) {
    const auto opened = tree::open_beneath(own.get(), path, read_file);
    struct stat about{};
    if (!opened || ::fstat(opened.get(), &about) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return std::unexpected(unreadable(path, Kind::vanished, "is not there."));
        if (errno == ELOOP || errno == EXDEV)
            return std::unexpected(
                unreadable(path, Kind::outward_link, "leads through a link or out of the tree."));
        return std::unexpected(unreadable(
            path, Kind::io, fmt::format("cannot be read: {}.", std::generic_category().message(errno))));
    }
    if (!S_ISREG(about.st_mode))
        return std::unexpected(unreadable(path, Kind::special_file, "is not a plain file."));
    if (static_cast<std::uint64_t>(about.st_size) > cap)
        return std::unexpected(
            unreadable(path, Kind::too_large, fmt::format("is larger than {} bytes.", cap)));
    auto content = steady_content(opened.get(), about);
    if (!content) return std::unexpected(unreadable(path, Kind::vanished, "was changed while it was read."));
    return std::move(*content);
}

namespace {

class OwnReader final : public TreeReader {
 public:
    std::expected<Changes, HarvestError> harvest(const fs::path& own, Written written,
                                                 const std::vector<fs::path>& layers,
                                                 const HarvestLimits& limits) override {
        auto top = tree::open_folder(own);
        if (!top) return broken(own);
        std::vector<tree::Fd> below;
        for (const auto& path : layers) {
            below.push_back(tree::open_folder(path));
            if (!below.back()) return broken(path);
        }
        return harvest_tree(std::move(top), written, std::move(below), limits);
    }

    std::expected<std::string, HarvestError> read(const fs::path& root, const std::string& path,
                                                  std::uint64_t cap) override {
        return read_file_beneath(tree::open_folder(root), path, cap);
    }

 private:
    static std::unexpected<HarvestError> broken(const fs::path& path) {
        auto why = tree::failed("cannot open", path);
        return std::unexpected(HarvestError{Kind::io, path.filename().string(), why.message});
    }
};

}  // namespace

TreeReader& own_reader() {
    static OwnReader reader;
    return reader;
}

}  // namespace sandbox
