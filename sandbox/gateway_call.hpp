#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "sandbox/gateway.hpp"
#include "sandbox/gateway_record.hpp"
#include "sandbox/gateway_routes.hpp"
#include "sandbox/gateway_scrub.hpp"
#include "sandbox/gateway_socket.hpp"
#include "sandbox/gateway_upstream.hpp"

namespace sandbox {

class GatewayAttempt;
struct GoodRequest;

/// What the calls of one run share. Thread-safe.
class GatewayRun {
 public:
    explicit GatewayRun(GatewayPlan its_plan)
        : plan(std::move(its_plan)),
          upstreams(plan.provider.url),
          shapes(plan.provider.keys),
          records_(plan.record.get()) {}

    const GatewayPlan plan;
    Upstreams upstreams;
    const KeyShapes shapes;

    /// Requests of a run that are in memory at one time, in bytes.
    static constexpr std::uint64_t most_in_hand = 48ULL << 20;
    std::atomic<std::uint64_t> in_hand{0};

    void budget_spent();
    void parked(std::chrono::system_clock::time_point until);
    /// `fault`: of the service; empty: it answered as it should.
    void service_answered(const std::string& fault);
    /// Remembered, but neither the service's failure nor its success.
    void fault(const std::string& fault);
    void add(const CallRecord& call);
    [[nodiscard]] GatewayReport report() const;

 private:
    void halt();

    CallRecords records_;
    mutable std::mutex mutex_;
    GatewayReport report_;
    std::atomic<bool> halted_{false};
};

/// A call that has been read, on its way through: judged, paid for, forwarded with one key after the other,
/// answered, settled, written down.
class GatewayCall {
 public:
    GatewayCall(GatewayRun& run, const GatewaySocket& socket, GatewayAnswer& answer, std::stop_token stop)
        : run_(run), socket_(socket), answer_(answer), stop_(std::move(stop)) {}

    void forward(const Route& route, const httplib::Headers& headers, std::string_view body);
    /// Answered here: the gateway's rules say no. `last`: the connection ends with it.
    void refuse(const Refusal& refusal, std::string_view endpoint, bool last);

 private:
    void answer_error(int status, const std::string& message, httplib::Headers headers = {});
    bool wait_for_service();
    void exchange(const Route& route, const httplib::Headers& headers, const GoodRequest& request,
                  const ModelUse& most);
    void conclude(const GatewayAttempt& attempt, const ModelUse& most);
    Purse::Reservation pay(const ModelUse& most);

    GatewayRun& run_;
    const GatewaySocket& socket_;
    GatewayAnswer& answer_;
    std::stop_token stop_;
    CallRecord record_;
};

}  // namespace sandbox
