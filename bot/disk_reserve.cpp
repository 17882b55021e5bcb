#include "bot/disk_reserve.hpp"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <utility>

namespace bot {

namespace {

constexpr std::uint64_t mib = 1ULL << 20;

std::optional<std::uint64_t> free_bytes(const std::filesystem::path& directory) {
    struct statvfs figures{};
    if (::statvfs(directory.c_str(), &figures) != 0) return std::nullopt;
    return static_cast<std::uint64_t>(figures.f_bavail) * figures.f_frsize;
}

}  // namespace

DiskReserve::DiskReserve(std::filesystem::path directory, std::uint64_t least, Free free)
    : directory_(std::move(directory)), least_(least), free_(std::move(free)) {
    if (!free_) free_ = [this] { return free_bytes(directory_); };
}

std::optional<std::string> DiskReserve::shortage() const {
    const auto free = free_();
    if (!free || *free >= least_) return std::nullopt;
    return fmt::format(
        "{} MiB are free where {} is, less than min_free ({} MiB): no job is begun until there is room",
        *free / mib, directory_.string(), least_ / mib);
}

DiskReserve::Change DiskReserve::look() {
    const bool is_short = shortage().has_value();
    if (was_short_.exchange(is_short) == is_short) return Change::none;
    return is_short ? Change::too_little : Change::enough_again;
}

}  // namespace bot
