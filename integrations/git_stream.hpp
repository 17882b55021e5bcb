#pragma once

#include <chrono>

#include "integrations/git_transfer.hpp"

namespace integrations {

/// Makes libgit2 dial through us, once for the process. libgit2 1.5 has no timeouts of its own: a server that
/// falls silent would hold a thread for ever. TLS stays libgit2's, on top of these sockets.
void register_git_stream();

/// While one lives, this thread may dial its address and nothing else, until its deadline.
class DialPermit {
 public:
    DialPermit(const GitAddress& address, const MirrorLimits& limits);
    ~DialPermit();
    DialPermit(const DialPermit&) = delete;
    DialPermit& operator=(const DialPermit&) = delete;

    [[nodiscard]] const GitAddress& address() const { return address_; }
    /// Time left for one more wait; zero when the whole transfer has had its time.
    [[nodiscard]] std::chrono::milliseconds next_wait() const;

 private:
    const GitAddress& address_;  ///< outlives the permit
    std::chrono::seconds silence_;
    std::chrono::steady_clock::time_point deadline_;
};

}  // namespace integrations
