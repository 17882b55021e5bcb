#include "bot/doors_kept.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "sandbox/gateway_price.hpp"

namespace bot {

namespace {

constexpr std::size_t most_hosts = 50;

/// What a door came to in one process and then in another.
sandbox::DoorReport together(sandbox::DoorReport first, const sandbox::DoorReport& then) {
    for (const auto& host : then.refused) {
        const auto known = std::ranges::find(first.refused, host.name, &sandbox::DoorReport::Host::name);
        if (known != first.refused.end())
            known->times += host.times;
        else if (first.refused.size() < most_hosts)
            first.refused.push_back(host);
    }
    for (const auto& host : then.reached)
        if (first.reached.size() < most_hosts &&
            std::ranges::find(first.reached, host) == first.reached.end())
            first.reached.push_back(host);
    first.egress_bytes += then.egress_bytes;

    auto& models = first.models;
    const bool none_then = then.models == sandbox::GatewayReport{};
    models.refused += then.models.refused;
    models.budget_spent = models.budget_spent || then.models.budget_spent;
    if (then.models.parked_until) models.parked_until = then.models.parked_until;
    if (!none_then) models.service_failed = then.models.service_failed;
    if (!then.models.last_fault.empty()) models.last_fault = then.models.last_fault;
    return first;
}

}  // namespace

void KeptDoor::begin_era(std::uint64_t era) {
    const std::unique_lock alone(using_);
    if (ended_ || era <= era_) return;
    era_ = era;
    lose_reservations();
    const std::scoped_lock lock(mutex_);
    before_ = together(std::move(before_), now_);
    now_ = {};
}

void KeptDoor::end() {
    const std::unique_lock alone(using_);
    lose_reservations();
    ended_ = true;
}

/// What they came to nobody will tell: not one of a door that was closed as it should be.
void KeptDoor::lose_reservations() {
    const std::scoped_lock lock(mutex_);
    for (const auto& [reservation, most] : std::exchange(reserved_, {})) {
        order.models->purse.settle(reservation, most);
        spent_ += most;
    }
}

sandbox::Purse::Reservation KeptDoor::reserve(std::uint64_t era, const sandbox::ModelUse& most) {
    const std::shared_lock used(using_);
    if (ended_ || era != era_ || !order.models) return {.answer = sandbox::Purse::Answer::busy};
    const auto reservation = order.models->purse.reserve(most);
    const std::scoped_lock lock(mutex_);
    if (reservation.answer == sandbox::Purse::Answer::granted) reserved_.emplace(reservation.id, most);
    return reservation;
}

void KeptDoor::settle(std::uint64_t era, std::int64_t reservation, const sandbox::ModelUse& used) {
    const std::shared_lock user(using_);
    if (ended_ || era != era_ || !order.models) return;
    sandbox::ModelUse paid;
    {
        const std::scoped_lock lock(mutex_);
        const auto known = reserved_.extract(reservation);
        if (!known) return;                             // not one of this door's
        paid = sandbox::at_most(used, known.mapped());  // nor does a door spend more than it asked for
        spent_ += paid;
    }
    order.models->purse.settle(reservation, paid);
}

void KeptDoor::halt(std::uint64_t era) {
    const std::shared_lock used(using_);
    if (!ended_ && era == era_ && order.models && order.models->on_halt) order.models->on_halt();
}

void KeptDoor::take(std::uint64_t era, sandbox::DoorReport report) {
    const std::shared_lock used(using_);
    const std::scoped_lock lock(mutex_);
    if (era == era_) now_ = std::move(report);
}

sandbox::DoorReport KeptDoor::report() const {
    const std::scoped_lock lock(mutex_);
    auto report = together(before_, now_);
    report.models.used = spent_;
    return report;
}

}  // namespace bot
