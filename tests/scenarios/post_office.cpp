#include "tests/scenarios/post_office.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <ranges>
#include <string>
#include <thread>

#include "tests/scenarios/hostile.hpp"

namespace scenarios {

PostOffice::PostOffice(Factory& factory) : factory_(factory) {
    factory.forge.script_hook(
        {.kind = practice_forge::HookFault::Kind::hold, .times = std::numeric_limits<int>::max()});
}

std::int64_t PostOffice::told(std::string_view what, const practice_forge::Which& thread,
                              std::string_view words) const {
    const bool count_apart = tested_forge() == practice_forge::Dialect::gitlab;
    std::int64_t found = 0;
    for (const auto& each : factory_.forge.deliveries())
        if (each.what == what && each.thread == thread.number &&
            (!count_apart || each.on_pull_request == thread.pull_request) && each.by != factory_.bot() &&
            contains(each.body, words))
            found = each.id;
    CAPTURE(what);
    REQUIRE(found != 0);
    return found;
}

void PostOffice::hand_over(std::int64_t delivery) const {
    const auto other =
        std::async(std::launch::async, [&] { return factory_.forge.deliver(delivery); }).share();
    CHECK(factory_.forge.deliver(delivery) == 202);
    CHECK(other.get() == 202);
}

void PostOffice::hand_over_of_another_hook(std::int64_t delivery) const {
    CHECK(factory_.forge.deliver(delivery, fmt::format("of-another-hook-{}", delivery)) == 202);
}

JobStates::JobStates(const Factory& factory)
    : ledger_((factory.state_dir() / "ledger.sqlite").string(), SQLite::OPEN_READONLY, 5000),
      jobs_(ledger_, "SELECT issue, state FROM jobs WHERE contest IS NULL ORDER BY id") {}

std::map<std::int64_t, std::string> JobStates::now() {
    std::map<std::int64_t, std::string> states;
    while (jobs_.executeStep()) {
        auto& of_issue = states[jobs_.getColumn(0).getInt64()];
        of_issue += (of_issue.empty() ? "" : " ") + jobs_.getColumn(1).getString();
    }
    jobs_.reset();
    return states;
}

std::string states_of(const Factory& factory, std::int64_t issue) { return JobStates(factory).now()[issue]; }

bool comes_to_rest(const Factory& factory, std::chrono::seconds longest_without_change) {
    std::string last;
    auto changed = std::chrono::steady_clock::now();
    for (;;) {
        const SQLite::Database ledger((factory.state_dir() / "ledger.sqlite").string(), SQLite::OPEN_READONLY,
                                      5000);
        // An edit that only tells progress waits for its turn, and is none of what must be told.
        SQLite::Statement row(
            ledger,
            "SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM reports WHERE given_up = 0 AND "
            "version > posted_version AND (kind <> 'status' OR urgent_version > posted_version)) + "
            "(SELECT count(*) FROM jobs WHERE state IN ('queued', 'working', 'publishing', 'competing')), "
            "(SELECT count(*) FROM outcomes) || ' ' || (SELECT total(posted_version) FROM reports) || ' ' || "
            "(SELECT group_concat(state || phase) FROM jobs)");
        row.executeStep();
        if (row.getColumn(0).getInt() == 0) return true;
        const auto now = std::chrono::steady_clock::now();
        if (auto known = row.getColumn(1).getString(); known != last) {
            last = std::move(known);
            changed = now;
        }
        if (now - changed > longest_without_change) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

std::vector<practice_forge::PullRequest> proposals_of(const Factory& factory, std::int64_t issue) {
    auto all = factory.forge.pull_requests(repository);
    std::erase_if(all, [&](const auto& each) {
        return !each.head_branch.starts_with(fmt::format("agent/issue-{}-", issue));
    });
    std::ranges::sort(all, {}, &practice_forge::PullRequest::number);
    return all;
}

std::string end_of(const Factory& factory, std::int64_t issue) {
    const auto proposals = proposals_of(factory, issue);
    auto answers = factory.answers(issue).size();
    std::string told;
    for (const auto& each : proposals) {
        answers += factory.answers(each).size();
        int commits = 0;
        for (auto at = each.head_sha; !at.empty(); ++commits) {
            const auto commit = factory.forge.commit(repository, at);
            if (commit.author != factory.settings().bot_name) break;
            at = commit.parents.empty() ? "" : commit.parents.front();
        }
        told += fmt::format("{}{} pull request of {}", told.empty() ? "" : ", ",
                            each.merged ? "merged"
                            : each.open ? "open"
                                        : "closed",
                            commits == 1 ? "1 commit" : fmt::format("{} commits", commits));
    }
    auto labels = factory.forge.issue(repository, issue).labels;
    std::ranges::sort(labels);
    const auto states = states_of(factory, issue);
    return fmt::format("{} | {} | {} answers | {}", states.empty() ? "no job" : states,
                       told.empty() ? "nothing proposed" : told, answers,
                       labels.empty() ? "no label" : fmt::format("{}", fmt::join(labels, ", ")));
}

}  // namespace scenarios
