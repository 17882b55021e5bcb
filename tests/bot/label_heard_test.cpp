// A label asks once for each time that it was set, however often, late or in whatever order that is told.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "bot/intake.hpp"
#include "bot/intent.hpp"
#include "bot/report.hpp"
#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;

namespace {

constexpr bot::Time noon = bot::Time(std::chrono::milliseconds(1'800'000'000'000));

}  // namespace

TEST_CASE_FIXTURE(LedgerFixture,
                  "a label begins one job, however often it is told, and set again another one") {
    auto& book = open();
    const auto set = [](bot::Time at, const std::string& event) {
        auto begin = start(1);
        begin.label = "agent:x";
        begin.label_set = bot::LabelSet{.at = at, .event = event};
        return begin;
    };
    const auto stopped = [&](bot::JobId id) {
        (void)book.carry_out(
            bot::Stop{.job = id, .reason = "by mona", .comment_id = {}, .thread = thread(1), .too_late = {}});
    };
    stopped(book.carry_out(set(noon, "9")).value());
    CHECK_FALSE(book.carry_out(set(noon, "9")));
    CHECK_FALSE(book.carry_out(set(noon - 1s, "8")));
    stopped(book.carry_out(set(noon, "10")).value());
    stopped(book.carry_out(set(noon + 1s, "11")).value());
    (void)book.carry_out(bot::Refuse{.thread = thread(1),
                                     .answer = "There is no profile of that name.",
                                     .reason = "no profile",
                                     .marker = "refusal issue=1 label",
                                     .comment_id = {},
                                     .take_label_off = true,
                                     .label = "agent:x",
                                     .label_set = bot::LabelSet{.at = noon + 2s, .event = "12"},
                                     .issue = thread(1)});
    CHECK_FALSE(book.carry_out(set(noon + 2s, "12")));
    CHECK(book.carry_out(set(noon + 3s, "13")));
}

TEST_CASE("a label that was heard is another request when it was set again, and else a copy") {
    bot::Facts facts{.permission = integrations::Permission::write,
                     .repository_allowed = true,
                     .issue = integrations::IssueSnapshot{.title = "t", .labels = {"agent"}},
                     .base_branch = "main",
                     .base_commit = std::string(40, 'a')};
    facts.said.labels["agent"] = bot::LabelSet{.at = noon, .event = "9"};
    facts.now = noon;
    const auto is_new = [&](bot::Time at, const std::string& event) {
        return std::holds_alternative<bot::Start>(decide(bot::AskStart{.issue = LedgerFixture::thread(1),
                                                                       .by = {.login = "mona"},
                                                                       .label = "agent",
                                                                       .at = at,
                                                                       .label_event = event},
                                                         facts, {}));
    };
    CHECK_FALSE(is_new(noon, "9"));
    CHECK_FALSE(is_new(noon - 1s, "8"));
    CHECK(is_new(noon, "10"));
    CHECK(is_new(noon + 1s, "11"));
    CHECK_FALSE(is_new(noon, ""));  // within a second it is the same one where the forge does not say
    CHECK(is_new(noon + 1s, ""));
    facts.issue->labels.clear();
    CHECK_FALSE(is_new(noon, "10"));
    facts.label_taken_off = true;
    CHECK(is_new(noon, "10"));
    CHECK_FALSE(is_new(noon, "9"));  // it was taken off for this one
    facts.now = noon + 1h;
    CHECK_FALSE(is_new(noon, "10"));
    facts.issue->labels = {"agent"};
    facts.said.labels = {{"agent:codex", facts.said.labels["agent"]}};  // that was another label
    CHECK(is_new(noon, "9"));
}

TEST_CASE("a label is as the record of its issue has it, unless that is behind what is told") {
    const integrations::Person ada{.login = "ada", .id = "1"};
    const integrations::Person mona{.login = "mona", .id = "9"};
    const auto recorded = [&](const std::vector<integrations::LabelEvent>& record) {
        bot::AskStart ask{.issue = LedgerFixture::thread(1), .by = mona, .label = "agent", .at = noon};
        bot::as_recorded(ask, record);
        return fmt::format("{} {} {}", ask.by.login, (*ask.at - noon) / 1s, ask.label_event);
    };
    CHECK(recorded({}) == "mona 0 ");
    CHECK(recorded({{.id = "7", .by = mona, .at = noon}}) == "mona 0 7");
    CHECK(recorded({{.id = "7", .by = mona, .at = noon - 3s}}) == "mona -3 7");
    CHECK(recorded({{.id = "7", .by = mona, .at = noon},
                    {.id = "8", .set = false, .by = mona, .at = noon}}) == "mona 0 7");
    // Set again since, by somebody else: what they may counts.
    CHECK(recorded({{.id = "7", .by = mona, .at = noon}, {.id = "9", .by = ada, .at = noon + 5s}}) ==
          "ada 5 9");
    // Another time that it was set; what is told now is not in the record yet.
    CHECK(recorded({{.id = "7", .by = ada, .at = noon - 1s}}) == "mona 0 ");
    CHECK(recorded({{.id = "7", .by = mona, .at = noon - 60s}}) == "mona 0 ");
    CHECK(recorded({{.id = "7", .by = {.login = "robot", .id = "5", .bot = true}, .at = noon}}) == "mona 0 ");
}

TEST_CASE("a label is off by our own hand where nobody else has touched it since it was set") {
    using Record = std::vector<integrations::LabelEvent>;
    const integrations::LabelEvent set{.id = "7", .by = {.login = "mona"}, .at = noon};
    const auto off = [](const std::string& id, const std::string& login) {
        return integrations::LabelEvent{.id = id, .set = false, .by = {.login = login}, .at = noon};
    };
    const auto is_ours = [](const Record& record) { return bot::taken_off_by("shopfloor", "7", record); };
    CHECK(is_ours({set, off("8", "Shopfloor")}));
    CHECK_FALSE(is_ours({set}));
    CHECK_FALSE(is_ours({set, off("8", "mona")}));
    CHECK_FALSE(is_ours({set, off("8", "shopfloor"), {.id = "9", .by = {.login = "ada"}, .at = noon}}));
    CHECK_FALSE(is_ours({off("8", "shopfloor")}));
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "a label taken off before it was set again, and told after it, ends nothing") {
    auto& book = open();
    auto begin = start(1);
    begin.label = "agent";
    begin.label_set = bot::LabelSet{.at = noon, .event = "9"};
    const auto id = book.carry_out(begin).value();
    bot::Facts facts{.permission = integrations::Permission::write,
                     .repository_allowed = true,
                     .active_job = book.job(id),
                     .issue = integrations::IssueSnapshot{.title = "t"},
                     .said = book.said(thread(1))};
    const bot::Request over = bot::IssueOver{
        .issue = thread(1), .how = "the label was taken off", .by = {}, .label = "agent", .at = noon};
    facts.label_off = bot::LabelSet{.at = noon, .event = "8"};
    CHECK(std::holds_alternative<bot::Ignore>(decide(over, facts, {})));
    facts.label_off = bot::LabelSet{.at = noon, .event = "10"};
    CHECK(std::holds_alternative<bot::Stop>(decide(over, facts, {})));
}

TEST_CASE(
    "a label of which the record does not tell who set it is answered once the record has had its time") {
    bot::Facts facts{.repository_allowed = true,
                     .issue = integrations::IssueSnapshot{.title = "t", .labels = {"agent"}},
                     .now = noon};
    const auto decided = [&](integrations::Moment at) {
        return decide(bot::AskStart{.issue = LedgerFixture::thread(1), .by = {}, .label = "agent", .at = at},
                      facts, {});
    };
    CHECK(std::holds_alternative<bot::Ignore>(decided(noon - 1min)));
    CHECK(std::holds_alternative<bot::Ignore>(decided({})));
    const auto late = decided(noon - 5min);
    REQUIRE(std::holds_alternative<bot::Refuse>(late));
    CHECK(std::get<bot::Refuse>(late).answer == bot::report::label_of_nobody("agent"));
    CHECK(std::get<bot::Refuse>(late).take_label_off);
}
