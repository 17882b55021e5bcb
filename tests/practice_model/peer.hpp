#pragma once

namespace practice_model {

/// The other end of one connection of the server, found among this process's sockets by the two ports: the
/// HTTP library keeps the socket to itself.
class Peer {
 public:
    Peer(int local_port, int remote_port) : local_port_(local_port), remote_port_(remote_port) {}

    [[nodiscard]] bool gone() const;
    /// RST at once; what the library writes afterwards goes nowhere.
    void reset() const;

 private:
    int local_port_, remote_port_;
};

/// Ends every connection that was accepted on that port.
void end_connections(int local_port);

}  // namespace practice_model
