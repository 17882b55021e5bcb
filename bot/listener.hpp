#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bot/ledger.hpp"
#include "bot/listener_bind.hpp"
#include "bot/metrics.hpp"
#include "config/settings.hpp"

namespace bot {

/// The door for webhooks. Serves from construction to destruction, in threads of its own:
///   POST /hooks/{forge}  202 {"status":"accepted"} or {"status":"duplicate"}: on disk when it is said; 200
///   to a ping;
///                        401, 400, 415 refused by the forge's rules; 404 no such forge; 411, 413, 408 the
///                        body; 503 the ledger cannot be written: send it again
///   GET /healthz         200 while the process lives
///   GET /readyz          200, or 503 and the reasons, a line each
///   GET /metrics         Prometheus text
/// Nothing of a refused delivery is kept.
class Listener {
 public:
    struct Options {
        std::string host = "127.0.0.1";
        int port = 0;  ///< 0: a free one
        std::vector<config::ForgeSettings> forges;
        std::function<void()> ring;  ///< after each new delivery; quick, thread-safe
        std::function<std::vector<std::string>()>
            ready;  ///< reasons why not, beside the ledger's; thread-safe
    };

    /// `ledger` and `metrics` outlive it. Throws ListenError.
    Listener(Options options, Ledger& ledger, Metrics& metrics);
    /// Answers what has begun, then ends.
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    [[nodiscard]] int port() const;

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace bot
