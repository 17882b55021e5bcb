#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/workspace.hpp"

/// Folders, files and workspaces of the workspace tests: all of them real.
namespace places {

namespace fs = std::filesystem;

inline std::string text(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write(const fs::path& file, const std::string& content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
}

/// A folder of our own that goes with us.
class TemporaryFolder {
 public:
    explicit TemporaryFolder(const std::string& name = "workspace-test") {
        std::string pattern = (fs::temp_directory_path() / (name + "-XXXXXX")).string();
        path_ = ::mkdtemp(pattern.data());
        ::chmod(path_.c_str(), 0711);
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }

 private:
    fs::path path_;
};

inline std::string name(sandbox::Layering layering) {
    return layering == sandbox::Layering::overlay ? "overlay" : "copy";
}

/// Workspaces in a folder of their own. Empty when this machine cannot have that layering: said aloud, and in
/// CI a failure.
inline std::unique_ptr<sandbox::Workspaces> workspaces_in(const fs::path& folder, sandbox::Layering layering,
                                                          std::uint64_t cache_bytes = 20ULL << 30) {
    try {
        return std::make_unique<sandbox::Workspaces>(sandbox::Workspaces::Settings{
            .directory = folder, .cache_bytes = cache_bytes, .force = layering});
    } catch (const std::exception& missing) {
        if (std::getenv("CI") != nullptr) FAIL(std::string(missing.what()));
        MESSAGE("skipped, no " << name(layering) << ": " << std::string(missing.what()));
        return nullptr;
    }
}

/// A small repository, one layer.
inline std::expected<void, sandbox::Error> small_repository(const fs::path& folder) {
    write(folder / "README", "hello\n");
    write(folder / "src/main.c", "int main(void) { return 0; }\n");
    write(folder / "src/deep/er/leaf.txt", "leaf\n");
    write(folder / "src/deep/other.txt", "other\n");
    write(folder / "run.sh", "#!/bin/sh\n");
    fs::permissions(folder / "run.sh", fs::perms(0755));
    fs::create_symlink("src/main.c", folder / "shortcut");
    fs::create_symlink("/etc/passwd", folder / "old-bad-link");
    write(folder / ".git/config", "[core]\n");
    return {};
}

/// A workspace over the small repository, in the given layering; empty when that cannot be had.
struct Open {
    TemporaryFolder folder;
    std::unique_ptr<sandbox::Workspaces> workspaces;
    sandbox::SharedLayer base;
    std::unique_ptr<sandbox::Workspace> workspace;

    explicit Open(sandbox::Layering layering, config::Limits limits = {}) {
        workspaces = workspaces_in(folder.path(), layering);
        if (!workspaces) return;
        auto layer = workspaces->layer("base", small_repository);
        REQUIRE_MESSAGE(layer, layer.error().message);
        base = *layer;
        auto opened = workspaces->open("run-1", {base}, limits);
        REQUIRE_MESSAGE(opened, opened.error().message);
        workspace = std::move(*opened);
    }
    [[nodiscard]] fs::path root() const { return workspace->root(); }
};

/// The same promise, kept by both layerings.
template <class Body>
void in_both(Body body) {
    for (const auto layering : {sandbox::Layering::overlay, sandbox::Layering::copy}) {
        const std::string layering_name = name(layering);
        CAPTURE(layering_name);
        Open scene(layering);
        if (scene.workspace) body(scene);
    }
}

/// What a program of the sandbox user would do; its exit status.
template <class Body>
int as_sandbox_user(Body body) {
    const pid_t child = ::fork();
    if (child == 0) {
        const unsigned user = sandbox::sandbox_uid();
        if (::geteuid() == 0 && (::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0))
            ::_exit(99);
        ::_exit(body());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace places
