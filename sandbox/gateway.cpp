// The way of a call, a file each:
//   gateway_connection  the socket of a program inside; httplib takes the requests apart (gateway_socket)
//   gateway_routes      which path of which API it is; everything else is refused
//   gateway_rules       what it may ask for, and the most that it can come to (a file for each API's rules)
//   gateway_call        is it paid for, which key (gateway_keys), forwarded, settled (gateway_price),
//                       written down (gateway_record)
//   gateway_attempt     one exchange with the service (gateway_upstream, gateway_headers): passed on as it
//                       comes, keys taken out (gateway_scrub), its use read out (gateway_usage)
// A thread for each connection, the caller's; nothing is buffered but requests and refusals.

#include "sandbox/gateway.hpp"

#include <utility>

#include "sandbox/gateway_call.hpp"
#include "sandbox/gateway_connection.hpp"

namespace sandbox {

struct Gateway::Inside {
    GatewayRun run;
};

Gateway::Gateway(GatewayPlan plan) : inside_(new Inside{GatewayRun(std::move(plan))}) {}

Gateway::~Gateway() = default;

void Gateway::serve(Descriptor connection, const std::stop_token& stop) {
    GatewayConnection(inside_->run, std::move(connection), stop).serve();
}

GatewayReport Gateway::report() const { return inside_->run.report(); }

}  // namespace sandbox
