#include "sandbox/workspace_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>

#include "sandbox/harvest_walk.hpp"
#include "sandbox/layers_tree.hpp"
#include "sandbox/mount.hpp"

// On disk, in runs/<name>:
//   facts      how it was made and over which layers; written last, so without it the folder is half-made
//   root/      the merged tree (overlay: a mount point; copy: the tree itself)
//   disk.ext4  overlay only: all that the run writes, of a fixed size
//   disk/      overlay only: where it is mounted; inside it upper/, work/ and home/
//   home/      copy only

namespace sandbox {

namespace fs = std::filesystem;
using tree::failed;

namespace {

/// Others on this machine have no way in; the sandbox user needs one.
constexpr mode_t way_in = 0710;

std::expected<void, Error> make_folder(const fs::path& path, mode_t mode, bool sandbox_users) {
    if (::mkdir(path.c_str(), mode) != 0) return std::unexpected(failed("cannot make", path));
    const auto opened = tree::open_folder(path);
    const bool owned =
        opened && (sandbox_users ? tree::give(opened.get())
                                 : ::geteuid() != 0 || ::fchown(opened.get(), 0, sandbox_uid()) == 0);
    if (!owned || ::fchmod(opened.get(), mode) != 0) return std::unexpected(failed("cannot make", path));
    return {};
}

std::expected<tree::Fd, Error> opened(const fs::path& path) {
    auto folder = tree::open_folder(path);
    if (!folder) return std::unexpected(failed("cannot open", path));
    return folder;
}

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

WorkspaceTree::~WorkspaceTree() {
    const bool stays = kept_ && ready_;
    if (!stays) demolish(place_.folder);
    if (closed_) closed_(stays);
}

fs::path WorkspaceTree::home() const {
    return place_.layering == Layering::overlay ? disk() / "home" : place_.folder / "home";
}

fs::path WorkspaceTree::own() const {
    return place_.layering == Layering::overlay ? disk() / "upper" : root();
}

std::vector<fs::path> WorkspaceTree::layers() const {
    std::vector<fs::path> paths;
    for (const auto& layer : layers_) {
        if (layer->whole()) paths.clear();
        paths.push_back(layer->path());
    }
    return paths;
}

std::string WorkspaceTree::facts() const {
    std::string text = place_.layering == Layering::overlay ? "layering overlay\n" : "layering copy\n";
    for (const auto& path : layers()) text += fmt::format("layer {}\n", path.filename().string());
    return text;
}

bool WorkspaceTree::was_opened(const fs::path& folder) { return fs::exists(folder / "facts"); }

bool WorkspaceTree::fits() const { return text_of(place_.folder / "facts") == facts(); }

std::string WorkspaceTree::identity() const {
    // Written once, when the workspace was made.
    struct stat about{};
    if (::stat((place_.folder / "facts").c_str(), &about) != 0) return {};
    return fmt::format("{}.{}.{}", about.st_ino, about.st_mtim.tv_sec, about.st_mtim.tv_nsec);
}

std::vector<std::string> WorkspaceTree::layer_names(const fs::path& folder) {
    std::istringstream in(text_of(folder / "facts"));
    std::vector<std::string> names;
    for (std::string word, value; in >> word >> value;)
        if (word == "layer") names.push_back(value);
    return names;
}

std::expected<void, Error> WorkspaceTree::create(const config::Limits& limits) {
    if (layers_.empty())
        return std::unexpected(Error{Error::Kind::refused, "a workspace needs at least one layer"});
    if (auto made = make_folder(place_.folder, way_in, false); !made) return made;
    auto created = place_.layering == Layering::overlay ? create_overlay(limits) : create_copy();
    if (!created) return created;
    std::ofstream out(place_.folder / "facts", std::ios::binary);
    out << facts();
    if (!out.flush()) return std::unexpected(failed("cannot write", place_.folder / "facts"));
    ready_ = true;
    return {};
}

std::expected<void, Error> WorkspaceTree::create_overlay(const config::Limits& limits) {
    const fs::path image = place_.folder / "disk.ext4";
    if (auto made = mount::make_image(place_.templates, image, {limits.disk_bytes, limits.disk_inodes});
        !made)
        return made;
    for (const auto& point : {root(), disk()})
        if (auto made = make_folder(point, way_in, false); !made) return made;
    if (auto mounted = mount::mount_image(image, disk()); !mounted) return mounted;
    const auto inside = opened(disk());
    if (!inside) return std::unexpected(inside.error());
    if ((::geteuid() == 0 && ::fchown(inside->get(), 0, sandbox_uid()) != 0) ||
        ::fchmod(inside->get(), way_in) != 0)
        return std::unexpected(failed("cannot change", disk()));
    if (auto made = make_folder(own(), 0755, true); !made) return made;
    if (auto made = make_folder(disk() / "work", 0700, false); !made) return made;
    if (auto made = make_folder(home(), 0700, true); !made) return made;
    return mount_root();
}

std::expected<void, Error> WorkspaceTree::mount_root() {
    return mount::mount_overlay(
        {.layers = layers(), .upper = own(), .work = disk() / "work", .target = root()});
}

std::expected<void, Error> WorkspaceTree::create_copy() {
    if (auto made = make_folder(root(), 0755, true); !made) return made;
    if (auto made = make_folder(home(), 0700, true); !made) return made;
    const auto to = opened(root());
    if (!to) return std::unexpected(to.error());
    for (const auto& path : layers()) {
        const auto from = opened(path);
        if (!from) return std::unexpected(from.error());
        if (auto copied = tree::copy_into(from->get(), to->get(), tree::Marks::none); !copied) return copied;
    }
    return {};
}

std::expected<void, Error> WorkspaceTree::adopt() {
    if (place_.layering == Layering::overlay) {
        const fs::path image = place_.folder / "disk.ext4";
        if (!mount::is_mounted(disk())) {
            // The mount namespace of the earlier process is gone, say with its container.
            if (auto gone = mount::unmount(root()); !gone) return gone;
            if (auto mounted = mount::mount_image(image, disk()); !mounted) return mounted;
        }
        if (!mount::is_mounted(root()))
            if (auto mounted = mount_root(); !mounted) return mounted;
    }
    for (const auto& path : {root(), home()})
        if (auto there = opened(path); !there) return std::unexpected(there.error());
    ready_ = adopted_ = true;
    return {};
}

std::expected<Changes, HarvestError> WorkspaceTree::harvest(const HarvestLimits& limits) const {
    return place_.reader->harvest(
        own(), place_.layering == Layering::overlay ? Written::overlay : Written::whole, layers(), limits);
}

std::expected<std::string, HarvestError> WorkspaceTree::read(const fs::path& relative,
                                                             std::uint64_t cap) const {
    return place_.reader->read(root(), relative.string(), cap);
}

namespace {

std::expected<void, Error> write_change(int root, const Change& change) {
    const auto slash = change.path.rfind('/');
    const std::string folder = slash == std::string::npos ? "" : change.path.substr(0, slash);
    const std::string name = change.path.substr(slash + 1);
    if (change.kind == Change::Kind::removed) {
        const auto parent = tree::open_beneath(root, folder, O_RDONLY | O_DIRECTORY);
        // No such folder, or a link instead of it: then what is to be removed is not there.
        if (!parent) return {};
        if (auto gone = tree::remove(parent.get(), name); !gone) return gone;
        return {};
    }
    const auto parent = tree::make_folders(root, folder);
    if (!parent) return std::unexpected(parent.error());
    if (auto gone = tree::remove(parent->get(), name); !gone) return gone;
    const auto wrong = [&] { return std::unexpected(failed("cannot write", change.path)); };
    if (change.kind == Change::Kind::link) {
        if (::symlinkat(change.content.c_str(), parent->get(), name.c_str()) != 0) return wrong();
        if (!tree::give_name(parent->get(), name)) return wrong();
        return {};
    }
    const auto file = tree::open_beneath(parent->get(), name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (!file) return wrong();
    for (std::size_t at = 0; at < change.content.size();) {
        const ssize_t put = ::write(file.get(), change.content.data() + at, change.content.size() - at);
        if (put < 0 && errno != EINTR) return wrong();
        if (put > 0) at += static_cast<std::size_t>(put);
    }
    const mode_t mode = change.kind == Change::Kind::executable ? 0755 : 0644;
    if (!tree::give(file.get()) || ::fchmod(file.get(), mode) != 0) return wrong();
    return {};
}

/// Folders that lost their last file go too, as no commit has empty ones.
void drop_empty_parents(int root, std::string path) {
    for (auto slash = path.rfind('/'); slash != std::string::npos; slash = path.rfind('/')) {
        path.resize(slash);
        const auto above = path.rfind('/');
        const auto parent = tree::open_beneath(root, above == std::string::npos ? "" : path.substr(0, above),
                                               O_RDONLY | O_DIRECTORY);
        const std::string name = path.substr(above == std::string::npos ? 0 : above + 1);
        if (!parent || ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) != 0) return;
    }
}

}  // namespace

std::expected<void, Error> WorkspaceTree::apply(const Changes& changes) {
    const auto top = opened(root());
    if (!top) return std::unexpected(top.error());
    for (const auto& change : changes) {
        auto fault = path_fault(change.path);
        if (fault.empty() && change.kind == Change::Kind::link)
            fault = link_fault(change.path, change.content);
        if (!fault.empty())
            return std::unexpected(
                Error{Error::Kind::refused, fmt::format("`{}` {}.", printable(change.path), fault)});
        if (auto done = write_change(top->get(), change); !done) return done;
        if (change.kind == Change::Kind::removed) drop_empty_parents(top->get(), change.path);
    }
    return {};
}

std::expected<void, Error> WorkspaceTree::copy_own(const fs::path& to) const {
    const auto from = opened(own());
    if (!from) return std::unexpected(from.error());
    const auto target = opened(to);
    if (!target) return std::unexpected(target.error());
    return tree::copy_into(from->get(), target->get(),
                           place_.layering == Layering::overlay ? tree::Marks::overlay : tree::Marks::none);
}

bool WorkspaceTree::demolish(const fs::path& folder) {
    mount::abandon(folder / "disk");
    if (!mount::unmount(folder / "root") || !mount::unmount(folder / "disk")) return false;
    const auto parent = tree::open_folder(folder.parent_path());
    return parent && tree::remove(parent.get(), folder.filename().string());
}

}  // namespace sandbox
