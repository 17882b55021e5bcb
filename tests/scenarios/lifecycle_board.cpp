#include "tests/scenarios/lifecycle_board.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>
#include <utility>

#include "bot/job_state.hpp"
#include "tests/scenarios/model_plan.hpp"

namespace scenarios {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

constexpr std::array of_repositories{"renamed", "given_away", "archived", "erased", "removed"};

Plan plan_of(int slots, const fs::path& gate, const practice_model::PracticeModel& model) {
    const std::string held = "echo started; read -r go < /gate/line; ";
    // No two changes are about the same file; what is in the way of the base is resolved.
    const std::string change =
        "for each in $(grep -l '^<<<<<<<' words-* 2> /dev/null); do echo both > $each; done; "
        "echo ours > $(mktemp words-XXXXXX)";
    auto plan = with_model(model, held + change);
    plan.server_hook = true;
    plan.agents = {
        {"worker", held + change},
        {"quick", change},
        {"idle", "echo 'Nothing to do.'"},
        {"lost", "echo 'I am lost.' >&2; exit 9"},
        {"asker",
         "if test -e asked; then " + held + change + "; else touch asked; echo 'QUESTION: Which words?'; fi"},
        {"doubter",
         "cat > /tmp/prompt; if grep -q doubtful /tmp/prompt && ! test -e asked; then touch asked; "
         "echo 'QUESTION: Which words?'; else " +
             held + change + "; fi"},
        {"spender", "if test -e spent; then " + held + change +
                        "; else touch spent; while perl call.pl; do :; done; sleep 600; fi"}};
    plan.change = [=, with_lab = plan.change](config::Settings& settings) {
        with_lab(settings);
        settings.models.job.dollars = 5;  // for one call
        settings.forges.front().repositories = {"acme/*"};
        settings.max_parallel = settings.max_parallel_per_repository = slots;
        settings.default_profile = "worker";
        for (auto& profile : settings.profiles) {
            profile.mounts["/gate"] = gate;
            profile.provider = profile.name == "spender" ? "lab" : "";
        }
    };
    return plan;
}

}  // namespace

bool comes_true(const std::function<bool()>& condition) {
    for (const auto end = std::chrono::steady_clock::now() + 5min; !condition();) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(50ms);
    }
    return true;
}

Board::Gate::Gate() : folder_(Factory::fresh_folder()) {
    fs::permissions(folder_, fs::perms(0755));
    std::ofstream(folder_ / "line") << '\n';
}

Board::Gate::~Gate() {
    if (pipe_ >= 0) ::close(pipe_);
    std::error_code error;
    fs::remove_all(folder_, error);
}

void Board::Gate::close() {
    const auto pipe = folder_ / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0644) == 0);
    pipe_ = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);  // so that readers need not wait for a writer
    REQUIRE(pipe_ >= 0);
    fs::rename(pipe, folder_ / "line");
}

void Board::Gate::open() {
    std::ofstream(folder_ / "file") << '\n';
    fs::rename(folder_ / "file", folder_ / "line");
    const std::string lines(1000, '\n');  // one for each who has the pipe open, or is about to
    REQUIRE(::write(pipe_, lines.data(), lines.size()) == static_cast<ssize_t>(lines.size()));
}

std::string name_now(const Cell& cell) {
    if (cell.event == "renamed") return cell.repository + "-renamed";
    if (cell.event == "given_away") return "umbrella" + cell.repository.substr(cell.repository.find('/'));
    return cell.repository;
}

bool is_over(const Cell& cell) {
    const auto state = bot::job_state(cell.state);
    return state && bot::is_final(*state);
}

bool is_change(const Cell& cell) { return cell.state.starts_with("chang"); }

Board::Board(std::vector<Cell> cells, int slots)
    : factory(plan_of(slots, gate_.folder(), model_)), cells_(std::move(cells)) {
    answer_all(model_, 3'000);
    auto files = with_model(model_, "").files;
    files.push_back({.path = ".shopfloor.yml", .content = "checks: [{name: tests, run: 'true'}]\n"});
    factory.create({.full_name = std::string(elsewhere)});
    std::set<std::string> made;
    for (auto& cell : cells_) {
        // One of its own where the event is a repository's; else one for each state.
        const bool alone = std::ranges::find(of_repositories, cell.event) != of_repositories.end();
        cell.repository = "acme/" + cell.state + (alone ? "-" + cell.event : "");
        if (!made.insert(cell.repository).second) continue;
        factory.create({.full_name = cell.repository, .files = files});
    }
    ledger_ = std::make_unique<SQLite::Database>((factory.state_dir() / "ledger.sqlite").string(),
                                                 SQLite::OPEN_READONLY, 5000);
}

Board::~Board() = default;

Standing Board::standing(const Cell& cell) const {
    // By the job that was first: a repository's name may have changed.
    SQLite::Statement row(*ledger_,
                          "SELECT j.state, j.id, j.pull_request, j.cycle, j.branch, j.head_commit, "
                          "count(*) OVER () FROM jobs AS j WHERE j.contest IS NULL AND iif(?1 > 0, "
                          "(j.repo_id, j.issue) = (SELECT repo_id, issue FROM jobs WHERE id = ?1), "
                          "j.repo_name = ?2 AND j.issue = ?3) ORDER BY j.id DESC LIMIT 1");
    row.bind(1, cell.job);
    row.bind(2, cell.repository);
    row.bind(3, cell.issue);
    if (!row.executeStep()) return {};
    return {.state = row.getColumn(0),
            .job = row.getColumn(1),
            .jobs = row.getColumn(6),
            .pull_request = row.getColumn(2),
            .cycle = row.getColumn(3),
            .branch = row.getColumn(4),
            .head = row.getColumn(5)};
}

bool Board::all_decided() {
    if (!factory.forge.hooks_sent()) return false;
    SQLite::Statement row(*ledger_,
                          "SELECT (SELECT count(*) FROM deliveries) = (SELECT count(*) FROM outcomes WHERE "
                          "state = 'settled')");
    return row.executeStep() && row.getColumn(0).getInt() == 1;
}

std::vector<std::int64_t> Board::tries_of(std::int64_t job) const {
    SQLite::Statement row(*ledger_, "SELECT id FROM jobs WHERE contest = ?1");
    row.bind(1, job);
    std::vector<std::int64_t> tries;
    while (row.executeStep()) tries.push_back(row.getColumn(0));
    return tries;
}

void Board::each(std::string_view state, const std::function<void(Cell&)>& act) {
    for (auto& cell : cells_)
        if (cell.state == state) act(cell);
}

void Board::wait_for(std::string_view state, std::string_view wanted) {
    each(state, [&](Cell& cell) {
        CAPTURE(cell.state);
        CAPTURE(state);
        CAPTURE(cell.event);
        REQUIRE(comes_true([&] { return standing(cell).state == wanted; }));
    });
}

}  // namespace scenarios
