// A repository of 50,000 files, served by a practice forge on loopback. The first job mirrors it and makes
// the checkout; measured is what every later job at the same base commit pays until it can write its first
// file: the fetch, the shared layer, the workspace, the write. In turns with `git clone --depth 1` and `git
// clone --local`, which end with files that can be written too. And the harvest of three changes, .gitignore
// rules included.

#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <utility>

#include "integrations/git.hpp"
#include "sandbox/sandbox.hpp"
#include "sandbox/workspace.hpp"
#include "tests/bench/stage.hpp"
#include "tests/practice_forge/practice_forge.hpp"

namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;

constexpr int files = 50'000;
constexpr int files_in_a_folder = 50;
constexpr int rounds = 3;
constexpr int openings = 7;  // a round
constexpr const char* repository = "acme/large";
constexpr const char* token = "practice-token";

template <typename T, typename E>
T take(std::expected<T, E> result, const char* what) {
    if (!result) throw bench::Trouble(fmt::format("{}: {}", what, result.error().message));
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::string path_of(int file) {
    const int folder = file / files_in_a_folder;
    return fmt::format("src/part{:02}/unit{:03}/file{:05}.c", folder / 50, folder, file);
}

/// Lines that no compressor finds twice, 0.2 to 4 KB.
std::string content_of(int file) {
    std::mt19937 random(static_cast<unsigned>(file));
    std::string text;
    for (auto lines = 3 + random() % 60; lines > 0; --lines)
        text += fmt::format("static const unsigned long value_{:08x} = 0x{:08x}{:08x};\n", random(), random(),
                            random());
    return text;
}

/// A file system in a file, mounted while this lives. Without root: a plain folder.
class Disk {
 public:
    explicit Disk(const fs::path& folder) : path_(folder / "disk") {
        fs::create_directory(path_);
        if (::geteuid() != 0) return;
        const auto file = folder / "disk.ext4";
        bench::write(file, "");
        fs::resize_file(file, 8ULL << 30);
        const bench::Child::Files said{.errors = folder / "errors"};
        (void)bench::timed({"mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", file.string()}, said);
        (void)bench::timed({"mount", "-o", "loop", file.string(), path_.string()}, said);
        mounted_ = true;
        fs::permissions(path_, fs::perms(0711));
    }
    ~Disk() {
        try {
            if (mounted_) (void)bench::timed({"umount", path_.string()});
        } catch (const std::exception&) {
            fmt::print(stderr, "{} stays mounted\n", path_.string());
        }
    }
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }

 private:
    fs::path path_;
    bool mounted_ = false;
};

void make_repository(const fs::path& folder) {
    const auto stream = folder / "stream";
    {
        std::ofstream out(stream, std::ios::binary);
        out << "feature done\ncommit refs/heads/main\ncommitter Ada <ada@example.org> 1700000000 +0000\ndata "
               "5\nLarge\n";
        const std::string ignored = "*.o\nbuild/\n";
        out << fmt::format("M 100644 inline .gitignore\ndata {}\n{}\n", ignored.size(), ignored);
        for (int file = 0; file < files; ++file) {
            const auto content = content_of(file);
            out << fmt::format("M 100644 inline {}\ndata {}\n{}\n", path_of(file), content.size(), content);
        }
        out << "done\n";
    }
    const auto git = (folder / "large.git").string();
    (void)bench::timed({"git", "init", "-q", "--bare", "-b", "main", git});
    (void)bench::timed({"git", "--git-dir=" + git, "fast-import", "--quiet"},
                       {.input = stream, .errors = folder / "errors"});
    fs::remove(stream);
}

/// The place of jobs: a mirror, its workspaces, the commit they all start from.
struct Place {
    integrations::Mirror& mirror;
    sandbox::Workspaces& workspaces;
    std::string commit;
};

std::unique_ptr<sandbox::Workspace> open(const Place& place) {
    (void)take(place.mirror.fetch("main"), "fetch");
    auto layer = take(place.workspaces.layer(
                          "checkout\n" + place.commit,
                          [&](const fs::path& folder) -> std::expected<void, sandbox::Error> {
                              auto done = place.mirror.checkout(place.commit, folder, sandbox::sandbox_uid());
                              if (done) return {};
                              return std::unexpected(sandbox::Error{.message = done.error().message});
                          }),
                      "checkout");
    auto workspace = take(place.workspaces.open("shopfloor-bench-j1-agent", {layer}, {}), "workspace");
    bench::write(workspace->root() / path_of(files / 2), "first words\n");
    return workspace;
}

void harvest(const Place& place, const sandbox::Workspace& workspace) {
    bench::write(workspace.root() / path_of(files / 3), "int changed;\n");
    bench::write(workspace.root() / "src/part00/new.c", "int added;\n");
    // With the first words of `open`: three changed files.
    const auto start = Steady::now();
    const auto own = workspace.read(".gitignore", 64 * 1024);
    const auto ignored =
        take(place.mirror.ignore_rules(place.commit, own ? *own : std::string()), "ignore rules");
    const auto changes = take(workspace.harvest({.ignored = ignored}), "harvest");
    bench::sample("harvest", bench::milliseconds(Steady::now() - start));
    if (changes.size() != 3)
        throw bench::Trouble(fmt::format("{} changes harvested instead of 3", changes.size()));
}

void open_and_harvest(const Place& place) {
    for (int i = 0; i < openings; ++i) {
        const auto start = Steady::now();
        const auto workspace = open(place);
        bench::sample("workspace", bench::milliseconds(Steady::now() - start));
        harvest(place, *workspace);
    }
}

void clone(const char* name, const char* how, const std::string& from, const fs::path& folder) {
    const auto to = folder / "clone";
    bench::sample(name, bench::milliseconds(bench::timed({"git", "clone", "-q", how, from, to.string()},
                                                         {.errors = folder / "errors"})));
    if (!fs::exists(to / path_of(files - 1))) throw bench::Trouble("git cloned no files");
    fs::remove_all(to);
}

void measure() {
    const bench::Folder around;
    const Disk folder(around.path());
    ::setenv("GIT_CONFIG_GLOBAL", "/dev/null", 1);
    ::setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    make_repository(folder.path());
    const auto source = folder.path() / "large.git";

    practice_forge::PracticeForge forge({.directory = folder.path() / "forge"});
    forge.create_repository({.full_name = repository, .git = source});
    forge.add_token("bot[bot]", token);
    forge.add_collaborator(repository, "bot[bot]", practice_forge::Permission::write);

    sandbox::Workspaces workspaces({.directory = folder.path() / "workspaces"});
    if (workspaces.layering() != sandbox::Layering::overlay)
        bench::note("plain copies: " + workspaces.layering_reason());
    const auto mirror =
        take(integrations::Mirror::open(
                 folder.path() / "mirror.git", forge.clone_url(repository),
                 [] { return integrations::GitCredential{"x-access-token", config::Secret(token)}; }),
             "mirror");
    const auto start = Steady::now();
    const Place place{
        .mirror = *mirror, .workspaces = workspaces, .commit = take(mirror->fetch("main"), "first fetch")};
    open(place).reset();
    bench::note(fmt::format("the first job at a commit of {} files pays {:.1f} s for mirror and checkout",
                            files, bench::milliseconds(Steady::now() - start) / 1000));

    for (int round = 0; round < rounds; ++round) {
        clone("shallow_clone", "--depth=1", "file://" + source.string(), folder.path());
        open_and_harvest(place);
        clone("local_clone", "--local", source.string(), folder.path());
        open_and_harvest(place);
    }
}

}  // namespace

int main() { return bench::stand(measure); }
