#pragma once

#include <httplib.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

#include "tests/practice_model/answers.hpp"
#include "tests/practice_model/books.hpp"
#include "tests/practice_model/peer.hpp"

namespace practice_model {

/// Waits that the end of the service cuts short.
class Patience {
 public:
    /// False when the service ends or the peer has left before.
    bool wait(std::chrono::milliseconds time, const Peer& peer);
    void end();
    [[nodiscard]] bool ended() const;

 private:
    mutable std::mutex mutex_;
    std::condition_variable ended_cv_;
    bool ended_ = false;
};

/// One answer on its way out. Shared by the handler and the library's content provider, which outlives it.
struct Playing {
    Books& books;
    Patience& patience;
    Peer peer;
    std::size_t record = 0;
    std::string content_type;
    bool streamed = false;
    std::vector<std::string> parts;  ///< as they go over the wire, one after the other
    std::size_t again = 0;           ///< the part that an endless answer repeats
    std::optional<Fault> fault;
};

/// Answers with a body, in the fault's way if there is one.
void play(Playing playing, httplib::Response& response);

}  // namespace practice_model
