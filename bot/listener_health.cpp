#include "bot/listener_health.hpp"

#include <httplib.h>

namespace bot {

bool answers_healthz(const std::string& host, int port) {
    // A daemon that listens everywhere is asked on loopback.
    httplib::Client client(host == "0.0.0.0" || host == "::" ? "127.0.0.1" : host, port);
    client.set_connection_timeout(3);
    client.set_read_timeout(3);
    const auto answer = client.Get("/healthz");
    return answer && answer->status == 200;
}

}  // namespace bot
