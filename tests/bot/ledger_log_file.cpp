#include "bot/ledger_log_file.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Statement.h>
#include <SQLiteCpp/Transaction.h>
#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "tests/bot/ledger_fixture.hpp"

namespace {

/// A database written through the ledger's own way to its log, and looked at by others.
struct LogFileFixture : LedgerFixture {
    LogFileFixture() {
        book.exec("PRAGMA journal_mode = WAL");
        book.exec("PRAGMA wal_autocheckpoint = 0");  // all stays in the log
        book.exec("CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT NOT NULL)");
        book.exec("CREATE INDEX by_word ON words (word)");
    }
    /// Each is random and a fifth of a page.
    void write(int count) {
        SQLite::Statement insert(
            book,
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1) "
            "INSERT INTO words (word) SELECT hex(randomblob(400)) FROM numbers");
        insert.bind(1, count);
        insert.exec();
    }
    static int count(SQLite::Database& database) {
        REQUIRE(database.execAndGet("PRAGMA integrity_check").getString() == "ok");
        return database.execAndGet("SELECT count(*) FROM words").getInt();
    }
    /// By a program that uses SQLite as it comes.
    [[nodiscard]] int seen() const {
        SQLite::Database other(file().string(), SQLite::OPEN_READONLY);
        return count(other);
    }
    /// After the power failed at this moment and the kernel had written what it was given.
    [[nodiscard]] int found_again() const {
        const auto copy = folder / "copy";
        for (const auto* end : {"", "-wal"})
            std::filesystem::copy_file(file().string() + end, copy.string() + end,
                                       std::filesystem::copy_options::overwrite_existing);
        SQLite::Database again(copy.string(), SQLite::OPEN_READWRITE);
        return count(again);
    }

    SQLite::Database book =
        bot::open_with_whole_frames(file(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 0);
};

/// No file of this process may grow beyond so many bytes, as on a full disk.
class Limit {
    rlimit before_{};

 public:
    explicit Limit(rlim_t bytes) {
        (void)std::signal(SIGXFSZ, SIG_IGN);  // the write is to fail, not the process
        REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
        const rlimit now{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_FSIZE, &now) == 0);
    }
    ~Limit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;
};

}  // namespace

TEST_CASE_FIXTURE(LogFileFixture, "what is committed is in the log, for other programs and after a crash") {
    SUBCASE("synced with each commit") { book.exec("PRAGMA synchronous = FULL"); }
    SUBCASE("synced with a later one") { book.exec("PRAGMA synchronous = NORMAL"); }
    int all = 0;
    for (const int some : {1, 10, 1000}) {  // a frame, some, and more than are held back
        write(some);
        all += some;
        CHECK(seen() == all);
        CHECK(found_again() == all);
    }
}

TEST_CASE_FIXTURE(LogFileFixture, "what is given up is seen by nobody, and writes over nothing of others") {
    book.exec("PRAGMA cache_size = 20");  // less than a transaction has
    book.exec("CREATE TABLE heap (word TEXT)");
    write(300);
    (void)book.execAndGet("PRAGMA wal_checkpoint(TRUNCATE)");
    {
        const SQLite::Transaction given_up(book);
        write(500);
        CHECK(count(book) == 800);
        book.exec("UPDATE words SET word = hex(randomblob(400))");
        book.exec("INSERT INTO heap SELECT word FROM words");  // pages one after the other, none read back
        CHECK(seen() == 300);
        CHECK(found_again() == 300);
    }
    SQLite::Database other(file().string(), SQLite::OPEN_READWRITE);
    other.exec("PRAGMA wal_autocheckpoint = 0");
    for (int times = 0; times < 3; ++times)
        other.exec("INSERT INTO words (word) SELECT hex(randomblob(400)) FROM words");
    CHECK(count(book) == 2400);
    CHECK(seen() == 2400);
    CHECK(found_again() == 2400);
    SQLite::Transaction transaction(book);
    write(200);
    book.exec("UPDATE words SET word = hex(randomblob(400)) WHERE id % 7 = 0");
    book.exec("SAVEPOINT there");
    write(100);
    book.exec("ROLLBACK TO there");
    write(1);
    transaction.commit();
    CHECK(seen() == 2601);
    CHECK(found_again() == 2601);
}

TEST_CASE_FIXTURE(LogFileFixture, "a log that was copied back begins anew") {
    for (int all = 100; all <= 500; all += 100) {
        write(100);
        (void)book.execAndGet("PRAGMA wal_checkpoint(RESTART)");
        CHECK(seen() == all);
        CHECK(found_again() == all);
    }
}

TEST_CASE_FIXTURE(LogFileFixture, "a transaction that finds no room, wherever it ends, is given up whole") {
    const auto log = file().string() + "-wal";
    bool anew = false;
    SUBCASE("in a log that goes on") {}
    SUBCASE("in a log that begins anew") { anew = true; }
    write(50);
    int all = 50;
    for (const int room : {0, 1, 40, 5000, 65'000, 66'000, 100'000}) {  // a transaction of 200 has 110,000
        CAPTURE(room);
        if (anew) {
            (void)book.execAndGet("PRAGMA wal_checkpoint(TRUNCATE)");
            REQUIRE(std::filesystem::file_size(log) == 0);
        }
        {
            const Limit limit(std::filesystem::file_size(log) + static_cast<rlim_t>(room));
            CHECK_THROWS_AS(write(200), SQLite::Exception);
            CHECK(count(book) == all);
        }
        CHECK(seen() == all);
        CHECK(found_again() == all);
        write(1);
        CHECK(seen() == ++all);
        CHECK(found_again() == all);
    }
}
