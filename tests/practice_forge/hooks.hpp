#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/practice_forge/world.hpp"

namespace httplib {
class Client;
}

namespace practice_forge {

/// One webhook, as a herald writes it.
struct Letter {
    std::string what;                       ///< by GitHub's name
    std::string event, event_type, action;  ///< by the forge's own
    std::string body;                       ///< signed as it is
    std::int64_t repository = 0, installation = 0, thread = 0;
    bool on_pull_request = false;  ///< where the two count apart
    std::string by = {};           ///< login
};

/// The headers of a delivery, with its signature by this secret.
using Seal = std::map<std::string, std::string> (*)(World&, const Delivery&, const HookSettings&,
                                                    const std::string& secret);

/// Sends signed webhooks from a thread of its own, one after the other, and keeps what became of each.
class Hooks {
 public:
    struct Sent {
        Delivery delivery;
        Time when;
        double seconds = 0;
        std::int64_t repository = 0, installation = 0;
        std::map<std::string, std::string> headers;
        bool held = false;  ///< nobody has tried to send it
    };
    using Recorder = std::function<void(const Sent&)>;

    Hooks(World& world, Seal seal, Recorder recorder);
    ~Hooks();

    void configure(HookSettings settings);
    [[nodiscard]] HookSettings settings() const;
    void script(const HookFault& fault);
    /// Nothing more of this repository is told; 0: nothing more at all. What tells of it goes before.
    void end(std::int64_t repository);
    void begin_again();                                        ///< after the end of all
    [[nodiscard]] bool wants(const std::string& event) const;  ///< by GitHub's name
    /// Not subscribed events are not sent. May be called with the world locked.
    void send(Letter letter);
    void redeliver(std::int64_t id);  ///< throws 404
    int resend(std::int64_t id);      ///< likewise, but at once; returns the HTTP status, 0 without an answer
    /// One that is listed, once more and now, from the caller's thread: any order, and at the same time as
    /// others. With another `guid` it is what a second hook tells of the same event. Returns the HTTP status,
    /// 0 without an answer; throws 404. Not listed anew.
    int deliver(std::int64_t id, const std::string& guid);
    /// As if it had failed too often: nothing but a try is sent for so long, or without a time ever.
    void disable(std::optional<std::chrono::seconds> time);
    struct Standing {
        bool for_good = false;
        std::optional<Time> until;  ///< disabled for a time
    };
    [[nodiscard]] Standing standing() const;
    [[nodiscard]] bool sent(std::chrono::milliseconds timeout);
    [[nodiscard]] std::vector<Sent> deliveries() const;
    [[nodiscard]] std::vector<Sent> tried() const;  ///< of those: what the forge keeps account of
    /// What it bore, or would have.
    [[nodiscard]] std::map<std::string, std::string> headers_of(const Sent& sent) const;

 private:
    void work(const std::stop_token& stop);
    void attempt(Sent& sent, bool good_signature);
    struct Waiting {
        Sent sent;
        bool good_signature = true;
    };
    void enqueue(Waiting waiting);
    [[nodiscard]] Sent listed(std::int64_t id) const;
    [[nodiscard]] bool disabled() const;
    void count(bool good);

    World& world_;
    Seal seal_;
    Recorder recorder_;
    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    HookSettings settings_;
    std::deque<HookFault> faults_;
    std::set<std::int64_t> ended_;
    int failures_ = 0;  ///< in a row
    Standing standing_;
    std::vector<Waiting> held_;  ///< for a reordering
    std::deque<Waiting> queue_;
    bool busy_ = false;
    std::set<httplib::Client*> sending_;  ///< so that the end need not wait for a listener that hangs
    std::int64_t last_id_ = 0;
    std::vector<Sent> done_;
    std::jthread thread_;  ///< last: ends before the rest goes
};

}  // namespace practice_forge
