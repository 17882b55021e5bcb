#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"

namespace SQLite {
class Database;
}

/// A factory with a job for each cell of the table of states and events (tests/bot/lifecycle_table.hpp), all
/// of them at work side by side: they are brought to their states and held there, are told their events, and
/// are let go.
namespace scenarios {

struct Cell {
    std::string state, event;  ///< as in the table; event `nothing`: none is told
    std::string repository{};  ///< of its own where the event is one of repositories
    std::int64_t issue = 0, job = 0;
    std::int64_t pull_request = 0;  ///< 0: there was none before the event
    std::string branch{}, head{};   ///< at that time
    std::string stood{};            ///< the ledger's word for the state before the event
    std::int64_t comment = 0;       ///< that was the event
    std::string base{};             ///< the commit that the base moved to
    std::int64_t base_told = 0;     ///< the delivery that told it
};

inline constexpr std::string_view elsewhere = "acme/other";  ///< where issues are moved to

/// What its repository is called once the event was told.
[[nodiscard]] std::string name_now(const Cell& cell);
/// Before the event.
[[nodiscard]] bool is_over(const Cell& cell);
/// A change of an open pull request.
[[nodiscard]] bool is_change(const Cell& cell);

/// What the ledger says of the latest job of an issue.
struct Standing {
    std::string state;
    std::int64_t job = 0, jobs = 0, pull_request = 0, cycle = 0;
    std::string branch, head;
};

/// Polls, but not so often that what is waited for has no room. Up to five minutes: a board is many jobs on
/// few cores, and sanitizers make each of them slow.
[[nodiscard]] bool comes_true(const std::function<bool()>& condition);

class Board {
    /// Which agents read a line from before they do anything. It is a file, or a pipe while it is closed.
    class Gate {
     public:
        Gate();
        ~Gate();
        Gate(const Gate&) = delete;
        Gate& operator=(const Gate&) = delete;
        void close();
        void open();
        [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

     private:
        std::filesystem::path folder_;
        int pipe_ = -1;
    };
    Gate gate_;  // before the factory whose agents see it
    practice_model::PracticeModel model_;

 public:
    /// `slots`: jobs at work at once.
    explicit Board(std::vector<Cell> cells, int slots = 80);
    ~Board();
    Board(const Board&) = delete;
    Board& operator=(const Board&) = delete;

    /// Brings every job to its state, and holds it there.
    void stage();
    /// Tells every event, and waits until each is decided on.
    void tell();
    /// Where there are no Apps, an account is let in again, with its token and its hooks.
    void let_in_again();
    /// Whoever is held goes on.
    void let_go();

    /// The job is where the event brings it while it is held.
    void check_held(const Cell& cell);
    /// It comes to its end, and people see that.
    void check_end(const Cell& cell);
    /// What the command was answered with.
    void check_answer(const Cell& cell);
    /// Whoever still waits for an answer is stopped; then nothing is left.
    void check_nothing_left();

    [[nodiscard]] const std::vector<Cell>& cells() const { return cells_; }
    [[nodiscard]] Standing standing(const Cell& cell) const;

    Factory factory;

 private:
    void ask(Cell& cell);
    void say(const Cell& cell, std::string_view words);
    void each(std::string_view state, const std::function<void(Cell&)>& act);
    void wait_for(std::string_view state, std::string_view standing);
    void stage_on_open_gates();
    void stage_on_closed_gates();
    void bring_to_its_end(Cell& cell);
    void note(Cell& cell);
    void hold();
    void tell(Cell& cell);
    bool tell_of_repository(Cell& cell);
    bool tell_of_proposal(const Cell& cell);
    void tell_of_issue(const Cell& cell);
    void move_base(Cell& cell);
    /// What nobody tells is seen by looking at what waits for people, a part of it at a time: bases that
    /// moved are told once more, so that the bot looks again.
    void make_look();
    [[nodiscard]] bool is_mended(const Cell& cell) const;
    void check_pull_request(const Cell& cell, const Standing& now);
    void check_issue(const Cell& cell, const Standing& now);
    [[nodiscard]] bool is_held(const Cell& cell) const;
    [[nodiscard]] bool all_decided();
    [[nodiscard]] std::vector<std::int64_t> tries_of(std::int64_t job) const;

    std::vector<Cell> cells_;
    std::unique_ptr<SQLite::Database> ledger_;
    std::chrono::steady_clock::time_point looked_{};
    int looks_ = 0;
};

}  // namespace scenarios
