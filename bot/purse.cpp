#include "bot/purse.hpp"

#include <spdlog/spdlog.h>

#include <exception>

namespace bot {

LedgerPurse::Reservation LedgerPurse::reserve(const sandbox::ModelUse& most) {
    try {
        const auto reserved = ledger_.reserve(run_, most, budgets_);
        // Of several refused calls the first has ended the run.
        auto none = Ledger::Reserved::Limit::none;
        if (reserved.reservation.answer == Answer::spent)
            limit_.compare_exchange_strong(none, reserved.limit);
        return reserved.reservation;
    } catch (const LedgerError& error) {
        spdlog::error("a model call cannot be paid for: {}", error.what());
        return {.answer = Answer::busy};
    }
}

void LedgerPurse::settle(std::int64_t reservation, const sandbox::ModelUse& used) {
    try {
        ledger_.settle_call(reservation, used);
    } catch (const std::exception& error) {
        // It stays reserved, so nothing is overspent; the next start counts it as spent.
        spdlog::error("what a model call came to cannot be written down: {}", error.what());
    }
}

}  // namespace bot
