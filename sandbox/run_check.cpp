#include "sandbox/run_check.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "sandbox/descriptor.hpp"

namespace sandbox {

namespace {

namespace fs = std::filesystem;

std::unexpected<Error> refuse(std::string message) {
    return std::unexpected(Error{Error::Kind::refused, std::move(message)});
}

bool good_name(std::string_view name) {
    return !name.empty() && name.size() <= 63 && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

bool lies_in(const fs::path& path, const fs::path& folder) {
    return std::ranges::mismatch(folder, path).in1 == folder.end();
}

bool plain(const fs::path& path) {
    return path == path.lexically_normal() && path.has_filename() &&
           std::ranges::none_of(path, [](const fs::path& part) { return part == ".." || part == "."; });
}

bool leads_to_engine(const fs::path& source, const fs::path& engine_socket) {
    return std::ranges::any_of(
        std::array{engine_socket, fs::path("/var/run/docker.sock")}, [&](const fs::path& socket) {
            std::error_code error;
            return !socket.empty() && lies_in(fs::weakly_canonical(socket, error), source);
        });
}

std::expected<void, Error> check_mount(const ReadOnlyMount& mount, const fs::path& engine_socket) {
    const fs::path target = mount.target;
    if (!target.is_absolute() || !plain(target) || target == "/" || has_nul(mount.target)) {
        return refuse(fmt::format("mount target '{}' is not a plain absolute path", mount.target));
    }
    // Folders that the sandbox lays out itself, and folders that the program can write into.
    static const std::array<fs::path, 7> taken{"/workspace", "/home", "/proc", "/sys",
                                               "/dev",       "/tmp",  "/run"};
    for (const auto& folder : taken) {
        if (lies_in(target, folder)) {
            return refuse(fmt::format("mount target '{}' lies in {}, choose another place such as /opt",
                                      mount.target, folder.string()));
        }
    }
    std::error_code error;
    const auto source = fs::canonical(mount.source, error);
    if (error) {
        return refuse(fmt::format("mount source {}: {}", mount.source.string(), error.message()));
    }
    if (!fs::is_directory(source) && !fs::is_regular_file(source)) {
        return refuse(fmt::format("mount source {} is neither a folder nor a file", source.string()));
    }
    if (leads_to_engine(source, engine_socket)) {
        return refuse(fmt::format("mount source {} leads to the engine's socket", source.string()));
    }
    return {};
}

std::expected<void, Error> check_door(const fs::path& door, const fs::path& engine_socket) {
    std::error_code error;
    if (!door.is_absolute() || !fs::is_directory(fs::symlink_status(door, error))) {
        return refuse(
            fmt::format("the door {} is not a folder named by its absolute path; open it before "
                        "the run",
                        door.string()));
    }
    if (leads_to_engine(fs::canonical(door, error), engine_socket)) {
        return refuse(fmt::format("the door {} leads to the engine's socket", door.string()));
    }
    return {};
}

/// Opens or makes the folders of `relative` below `root`, one step at a time, and gives the last but one.
Descriptor open_parent(int root, const fs::path& relative) {
    Descriptor folder(::fcntl(root, F_DUPFD_CLOEXEC, 0));
    for (const auto& part : relative.parent_path()) {
        const bool made = ::mkdirat(folder.get(), part.c_str(), 0755) == 0;
        Descriptor next(
            ::openat(folder.get(), part.c_str(), O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC));
        if (!next) return {};
        if (made && ::fchown(next.get(), sandbox_uid(), sandbox_uid()) != 0) return {};
        folder = std::move(next);
    }
    return folder;
}

bool write_file(int root, const fs::path& relative, std::string_view content) {
    const auto parent = open_parent(root, relative);
    if (!parent) return false;
    const auto name = relative.filename();
    if (::unlinkat(parent.get(), name.c_str(), 0) != 0 && errno != ENOENT) return false;
    const Descriptor file(
        ::openat(parent.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file || ::fchown(file.get(), sandbox_uid(), sandbox_uid()) != 0) return false;
    while (!content.empty()) {
        const auto n = ::write(file.get(), content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace

std::expected<void, Error> check_spec(const RunSpec& spec, const fs::path& engine_socket) {
    if (!good_name(spec.name)) {
        return refuse(fmt::format("run name '{}' is not 1 to 63 of a-z, 0-9 and '-'", spec.name));
    }
    if (spec.argv.empty() || spec.argv.front().empty()) return refuse("no program to run");
    if (std::ranges::any_of(spec.argv, has_nul)) return refuse("an argument holds a NUL byte");
    for (const auto& [key, value] : spec.environment) {
        if (key.empty() || key.contains('=') || has_nul(key) || has_nul(value)) {
            return refuse(fmt::format("environment variable '{}' cannot be passed on", key));
        }
    }
    for (const auto& mount : spec.mounts) {
        if (auto checked = check_mount(mount, engine_socket); !checked) return checked;
    }
    if (spec.door) {
        if (auto checked = check_door(*spec.door, engine_socket); !checked) return checked;
    }
    for (const auto& [path, content] : spec.home_files) {
        if (path.empty() || fs::path(path).is_absolute() || !plain(path) || has_nul(path)) {
            return refuse(fmt::format("home file '{}' is not a plain relative path", path));
        }
    }
    return {};
}

std::expected<void, Error> write_home_files(const RunSpec& spec, const fs::path& home) {
    if (spec.home_files.empty()) return {};
    const Descriptor root(::open(home.c_str(), O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC));
    for (const auto& [path, content] : spec.home_files) {
        if (!root || !write_file(root.get(), path, content)) {
            return refuse(fmt::format("cannot write the home file '{}': {}", path, std::strerror(errno)));
        }
    }
    return {};
}

}  // namespace sandbox
