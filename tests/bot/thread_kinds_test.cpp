// Some forges number issues and pull requests apart: issue 5 and pull request 5 are both there, and what is
// about the one must never be taken for what is about the other.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "bot/intent.hpp"
#include "bot/ledger_inside.hpp"
#include "bot/report.hpp"
#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::JobState;
using Kind = integrations::ThreadRef::Kind;

namespace {

const integrations::Person mona{.login = "mona", .id = "9"};

/// Pull request 7 is that of issue 5; issue 7 has a job too.
struct Crossed : LedgerFixture {
    bot::Ledger& book = open();
    bot::Time noon = now();
    bot::JobId of_5 = proposed(5, 7);
    bot::JobId of_7 = asked_for(7);

    bot::JobId asked_for(std::int64_t issue) {
        auto begin = start(issue);
        begin.asked = {.at = noon, .by = "mona", .comment_id = "400"};
        return book.carry_out(begin).value();
    }
    bot::JobId proposed(std::int64_t issue, std::int64_t number) {
        const auto id = asked_for(issue);
        const auto claim = book.claim({}).value();
        book.store_verdict(claim.lease, R"({"ok":true})", "agent/issue-5-tax");
        book.finish(claim.lease, {.signal = bot::Signal::proposed, .reason = "open", .pull_request = number});
        return id;
    }
    /// What is known when somebody speaks there.
    [[nodiscard]] bot::Facts facts(const integrations::ThreadRef& where) const {
        bot::Facts known{.permission = integrations::Permission::write, .repository_allowed = true};
        known.active_job = book.active_job(where);
        if (!known.active_job) known.active_job = book.job_of_pull_request(where);
        known.said = book.said(known.active_job ? known.active_job->assignment.issue : where);
        known.now = now();
        return known;
    }
    [[nodiscard]] bot::Intent stop_said_on(const integrations::ThreadRef& where) const {
        return decide(bot::AskStop{.thread = where, .by = mona, .comment_id = "501", .at = noon + 10s},
                      facts(where), {});
    }
    static bot::Answer answer_on(const integrations::ThreadRef& where) {
        return {.thread = where,
                .answer = "You are third.",
                .marker = "answer issue=5 comment=501",
                .comment_id = "501",
                .reason = "asked"};
    }
    /// Answers, by where they are said.
    std::vector<integrations::ThreadRef> answered() {
        std::vector<integrations::ThreadRef> where;
        for (const auto& each : post_all())
            if (each.kind == bot::Report::Kind::answer) where.push_back(each.thread);
        return where;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Crossed, "the job of an issue is not that whose pull request has its number") {
    CHECK(book.active_job(thread(5))->id == of_5);
    CHECK_FALSE(book.active_job(pull_request(5)));
    CHECK(book.active_job(thread(7))->id == of_7);
    CHECK_FALSE(book.active_job(pull_request(7)));
    CHECK(book.job_of_pull_request(pull_request(7))->id == of_5);
    CHECK_FALSE(book.job_of_pull_request(thread(7)));
    CHECK(book.jobs_since(thread(5), noon - 1h) == 1);
    CHECK(book.jobs_since(pull_request(5), noon - 1h) == 0);
}

TEST_CASE_FIXTURE(Crossed,
                  "stop said on a pull request ends its job, and not the one of the issue so numbered") {
    CHECK(book.carry_out(stop_said_on(pull_request(7))) == of_5);
    CHECK(job(of_5).state == JobState::stopped);
    CHECK(job(of_7).state == JobState::queued);
    CHECK(book.carry_out(stop_said_on(thread(7))) == of_7);
    CHECK(job(of_7).state == JobState::stopped);
}

TEST_CASE_FIXTURE(Crossed,
                  "stop said on a pull request that is nobody's ends no job of an issue, now or later") {
    CHECK_FALSE(book.carry_out(stop_said_on(pull_request(5))));
    CHECK(job(of_5).state == JobState::review);
    CHECK_FALSE(book.carry_out(stop_said_on(pull_request(8))));
    CHECK_FALSE(book.said(thread(8)).stop);
    CHECK(job(asked_for(8)).state == JobState::queued);  // it was asked for before
    CHECK_FALSE(book.carry_out(stop_said_on(thread(9))));
    CHECK(job(asked_for(9)).state == JobState::stopped);
}

TEST_CASE_FIXTURE(Crossed,
                  "the end of an issue is not that of the pull request so numbered, nor the other way") {
    for (const bool locked : {false, true}) {
        const bot::IssueOver over{.issue = thread(7),
                                  .how = "it was ended",
                                  .by = mona,
                                  .closed = !locked,
                                  .locked = locked,
                                  .at = noon + 9s};
        CHECK(std::holds_alternative<bot::Stop>(decide(over, facts(thread(7)), {})));
        CHECK(std::get<bot::Stop>(decide(over, facts(thread(7)), {})).job == of_7);
    }
    const auto end = [&](std::int64_t number) {
        const auto where = pull_request(number);
        return decide(bot::ProposalOver{.pull_request = where, .merged = true}, facts(where), {});
    };
    CHECK(std::get<bot::EndReview>(end(7)).job == of_5);
    CHECK(std::holds_alternative<bot::Ignore>(end(5)));
}

TEST_CASE_FIXTURE(
    Crossed,
    "a run asked for on a pull request that is not ours is refused, whatever issue bears its number") {
    const bot::AskStart ask{.issue = pull_request(5), .by = mona, .comment_id = "501", .at = noon + 10s};
    const auto no = decide(ask, facts(pull_request(5)), {});
    REQUIRE(std::holds_alternative<bot::Refuse>(no));
    CHECK(std::get<bot::Refuse>(no).answer == bot::report::ask_on_the_issue());
    CHECK_FALSE(book.carry_out(no));
    CHECK(answered() == std::vector{pull_request(5)});
}

TEST_CASE_FIXTURE(Crossed, "what is said on an issue is said once more on the pull request so numbered") {
    (void)post_all();
    (void)book.carry_out(answer_on(pull_request(5)));
    CHECK(book.heard(pull_request(5), "501"));
    CHECK(answered() == std::vector{pull_request(5)});
    CHECK_FALSE(book.heard(thread(5), "501"));
    (void)book.carry_out(answer_on(thread(5)));
    CHECK(answered() == std::vector{thread(5)});
    (void)book.carry_out(answer_on(pull_request(5)));
    (void)book.carry_out(answer_on(thread(5)));
    CHECK(answered().empty());
}

TEST_CASE_FIXTURE(Crossed, "a request that was refused on a pull request is heard again there") {
    REQUIRE(book.record(delivery("run")) == bot::Ledger::Recorded::fresh);
    const bot::AskStart ask{.issue = pull_request(7), .by = mona, .comment_id = "600", .at = noon + 60s};
    auto known = facts(pull_request(7));
    known.issue = integrations::IssueSnapshot{.title = "t"};
    (void)book.settle(book.next_delivery()->id, decide(ask, known, {}));
    (void)post_all();
    const bot::Word end{.at = noon + 30s, .by = "mona", .comment_id = "550"};
    (void)book.carry_out(bot::Over{.issue = thread(7), .when = end, .lasts = true, .reason = "of another"});
    CHECK_FALSE(book.next_delivery());
    (void)book.carry_out(bot::Over{.issue = thread(5), .when = end, .lasts = true, .reason = "of this one"});
    REQUIRE(book.next_delivery());
    const auto said = post_all();
    const auto again = std::ranges::find(said, bot::report::heard_after_all(), &bot::Report::body);
    REQUIRE(again != said.end());
    CHECK(again->thread == pull_request(7));
}

namespace {

/// The ledger as schema 9 had it, which knew a thread by its number alone.
void make_schema_9(const std::filesystem::path& file) {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE);
    database.exec(R"sql(
        DROP TABLE served;
        DROP INDEX one_report;
        ALTER TABLE reports DROP COLUMN thread_kind;
        ALTER TABLE kept DROP COLUMN thread_kind;
        CREATE UNIQUE INDEX one_report ON reports (forge, repo_id, thread, kind, marker);
        PRAGMA user_version = 9;
    )sql");
}

}  // namespace

TEST_CASE_FIXTURE(LedgerFixture, "what an older ledger has said on our pull requests is not said twice") {
    (void)open();
    const auto id = review(5);  // pull request 105
    const auto words = [](const integrations::ThreadRef& where, const std::string& comment) {
        return bot::Answer{.thread = where,
                           .answer = "You are third.",
                           .marker = "answer comment=" + comment,
                           .comment_id = comment,
                           .reason = "asked"};
    };
    (void)ledger->carry_out(words(pull_request(105), "501"));
    (void)ledger->carry_out(words(thread(5), "502"));
    (void)post_all();
    (void)ledger->carry_out(words(pull_request(105), "503"));  // and is not posted yet
    REQUIRE(ledger->record(delivery("run")) == bot::Ledger::Recorded::fresh);
    const auto heard_first = now();
    bot::Facts busy{.permission = integrations::Permission::write,
                    .repository_allowed = true,
                    .active_job = ledger->job(id),
                    .issue = integrations::IssueSnapshot{.title = "t"}};
    const auto asked = now() + 60s;
    const bot::AskStart ask{.issue = pull_request(105), .by = mona, .comment_id = "600", .at = asked};
    (void)ledger->settle(ledger->next_delivery()->id, decide(ask, busy, {}));
    ledger.reset();
    make_schema_9(file());

    auto& book = open();
    pass(60s);
    CHECK(book.served_since("github") == heard_first);
    auto waiting = post_all();
    std::erase_if(waiting, [](const bot::Report& each) { return each.kind != bot::Report::Kind::answer; });
    REQUIRE(waiting.size() == 2);
    CHECK(waiting[0].thread == pull_request(105));
    CHECK(waiting[1].thread == pull_request(105));
    for (const auto* comment : {"501", "503"}) (void)book.carry_out(words(pull_request(105), comment));
    (void)book.carry_out(words(thread(5), "502"));
    CHECK(post_all().empty());
    (void)book.carry_out(bot::Over{.issue = thread(5),
                                   .when = {.at = asked - 30s, .by = "mona", .comment_id = "550"},
                                   .lasts = true,
                                   .reason = "locked"});
    const auto again = post_all();
    REQUIRE(again.size() == 1);
    CHECK(again[0].body == bot::report::heard_after_all());
    CHECK(again[0].thread == pull_request(105));
}
