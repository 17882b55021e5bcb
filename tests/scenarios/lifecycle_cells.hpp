#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/scenarios/lifecycle_board.hpp"

/// Which cells of the table are on which board, and how a board is played.
namespace scenarios {

using States = std::vector<std::string>;
inline const States in_the_queue{"queued", "change_queued"};
inline const States at_work{"working", "competing"};
inline const States to_be_published{"publishing", "change_publishing"};
inline const States with_people{"waiting", "job_budget", "review", "changing", "change_waiting"};
inline const States ended{"answered", "failed", "stopped", "closed", "merged"};

/// Where the event leads on the tested forge, as the table says it. It has fewer cells where people cannot do
/// such a thing.
[[nodiscard]] std::string end_here(const std::string& state, std::string_view event);
/// Else the end comes when the forge is asked next: before anything is published, or by a look at what waits.
[[nodiscard]] bool is_told(std::string_view event);

/// Every event but those that end all of them, which have a board of their own.
[[nodiscard]] std::vector<Cell> cells_of(const States& states);
/// One event at every state.
[[nodiscard]] std::vector<Cell> cells_of_all(const std::string& event);
/// All of them wait behind others, that are at work wherever there is room.
[[nodiscard]] Board board_behind_others(const States& states, int room);

void play(Board& board);

}  // namespace scenarios
