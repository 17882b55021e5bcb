#pragma once

#include <atomic>

#include "bot/ledger.hpp"
#include "config/models.hpp"
#include "sandbox/gateway.hpp"

namespace bot {

/// What pays for the model calls of one run: the ledger, within the operator's budgets. Thread-safe; outlived
/// by the ledger.
class LedgerPurse final : public sandbox::Purse {
 public:
    LedgerPurse(Ledger& ledger, RunId run, const config::ModelSettings& budgets)
        : ledger_(ledger), run_(run), budgets_(budgets) {}

    /// A ledger that cannot be written pays for nothing: `busy`, so that it is asked again.
    [[nodiscard]] Reservation reserve(const sandbox::ModelUse& most) override;
    void settle(std::int64_t reservation, const sandbox::ModelUse& used) override;

    /// The limit that the first refused call would have passed.
    [[nodiscard]] Ledger::Reserved::Limit limit() const { return limit_; }

 private:
    Ledger& ledger_;
    RunId run_;
    const config::ModelSettings& budgets_;
    std::atomic<Ledger::Reserved::Limit> limit_ = Ledger::Reserved::Limit::none;
};

}  // namespace bot
