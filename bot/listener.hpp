#pragma once

#include <memory>
#include <vector>

#include "bot/listener_keeper.hpp"
#include "config/settings.hpp"
#include "sandbox/descriptor.hpp"

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
    /// Takes connections from `listening` (bot/listener_bind.hpp). Of the forges it needs names, kinds and
    /// webhook secrets. `keeper` outlives it. Throws std::runtime_error.
    Listener(sandbox::Descriptor listening, const std::vector<config::ForgeSettings>& forges,
             ListenerKeeper& keeper);
    /// Answers what has begun, then ends: waits for the keeper's answers, or until they were dropped.
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace bot
