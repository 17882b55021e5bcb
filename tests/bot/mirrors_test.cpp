#include "bot/mirrors.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <optional>
#include <string>

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t mib = 1ULL << 20;

/// Mirrors of a MiB each, used one after the other.
struct Place {
    Place() {
        fs::create_directories(folder);
        mirrors.emplace(folder, forges);
    }
    ~Place() {
        mirrors.reset();
        fs::remove_all(folder);
    }
    bot::Mirrors::Use use(int id) {
        auto mirror = mirrors->of({.forge = "one",
                                   .id = std::to_string(id),
                                   .full_name = "a/b",
                                   .clone_url = "https://forge.invalid/a/b.git",
                                   .default_branch = "main"});
        REQUIRE(mirror.has_value());
        return std::move(*mirror);
    }
    void fill(int id, int used) {
        (void)use(id);
        std::ofstream(path(id) / "pack") << std::string(mib, 'x');
        fs::last_write_time(path(id), fs::file_time_type::clock::now() - 1h + used * 1min);
    }
    [[nodiscard]] fs::path path(int id) const { return folder / "one" / (std::to_string(id) + ".git"); }
    [[nodiscard]] std::string there() const {
        std::string ids;
        for (int id = 1; id <= 9; ++id)
            if (fs::exists(path(id))) ids += std::to_string(id);
        return ids;
    }
    static bot::Mirrors::Busy none() { return {}; }

    fs::path folder = fs::temp_directory_path() / ("shopfloor-mirrors-" + std::to_string(::getpid()));
    bot::Forges forges{{{.name = "one", .token = config::Secret("token"), .repositories = {"*"}}}};
    std::optional<bot::Mirrors> mirrors;
};

}  // namespace

TEST_CASE_FIXTURE(Place, "mirrors over the limit go, the least recently used first") {
    for (const int id : {3, 1, 4, 2}) fill(id, id);
    CHECK(mirrors->evict(100 * mib, none) == 0);
    CHECK(there() == "1234");
    CHECK(mirrors->evict(2 * mib + mib / 2, none) == 2);
    CHECK(there() == "34");
    (void)use(3);  // used again: now the other one is the oldest
    CHECK(mirrors->evict(mib + mib / 2, none) == 1);
    CHECK(there() == "3");
}

TEST_CASE_FIXTURE(Place, "a mirror in use, or of a repository with a job, is never evicted") {
    for (const int id : {1, 2, 3}) fill(id, id);
    const auto held = use(1);
    fs::last_write_time(path(1), fs::file_time_type::clock::now() - 10h);
    CHECK(mirrors->evict(0, [] { return bot::Mirrors::Busy{{"one", "2"}, {"two", "3"}}; }) == 1);
    CHECK(there() == "12");
}

TEST_CASE_FIXTURE(Place, "an evicted mirror is made anew when it is wanted, also after a restart") {
    fill(1, 1);
    CHECK(mirrors->evict(0, none) == 1);
    CHECK(there().empty());
    CHECK(fs::is_empty(folder / "one"));
    (void)use(1);
    CHECK(there() == "1");
    fill(2, 2);
    fs::create_directories(folder / "one" / "7.git.going-0");  // a crash came between
    mirrors.emplace(folder, forges);
    CHECK(mirrors->evict(0, none) == 2);
    CHECK(fs::is_empty(folder / "one"));
}
