#include <doctest/doctest.h>

#include <chrono>

#include "bot/shop.hpp"

using namespace std::chrono_literals;

TEST_CASE("a base branch that moves again while it is looked at is looked at anew") {
    const bot::Time noon{12h};
    const integrations::RepoRef repo{.forge = "github", .id = "1"};
    bot::MovedBases bases;
    bases.add({.repo = repo, .branch = "main", .at = noon});
    bases.add({.repo = repo, .branch = "next", .at = noon});
    auto looked_at = bases.all().front();
    looked_at.sure.insert(bot::JobId{7});
    bases.looked_at(looked_at, false);
    CHECK(bases.all().front().sure.contains(bot::JobId{7}));
    bases.add({.repo = repo, .branch = "main", .at = noon + 1s});
    bases.looked_at(looked_at, true);
    REQUIRE(bases.all().size() == 2);
    CHECK(bases.all().back().at == noon + 1s);
    CHECK(bases.all().back().sure.empty());
    bases.looked_at(bases.all().back(), true);
    REQUIRE(bases.all().size() == 1);
    CHECK(bases.all().front().branch == "next");
}
