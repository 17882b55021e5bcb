// Which repositories are ours to work on.
#include <doctest/doctest.h>

#include "bot/intake.hpp"

TEST_CASE("a group allows the repositories in it, and in the groups within") {
    const config::ForgeSettings forge{.repositories = {"octo/tools/*", "octo/site"}};
    CHECK(bot::repository_allowed(forge, "octo/tools/app"));
    CHECK(bot::repository_allowed(forge, "Octo/Tools/deep/app"));
    CHECK(bot::repository_allowed(forge, "octo/site"));
    CHECK_FALSE(bot::repository_allowed(forge, "octo/app"));
    CHECK_FALSE(bot::repository_allowed(forge, "octo/toolshed/app"));
}
