// Every event at every state of a job, as in lifecycle_table_test.cpp: jobs that are on people's side, or
// over, and what ends all of them.
#include <doctest/doctest.h>

#include "tests/scenarios/lifecycle_cells.hpp"

using scenarios::Ability;
using scenarios::Board;
using scenarios::can;
using scenarios::can_run;

TEST_CASE("every event at every state: jobs that wait for people, or are changed for them") {
    if (!can_run("bubblewrap")) return;
    Board board(scenarios::cells_of(scenarios::with_people));
    scenarios::play(board);
}

TEST_CASE("every event at every state: jobs that are over") {
    if (!can_run("bubblewrap")) return;
    Board board(scenarios::cells_of(scenarios::ended));
    scenarios::play(board);
}

// Where there are no Apps an account is blocked, or its token revoked, and nobody is told: what was asked for
// waits until it is let in again, and goes its way. On these boards there is room for those who are held,
// with two tries of one: none is left for the rest.

TEST_CASE("every event at every state: the bot is uninstalled") {
    if (!can_run("bubblewrap")) return;
    Board board(scenarios::cells_of_all("uninstalled"), 4);
    scenarios::play(board);
}

TEST_CASE("every event at every state: the bot is suspended; allowed again, it takes what is asked anew") {
    if (!can_run("bubblewrap")) return;
    Board board(scenarios::cells_of_all("suspended"), 4);
    scenarios::play(board);
    if (!can(Ability::tell_of_lost_access)) return;
    board.factory.forge.unsuspend_app();
    const auto& cell = board.cells().front();
    board.factory.forge.add_label(cell.repository, cell.issue, "agent", scenarios::maintainer);
    CHECK(scenarios::comes_true([&] {
        const auto now = board.standing(cell);
        return now.jobs == 2 && now.state == "review";
    }));
}
