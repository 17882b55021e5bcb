#pragma once

#include <httplib.h>

#include <exception>
#include <optional>
#include <stop_token>
#include <string>

#include "sandbox/gateway_call.hpp"
#include "sandbox/gateway_routes.hpp"
#include "sandbox/gateway_socket.hpp"

namespace sandbox {

/// One connection of a program inside: httplib reads the requests, one after the other; the answers are
/// written past it, because it would want to know an answer's head before the service has given one.
class GatewayConnection final : private httplib::Server {
 public:
    GatewayConnection(GatewayRun& run, Descriptor descriptor, std::stop_token stop);
    void serve();

 private:
    /// Looks at the head alone. Nothing: it may be read on.
    [[nodiscard]] std::optional<Refusal> head_fault(const httplib::Request& request);
    HandlerResponse take_head(const httplib::Request& request);
    void fail(std::exception_ptr thrown);
    void take_body(const httplib::Request& request, const httplib::ContentReader& read);

    GatewayRun& run_;
    std::stop_token stop_;
    GatewaySocket socket_;
    std::optional<GatewayAnswer> answer_;  ///< of the request at hand
    Route route_;                          ///< likewise
    bool over_ = false;                    ///< no request follows
};

}  // namespace sandbox
