#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "bot/doors.hpp"
#include "sandbox/descriptor.hpp"
#include "sandbox/door.hpp"

namespace bot {

/// One door as the keeper has it, through all processes that serve it one after the other. An era is the time
/// of one of them: what is said of an earlier one does not count any more.
struct KeptDoor {
    KeptDoor(std::uint64_t number, DoorOrder wanted, sandbox::DoorFiles made, sandbox::Descriptor call_record)
        : id(number), order(std::move(wanted)), files(std::move(made)), calls(std::move(call_record)) {}

    const std::uint64_t id;
    const DoorOrder order;
    const sandbox::DoorFiles files;
    const sandbox::Descriptor calls;  ///< empty without models

    /// A new process serves it from now on, if there was no later one. What calls of the last one had
    /// reserved counts as spent.
    void begin_era(std::uint64_t era);
    /// Nobody serves it any more. Afterwards nothing of the order is used.
    void end();

    [[nodiscard]] sandbox::Purse::Reservation reserve(std::uint64_t era, const sandbox::ModelUse& most);
    void settle(std::uint64_t era, std::int64_t reservation, const sandbox::ModelUse& used);
    void halt(std::uint64_t era);
    void take(std::uint64_t era, sandbox::DoorReport report);
    [[nodiscard]] sandbox::DoorReport report() const;

 private:
    void lose_reservations();

    /// Held shared by whoever uses the order's purse or its on_halt, alone by whoever ends an era.
    std::shared_mutex using_;
    std::uint64_t era_ = 0;  // under using_, like the next
    bool ended_ = false;

    mutable std::mutex mutex_;  // of all below
    std::map<std::int64_t, sandbox::ModelUse> reserved_;
    sandbox::ModelUse spent_;     ///< as settled or lost: exact, whatever became of who served
    sandbox::DoorReport before_;  ///< of earlier eras
    sandbox::DoorReport now_;
};

}  // namespace bot
