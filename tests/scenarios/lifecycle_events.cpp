#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/lifecycle_board.hpp"

/// How events are told.
namespace scenarios {

namespace {

using namespace std::chrono_literals;

/// What people say, of those events that are words.
const char* command_of(std::string_view event) {
    static const std::map<std::string, const char*, std::less<>> commands{
        {"run", "/agent run"},           {"retry", "/agent retry"},   {"refine", "/agent refine more"},
        {"resume", "/agent resume yes"}, {"words", "Yes, do that."},  {"money", "/agent resume +$5"},
        {"stop", "/agent stop"},         {"status", "/agent status"}, {"why", "/agent why"},
        {"help", "/agent help"}};
    const auto found = commands.find(event);
    return found == commands.end() ? nullptr : found->second;
}

/// `pick` is about the try that is published, if there were several.
int try_to_pick(const Factory& factory, const Cell& cell) {
    for (const auto& each : factory.forge.pull_requests(cell.repository))
        if (each.number == cell.pull_request && contains(each.body, "| 1 **here**"))
            return cell.event == "picked" ? 2 : 1;
    return cell.event == "picked" ? 1 : 2;
}

/// A file that its commits have changed; empty: it has none.
std::string changed_file(const Factory& factory, const Cell& cell) {
    if (cell.head.empty()) return {};
    auto name = in_repository(factory.forge.git_directory(cell.repository),
                              "git diff --name-only main..." + cell.head + " -- 'words-*' | head -n 1");
    while (name.ends_with('\n')) name.pop_back();
    return name;
}

}  // namespace

void Board::move_base(Cell& cell) {
    const auto file = changed_file(factory, cell);
    cell.base = factory.forge.commit_files(
        cell.repository, "main",
        {{.path = file.empty() ? fmt::format("later-{}", cell.issue) : file, .content = "theirs\n"}},
        "Later");
}

void Board::make_look() {
    if (std::chrono::steady_clock::now() - looked_ < 1s) return;
    for (const auto& cell : cells_)
        if (cell.base_told != 0)
            (void)factory.forge.deliver(cell.base_told,
                                        fmt::format("look-{}-at-{}", ++looks_, cell.base_told));
    looked_ = std::chrono::steady_clock::now();
}

bool Board::tell_of_repository(Cell& cell) {
    auto& forge = factory.forge;
    if (cell.event == "renamed" || cell.event == "given_away")
        forge.rename_repository(cell.repository, name_now(cell));
    else if (cell.event == "archived")
        forge.archive_repository(cell.repository);
    else if (cell.event == "erased")
        forge.delete_repository(cell.repository);
    else if (cell.event == "removed")
        forge.remove_from_installation(cell.repository);
    else if (cell.event == "conflict")
        move_base(cell);
    else
        return false;
    return true;
}

bool Board::tell_of_proposal(const Cell& cell) {
    auto& forge = factory.forge;
    const auto& place = cell.repository;
    if (cell.event == "review")
        (void)forge.review(place, cell.pull_request, "changes_requested", "More words!", {}, maintainer);
    else if (cell.event == "merged")
        (void)forge.merge(place, cell.pull_request, maintainer);
    else if (cell.event == "closed_pr")
        forge.close(place, practice_forge::pull_request(cell.pull_request), maintainer);
    else if (cell.event == "reopened_pr")
        (void)forge.reopen(place, practice_forge::pull_request(cell.pull_request), maintainer);
    else if (cell.event == "red_ci")
        forge.finish_check(place, cell.head, "windows", "failure", {}, "red\n");
    else if (cell.event == "pushed")
        (void)forge.commit_files(place, cell.branch, {{.path = "by-hand", .content = "mine\n"}}, "By hand",
                                 maintainer);
    else
        return false;
    return true;
}

void Board::tell_of_issue(const Cell& cell) {
    auto& forge = factory.forge;
    const auto& place = cell.repository;
    if (cell.event == "label") forge.add_label(place, cell.issue, "agent", maintainer);
    if (cell.event == "unlabel")
        for (const auto& label : forge.issue(place, cell.issue).labels)
            if (!label.starts_with("agent-state")) forge.remove_label(place, cell.issue, label, maintainer);
    if (cell.event == "closed" || cell.event == "reopened") forge.close(place, cell.issue, maintainer);
    if (cell.event == "reopened") forge.reopen(place, cell.issue, maintainer);
    if (cell.event == "locked" || cell.event == "unlocked") forge.lock(place, cell.issue, maintainer);
    if (cell.event == "unlocked") forge.unlock(place, cell.issue, maintainer);
    if (cell.event == "moved") (void)forge.transfer_issue(place, cell.issue, elsewhere, maintainer);
    if (cell.event == "deleted") forge.delete_issue(place, cell.issue, maintainer);
}

void Board::tell(Cell& cell) {
    const auto say_it = [&](const std::string& words) {
        cell.comment = factory.forge.comment(cell.repository, cell.issue, words, maintainer);
    };
    if (const auto* words = command_of(cell.event))
        say_it(words);
    else if (cell.event == "pick" || cell.event == "picked")
        say_it(fmt::format("/agent pick {}", try_to_pick(factory, cell)));
    else if (!tell_of_repository(cell) && !tell_of_proposal(cell))
        tell_of_issue(cell);
}

void Board::tell() {
    for (auto& cell : cells_) tell(cell);
    const auto is_told = [&](std::string_view event) {
        return std::ranges::any_of(cells_, [&](const auto& cell) { return cell.event == event; });
    };
    if (is_told("suspended")) factory.forge.suspend_app();
    if (is_told("uninstalled")) factory.forge.uninstall_app();
    REQUIRE(comes_true([&] { return all_decided(); }));
    for (const auto& delivery : factory.forge.deliveries())
        for (auto& cell : cells_)
            if (delivery.what == "push" && !cell.base.empty() && contains(delivery.body, cell.base))
                cell.base_told = delivery.id;
}

}  // namespace scenarios
