#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "config/settings.hpp"

namespace bot {

/// The daemon: opens the ledger, connects forges and sandbox, starts the loops' threads, and stops them in
/// order.
class Service {
 public:
    /// `program`: the daemon's, of which its other processes are started. Throws std::runtime_error with a
    /// sentence for the operator when something it needs is not there.
    Service(config::Settings settings, const std::filesystem::path& program);
    /// Stops: no new claims first, then the loops; programs in sandboxes that can go on without us do.
    ~Service();
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;

    /// The port it listens on (settings may have said 0).
    [[nodiscard]] int port() const;
    /// Serves until `stop`.
    void run(const std::stop_token& stop);

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace bot
