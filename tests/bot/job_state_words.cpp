#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "bot/job_state.hpp"
#include "tests/bot/ledger_fixture.hpp"

using bot::JobState;
using bot::Signal;

TEST_CASE("every state and signal has one word, and the word leads back") {
    std::set<std::string> words;
    for (const auto state : bot::all_states) {
        CHECK(bot::job_state(bot::name(state)) == state);
        words.emplace(bot::name(state));
    }
    CHECK(words.size() == bot::all_states.size());
    CHECK_FALSE(bot::job_state("sleeping"));
    words.clear();
    for (const auto signal : bot::all_signals) words.emplace(bot::name(signal));
    CHECK(words.size() == bot::all_signals.size());
    CHECK_FALSE(words.contains(""));
}

TEST_CASE_FIXTURE(LedgerFixture, "the schema knows the same transitions as the program") {
    open();
    std::set<std::string> program, schema;
    for (const auto& row : bot::transitions) {
        program.insert(std::string(bot::name(row.from)) + " " + std::string(bot::name(row.on)) + " " +
                       std::string(bot::name(row.to)));
    }
    SQLite::Database database(file().string());
    SQLite::Statement rows(database,
                           "SELECT from_state || ' ' || signal || ' ' || to_state FROM transitions");
    while (rows.executeStep()) schema.insert(rows.getColumn(0).getString());
    CHECK(schema == program);
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "the schema knows the same states as the program, and forbids leaving the final ones") {
    open();
    const auto id = review().value;
    SQLite::Database database(file().string(), SQLite::OPEN_READWRITE);
    const auto set_state = [&](const std::string& state) {
        SQLite::Transaction undone(database);
        SQLite::Statement update(database,
                                 "UPDATE jobs SET state = ?1, ended_at = iif(?2, 1, NULL), "
                                 "lease_token = iif(?3, claims, NULL), lease_until = iif(?3, 1, NULL)");
        const auto known = bot::job_state(state);
        update.bind(1, state);
        update.bind(2, known && bot::is_final(*known) ? 1 : 0);
        update.bind(3, state == "working" ? 1 : 0);
        update.exec();
    };
    for (const auto to : bot::all_states) {
        bool led = to == JobState::review;  // no move at all
        for (const auto signal : bot::all_signals) led = led || bot::next(JobState::review, signal) == to;
        INFO(bot::name(to));
        if (led)
            CHECK_NOTHROW(set_state(std::string(bot::name(to))));
        else
            CHECK_THROWS_AS(set_state(std::string(bot::name(to))), SQLite::Exception);
    }
    CHECK_THROWS_AS(set_state("sleeping"), SQLite::Exception);
    CHECK(id == 1);
}

TEST_CASE_FIXTURE(LedgerFixture, "the schema refuses nonsense, whoever writes it") {
    open();
    (void)publishing();
    SQLite::Database database(file().string(), SQLite::OPEN_READWRITE);
    CHECK_THROWS_AS(database.exec("UPDATE jobs SET verdict = ''"), SQLite::Exception);
    CHECK_THROWS_AS(database.exec("UPDATE jobs SET lease_token = NULL"), SQLite::Exception);
    CHECK_THROWS_AS(database.exec("UPDATE jobs SET ended_at = 5"), SQLite::Exception);
    CHECK_THROWS_AS(database.exec("UPDATE jobs SET state = 'review', lease_token = NULL, lease_until = NULL"),
                    SQLite::Exception);
    CHECK_THROWS_AS(database.exec("UPDATE jobs SET claims = 0, lease_token = 0"), SQLite::Exception);
    CHECK_THROWS_AS(database.exec("UPDATE jobs SET issue = 'one'"), SQLite::Exception);
    CHECK_NOTHROW(database.exec("UPDATE jobs SET phase = 'push'"));
}
