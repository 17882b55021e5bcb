// Which repositories are ours to work on, and what is made of one that has a new name.
#include <doctest/doctest.h>

#include <variant>

#include "bot/intake.hpp"
#include "bot/request.hpp"

TEST_CASE("a group allows the repositories in it, and in the groups within") {
    const config::ForgeSettings forge{.repositories = {"octo/tools/*", "octo/site"}};
    CHECK(bot::repository_allowed(forge, "octo/tools/app"));
    CHECK(bot::repository_allowed(forge, "Octo/Tools/deep/app"));
    CHECK(bot::repository_allowed(forge, "octo/site"));
    CHECK_FALSE(bot::repository_allowed(forge, "octo/app"));
    CHECK_FALSE(bot::repository_allowed(forge, "octo/toolshed/app"));
}

TEST_CASE("a new name without the address that goes with it changes nothing") {
    integrations::RepositoryRenamed renamed{.repo = {.forge = "lab", .id = "7", .full_name = "acme/new"}};
    auto requests = bot::recognise(renamed, {}, "shopfloor");
    REQUIRE(requests.size() == 1);
    CHECK(std::holds_alternative<bot::Nothing>(requests[0]));
    renamed.repo.clone_url = "https://forge.example/acme/new.git";
    requests = bot::recognise(renamed, {}, "shopfloor");
    REQUIRE(requests.size() == 1);
    CHECK(std::holds_alternative<bot::Renamed>(requests[0]));
}
