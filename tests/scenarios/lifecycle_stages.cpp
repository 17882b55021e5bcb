#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/lifecycle_board.hpp"

/// How jobs are brought to their states, and held there.
namespace scenarios {

namespace {

constexpr std::string_view more = "/agent refine more words";

/// Whose agent does what the state is about; empty: one that is held.
std::string profile_of(const Cell& cell) {
    static const std::map<std::string, std::string, std::less<>> profiles{
        {"waiting", "asker"}, {"job_budget", "spender"},      {"change_waiting", "doubter"},
        {"answered", "idle"}, {"change_publishing", "quick"}, {"publishing", "quick"},
        {"failed", "lost"}};
    const auto found = profiles.find(cell.state);
    return found == profiles.end() ? "" : found->second;
}

/// Where its job comes to, while nobody is held.
std::string first_stand(const Cell& cell) {
    if (cell.state == "waiting" || cell.state == "job_budget") return "waiting";
    return cell.state == "answered" || cell.state == "failed" ? cell.state : "review";
}

/// Only begun when agents are held.
bool begins_held(const Cell& cell) {
    constexpr std::array held{"queued", "working", "competing", "publishing"};
    return std::ranges::find(held, cell.state) != held.end();
}

}  // namespace

void Board::say(const Cell& cell, std::string_view words) {
    factory.forge.comment(cell.repository, cell.issue, words, maintainer);
}

void Board::ask(Cell& cell) {
    auto& forge = factory.forge;
    cell.issue = forge.create_issue(cell.repository, cell.state + " " + cell.event, "Please.", maintainer);
    // A person can take the label off while it is there, and we take it off when we take the job.
    const auto profile = profile_of(cell);
    const auto label = profile.empty() ? "agent" : "agent:" + profile;
    if (cell.event == "unlabel")
        forge.fail(at_label_off(forge, cell.repository, label,
                                {.name = "label stays", .times = -1, .status = 403}, cell.issue));
    if (cell.event == "picked" || cell.state == "competing")
        say(cell, profile.empty() ? "/agent run x2" : fmt::format("/agent run {0} {0}", profile));
    else
        forge.add_label(cell.repository, cell.issue, label, maintainer);
}

void Board::hold() {
    gate_.close();
    for (const auto asked : {Asked::open_pull_request, Asked::change_pull_request})
        factory.forge.fail(at(asked, {.name = "closed", .times = -1}));
}

void Board::let_in_again() {
    factory.forge.add_token(factory.bot(), bot_token);
    factory.forge.unsuspend_app();
}

void Board::let_go() {
    gate_.open();
    factory.forge.clear_faults();
}

void Board::bring_to_its_end(Cell& cell) {
    note(cell);
    if (cell.state == "stopped") say(cell, "/agent stop");
    if (cell.state == "closed")
        factory.forge.close(cell.repository, practice_forge::pull_request(cell.pull_request), maintainer);
    if (cell.state == "merged") (void)factory.forge.merge(cell.repository, cell.pull_request, maintainer);
}

void Board::stage_on_open_gates() {
    const auto all_stand = [&](const auto& where) {
        for (auto& cell : cells_) {
            if (begins_held(cell)) continue;
            CAPTURE(cell.state);
            CAPTURE(cell.event);
            REQUIRE(comes_true([&] { return standing(cell).state == where(cell); }));
        }
    };
    for (auto& cell : cells_)
        if (!begins_held(cell)) ask(cell);
    all_stand(first_stand);
    for (const auto* state : {"stopped", "closed", "merged"})
        each(state, [&](Cell& cell) { bring_to_its_end(cell); });
    each("change_waiting", [&](Cell& cell) { say(cell, "/agent refine something doubtful"); });
    all_stand([](const Cell& cell) {
        return cell.state == "change_waiting" ? "waiting" : is_over(cell) ? cell.state : first_stand(cell);
    });
}

/// Whether agents wait at the gate; their first or, of a pull request that is changed, their second pass.
bool Board::is_held(const Cell& cell) const {
    const auto job = standing(cell).job;
    auto tries = tries_of(job);
    const bool second = cell.state == "changing";
    if (second || cell.state != "competing") tries = {job};
    // The first pass of a job that had several tries was theirs.
    const int pass = second && cell.event != "picked" ? 2 : 1;
    return (cell.state != "competing" || tries.size() == 2) &&
           std::ranges::all_of(tries, [&](std::int64_t each) {
               return contains(factory.log(fmt::format("job-{}/agent-{}.log", each, pass)), "started");
           });
}

void Board::stage_on_closed_gates() {
    each("publishing", [&](Cell& cell) { ask(cell); });
    each("change_publishing", [&](Cell& cell) {
        note(cell);
        say(cell, more);
    });
    for (const auto* state : {"publishing", "change_publishing"})
        each(state, [&](Cell& cell) {  // pushed, and no further
            CAPTURE(cell.state);
            CAPTURE(cell.event);
            REQUIRE(comes_true([&] {
                const auto now = standing(cell);
                return now.state == "publishing" && now.head != cell.head;
            }));
        });
    each("changing", [&](Cell& cell) { say(cell, more); });
    for (const auto* state : {"working", "competing"}) each(state, [&](Cell& cell) { ask(cell); });
    for (const auto* state : {"working", "competing", "changing"})
        each(state, [&](Cell& cell) {
            CAPTURE(cell.state);
            CAPTURE(cell.event);
            REQUIRE(comes_true([&] { return is_held(cell); }));
        });
    each("queued", [&](Cell& cell) { ask(cell); });
    each("change_queued", [&](Cell& cell) { say(cell, more); });
    wait_for("queued", "queued");
    wait_for("change_queued", "queued");
}

void Board::note(Cell& cell) {
    const auto now = standing(cell);
    cell.job = now.job;
    cell.pull_request = now.pull_request;
    cell.branch = now.branch;
    cell.head = now.head;
    cell.stood = now.state;
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
        note(cell);
    }
    REQUIRE(comes_true([&] { return all_decided(); }));
}

}  // namespace scenarios
