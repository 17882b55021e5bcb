#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <stop_token>

#include "bot/ledger.hpp"

namespace bot {

/// Holds the leases of all jobs under work, and tells a job when a person said stop or its lease was lost.
/// `tick` is called every few seconds and whenever a stop was decided. Thread-safe.
class Heartbeat {
 public:
    explicit Heartbeat(Ledger& ledger) : ledger_(ledger) {}

    enum class Why { none, stop_requested, lease_lost };

    /// One job under work; registered while it lives.
    class Watch {
     public:
        Watch(Heartbeat& heartbeat, const Lease& lease);
        ~Watch();
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

        [[nodiscard]] std::stop_token token() const { return cancel_.get_token(); }
        [[nodiscard]] Why why() const;

     private:
        friend class Heartbeat;
        Heartbeat& heartbeat_;
        Lease lease_;
        std::stop_source cancel_;
        Why why_ = Why::none;
    };

    void tick();

 private:
    Ledger& ledger_;
    mutable std::mutex mutex_;
    std::list<Watch*> watches_;
};

}  // namespace bot
