// Every event at every state of a job, as a forge tells it and as people see what comes of it: signed
// webhooks, agents in sandboxes that are held while they are told, and let go. The table is
// tests/bot/lifecycle_table.hpp.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/bot/lifecycle_table.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/lifecycle_board.hpp"

using scenarios::Board;
using scenarios::can_run;
using scenarios::Cell;

namespace {

/// Every event but the one that ends all of them, which has a board of its own.
std::vector<Cell> cells_of(const std::vector<std::string>& states) {
    std::vector<Cell> cells;
    for (const auto& state : states)
        for (const auto event : lifecycle::events)
            if (event != "uninstalled" && lifecycle::expected(state, event) != "-")
                cells.push_back({.state = state, .event = std::string(event)});
    return cells;
}

/// All of them wait behind others, that are at work wherever there is room.
Board board_behind_others(const std::string& state, int room) {
    auto cells = cells_of({state});
    for (int busy = 0; busy < room; ++busy) cells.push_back({.state = "working", .event = "nothing"});
    return Board(std::move(cells), room);
}

void play(Board& board) {
    board.stage();
    board.tell();
    for (const auto& cell : board.cells()) board.check_held(cell);
    board.let_go();
    for (const auto& cell : board.cells()) {
        board.check_end(cell);
        board.check_answer(cell);
    }
    board.check_nothing_left();
}

}  // namespace

TEST_CASE("every event at every state: jobs that are queued") {
    if (!can_run("bubblewrap")) return;
    Board board = board_behind_others("queued", 3);
    play(board);
}

TEST_CASE("every event at every state: jobs that are worked on, in one try or in several") {
    if (!can_run("bubblewrap")) return;
    Board board(cells_of({"working", "competing"}));
    play(board);
}

TEST_CASE("every event at every state: jobs whose pull request the forge does not open yet") {
    if (!can_run("bubblewrap")) return;
    // While there is no room nobody tries it again: else one might meet the repository's end before we hear.
    Board board = board_behind_others("publishing", 6);
    play(board);
}

TEST_CASE("every event at every state: jobs that wait for people, are changed for them, or are over") {
    if (!can_run("bubblewrap")) return;
    Board board(cells_of({"waiting", "review", "changing", "over"}));
    play(board);
}

TEST_CASE("every event at every state: the bot is uninstalled") {
    if (!can_run("bubblewrap")) return;
    std::vector<Cell> cells;
    for (const auto& row : lifecycle::table)
        cells.push_back({.state = std::string(row.state), .event = "uninstalled"});
    Board board(std::move(cells), 4);  // those that are worked on, with two tries of one: one stays queued
    play(board);
}
