#include "bot/state_dir.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>
#include <stdexcept>

namespace bot {

namespace {

std::string instance_of(const std::filesystem::path& file) {
    std::string known;
    std::ifstream(file) >> known;
    if (known.size() == 8) return known;
    std::random_device random;
    known = fmt::format("{:08x}", static_cast<std::uint32_t>(random()));
    std::ofstream out(file);
    out << known << '\n';
    if (!out.flush())
        throw std::runtime_error(
            fmt::format("cannot write {}: check that the disk is not full", file.string()));
    return known;
}

}  // namespace

StateDir::StateDir(std::filesystem::path directory) : path_(std::move(directory)) {
    std::error_code error;
    std::filesystem::create_directories(path_, error);
    if (error)
        throw std::runtime_error(
            fmt::format("cannot create state_dir {}: {}; create it for this user or name another one",
                        path_.string(), error.message()));
    // Sandbox users reach their own workspace through this folder, and can list nothing in it.
    std::filesystem::permissions(path_, std::filesystem::perms(0711), error);
    const auto file = path_ / "lock";
    lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_ < 0)
        throw std::runtime_error(fmt::format("cannot open {}: {}; run as the user that owns state_dir",
                                             file.string(), std::strerror(errno)));
    if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
        ::close(lock_);
        throw std::runtime_error(fmt::format(
            "{} is held by another shopfloor: stop it first, or give this one a state_dir of its own",
            path_.string()));
    }
    instance_ = instance_of(path_ / "instance");
    for (const auto* inner : {"mirrors", "logs"}) {
        std::filesystem::create_directories(path_ / inner);
        std::filesystem::permissions(path_ / inner, std::filesystem::perms::owner_all, error);
    }
    std::filesystem::create_directories(path_ / "doors");  // each in its own folder, for its own sandbox
    std::filesystem::permissions(path_ / "doors", std::filesystem::perms(0711), error);
}

StateDir::~StateDir() {
    if (lock_ >= 0) ::close(lock_);
}

}  // namespace bot
