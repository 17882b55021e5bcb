#include <fmt/format.h>
#include <lz4.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <utility>

#include "bot/ledger_inside.hpp"

namespace bot {

namespace {

std::string pack(const std::string& body) {
    constexpr std::size_t worth_keeping = 256 * 1024;
    thread_local std::string room;
    const auto needed = static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(body.size())));
    if (room.size() < needed || room.size() > worth_keeping)
        std::string(std::max(needed, worth_keeping / 4), '\0').swap(room);
    const int size = LZ4_compress_default(body.data(), room.data(), static_cast<int>(body.size()),
                                          static_cast<int>(room.size()));
    return {room.data(), static_cast<std::size_t>(size)};
}

std::optional<std::string> unpack(const std::string& packed, std::int64_t size) {
    std::string body(static_cast<std::size_t>(size), '\0');
    const int got = LZ4_decompress_safe(packed.data(), body.data(), static_cast<int>(packed.size()),
                                        static_cast<int>(body.size()));
    if (got != static_cast<int>(size)) return std::nullopt;
    return body;
}

struct InHand {
    std::int64_t id = 0;
    int attempts = 0;
    int carried_out = 0;
    bool revived = false;
    Time received_at{};
    std::string forge, hook_id, delivery_id, event, packed;
    std::int64_t body_size = 0;
};

InHand read_in_hand(SQLite::Database& db, std::int64_t id) {
    auto row = prepare(
        db,
        "SELECT forge, hook_id, delivery_id, event, received_at, body_size, body, attempts, carried_out, "
        "revived "
        "FROM deliveries JOIN inbox ON delivery = id WHERE id = ?1",
        id);
    row.executeStep();
    return {.id = id,
            .attempts = row.getColumn(7).getInt(),
            .carried_out = row.getColumn(8).getInt(),
            .revived = row.getColumn(9).getInt() != 0,
            .received_at = from_ms(row.getColumn(4).getInt64()),
            .forge = row.getColumn(0).getString(),
            .hook_id = row.getColumn(1).getString(),
            .delivery_id = row.getColumn(2).getString(),
            .event = row.getColumn(3).getString(),
            .packed = row.getColumn(6).getString(),
            .body_size = row.getColumn(5).getInt64()};
}

struct Looked {
    std::optional<InHand> found;
    std::vector<std::string> dead;  ///< put aside now, for the log
    bool more = false;  ///< not all was looked at: deliveries that come in meanwhile do not wait for it
};

Looked look_through(SQLite::Database& db, const Ledger::Quiet& quiet, std::int64_t now,
                    const Ledger::Options& options) {
    constexpr int at_once = 200;
    Looked looked;
    for (int looked_at = 0; looked_at < at_once; ++looked_at) {
        auto due = prepare(
            db,
            "SELECT delivery, attempts, forge, delivery_id FROM inbox JOIN deliveries ON id = delivery "
            "WHERE not_before <= ?1 AND held_until <= ?1 ORDER BY delivery LIMIT 1",
            now);
        if (!due.executeStep()) return looked;
        const auto id = due.getColumn(0).getInt64();
        const auto attempts = due.getColumn(1).getInt();
        const auto until = quiet.find(due.getColumn(2).getString());
        const auto name = fmt::format("{} of {}", due.getColumn(3).getString(), due.getColumn(2).getString());
        due.reset();
        if (until != quiet.end() && to_ms(until->second) > now) {
            execute(db, "UPDATE inbox SET not_before = ?2, why = 'the forge is quiet' WHERE delivery = ?1",
                    id, to_ms(until->second));
            continue;
        }
        if (attempts < options.max_delivery_attempts) {
            execute(db, "UPDATE inbox SET attempts = attempts + 1, held_until = ?2 WHERE delivery = ?1", id,
                    now + to_ms(Time(options.hold)));
            looked.found = read_in_hand(db, id);
            return looked;
        }
        execute(db, "DELETE FROM inbox WHERE delivery = ?1", id);
        execute(db, "DELETE FROM kept WHERE delivery = ?1", id);
        execute(db, "INSERT INTO outcomes (delivery, state, at, reason) VALUES (?1, 'dead', ?2, ?3)", id, now,
                fmt::format("put aside: {} attempts to handle it never came to their end", attempts));
        looked.dead.push_back(name);
    }
    looked.more = true;
    return looked;
}

/// `row_sql` gives the row of the inbox; none when it was settled before.
std::optional<Origin> origin_of(SQLite::Database& db, const std::string& row_sql, std::int64_t delivery) {
    auto row = prepare(db, row_sql, delivery);
    if (!row.executeStep()) return std::nullopt;
    return Origin{
        .delivery = delivery, .place = row.getColumn(0).getInt(), .revived = row.getColumn(1).getInt() != 0};
}

}  // namespace

void Ledger::Inside::insert(SQLite::Database& db, LedgerGroup::Entry& entry) {
    if (!insert_delivery) {
        insert_delivery.emplace(
            db,
            "INSERT INTO deliveries (forge, hook_id, delivery_id, event, received_at, body_size, body) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (forge, hook_id, delivery_id) DO NOTHING");
        insert_inbox.emplace(db, "INSERT INTO inbox (delivery) VALUES (last_insert_rowid())");
    }
    auto& row = *insert_delivery;
    row.tryReset();
    row.bindNoCopy(1, entry.forge);
    row.bindNoCopy(2, entry.hook_id);
    row.bindNoCopy(3, entry.delivery_id);
    row.bindNoCopy(4, entry.event);
    row.bind(5, entry.received_at);
    row.bind(6, entry.body_size);
    row.bindNoCopy(7, entry.packed_body.data(), static_cast<int>(entry.packed_body.size()));
    const bool fresh = row.exec() == 1;
    row.reset();
    entry.outcome = fresh ? Recorded::fresh : Recorded::duplicate;
    if (!fresh) return;
    insert_inbox->tryReset();
    insert_inbox->exec();
    insert_inbox->reset();
}

bool Ledger::received(std::string_view forge, const std::string& delivery_id) const {
    return inside_->read([&](SQLite::Database& db) {
        return prepare(db, "SELECT 1 FROM deliveries WHERE forge = ?1 AND delivery_id = ?2", forge,
                       delivery_id)
            .executeStep();
    });
}

std::optional<Time> Ledger::newest_delivery() const {
    return inside_->read([](SQLite::Database& db) -> std::optional<Time> {
        SQLite::Statement row(db, "SELECT received_at FROM deliveries ORDER BY id DESC LIMIT 1");
        if (!row.executeStep()) return std::nullopt;
        return from_ms(row.getColumn(0).getInt64());
    });
}

Time Ledger::served_since(const std::string& forge) {
    const auto known = inside_->read([&](SQLite::Database& db) -> std::optional<Time> {
        auto row = prepare(db, "SELECT since FROM served WHERE forge = ?1", forge);
        if (!row.executeStep()) return std::nullopt;
        return from_ms(row.getColumn(0).getInt64());
    });
    if (known) return *known;
    const auto now = inside_->now();
    inside_->write([&](SQLite::Database& db) {
        execute(db, "INSERT OR IGNORE INTO served (forge, since) VALUES (?1, ?2)", forge, now);
    });
    return from_ms(now);
}

std::chrono::steady_clock::time_point Ledger::last_recorded() const {
    return std::chrono::steady_clock::time_point(inside_->last_recorded.load());
}

void Ledger::record(const std::vector<integrations::VerifiedDelivery>& deliveries, Stored done) {
    inside_->last_recorded = std::chrono::steady_clock::now().time_since_epoch();
    LedgerGroup::Bundle bundle{.entries = {}, .done = std::move(done)};
    for (const auto& delivery : deliveries)
        bundle.entries.push_back({.forge = delivery.forge(),
                                  .hook_id = delivery.hook_id(),
                                  .delivery_id = delivery.delivery_id(),
                                  .event = delivery.event_name(),
                                  .body_size = static_cast<std::int64_t>(delivery.body().size()),
                                  .packed_body = pack(delivery.body()),
                                  .received_at = inside_->now()});
    inside_->group.add(std::move(bundle));
}

Ledger::Recorded Ledger::record(const integrations::VerifiedDelivery& delivery) {
    std::promise<std::expected<Recorded, std::string>> promise;  // text: an exception shares its own
    auto answer = promise.get_future();
    record({delivery}, [&promise](const Outcomes& outcomes) {
        const auto& outcome = outcomes.front();
        if (outcome)
            promise.set_value(*outcome);
        else
            promise.set_value(std::unexpected(std::string(outcome.error().what())));
    });
    const auto outcome = answer.get();
    if (!outcome) throw LedgerError(outcome.error());
    return *outcome;
}

std::optional<StoredDelivery> Ledger::next_delivery(const Quiet& quiet) {
    std::optional<InHand> found;
    for (bool more = true; more;) {
        auto looked = inside_->write(
            [&](SQLite::Database& db) { return look_through(db, quiet, inside_->now(), inside_->options); });
        for (const auto& name : looked.dead)
            spdlog::error("delivery {} is put aside: {} attempts to handle it never came to their end", name,
                          inside_->options.max_delivery_attempts);
        more = looked.more;
        found = std::move(looked.found);
    }
    if (!found) return std::nullopt;
    auto body = unpack(found->packed, found->body_size);
    if (!body) {
        throw LedgerError(
            fmt::format("{}: the stored body of delivery {} is damaged; it is put aside after {} attempts",
                        inside_->file.string(), found->delivery_id, inside_->options.max_delivery_attempts));
    }
    return StoredDelivery{
        .id = found->id,
        .delivery = integrations::Replay::stored(found->forge, found->hook_id, found->delivery_id,
                                                 found->event, std::move(*body)),
        .attempts = found->attempts,
        .carried_out = found->carried_out,
        .revived = found->revived,
        .received_at = found->received_at};
}

std::optional<JobId> Ledger::settle(std::int64_t delivery, const Intent& intent) {
    return inside_->write([&](SQLite::Database& db) -> std::optional<JobId> {
        const auto origin =
            origin_of(db, "DELETE FROM inbox WHERE delivery = ?1 RETURNING carried_out, revived", delivery);
        if (!origin) return std::nullopt;
        const auto touched = inside_->decided(db, intent, *origin);
        const auto reason = std::visit([](const auto& its) { return its.reason; }, intent);
        execute(db,
                "INSERT INTO outcomes (delivery, state, at, reason, job) VALUES (?1, 'settled', ?2, ?3, ?4)",
                delivery, inside_->now(), reason, touched ? std::optional(touched->value) : std::nullopt);
        reopen(db);
        return touched;
    });
}

std::optional<JobId> Ledger::carry_out(std::int64_t delivery, const Intent& intent) {
    return inside_->write([&](SQLite::Database& db) -> std::optional<JobId> {
        const auto origin =
            origin_of(db, "SELECT carried_out, revived FROM inbox WHERE delivery = ?1", delivery);
        if (!origin) return std::nullopt;
        execute(db, "UPDATE inbox SET carried_out = carried_out + 1, revived = 0 WHERE delivery = ?1",
                delivery);
        const auto touched = inside_->decided(db, intent, *origin);
        reopen(db);
        return touched;
    });
}

std::optional<JobId> Ledger::carry_out(const Intent& intent) {
    return inside_->write([&](SQLite::Database& db) {
        const auto touched = inside_->apply(db, intent, std::nullopt);
        reopen(db);
        return touched;
    });
}

void Ledger::wait_for_end(std::int64_t delivery, JobId job, const std::string& why) {
    constexpr std::int64_t longest = 60'000;  // ms; its end wakes it
    inside_->write([&](SQLite::Database& db) {
        const auto ending = find_job(db, job);
        const bool over = !ending || is_final(ending->state);
        execute(db,
                "UPDATE inbox SET waits_for = ?2, not_before = ?3, held_until = 0, "
                "attempts = max(0, attempts - 1), why = ?4 WHERE delivery = ?1",
                delivery, job.value, over ? 0 : inside_->now() + longest, why);
    });
}

void Ledger::postpone(std::int64_t delivery, Time at, const std::string& why) {
    inside_->write([&](SQLite::Database& db) {
        execute(db,
                "UPDATE inbox SET not_before = ?2, held_until = 0, attempts = max(0, attempts - 1), why = ?3 "
                "WHERE delivery = ?1",
                delivery, to_ms(at), why);
    });
}

}  // namespace bot
