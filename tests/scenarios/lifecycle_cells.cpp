#include "tests/scenarios/lifecycle_cells.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "tests/bot/lifecycle_table.hpp"

namespace scenarios {

namespace {

/// What a forge may not tell, and where that leads there; empty: to the same end, but later.
struct Untold {
    std::string_view event;
    Ability ability;
    std::string_view end;
};
constexpr std::array untold{Untold{"locked", Ability::tell_of_locks, "."},
                            Untold{"moved", Ability::move_issues, "-"},
                            Untold{"deleted", Ability::tell_of_deleted_issues, ""},
                            Untold{"given_away", Ability::tell_of_moved_repositories, ""},
                            Untold{"archived", Ability::tell_of_archived_repositories, ""},
                            Untold{"removed", Ability::tell_of_lost_access, "-"},
                            Untold{"suspended", Ability::tell_of_lost_access, "."},
                            Untold{"uninstalled", Ability::tell_of_lost_access, "."}};

/// Null: the tested forge tells it.
const Untold* untold_here(std::string_view event) {
    const auto* found = std::ranges::find(untold, event, &Untold::event);
    return found == untold.end() || can(found->ability) ? nullptr : found;
}

}  // namespace

std::string end_here(const std::string& state, std::string_view event) {
    // The words of a review are a comment like any other there: a job that has a question is answered.
    if (event == "review" && state == "change_waiting" && !can(Ability::tell_reviews_apart)) event = "words";
    const auto* different = untold_here(event);
    auto end = lifecycle::expected(state, event);
    return different == nullptr || different->end.empty() || end == "-" ? end : std::string(different->end);
}

bool is_told(std::string_view event) { return untold_here(event) == nullptr; }

std::vector<Cell> cells_of(const States& states) {
    std::vector<Cell> cells;
    for (const auto& state : states)
        for (const auto event : lifecycle::events)
            if (event != "uninstalled" && event != "suspended" && end_here(state, event) != "-")
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
    if (!can(Ability::tell_of_lost_access)) board.let_in_again();
    board.let_go();
    for (const auto& cell : board.cells()) {
        board.check_end(cell);
        board.check_answer(cell);
    }
    board.check_nothing_left();
}

}  // namespace scenarios
