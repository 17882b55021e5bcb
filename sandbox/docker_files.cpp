#include "sandbox/docker_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/init_program.hpp"

namespace sandbox {

namespace {

namespace fs = std::filesystem;

std::unexpected<Error> refused_file(std::string message) {
    return std::unexpected(Error{Error::Kind::refused, std::move(message)});
}

/// A folder that nobody else can write into, even where everybody can guess its name.
bool own_folder(const fs::path& folder) {
    struct stat about{};
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return false;
    return ::lstat(folder.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == ::geteuid() &&
           (about.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// A program shown from there could not be run inside either: the mount keeps the flag.
bool runs_programs(const fs::path& folder) {
    struct statvfs about{};
    return ::statvfs(folder.c_str(), &about) == 0 && (about.f_flag & ST_NOEXEC) == 0;
}

fs::path runtime_folder() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (::geteuid() == 0) return "/run/shopfloor";
    if (runtime != nullptr && *runtime != '\0') return fs::path(runtime) / "shopfloor";
    return fs::temp_directory_path() / fmt::format("shopfloor-{}", ::geteuid());
}

/// Where programs may run though the runtime folder lies on a mount without: Debian's own /run is one.
std::vector<fs::path> program_folders() {
    std::vector<fs::path> all{runtime_folder()};
    if (::geteuid() == 0) all.emplace_back("/var/cache/shopfloor");
    const char* home = std::getenv("HOME");
    if (::geteuid() != 0 && home != nullptr && *home != '\0') {
        all.push_back(fs::path(home) / ".cache/shopfloor");
        std::error_code error;
        fs::create_directories(all.back().parent_path(), error);
    }
    return all;
}

std::expected<fs::path, Error> program_folder() {
    std::string tried;
    for (const auto& folder : program_folders()) {
        if (own_folder(folder) && runs_programs(folder)) return folder;
        tried += (tried.empty() ? "" : " and ") + folder.string();
    }
    return refused_file(
        fmt::format("no place for the first process of a container: {} cannot be made ours, or lie on a "
                    "file system mounted noexec; set XDG_RUNTIME_DIR, or remount one without noexec",
                    tried));
}

bool write_all(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto n = ::write(file, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

std::expected<fs::path, Error> written(const fs::path& file, std::string_view bytes, mode_t mode) {
    auto draft = file.string() + ".XXXXXX";
    const Descriptor out(::mkostemp(draft.data(), O_CLOEXEC));  // O_EXCL, so never through a link
    if (out && write_all(out.get(), bytes) && ::fchmod(out.get(), mode) == 0 &&
        ::rename(draft.c_str(), file.c_str()) == 0) {
        return file;
    }
    const int code = errno;
    if (out) ::unlink(draft.c_str());
    return refused_file(fmt::format("cannot write {}: {}", file.string(), std::strerror(code)));
}

/// Of the content, long enough that two versions of ours never share it.
std::string short_digest(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string text;
    for (unsigned i = 0; i < 8 && i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
}

}  // namespace

std::expected<DockerFiles, Error> write_docker_files() {
    const auto folder = runtime_folder();
    if (!own_folder(folder)) {
        return refused_file(fmt::format(
            "{} is not a folder of ours that nobody else can write into; remove it", folder.string()));
    }
    const auto programs = program_folder();
    if (!programs) return std::unexpected(programs.error());
    auto hosts = written(folder / "hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n", 0644);
    if (!hosts) return std::unexpected(hosts.error());
    const auto program = init_program();
    auto init = written(*programs / fmt::format("init-{}", short_digest(program)), program, 0555);
    if (!init) return std::unexpected(init.error());
    return DockerFiles{.hosts = std::move(*hosts), .init = std::move(*init)};
}

}  // namespace sandbox
