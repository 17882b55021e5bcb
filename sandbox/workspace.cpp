#include "sandbox/workspace.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "sandbox/layers.hpp"
#include "sandbox/layers_tree.hpp"
#include "sandbox/workspace_tree.hpp"

// On disk: layers/ (see layers.cpp), runs/<name>/ (see workspace_tree.cpp), templates/ (see mount.cpp),
// `lock` (one process at a time), `boot` (the kernel's boot id). Nothing here is ever synced: no job waits
// for the disk, and a machine that lost its power may have lost contents of files whose names it kept. So
// what another boot made is made again; no program of that boot runs any more either.

namespace sandbox {

namespace fs = std::filesystem;

namespace {

bool is_run_name(std::string_view name) {
    return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

std::string first_line(const fs::path& file) {
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
}

void make_room(const fs::path& folder, mode_t mode) {
    fs::create_directories(folder);
    const auto opened = tree::open_folder(folder);
    const bool owned = opened && (::geteuid() != 0 || ::fchown(opened.get(), 0, sandbox_uid()) == 0);
    if (!owned || ::fchmod(opened.get(), mode) != 0)
        throw std::runtime_error(tree::failed("cannot prepare", folder).message);
}

const char* const boot_id = "/proc/sys/kernel/random/boot_id";

}  // namespace

struct Workspaces::Inside {
    explicit Inside(Settings wanted) : settings(std::move(wanted)) {
        fs::create_directories(settings.directory);
        settings.directory = fs::canonical(settings.directory);
        if (::chmod(settings.directory.c_str(), 0711) != 0)
            throw std::runtime_error(tree::failed("cannot prepare", settings.directory).message);
        lock = tree::Fd{
            ::open((settings.directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
            throw std::runtime_error(fmt::format("another process works in {}", settings.directory.string()));
        if (!tree::have_openat2()) throw std::runtime_error("workspaces need openat2: Linux 5.6 or newer");
        make_room(runs(), 0710);
        make_room(layers_folder(), 0710);
        make_room(templates(), 0700);
        forget_other_boot();
        cache.emplace(layers_folder());
        for (const auto& entry : fs::directory_iterator(runs())) remember(entry.path().filename().string());
        choose_layering();
    }

    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

    [[nodiscard]] fs::path runs() const { return settings.directory / "runs"; }
    [[nodiscard]] fs::path layers_folder() const { return settings.directory / "layers"; }
    [[nodiscard]] fs::path templates() const { return settings.directory / "templates"; }

    void forget_other_boot() {
        const fs::path marker = settings.directory / "boot";
        const std::string now = first_line(boot_id);
        const std::string then = first_line(marker);
        if (!then.empty() && then != now) {
            for (const auto& run : fs::directory_iterator(runs())) WorkspaceTree::demolish(run.path());
            for (const auto& folder : {layers_folder(), templates()}) {
                const auto opened = tree::open_folder(folder);
                for (const auto& entry : fs::directory_iterator(folder))
                    std::ignore = tree::remove(opened.get(), entry.path().filename().string());
            }
        }
        std::ofstream(marker) << now << '\n';
    }

    /// The layers of a workspace that may be adopted later must stay.
    void remember(const std::string& name) { leftover[name] = WorkspaceTree::layer_names(runs() / name); }

    void choose_layering() {
        if (settings.force == Layering::copy) {
            layering = Layering::copy;
            reason = "the settings ask for copies";
            return;
        }
        reason = why_not_overlay();
        if (reason.empty()) return;
        if (settings.force == Layering::overlay) throw std::runtime_error(reason);
        layering = Layering::copy;
        reason += "; workspaces are plain copies without a quota on disk space";
    }

    /// By making a small workspace and writing into it.
    std::string why_not_overlay() {
        if (settings.directory.string().find_first_of(",:\\") != std::string::npos)
            return fmt::format(
                "overlay mounts cannot name {}: its path has a comma, colon or backslash in it",
                settings.directory.string());
        if (::geteuid() != 0) return "overlay mounts and loop devices need root";
        const fs::path folder = runs() / ".probe";
        WorkspaceTree::demolish(folder);
        const auto layer = std::make_shared<const LayerUse>(templates(), true);
        WorkspaceTree probe({.folder = folder,
                             .templates = templates(),
                             .layering = Layering::overlay,
                             .reader = settings.reader},
                            {layer});
        config::Limits small;
        small.disk_bytes = 4U << 20U;
        small.disk_inodes = 64;
        if (auto made = probe.create(small); !made) return "no overlay here: " + made.error().message;
        if (auto put = probe.apply({{.path = "probe", .kind = Change::Kind::file, .content = "x"}}); !put)
            return "no overlay here: " + put.error().message;
        const auto got = probe.harvest({});
        if (!got || got->size() != 1)
            return "no overlay here: what was written into one could not be read back";
        return {};
    }

    /// Whole layers of copies hold what is below them, so that is part of what they are.
    [[nodiscard]] std::string full_key(const std::string& key, const std::vector<SharedLayer>& below) const {
        if (layering == Layering::overlay) return "overlay\n" + key;
        std::string full = "copy\n" + key;
        for (const auto& layer : below) full += "\nover " + layer->path().filename().string();
        return full;
    }

    bool claim(const std::string& name) {
        const std::scoped_lock guard(mutex);
        return live.insert(name).second;
    }

    void release(const std::string& name, bool kept) {
        const std::scoped_lock guard(mutex);
        live.erase(name);
        if (kept)
            remember(name);
        else
            leftover.erase(name);
    }

    std::expected<std::unique_ptr<WorkspaceTree>, Error> open(const std::string& name,
                                                              const std::vector<SharedLayer>& layers,
                                                              const config::Limits& limits,
                                                              Existing existing);

    Settings settings;
    tree::Fd lock;
    Layering layering = Layering::overlay;
    std::string reason;
    std::optional<LayerCache> cache;
    std::mutex mutex;                                          // of the two below
    std::set<std::string> live;                                // workspaces of this process
    std::map<std::string, std::vector<std::string>> leftover;  // kept ones, and the layers they are over
};

std::expected<std::unique_ptr<WorkspaceTree>, Error> Workspaces::Inside::open(
    const std::string& name, const std::vector<SharedLayer>& layers, const config::Limits& limits,
    Existing existing) {
    const auto refused = [&](std::string_view why) {
        return std::unexpected(Error{Error::Kind::refused, fmt::format("workspace {}: {}", name, why)});
    };
    if (!is_run_name(name)) return refused("its name must be 1 to 63 of a-z, 0-9 and '-'");
    if (!claim(name)) return refused("it is open already");
    const fs::path folder = runs() / name;
    auto made = std::make_unique<WorkspaceTree>(
        WorkspaceTree::Place{
            .folder = folder, .templates = templates(), .layering = layering, .reader = settings.reader},
        layers);
    made->on_close([this, name](bool kept) { release(name, kept); });
    // One opened over other layers (the image was changed meanwhile) is of no use: a fresh one takes its
    // place.
    if (existing == Existing::adopt && WorkspaceTree::was_opened(folder) && made->fits()) {
        if (auto adopted = made->adopt(); !adopted) {
            made->keep_as_found();
            return std::unexpected(adopted.error());
        }
        return made;
    }
    if (fs::exists(fs::symlink_status(folder)) && !WorkspaceTree::demolish(folder))
        return refused("the one left by an earlier process cannot be removed");
    if (auto created = made->create(limits); !created) return std::unexpected(created.error());
    return made;
}

Workspaces::Workspaces(Settings settings) : inside_(std::make_unique<Inside>(std::move(settings))) {}
Workspaces::~Workspaces() = default;

Layering Workspaces::layering() const { return inside_->layering; }
std::string Workspaces::layering_reason() const { return inside_->reason; }
Workspaces::CacheFigures Workspaces::cache() const { return inside_->cache->figures(); }

std::expected<SharedLayer, Error> Workspaces::layer(const std::string& key, const LayerCache::Fill& fill) {
    auto made = inside_->cache->get(inside_->full_key(key, {}), false, fill);
    evict();
    return made;
}

std::expected<SharedLayer, Error> Workspaces::layer_from_run(
    const std::string& key, const std::vector<SharedLayer>& below, const config::Limits& limits,
    const std::function<std::expected<void, Error>(Workspace&)>& run) {
    const std::string full = inside_->full_key(key, below);
    auto made = inside_->cache->get(
        full, inside_->layering == Layering::copy, [&](const fs::path& folder) -> std::expected<void, Error> {
            const auto workspace =
                inside_->open("setup-" + LayerCache::hash(full), below, limits, Existing::replace);
            if (!workspace) return std::unexpected(workspace.error());
            if (auto ran = run(**workspace); !ran) return ran;
            return (*workspace)->copy_own(folder);
        });
    evict();
    return made;
}

std::expected<std::unique_ptr<Workspace>, Error> Workspaces::open(const std::string& name,
                                                                  const std::vector<SharedLayer>& layers,
                                                                  const config::Limits& limits,
                                                                  Existing existing) {
    return inside_->open(name, layers, limits, existing);
}

std::vector<std::string> Workspaces::sweep(const std::function<bool(std::string_view name)>& keep) {
    std::vector<std::string> gone;
    for (const auto& entry : fs::directory_iterator(inside_->runs())) {
        const std::string name = entry.path().filename().string();
        if (keep(name) || !inside_->claim(name)) continue;  // ours, open in this process
        const bool removed = WorkspaceTree::demolish(entry.path());
        inside_->release(name, !removed);
        if (removed) gone.push_back(name);
    }
    std::ranges::sort(gone);
    return gone;
}

void Workspaces::evict() {
    std::set<std::string> pinned;
    {
        const std::scoped_lock guard(inside_->mutex);
        for (const auto& [name, layers] : inside_->leftover) pinned.insert(layers.begin(), layers.end());
    }
    inside_->cache->evict(inside_->settings.cache_bytes, pinned);
}

}  // namespace sandbox
