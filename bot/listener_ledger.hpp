#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bot/ledger.hpp"
#include "bot/listener_keeper.hpp"
#include "bot/metrics.hpp"
#include "integrations/delivery.hpp"

namespace bot {

/// The keeper itself: records in the ledger, answers from it.
class ListenerLedger final : public ListenerKeeper {
 public:
    struct Options {
        std::function<void()> ring;  ///< after new deliveries; quick, thread-safe
        std::function<std::vector<std::string>()>
            ready;  ///< reasons why not, beside the ledger's; thread-safe
    };

    /// `ledger` and `metrics` outlive it, and every delivery that was recorded.
    ListenerLedger(Options options, Ledger& ledger, Metrics& metrics);

    void record(std::vector<integrations::VerifiedDelivery> deliveries,
                std::move_only_function<void(const std::vector<Recorded>&)> then) override;
    /// These two look into the ledger before they return; one at a time.
    void ask_ready(std::move_only_function<void(std::vector<std::string>)> then) override;
    void ask_figures(std::move_only_function<void(Figures)> then) override;

 private:
    Options options_;
    void add_gauges();

    Ledger& ledger_;
    Metrics& metrics_;
    QueueFigures figures_;  ///< as of the last question
};

}  // namespace bot
