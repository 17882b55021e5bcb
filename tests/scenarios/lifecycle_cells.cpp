#include "tests/scenarios/lifecycle_cells.hpp"

#include <utility>

#include "tests/bot/lifecycle_table.hpp"

namespace scenarios {

std::vector<Cell> cells_of(const States& states) {
    std::vector<Cell> cells;
    for (const auto& state : states)
        for (const auto event : lifecycle::events)
            if (event != "uninstalled" && event != "suspended" && lifecycle::expected(state, event) != "-")
                cells.push_back({.state = state, .event = std::string(event)});
    return cells;
}

std::vector<Cell> cells_of_all(const std::string& event) {
    std::vector<Cell> cells;
    for (const auto& state : lifecycle::states()) cells.push_back({.state = state, .event = event});
    return cells;
}

Board board_behind_others(const States& states, int room) {
    auto cells = cells_of(states);
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

}  // namespace scenarios
