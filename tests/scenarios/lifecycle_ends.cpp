#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "bot/report.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/lifecycle_board.hpp"
#include "tests/scenarios/lifecycle_cells.hpp"

/// What is looked at when events were told, and what there must be.
namespace scenarios {

namespace {

using Words = std::map<std::string, std::string, std::less<>>;

std::string expected(const Cell& cell) {
    return cell.event == "nothing" ? "." : end_here(cell.state, cell.event);
}

/// Where a job comes to that is let go on its way.
std::string own_end(const Cell& cell) {
    return cell.stood == "waiting" || is_over(cell) ? cell.stood : "review";
}

/// Nothing can be done there any more, or nobody is left to tell.
bool is_out_of_reach(const Cell& cell) {
    constexpr std::array words{"given_away", "archived", "erased", "removed", "suspended", "uninstalled"};
    return std::ranges::find(words, cell.event) != words.end();
}

/// What is in the way of its pull request is told of while nothing can be done about it, or of no pull
/// request at all: it is seen later.
bool needs_mending(const Cell& cell) {
    if (cell.event == "red_ci") return cell.state == "change_publishing";
    return cell.event == "conflict" && !cell.head.empty() && !is_over(cell) && cell.stood != "waiting";
}

/// Whether its pull request, which there was before the event, has other commits since.
bool gets_commits(const Cell& cell, const std::string& now) {
    if (cell.event == "pushed") return !is_over(cell) || cell.state == "stopped";
    if (now != "review") return false;
    if (expected(cell) == "queued" || needs_mending(cell)) return true;
    if (cell.state == "change_publishing") return cell.event == "refine" || cell.event == "review";
    return is_change(cell);
}

/// Why the job is over, on the issue.
const Words sentences{{"unlabel", "Stopped: the label was taken off."},
                      {"stop", "Stopped by `ada`."},
                      {"closed", "Stopped: the issue was closed."},
                      {"locked", "Stopped: the issue's conversation was locked."},
                      {"merged", "was merged"},
                      {"closed_pr", "was closed without merging"}};

std::vector<std::string> reactions_expected(const Cell& cell) {
    const bool waits = expected(cell) == ".";
    if (cell.event == "words" && waits) return {};  // talk
    const bool answers = cell.event == "status" || cell.event == "why" || cell.event == "help" ||
                         (cell.event == "stop" && is_over(cell));
    const bool next_change = cell.event == "refine" && is_change(cell);
    if (next_change && cell.state == "change_waiting") return {"eyes"};
    if (waits && !answers && !next_change) return {"-1"};
    return {"eyes", "rocket"};
}

}  // namespace

void Board::check_held(const Cell& cell) {
    CAPTURE(cell.state);
    CAPTURE(cell.event);
    const auto end = expected(cell);
    const auto state = [&] { return standing(cell).state; };
    CHECK(comes_true([&] { return standing(cell).jobs == (end == "+" ? 2 : 1); }));
    if (!is_told(cell.event))  // a sweep may have asked
        CHECK((state() == cell.stood || state() == end));
    else if (end == ".")
        CHECK(state() == cell.stood);
    else if (end == "+" || end == "queued")  // a worker may have taken it, who is held
        CHECK(comes_true([&] {
            if (cell.event == "conflict") make_look();
            return state() == "queued" || state() == "working" || state() == "publishing";
        }));
    else
        CHECK(comes_true([&] { return state() == end; }));
}

void Board::check_pull_request(const Cell& cell, const Standing& now) {
    const auto& forge = factory.forge;
    const auto is_ours = [prefix = fmt::format("agent/issue-{}-", cell.issue)](const std::string& branch) {
        return branch.starts_with(prefix);
    };
    auto proposals = forge.pull_requests(name_now(cell));
    std::erase_if(proposals, [&](const auto& each) { return !is_ours(each.head_branch); });
    std::ranges::sort(proposals, {}, &practice_forge::PullRequest::number);
    const bool proposed = cell.pull_request > 0 || now.state == "review";
    const bool another = cell.pull_request > 0 && expected(cell) == "+";
    // It could be while its branch was there, and keeps that.
    const bool was_reopened = cell.state == "closed" && cell.event == "reopened_pr";
    REQUIRE(proposals.size() == (another ? 2 : proposed ? 1 : 0));
    if (another) CHECK(proposals.back().open);
    if (proposed) {
        const auto& found = proposals.front();
        const bool merged = cell.event == "merged" || cell.state == "merged";
        const bool closed = cell.event == "closed_pr" || cell.state == "closed";
        CHECK(found.merged == merged);
        if (!was_reopened) CHECK(found.open == (!merged && !closed));
    }
    if (cell.pull_request > 0)
        CHECK((proposals.front().head_sha != cell.head) == gets_commits(cell, now.state));
    const auto has_branch = [&] {
        return std::ranges::any_of(forge.branches(name_now(cell)), is_ours,
                                   [](const auto& each) { return each.first; });
    };
    if (was_reopened)
        CHECK(comes_true([&] {
            const auto all = forge.pull_requests(name_now(cell));
            const auto found =
                std::ranges::find(all, cell.pull_request, &practice_forge::PullRequest::number);
            return found != all.end() && found->open == has_branch();
        }));
    if (is_out_of_reach(cell) || is_over(cell)) return;
    const bool keeps_branch = proposed && now.state != "merged" && now.state != "closed";
    CHECK(comes_true([&] { return has_branch() == keeps_branch; }));
}

void Board::check_issue(const Cell& cell, const Standing& now) {
    if (is_out_of_reach(cell) || cell.event == "moved" || cell.event == "deleted") return;
    const auto& forge = factory.forge;
    const auto label = bot::report::state_label(*bot::job_state(now.state), factory.settings().labels);
    std::vector<std::string> labels;
    CHECK_MESSAGE(comes_true([&] {
                      labels = forge.issue(name_now(cell), cell.issue).labels;
                      return labels == (label.empty() ? std::vector<std::string>{} : std::vector{label});
                  }),
                  fmt::format("labels: {}", fmt::join(labels, ", ")));
    const auto sentence = sentences.find(cell.event);
    if (sentence == sentences.end() || expected(cell) == ".") return;
    CHECK(comes_true([&] {
        return std::ranges::any_of(forge.issue(name_now(cell), cell.issue).comments, [&](const auto& each) {
            return contains(each.body, "-status -->") && contains(each.body, sentence->second);
        });
    }));
}

bool Board::is_mended(const Cell& cell) const {
    for (const auto& each : factory.forge.pull_requests(cell.repository)) {
        if (each.head_branch != standing(cell).branch) continue;
        if (cell.event == "red_ci") return each.head_sha != cell.head;
        return contains(in_repository(factory.forge.git_directory(cell.repository),
                                      fmt::format("git merge-base --is-ancestor {} {} && echo yes || true",
                                                  cell.base, each.head_sha)),
                        "yes");
    }
    return false;
}

void Board::check_end(const Cell& cell) {
    CAPTURE(cell.state);
    CAPTURE(cell.event);
    const auto end = expected(cell);
    const auto wanted = end == "." ? own_end(cell) : end == "+" || end == "queued" ? "review" : end;
    CHECK(comes_true([&] {
        const bool there = standing(cell).state == wanted;
        if (there && (!needs_mending(cell) || is_mended(cell))) return true;
        if (there || !is_told(cell.event)) make_look();
        return false;
    }));
    const auto now = standing(cell);
    REQUIRE(now.state == wanted);
    if (cell.event != "erased") check_pull_request(cell, now);
    check_issue(cell, now);
}

void Board::check_answer(const Cell& cell) {
    if (cell.comment == 0) return;
    CAPTURE(cell.state);
    CAPTURE(cell.event);
    const auto wanted = reactions_expected(cell);
    std::vector<std::string> found;
    CHECK_MESSAGE(comes_true([&] {
                      found.clear();
                      for (const auto& each : factory.forge.issue(cell.repository, cell.issue).comments)
                          if (each.id == cell.comment)
                              for (const auto& reaction : each.reactions) found.push_back(reaction.content);
                      return found == wanted;
                  }),
                  fmt::format("reactions: {}", fmt::join(found, ", ")));
}

void Board::check_nothing_left() {
    for (const auto& cell : cells_)
        if (standing(cell).state == "waiting")
            factory.forge.comment(name_now(cell),
                                  cell.pull_request > 0 ? practice_forge::pull_request(cell.pull_request)
                                                        : practice_forge::Which(cell.issue),
                                  "/agent stop", maintainer);
    CHECK(comes_true([&] { return factory.leftovers().empty(); }));
    for (const auto& left : factory.leftovers()) MESSAGE(left);
}

}  // namespace scenarios
