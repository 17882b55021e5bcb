#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>
#include <random>
#include <semaphore>
#include <sstream>
#include <thread>

#include "tests/bot/ledger_fixture.hpp"

using namespace std::chrono_literals;
using bot::Ledger;

namespace {

/// What is logged while it lives: level and words, a line each.
class Log {
 public:
    Log() : before_(spdlog::default_logger()) {
        auto logger = std::make_shared<spdlog::logger>(
            "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_, true));
        logger->set_pattern("%l %v");
        spdlog::set_default_logger(logger);
    }
    ~Log() { spdlog::set_default_logger(before_); }
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
    [[nodiscard]] std::string text() const { return text_.str(); }

 private:
    std::ostringstream text_;
    std::shared_ptr<spdlog::logger> before_;
};

}  // namespace

TEST_CASE_FIXTURE(LedgerFixture, "a delivery comes out as it went in, every byte") {
    auto& book = open();
    std::mt19937 chance(7);  // NOLINT: the same bytes every time
    std::string noise(300'000, '\0');
    for (auto& byte : noise) byte = static_cast<char>(chance());
    const std::vector<std::string> bodies{"", std::string("{\"a\":\0}", 7), std::string(1 << 20, 'x'), noise};
    for (std::size_t i = 0; i < bodies.size(); ++i)
        CHECK(book.record(delivery("id-" + std::to_string(i), "77", bodies[i])) == Ledger::Recorded::fresh);
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        const auto next = book.next_delivery();
        REQUIRE(next);
        CHECK(next->delivery.body() == bodies[i]);
        CHECK(next->delivery.delivery_id() == "id-" + std::to_string(i));
        CHECK(next->delivery.forge() == "github");
        CHECK(next->delivery.hook_id() == "77");
        CHECK(next->delivery.event_name() == "issues");
        CHECK(next->attempts == 1);
        CHECK(next->received_at == now());
    }
    CHECK_FALSE(book.next_delivery());
}

TEST_CASE_FIXTURE(LedgerFixture, "the same delivery a hundred times at once is stored once") {
    auto& book = open();
    std::atomic<int> fresh{0};
    std::atomic<int> duplicate{0};
    {
        std::vector<std::jthread> senders;
        for (int i = 0; i < 100; ++i)
            senders.emplace_back(
                [&] { ++(book.record(delivery("same")) == Ledger::Recorded::fresh ? fresh : duplicate); });
    }
    CHECK(fresh == 1);
    CHECK(duplicate == 99);
    CHECK(book.figures().deliveries_waiting == 1);
    CHECK(book.received("github", "same"));
    CHECK_FALSE(book.received("github", "another"));
    CHECK_FALSE(book.received("gitlab", "same"));
}

TEST_CASE_FIXTURE(LedgerFixture, "many senders at once lose nothing") {
    auto& book = open();
    {
        std::vector<std::jthread> senders;
        for (int i = 0; i < 16; ++i) {
            senders.emplace_back([&book, i] {
                for (int k = 0; k < 50; ++k)
                    (void)book.record(delivery(std::to_string(i) + "-" + std::to_string(k)));
            });
        }
    }
    CHECK(book.figures().deliveries_waiting == 800);
}

TEST_CASE_FIXTURE(LedgerFixture, "deliveries that come together are told together, each what became of it") {
    auto& book = open();
    CHECK(book.record(delivery("known")) == Ledger::Recorded::fresh);
    std::promise<Ledger::Outcomes> told;
    book.record({delivery("new"), delivery("known"), delivery("new")},
                [&](const Ledger::Outcomes& outcomes) { told.set_value(outcomes); });
    const auto outcomes = told.get_future().get();
    REQUIRE(outcomes.size() == 3);
    CHECK(outcomes[0] == Ledger::Recorded::fresh);
    CHECK(outcomes[1] == Ledger::Recorded::duplicate);
    CHECK(outcomes[2] == Ledger::Recorded::duplicate);
    CHECK(book.figures().deliveries_waiting == 2);
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "under load the write-ahead log is copied back beside the work and stays short") {
    auto& book = open();
    std::mt19937 chance(7);  // NOLINT: the same bytes every time
    std::string noise(16'000, '\0');
    for (auto& byte : noise) byte = static_cast<char>(chance());
    constexpr int many = 10'000;  // 160 MB
    std::atomic<int> stored{0};
    std::counting_semaphore<64> in_flight(64);
    for (int i = 0; i < many; ++i) {
        in_flight.acquire();
        book.record({delivery("id-" + std::to_string(i), "77", noise)}, [&](const auto& outcomes) {
            stored += outcomes.front() == Ledger::Recorded::fresh ? 1 : 0;
            in_flight.release();
        });
    }
    for (int i = 0; i < 64; ++i) in_flight.acquire();
    CHECK(stored == many);
    CHECK(std::filesystem::file_size(file()) > 30'000'000);
    CHECK(std::filesystem::file_size(file().string() + "-wal") < 110'000'000);
    CHECK(book.figures().deliveries_waiting == many);
}

TEST_CASE_FIXTURE(LedgerFixture, "the same id from another hook is another delivery") {
    auto& book = open();
    CHECK(book.record(delivery("guid", "1")) == Ledger::Recorded::fresh);
    CHECK(book.record(delivery("guid", "2")) == Ledger::Recorded::fresh);
    CHECK(book.record(delivery("guid", "1")) == Ledger::Recorded::duplicate);
    CHECK(book.figures().deliveries_waiting == 2);
}

TEST_CASE_FIXTURE(
    LedgerFixture,
    "killed between the commit and the answer: the delivery is there, and sent again it is a duplicate") {
    const auto child = ::fork();
    if (child == 0) {
        bot::Ledger book(file(), {});
        (void)book.record(delivery("guid", "77", "{\"precious\":1}"));
        ::raise(SIGKILL);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    auto& book = open();
    CHECK(book.record(delivery("guid")) == Ledger::Recorded::duplicate);
    const auto next = book.next_delivery();
    REQUIRE(next);
    CHECK(next->delivery.body() == "{\"precious\":1}");
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "a delivery that is settled is settled once, with its job in the same transaction") {
    auto& book = open();
    (void)book.record(delivery("guid"));
    const auto next = book.next_delivery();
    const auto job = book.settle(next->id, start(1));
    REQUIRE(job);
    CHECK_FALSE(book.settle(next->id, start(2)));
    CHECK(book.jobs(10).size() == 1);
    pass(10min);
    CHECK_FALSE(book.next_delivery());
    CHECK(book.record(delivery("guid")) == Ledger::Recorded::duplicate);
    CHECK_FALSE(book.next_delivery());
}

TEST_CASE_FIXTURE(LedgerFixture,
                  "a delivery that breaks the daemon three times is put aside, and the others go on") {
    const Log log;
    (void)open().record(delivery("poison"));
    (void)ledger->record(delivery("good"));
    for (int crash = 1; crash <= 3; ++crash) {
        const auto next = ledger->next_delivery();
        REQUIRE(next);
        CHECK(next->delivery.delivery_id() == "poison");
        CHECK(next->attempts == crash);
        open();  // the process died here and came back
        (void)ledger->take_over();
    }
    const auto next = ledger->next_delivery();
    REQUIRE(next);
    CHECK(next->delivery.delivery_id() == "good");
    CHECK(next->attempts == 1);
    CHECK(ledger->figures().deliveries_waiting == 1);
    CHECK(ledger->figures().deliveries_dead == 1);
    CHECK(log.text().find("error delivery poison of github is put aside: 3 attempts") != std::string::npos);
    CHECK(ledger->record(delivery("poison")) == Ledger::Recorded::duplicate);
}

TEST_CASE_FIXTURE(LedgerFixture, "what was handed out and never heard of again is due after a while") {
    auto& book = open({.hold = 120s});
    (void)book.record(delivery("guid"));
    CHECK(book.next_delivery());
    CHECK_FALSE(book.next_delivery());
    pass(121s);
    const auto again = book.next_delivery();
    REQUIRE(again);
    CHECK(again->attempts == 2);
}

TEST_CASE_FIXTURE(LedgerFixture, "while the forge is down a delivery waits, as often as it takes") {
    auto& book = open();
    (void)book.record(delivery("guid"));
    for (int i = 0; i < 20; ++i) {
        const auto next = book.next_delivery();
        REQUIRE(next);
        CHECK(next->attempts == 1);
        book.postpone(next->id, now() + 30s, "the forge does not answer");
        CHECK_FALSE(book.next_delivery());
        pass(30s);
    }
    CHECK(book.next_delivery());
}

TEST_CASE_FIXTURE(LedgerFixture, "old deliveries are forgotten when they are settled, not before") {
    auto& book = open();
    for (int i = 0; i < 1200; ++i) (void)book.record(delivery(std::to_string(i)));
    for (int i = 0; i < 1100; ++i)
        (void)book.settle(book.next_delivery()->id, bot::Ignore{.reason = "not for us"});
    pass(24h * 8);
    (void)book.record(delivery("new"));
    (void)book.settle(book.next_delivery()->id, start(1));
    CHECK(book.prune(now() - 24h * 7) == 1100);
    CHECK(book.prune(now() - 24h * 7) == 0);
    CHECK(book.figures().deliveries_waiting == 100);
    CHECK(book.record(delivery("0")) == Ledger::Recorded::fresh);
    CHECK(book.record(delivery("new")) == Ledger::Recorded::duplicate);
}

TEST_CASE_FIXTURE(
    LedgerFixture,
    "deliveries of a forge that is to be left in peace are put off together, and free of charge") {
    auto& book = open();
    for (int i = 0; i < 450; ++i) (void)book.record(delivery("quiet-" + std::to_string(i)));
    (void)book.record(integrations::Replay::stored("elsewhere", "1", "loud", "issues", "{}"));
    const auto next = book.next_delivery({{"github", now() + 30s}});
    REQUIRE(next);
    CHECK(next->delivery.delivery_id() == "loud");
    CHECK_FALSE(book.next_delivery());
    CHECK(book.figures().deliveries_waiting == 451);
    pass(30s);
    for (int i = 0; i < 450; ++i) {
        const auto back = book.next_delivery({{"github", now()}});
        REQUIRE(back);
        CHECK(back->delivery.delivery_id() == "quiet-" + std::to_string(i));
        CHECK(back->attempts == 1);
    }
}
