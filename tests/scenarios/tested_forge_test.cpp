#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/tested_forge.hpp"

TEST_CASE("what scenarios leave out on a forge stands in the table for people") {
    const auto table =
        scenarios::bytes_of(std::filesystem::path(SHOPFLOOR_SOURCE_DIR) / "docs" / "forges.md");
    const auto rows = scenarios::rows_of_abilities();
    CHECK_FALSE(rows.empty());
    for (const auto row : rows) {
        CAPTURE(row);
        CHECK(scenarios::contains(table, "\n| " + std::string(row) + " |"));
    }
}
