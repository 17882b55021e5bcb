#pragma once

#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "integrations/delivery.hpp"

namespace bot {

/// Who keeps the ledger, as the listener sees it: it hands over what it took, and asks for what it does not
/// know itself. Nothing here waits: each answer comes when it is there, once, in a thread of the keeper's;
/// what is called then is quick and does not throw. An answer that can never come any more is dropped with
/// what was to be called. Thread-safe.
class ListenerKeeper {
 public:
    enum class Recorded { fresh, duplicate, failed };

    ListenerKeeper() = default;
    virtual ~ListenerKeeper() = default;
    ListenerKeeper(const ListenerKeeper&) = delete;
    ListenerKeeper& operator=(const ListenerKeeper&) = delete;

    /// `then` is called when all of them are on disk, or could not be brought there, with what became of
    /// each, in order.
    virtual void record(std::vector<integrations::VerifiedDelivery> deliveries,
                        std::move_only_function<void(const std::vector<Recorded>&)> then) = 0;
    /// Why the daemon is not ready, a sentence each.
    virtual void ask_ready(std::move_only_function<void(std::vector<std::string>)> then) = 0;
    /// What is counted beside the listener's own figures, as Prometheus' text; or why it cannot be told.
    using Figures = std::expected<std::string, std::string>;
    virtual void ask_figures(std::move_only_function<void(Figures)> then) = 0;
};

}  // namespace bot
