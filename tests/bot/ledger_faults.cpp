#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "bot/ledger_inside.hpp"
#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::Ledger;
using bot::LedgerError;

namespace {

std::string read_file(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void make_database(const std::filesystem::path& file, const std::string& sql, int version) {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    database.exec(sql);
    database.exec("PRAGMA user_version = " + std::to_string(version));
}

/// Comments and white space apart.
std::string bare(const std::string& sql) {
    std::string text;
    for (std::size_t at = 0; at < sql.size(); ++at) {
        if (sql.compare(at, 2, "--") == 0) at = std::min(sql.find('\n', at), sql.size() - 1);
        if (sql[at] != ' ' && sql[at] != '\n') text += sql[at];
    }
    return text;
}

/// What the schema is.
std::string dump(const std::filesystem::path& file) {
    SQLite::Database database(file.string());
    SQLite::Statement rows(
        database, "SELECT name || '|' || sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name");
    std::string text;
    while (rows.executeStep()) text += bare(rows.getColumn(0).getString()) + "\n";
    return text;
}

bool says(const LedgerError& error, const std::string& words) {
    return std::string(error.what()).find(words) != std::string::npos;
}

const std::filesystem::path schema_1 =
    std::filesystem::path(SHOPFLOOR_SOURCE_DIR) / "tests/bot/ledger_schema_1.sql";

}  // namespace

TEST_CASE_FIXTURE(LedgerFixture, "a ledger of schema version 1 is opened and works, and is the newest then") {
    make_database(file(), read_file(schema_1), 1);
    auto& book = open();
    CHECK(book.record(delivery("guid")) == Ledger::Recorded::fresh);
    (void)review();
    ledger.reset();
    const auto fresh = folder / "fresh.sqlite";
    {
        const Ledger made(fresh, {});
    }
    CHECK(dump(file()) == dump(fresh));
    SQLite::Database database(file().string());
    CHECK(database.execAndGet("PRAGMA user_version").getInt() == bot::schema().version());
}

TEST_CASE_FIXTURE(LedgerFixture, "migration goes step by step and keeps what was there") {
    const bot::Schema newer{.newest = "CREATE TABLE t (a, b DEFAULT 'x'); CREATE TABLE u (c);",
                            .steps = {"ALTER TABLE t ADD COLUMN b DEFAULT 'x';", "CREATE TABLE u (c);"}};
    make_database(file(), "CREATE TABLE t (a); INSERT INTO t VALUES (1);", 1);
    SQLite::Database database(file().string(), SQLite::OPEN_READWRITE);
    bot::migrate(database, file(), newer);
    CHECK(database.execAndGet("SELECT a || b FROM t").getString() == "1x");
    CHECK(database.execAndGet("SELECT count(*) FROM u").getInt() == 0);
    CHECK(database.execAndGet("PRAGMA user_version").getInt() == 3);
    bot::migrate(database, file(), newer);
    const bot::Schema broken{.newest = "",
                             .steps = {"", "", "CREATE TABLE v (d);", "CREATE TABLE t (again);"}};
    CHECK_THROWS_AS(bot::migrate(database, file(), broken), SQLite::Exception);
    CHECK(database.execAndGet("PRAGMA user_version").getInt() == 3);
    CHECK_FALSE(database.tableExists("v"));
}

TEST_CASE_FIXTURE(LedgerFixture, "a ledger of a newer program is not touched") {
    open();
    ledger.reset();
    {
        SQLite::Database database(file().string(), SQLite::OPEN_READWRITE);
        database.exec("PRAGMA user_version = 99");
    }
    try {
        open();
        FAIL("it was opened");
    } catch (const LedgerError& error) {
        CHECK(says(error, "schema version 99"));
        CHECK(says(error, file().string() + ".v" + std::to_string(bot::schema().version())));
    }
}

TEST_CASE_FIXTURE(LedgerFixture, "another program's database is not taken for a ledger") {
    make_database(file(), "CREATE TABLE recipes (soup TEXT)", 0);
    CHECK_THROWS_AS(open(), LedgerError);
    std::ofstream(folder / "text") << std::string(5000, 'x');
    CHECK_THROWS_AS(Ledger(folder / "text", {}), LedgerError);
    CHECK_THROWS_AS(Ledger(folder / "no" / "folder", {}), LedgerError);
}

TEST_CASE_FIXTURE(LedgerFixture, "damage is found when the ledger is opened, and the mend is said") {
    auto& book = open();
    for (int i = 0; i < 200; ++i)
        (void)book.record(delivery("guid-" + std::to_string(i), "77", std::string(2000, 'x')));
    ledger.reset();
    auto bytes = read_file(file());
    REQUIRE(bytes.size() > 60'000);
    for (std::size_t page = 4; page * 4096 < bytes.size(); page += 3)
        for (std::size_t i = 0; i < 200; ++i) bytes[page * 4096 + i] = static_cast<char>(i * 37);
    std::ofstream(file(), std::ios::binary) << bytes;
    try {
        open();
        FAIL("it was opened");
    } catch (const LedgerError& error) {
        CHECK(says(error, "damaged"));
        CHECK(says(error, "backup"));
        CHECK(says(error, file().string()));
    }
}

TEST_CASE_FIXTURE(LedgerFixture, "another program that holds the ledger for some seconds is waited for") {
    auto& book = open();
    SQLite::Database other(file().string(), SQLite::OPEN_READWRITE);
    other.exec("BEGIN IMMEDIATE");
    const std::jthread holder([&] {
        std::this_thread::sleep_for(3s);
        other.exec("COMMIT");
    });
    const auto began = std::chrono::steady_clock::now();
    CHECK(book.record(delivery("guid")) == Ledger::Recorded::fresh);
    CHECK(std::chrono::steady_clock::now() - began > 2s);
    CHECK(book.figures().deliveries_waiting == 1);
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "on a full disk nothing is promised, and with space again it goes on by itself") {
    const auto small = folder / "small";
    std::filesystem::create_directory(small);
    if (::geteuid() != 0 || ::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=2m") != 0) {
        if (std::getenv("CI") != nullptr) FAIL("a small disk needs mount(2): run as root");
        MESSAGE("skipped: a small disk needs mount(2)");
        return;
    }
    {
        Ledger book(small / "ledger.sqlite", {});
        const auto filler = small / "filler";
        int stored = 0;
        std::string noise(100'000, '\0');
        std::srand(3);
        for (auto& byte : noise)
            byte = static_cast<char>(std::rand());  // NOLINT: any bytes that do not compress
        std::string trouble;
        for (int i = 0; i < 100 && trouble.empty(); ++i) {
            try {
                const auto outcome = book.record(delivery(std::to_string(i), "77", noise));
                stored += outcome == Ledger::Recorded::fresh ? 1 : 0;
            } catch (const LedgerError& error) {
                trouble = error.what();
            }
        }
        CHECK(stored > 3);
        CHECK(stored < 20);
        INFO(trouble);
        CHECK(trouble.find("disk") != std::string::npos);
        CHECK(book.trouble());
        CHECK(book.figures().deliveries_waiting == stored);
        REQUIRE(::mount("tmpfs", small.c_str(), "tmpfs", MS_REMOUNT, "size=8m") == 0);
        CHECK(book.record(delivery("after")) == Ledger::Recorded::fresh);
        CHECK_FALSE(book.trouble());
        CHECK(book.figures().deliveries_waiting == stored + 1);
    }
    ::umount(small.c_str());
}

TEST_CASE_FIXTURE(LedgerFixture, "a failed commit fails for everybody who shared it, and promises nothing") {
    auto& book = open();
    (void)book.record(delivery("before"));
    {
        SQLite::Database other(file().string(), SQLite::OPEN_READWRITE);
        other.exec("CREATE TRIGGER broken BEFORE INSERT ON inbox BEGIN SELECT RAISE(ABORT, 'broken'); END");
    }
    std::atomic<int> told{0};
    {
        std::vector<std::jthread> senders;
        for (int i = 0; i < 20; ++i) {
            senders.emplace_back([&, i] {
                try {
                    (void)book.record(delivery(std::to_string(i)));
                } catch (const LedgerError&) {
                    ++told;
                }
            });
        }
    }
    CHECK(told == 20);
    {
        SQLite::Database other(file().string(), SQLite::OPEN_READWRITE);
        other.exec("DROP TRIGGER broken");
    }
    for (int i = 0; i < 20; ++i) CHECK(book.record(delivery(std::to_string(i))) == Ledger::Recorded::fresh);
    CHECK(book.figures().deliveries_waiting == 21);
}

TEST_CASE_FIXTURE(LedgerFixture, "a ledger of an older version is kept beside the new one as it was") {
    make_database(file(), read_file(schema_1), 1);
    std::ofstream(file().string() + ".v1.part") << "of a copy that was broken off";
    open();
    SQLite::Database copy(file().string() + ".v1");
    CHECK(copy.execAndGet("PRAGMA user_version").getInt() == 1);
    CHECK(copy.execAndGet("SELECT count(*) FROM pragma_table_info('jobs') WHERE name = 'agent_attempts'")
              .getInt() == 1);
    CHECK_FALSE(std::filesystem::exists(file().string() + ".v1.part"));
}
