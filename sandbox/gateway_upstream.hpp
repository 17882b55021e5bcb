#pragma once

#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

namespace sandbox {

/// What bounds one exchange with a service, and what ended it early. The library's own timeout is one for
/// all waits; these are kept where the bytes are waited for.
struct Watch {
    using Clock = std::chrono::steady_clock;
    enum class Cut {
        none,
        silent,         ///< the head of the answer, or its next bytes, did not come in time
        took_too_long,  ///< as a whole
        too_large,
        client_gone,  ///< who asked is not there any more
        stopped,
    };

    std::chrono::milliseconds between_bytes{};
    Clock::time_point head_until, whole_until;
    std::uint64_t most_bytes = 0;  ///< of the whole answer as it is on the wire
    int client = -1;               ///< the socket of who asked
    std::stop_token stop;

    bool sent = false;      ///< the whole request is on its way
    bool has_head = false;  ///< of the answer; set when it is understood
    std::uint64_t bytes = 0;
    Cut cut = Cut::none;
};

/// A connection to a model service: cpp-httplib's client, which speaks HTTP and proves the other side's
/// certificate, with reads and writes of our own (Watch). One call at a time.
class Upstream {
 public:
    virtual ~Upstream() = default;
    /// false: no answer, or not the whole of it; `error` says what the library thinks.
    virtual bool exchange(httplib::Request& request, httplib::Response& response, Watch& watch,
                          httplib::Error& error) = 0;
};

/// Connections to one service, kept for the next call.
class Upstreams {
 public:
    /// `url`: http or https, host, maybe port and path. Throws std::invalid_argument when it is none.
    explicit Upstreams(const std::string& url);
    [[nodiscard]] std::unique_ptr<Upstream> borrow();
    void give_back(std::unique_ptr<Upstream> upstream);
    /// Before the API's own paths; may be empty.
    [[nodiscard]] const std::string& path() const { return path_; }

 private:
    struct Idle {
        std::unique_ptr<Upstream> upstream;
        Watch::Clock::time_point since;
    };
    bool tls_ = false;
    std::string host_, path_;
    int port_ = 0;
    std::mutex mutex_;
    std::vector<Idle> idle_;
};

}  // namespace sandbox
