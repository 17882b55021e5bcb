#pragma once

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bot/ledger.hpp"

/// A ledger in a folder of its own, with a clock that is turned by hand.
struct LedgerFixture {
    LedgerFixture() {
        static std::atomic<int> made{0};
        folder = std::filesystem::temp_directory_path() /
                 ("shopfloor-ledger-" + std::to_string(::getpid()) + "-" + std::to_string(++made));
        std::filesystem::create_directories(folder);
    }
    ~LedgerFixture() {
        ledger.reset();
        std::filesystem::remove_all(folder);
    }
    LedgerFixture(const LedgerFixture&) = delete;
    LedgerFixture& operator=(const LedgerFixture&) = delete;

    bot::Ledger& open(bot::Ledger::Options options = {}) {
        ledger.reset();
        options.clock = [this] { return bot::Time(std::chrono::milliseconds(now_ms.load())); };
        options.steady_clock = [this] {
            return std::chrono::steady_clock::time_point(std::chrono::milliseconds(passed_ms.load()));
        };
        ledger = std::make_unique<bot::Ledger>(file(), options);
        return *ledger;
    }
    [[nodiscard]] std::filesystem::path file() const { return folder / "ledger.sqlite"; }
    void pass(std::chrono::milliseconds time) {
        now_ms += time.count();
        passed_ms += time.count();
    }
    /// Somebody sets the clock.
    void set_clock(std::chrono::milliseconds by) { now_ms += by.count(); }
    [[nodiscard]] bot::Time now() const { return bot::Time(std::chrono::milliseconds(now_ms.load())); }

    static integrations::VerifiedDelivery delivery(const std::string& id, const std::string& hook = "77",
                                                   const std::string& body = "{}") {
        return integrations::Replay::stored("github", hook, id, "issues", body);
    }
    static integrations::ThreadRef thread(std::int64_t number, const std::string& repo = "shop") {
        return {.repo = {.forge = "github",
                         .id = "id-" + repo,
                         .full_name = "acme/" + repo,
                         .clone_url = "https://forge.example/acme/" + repo + ".git",
                         .default_branch = "main",
                         .installation = "5"},
                .number = number};
    }
    static integrations::ThreadRef pull_request(std::int64_t number) {
        auto found = thread(number);
        found.kind = integrations::ThreadRef::Kind::pull_request;
        return found;
    }
    static bot::Start start(std::int64_t issue, const std::string& repo = "shop", bool priority = false) {
        return {.assignment = {.issue = thread(issue, repo),
                               .requested_by = {.login = "mona", .id = "9"},
                               .title = "Tax is added twice",
                               .body = "Go back from payment.",
                               .hidden_stripped = 2,
                               .base_branch = "main",
                               .base_commit = std::string(40, 'a'),
                               .profile = "fast",
                               .priority = priority,
                               .guidance = "look at the cart"},
                .reason = "mona set the label",
                .comment_id = std::nullopt};
    }
    /// Starts a job and takes it.
    bot::Claim working(std::int64_t issue = 1) {
        (void)ledger->carry_out(start(issue));
        auto claim = ledger->claim({});
        if (!claim) throw std::runtime_error("nothing to claim");
        return *claim;
    }
    bot::Claim publishing(std::int64_t issue = 1) {
        auto claim = working(issue);
        ledger->store_verdict(claim.lease, R"({"ok":true})", "agent/issue-1-tax");
        return claim;
    }
    bot::JobId review(std::int64_t issue = 1) {
        const auto claim = publishing(issue);
        ledger->finish(claim.lease, {.signal = bot::Signal::proposed,
                                     .reason = "the pull request is open",
                                     .pull_request = 100 + issue,
                                     .pull_request_url = "https://forge.example/acme/shop/pull/1"});
        return claim.job.id;
    }
    [[nodiscard]] bot::Job job(bot::JobId id) const { return ledger->job(id).value(); }
    /// Every report that is due, said.
    std::vector<bot::Report> post_all() {
        std::vector<bot::Report> said;
        while (auto report = ledger->next_report()) {
            ledger->posted(*report, "remote-" + std::to_string(report->id));
            said.push_back(*report);
        }
        return said;
    }

    std::filesystem::path folder;
    std::atomic<std::int64_t> now_ms{1'780'000'000'000};
    std::atomic<std::int64_t> passed_ms{0};
    std::unique_ptr<bot::Ledger> ledger;
};
