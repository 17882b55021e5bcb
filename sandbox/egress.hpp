#pragma once

#include <atomic>
#include <expected>
#include <string>
#include <vector>

#include "sandbox/door.hpp"
#include "sandbox/door_record.hpp"
#include "sandbox/door_socket.hpp"
#include "sandbox/egress_address.hpp"

namespace sandbox {

/// The egress policy of one door: one CONNECT after the other is read, judged, dialled, looked at and let
/// through. Thread-safe: a connection each thread.
class Egress {
 public:
    /// `record` outlives.
    Egress(EgressPolicy policy, DoorRecord& record) : policy_(std::move(policy)), record_(record) {}

    /// A connection that begins with `CONNECT `, until its end or `stop` becomes readable.
    void serve(int inside, int stop);

 private:
    struct No {
        int status = 403;
        DoorRecord::Decision decision = DoorRecord::Decision::refused;
        std::string why;
    };
    struct Visit;

    [[nodiscard]] std::expected<void, No> read_head(Visit& visit) const;
    [[nodiscard]] std::expected<std::vector<DialAddress>, No> vet(const Visit& visit) const;
    [[nodiscard]] std::expected<void, No> dial(Visit& visit, const std::vector<DialAddress>& addresses) const;
    [[nodiscard]] std::expected<void, No> read_hello(Visit& visit) const;
    void pass(Visit& visit);
    [[nodiscard]] std::expected<void, No> through(Visit& visit, int seat);

    const EgressPolicy policy_;
    DoorRecord& record_;
    std::atomic<int> tunnels_ = 0;
};

}  // namespace sandbox
