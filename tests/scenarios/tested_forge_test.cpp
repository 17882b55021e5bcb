#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/tested_forge.hpp"

using practice_forge::Dialect;

namespace {

using Cells = std::map<Dialect, std::string>;

/// What the table for people says of each forge, by the row's name.
std::map<std::string, Cells> table_for_people() {
    std::istringstream lines(
        scenarios::bytes_of(std::filesystem::path(SHOPFLOOR_SOURCE_DIR) / "docs" / "forges.md"));
    std::map<std::string, Cells> table;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("| ") || line.starts_with("| |")) continue;
        std::vector<std::string> cells;
        for (std::size_t from = 2; from < line.size();) {
            const auto end = std::min(line.find(" |", from), line.size());
            cells.push_back(line.substr(from, end - from));
            from = end + 3;
        }
        REQUIRE(cells.size() == 4);
        table[cells[0]] = {{Dialect::github, cells[1]},
                           {Dialect::gitlab, cells[2]},
                           {Dialect::gitea, cells[3]},
                           {Dialect::forgejo, cells[3]}};
    }
    return table;
}

}  // namespace

TEST_CASE("what scenarios leave out on a forge the table for people tells of that forge") {
    const auto table = table_for_people();
    const auto missing = scenarios::abilities_missing();
    CHECK_FALSE(missing.empty());
    for (const auto& [row, forges] : missing) {
        CAPTURE(row);
        REQUIRE(table.contains(std::string(row)));
        for (const auto& [able, here] : table.at(std::string(row)))
            for (const auto unable : forges)
                if (!forges.contains(able)) CHECK(table.at(std::string(row)).at(unable) != here);
    }
}
