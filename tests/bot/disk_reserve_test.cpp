#include "bot/disk_reserve.hpp"

#include <doctest/doctest.h>

#include <filesystem>

using bot::DiskReserve;

TEST_CASE("less free than the reserve is a shortage that names the folder, the setting and what happens") {
    std::optional<std::uint64_t> free = 5ULL << 30;
    DiskReserve disk("/srv/state", 1ULL << 30, [&] { return free; });
    CHECK_FALSE(disk.shortage());
    CHECK(disk.look() == DiskReserve::Change::none);
    free = 100ULL << 20;
    REQUIRE(disk.shortage());
    CHECK(
        *disk.shortage() ==
        "100 MiB are free where /srv/state is, less than min_free (1024 MiB): no job is begun until there is "
        "room");
    CHECK(disk.look() == DiskReserve::Change::too_little);
    CHECK(disk.look() == DiskReserve::Change::none);
    free = 1ULL << 30;
    CHECK(disk.look() == DiskReserve::Change::enough_again);
    CHECK(disk.look() == DiskReserve::Change::none);
    free = std::nullopt;
    CHECK_FALSE(disk.shortage());
}

TEST_CASE("the file system is asked how much is free") {
    const auto here = std::filesystem::temp_directory_path();
    CHECK(DiskReserve(here, 1ULL << 62).shortage());
    CHECK_FALSE(DiskReserve(here, 0).shortage());
    CHECK_FALSE(DiskReserve("/no/such/folder", 1ULL << 62).shortage());
}
