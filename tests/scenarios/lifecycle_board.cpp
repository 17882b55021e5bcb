#include "tests/scenarios/lifecycle_board.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <thread>
#include <tuple>
#include <utility>

#include "tests/bot/lifecycle_table.hpp"
#include "tests/scenarios/hostile.hpp"

namespace scenarios {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using practice_forge::Fault;

namespace {

constexpr std::array of_repositories{"renamed", "archived", "erased", "removed"};
constexpr std::array of_proposals{"review", "merged", "closed_pr", "red_ci"};
constexpr std::string_view other = "acme/other";  ///< where issues are moved to
constexpr const char* new_name = "-renamed";      ///< goes to the end of a repository's name

bool is_among(std::string_view word, const auto& words) {
    return std::ranges::find(words, word) != words.end();
}

Plan plan_of(int slots, const fs::path& gate) {
    const std::string held = "echo started; read -r go < /gate/line; ";
    const std::string change = "mktemp words-XXXXXX";  // no two changes are about the same file
    Plan plan{.agents = {{"worker", held + change},
                         {"quick", change},
                         {"idle", "echo 'Nothing to do.'"},
                         {"asker", "if test -e asked; then " + held + change +
                                       "; else touch asked; echo 'QUESTION: Which words?'; fi"}}};
    plan.change = [=](config::Settings& settings) {
        settings.forges.front().repositories = {"acme/*"};
        settings.max_parallel = settings.max_parallel_per_repository = slots;
        settings.default_profile = "worker";
        for (auto& profile : settings.profiles) profile.mounts["/gate"] = gate;
    };
    return plan;
}

/// What people say, of those events that are words.
const char* command_of(std::string_view event) {
    static const std::map<std::string, const char*, std::less<>> commands{
        {"run", "/agent run"},     {"retry", "/agent retry"},       {"refine", "/agent refine more"},
        {"pick", "/agent pick 2"}, {"resume", "/agent resume yes"}, {"words", "Yes, do that."},
        {"stop", "/agent stop"},   {"status", "/agent status"},     {"why", "/agent why"},
        {"help", "/agent help"}};
    const auto found = commands.find(event);
    return found == commands.end() ? nullptr : found->second;
}

/// With which the job is asked for.
std::string label_of(const Cell& cell) {
    if (cell.state == "waiting") return "agent:asker";
    if (cell.state == "publishing") return "agent:quick";
    return cell.state == "over" && !is_among(cell.event, of_proposals) ? "agent:idle" : "agent";
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

Board::Board(std::vector<Cell> cells, int slots)
    : factory(plan_of(slots, gate_.folder())), cells_(std::move(cells)) {
    auto& forge = factory.forge;
    forge.create_repository({.full_name = std::string(other)});
    std::set<std::string> made;
    for (auto& cell : cells_) {
        // One of its own where the event is a repository's; else one for each state.
        const bool alone = is_among(cell.event, of_repositories);
        cell.repository = "acme/" + cell.state + (alone ? "-" + cell.event : "");
        if (!made.insert(cell.repository).second) continue;
        forge.create_repository(
            {.full_name = cell.repository,
             .files = {{.path = ".shopfloor.yml", .content = "checks: [{name: tests, run: 'true'}]\n"}}});
        forge.add_collaborator(cell.repository, maintainer, practice_forge::Permission::write);
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

void Board::ask(Cell& cell) {
    auto& forge = factory.forge;
    cell.issue = forge.create_issue(cell.repository, cell.state + " " + cell.event, "Please.", maintainer);
    // A person can take the label off while it is there, and we take it off when we take the job.
    for (const auto* label : {"agent", "agent%3A*"})
        if (cell.event == "unlabel")
            forge.fail(
                {.name = "label stays",
                 .method = "DELETE",
                 .path = fmt::format("/repos/{}/issues/{}/labels/{}", cell.repository, cell.issue, label),
                 .times = -1,
                 .status = 403});
    if (cell.state == "competing")
        forge.comment(cell.repository, cell.issue, "/agent run x2", maintainer);
    else
        forge.add_label(cell.repository, cell.issue, label_of(cell), maintainer);
}

void Board::hold() {
    gate_.close();
    factory.forge.fail({.name = "closed", .method = "POST", .path = "*/pulls", .times = -1});
}

void Board::let_go() {
    gate_.open();
    factory.forge.clear_faults();
}

void Board::stage_on_open_gates() {
    for (auto& cell : cells_)
        if (is_among(cell.state, std::array{"waiting", "review", "changing", "over"})) ask(cell);
    wait_for("waiting", "waiting");
    wait_for("review", "review");
    wait_for("changing", "review");
    each("over", [&](Cell& cell) {
        const bool proposes = is_among(cell.event, of_proposals);
        REQUIRE(comes_true([&] { return standing(cell).state == (proposes ? "review" : "answered"); }));
        if (!proposes) return;
        factory.forge.comment(cell.repository, cell.issue, "/agent stop", maintainer);
        REQUIRE(comes_true([&] { return standing(cell).state == "stopped"; }));
    });
}

/// Whether agents wait at the gate; their first or, of a pull request that is changed, their second pass.
bool Board::is_held(const Cell& cell) const {
    const auto job = standing(cell).job;
    if (cell.state != "competing")
        return contains(
            factory.log(fmt::format("job-{}/agent-{}.log", job, cell.state == "changing" ? 2 : 1)),
            "started");
    const auto tries = tries_of(job);
    return tries.size() == 2 && std::ranges::all_of(tries, [&](std::int64_t each) {
               return contains(factory.log(fmt::format("job-{}/agent-1.log", each)), "started");
           });
}

void Board::stage_on_closed_gates() {
    each("publishing", [&](Cell& cell) { ask(cell); });
    wait_for("publishing", "publishing");
    each("changing", [&](Cell& cell) {
        factory.forge.comment(cell.repository, cell.issue, "/agent refine more words", maintainer);
    });
    for (const auto* state : {"working", "competing"}) each(state, [&](Cell& cell) { ask(cell); });
    for (const auto* state : {"working", "competing", "changing"})
        each(state, [&](Cell& cell) { REQUIRE(comes_true([&] { return is_held(cell); })); });
    each("queued", [&](Cell& cell) { ask(cell); });
    wait_for("queued", "queued");
}

void Board::stage() {
    stage_on_open_gates();
    hold();
    stage_on_closed_gates();
    each("competing", [&](Cell& cell) {
        if (cell.event == "unlabel")
            factory.forge.add_label(cell.repository, cell.issue, "agent", maintainer);
    });
    for (auto& cell : cells_) {
        CAPTURE(cell.state);
        CAPTURE(cell.event);
        REQUIRE(comes_true([&] {
            const auto labels = factory.forge.issue(cell.repository, cell.issue).labels;
            const bool asks = std::ranges::any_of(
                labels, [](const auto& each) { return each == "agent" || each.starts_with("agent:"); });
            return asks == (cell.event == "unlabel");
        }));
        const auto now = standing(cell);
        cell.job = now.job;
        cell.pull_request = now.pull_request;
        cell.head = now.head;
        cell.stood = now.state;
    }
    REQUIRE(comes_true([&] { return all_decided(); }));
}

void Board::tell_of_repository(const Cell& cell) {
    auto& forge = factory.forge;
    if (cell.event == "renamed") forge.rename_repository(cell.repository, cell.repository + new_name);
    if (cell.event == "archived") forge.archive_repository(cell.repository);
    if (cell.event == "erased") forge.delete_repository(cell.repository);
    if (cell.event == "removed") forge.remove_from_installation(cell.repository);
}

void Board::tell(Cell& cell) {
    auto& forge = factory.forge;
    const auto& [event, place, issue] = std::tie(cell.event, cell.repository, cell.issue);
    if (const auto* words = command_of(event)) {
        cell.comment = forge.comment(place, issue, words, maintainer);
    } else if (event == "label") {
        forge.add_label(place, issue, "agent", maintainer);
    } else if (event == "unlabel") {
        for (const auto& label : forge.issue(place, issue).labels)
            if (!label.starts_with("agent-state")) forge.remove_label(place, issue, label, maintainer);
    } else if (event == "review") {
        (void)forge.review(place, cell.pull_request, "changes_requested", "More words!", {}, maintainer);
    } else if (event == "closed") {
        forge.close(place, issue, maintainer);
    } else if (event == "locked") {
        forge.lock(place, issue, maintainer);
    } else if (event == "moved") {
        (void)forge.transfer_issue(place, issue, other, maintainer);
    } else if (event == "deleted") {
        forge.delete_issue(place, issue, maintainer);
    } else if (event == "merged") {
        (void)forge.merge(place, cell.pull_request, maintainer);
    } else if (event == "closed_pr") {
        forge.close(place, cell.pull_request, maintainer);
    } else if (event == "red_ci") {
        forge.finish_check(place, cell.head, "windows", "failure", {}, "red\n");
    } else {
        tell_of_repository(cell);
    }
}

void Board::tell() {
    for (auto& cell : cells_) tell(cell);
    if (std::ranges::any_of(cells_, [](const auto& cell) { return cell.event == "uninstalled"; }))
        factory.forge.uninstall_app();
    REQUIRE(comes_true([&] { return all_decided(); }));
}

}  // namespace scenarios
