// Every event at every state of a job, as a forge tells it and as people see what comes of it: signed
// webhooks, agents in sandboxes that are held while they are told, and let go. The table is
// tests/bot/lifecycle_table.hpp. Here: jobs that are on the bot's side; the others are in
// people_table_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/bot/lifecycle_table.hpp"
#include "tests/scenarios/lifecycle_cells.hpp"

using scenarios::Board;
using scenarios::can_run;

TEST_CASE("every event at every state: every state of the table is on a board") {
    std::vector<std::string> on_boards, of_table = lifecycle::states();
    for (const auto& states : {scenarios::in_the_queue, scenarios::at_work, scenarios::to_be_published,
                               scenarios::with_people, scenarios::ended})
        on_boards.insert(on_boards.end(), states.begin(), states.end());
    std::ranges::sort(on_boards);
    std::ranges::sort(of_table);
    CHECK(on_boards == of_table);
}

TEST_CASE("every event at every state: jobs that are queued") {
    if (!can_run("bubblewrap")) return;
    Board board = scenarios::board_behind_others(scenarios::in_the_queue, 8);
    scenarios::play(board);
}

TEST_CASE("every event at every state: jobs that are worked on, in one try or in several") {
    if (!can_run("bubblewrap")) return;
    Board board(scenarios::cells_of(scenarios::at_work));
    scenarios::play(board);
}

TEST_CASE("every event at every state: jobs whose pull request the forge does not open yet") {
    if (!can_run("bubblewrap")) return;
    // While there is no room nobody tries it again: else one might meet the repository's end before we hear.
    Board board = scenarios::board_behind_others(scenarios::to_be_published, 12);
    scenarios::play(board);
}
