// Money. A call is paid for before it is made, at the most it can come to; afterwards the reservation gives
// way to what it did come to. One writer: two calls never see the same room.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>

#include "bot/ledger_inside.hpp"

namespace bot {

namespace {

struct Amount {
    std::uint64_t requests = 0, tokens = 0, micro_dollars = 0;

    Amount& operator+=(const Amount& other) {
        requests += other.requests;
        tokens += other.tokens;
        micro_dollars += other.micro_dollars;
        return *this;
    }
};

Amount amount_of(const sandbox::ModelUse& use) {
    return {.requests = use.requests, .tokens = use.tokens(), .micro_dollars = use.micro_dollars};
}

constexpr auto no_limit = std::numeric_limits<std::uint64_t>::max();

/// `added` by people, and how often: tokens and requests are granted again each time.
Amount limit_of(const config::Budget& budget, std::uint64_t added = 0, std::uint64_t grants = 0) {
    const auto times = [grants](const std::optional<std::uint64_t>& limit) {
        return limit ? *limit * (1 + grants) : no_limit;
    };
    Amount most{
        .requests = times(budget.requests), .tokens = times(budget.tokens), .micro_dollars = no_limit};
    if (budget.dollars)
        most.micro_dollars = static_cast<std::uint64_t>(std::llround(*budget.dollars * 1e6)) + added;
    return most;
}

bool fits(const Amount& amount, const Amount& limit) {
    return amount.requests <= limit.requests && amount.tokens <= limit.tokens &&
           amount.micro_dollars <= limit.micro_dollars;
}

template <typename... Values>
LedgerStatements::Use use(LedgerStatements& statements, const std::string& sql, const Values&... values) {
    auto& statement = statements.of(sql);
    int index = 0;
    (bind(statement, ++index, values), ...);
    return LedgerStatements::Use(statement);
}

std::uint64_t number(SQLite::Statement& row, int column) {
    return static_cast<std::uint64_t>(row.getColumn(column).getInt64());
}

Amount read_amount(SQLite::Statement& row) {
    if (!row.executeStep()) return {};
    return {.requests = number(row, 0), .tokens = number(row, 1), .micro_dollars = number(row, 2)};
}

Amount settled(LedgerStatements& all, std::string_view scope, std::int64_t id) {
    const auto row = use(
        all, "SELECT requests, tokens, micro_dollars FROM spending WHERE scope = ?1 AND id = ?2", scope, id);
    return read_amount(*row);
}

/// Few at a time, so that no index is worth its upkeep. `scope` is the column's name too.
Amount reserved(LedgerStatements& all, const std::string& scope, std::int64_t id) {
    const auto row = use(all,
                         "SELECT count(*), coalesce(sum(tokens), 0), coalesce(sum(micro_dollars), 0) "
                         "FROM reservations WHERE " +
                             scope + " = ?1",
                         id);
    return read_amount(*row);
}

void spend(LedgerStatements& all, std::string_view scope, std::int64_t id, const Amount& amount) {
    (*use(all,
          "INSERT INTO spending (scope, id, requests, tokens, micro_dollars) VALUES (?1, ?2, ?3, ?4, ?5) "
          "ON CONFLICT (scope, id) DO UPDATE SET requests = requests + excluded.requests, "
          "tokens = tokens + excluded.tokens, micro_dollars = micro_dollars + excluded.micro_dollars",
          scope, id, amount.requests, amount.tokens, amount.micro_dollars))
        .exec();
}

struct Open {
    std::int64_t id = 0, run = 0, job = 0, day = 0;
    Amount most;
};

std::vector<Open> open_reservations(LedgerStatements& statements, const std::string& which,
                                    std::int64_t id = 0) {
    const auto found =
        use(statements, "SELECT id, run, job, day, tokens, micro_dollars FROM reservations " + which, id);
    auto& row = *found;
    std::vector<Open> all;
    while (row.executeStep()) {
        const auto id_in = [&](int column) { return row.getColumn(column).getInt64(); };
        all.push_back({.id = id_in(0),
                       .run = id_in(1),
                       .job = id_in(2),
                       .day = id_in(3),
                       .most = {.requests = 1, .tokens = number(row, 4), .micro_dollars = number(row, 5)}});
    }
    return all;
}

void close_entry(LedgerStatements& all, const Open& open, const Amount& came_to) {
    (*use(all, "DELETE FROM reservations WHERE id = ?1", open.id)).exec();
    spend(all, "run", open.run, came_to);
    spend(all, "job", open.job, came_to);
    spend(all, "day", open.day, came_to);
}

std::int64_t day_of(std::int64_t ms) { return ms / (24LL * 60 * 60 * 1000); }

}  // namespace

Ledger::Reserved Ledger::reserve(RunId run, const sandbox::ModelUse& most,
                                 const config::ModelSettings& budgets) {
    using Paid = sandbox::Purse::Answer;
    return inside_->write([&](SQLite::Database& db) -> Reserved {
        auto& statements = inside_->statements;
        const auto found =
            use(statements,
                "SELECT j.id, j.budget_added, j.budget_grants, (SELECT min(f.id) FROM runs AS f "
                "WHERE f.job = r.job AND f.log_file = r.log_file) "
                "FROM runs AS r JOIN jobs AS j ON j.id = r.job WHERE r.id = ?1",
                run.value);
        auto& row = *found;
        if (!row.executeStep()) throw std::logic_error("a call of a run that is not in the ledger");
        const auto job = row.getColumn(0).getInt64();
        const auto added = number(row, 1);
        const auto grants = number(row, 2);
        const auto pass = row.getColumn(3).getInt64();  // begun anew it is the same pass, with the same log
        const auto day = day_of(inside_->now());
        struct Line {
            std::string scope;
            std::int64_t id;
            Amount limit;
            Reserved::Limit name;
        };
        const std::array lines{Line{"day", day, limit_of(budgets.day), Reserved::Limit::day},
                               Line{"job", job, limit_of(budgets.job, added, grants), Reserved::Limit::job},
                               Line{"run", pass, limit_of(budgets.run), Reserved::Limit::run}};
        Reserved answer{.reservation = {.answer = Paid::granted}};
        for (const auto& line : lines) {
            auto alone = settled(statements, line.scope, line.id);
            alone += amount_of(most);
            auto all = alone;
            all += reserved(statements, line.scope, line.id);
            if (fits(all, line.limit)) continue;
            answer = {.reservation = {.answer = fits(alone, line.limit) ? Paid::busy : Paid::spent},
                      .limit = line.name};
            if (answer.reservation.answer == Paid::spent) return answer;
        }
        if (answer.reservation.answer != Paid::granted) return answer;
        (*use(statements,
              "INSERT INTO reservations (run, job, day, tokens, micro_dollars) VALUES (?1, ?2, ?3, ?4, ?5)",
              pass, job, day, most.tokens(), most.micro_dollars))
            .exec();
        answer.reservation.id = db.getLastInsertRowid();
        return answer;
    });
}

void Ledger::settle_call(std::int64_t reservation, const sandbox::ModelUse& used) {
    // The next call of the connection waits for this. A settlement that a power cut takes leaves its
    // reservation, which counts for no less.
    inside_->write(
        [&](SQLite::Database&) {
            auto& statements = inside_->statements;
            for (const auto& open : open_reservations(statements, "WHERE id = ?1", reservation))
                close_entry(statements, open, amount_of(used));
        },
        Inside::OnDisk::with_the_next);
}

void Ledger::Inside::lose_reservations() {
    for (const auto& open : open_reservations(statements, "WHERE id > ?1"))
        close_entry(statements, open, open.most);
}

sandbox::ModelUse Ledger::spent(JobId job) const {
    return inside_->read([&](SQLite::Database& db) {
        LedgerStatements once(db);
        auto amount = settled(once, "job", job.value);
        amount += reserved(once, "job", job.value);
        return sandbox::ModelUse{.requests = amount.requests,
                                 .input_tokens = amount.tokens,
                                 .micro_dollars = amount.micro_dollars};
    });
}

}  // namespace bot
