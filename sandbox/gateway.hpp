#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>

#include "config/models.hpp"
#include "sandbox/descriptor.hpp"

/// The model gateway: what model APIs (Anthropic Messages, OpenAI Chat Completions and Responses, Gemini)
/// are to programs inside. It forwards listed endpoints and models only, puts the real key in the place of
/// whatever credential came, meters, and asks before each call whether it is paid for. Its address inside is
/// http://127.0.0.1:<door_port>/<provider>, the API's own paths after it.
namespace sandbox {

/// Model use, of one call or of many.
struct ModelUse {
    std::uint64_t requests = 0;
    std::uint64_t input_tokens = 0;   ///< without cached ones
    std::uint64_t cached_tokens = 0;  ///< read from or written to a cache
    std::uint64_t output_tokens = 0;
    std::uint64_t micro_dollars = 0;  ///< millionths of a dollar, by the price table, rounded up

    [[nodiscard]] std::uint64_t tokens() const { return input_tokens + cached_tokens + output_tokens; }
    ModelUse& operator+=(const ModelUse& other);
    friend bool operator==(const ModelUse&, const ModelUse&) = default;
};

/// What pays for calls. Whoever keeps the books implements it; thread-safe. It must not be possible to
/// overspend: `reserve` counts what is reserved and not settled as spent.
class Purse {
 public:
    virtual ~Purse() = default;
    enum class Answer {
        granted,
        busy,   ///< it would fit, had other calls under way not reserved it: ask again
        spent,  ///< it does not fit, whatever they come to
    };
    struct Reservation {
        Answer answer = Answer::spent;
        std::int64_t id = 0;  ///< of a granted one
    };
    /// `most`: what the call can come to at most.
    [[nodiscard]] virtual Reservation reserve(const ModelUse& most) = 0;
    /// What it came to; at most what was reserved, or the books say more than the limit.
    virtual void settle(std::int64_t reservation, const ModelUse& used) = 0;
};

/// The keys of all providers, shared by all runs: which one to use now, and since when none is of use.
/// Thread-safe.
class ModelKeys {
 public:
    using Time = std::chrono::system_clock::time_point;
    explicit ModelKeys(const config::ModelSettings& settings);
    ~ModelKeys();
    ModelKeys(const ModelKeys&) = delete;
    ModelKeys& operator=(const ModelKeys&) = delete;

    struct Key {
        std::size_t index = 0;  ///< among the provider's keys
        const config::Secret* secret = nullptr;
    };
    /// The first one that is not set aside now, or one that was refused, which somebody may have mended; none
    /// when all must wait.
    [[nodiscard]] std::optional<Key> take(std::string_view provider) const;
    /// The service said not before `until` (429 with a reset time, or overload). At most six hours are
    /// believed.
    void set_aside(std::string_view provider, std::size_t index, Time until);
    /// The service does not know the key (401): until then any other goes before it.
    void refused(std::string_view provider, std::size_t index, Time until);
    /// When the first key is of use again; nothing when one may be tried now.
    [[nodiscard]] std::optional<Time> parked_until(std::string_view provider) const;

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

/// What a run's calls came to, and why it could go no further.
struct GatewayReport {
    ModelUse used;
    bool budget_spent = false;  ///< a call was refused because it was not paid for
    /// The service has said not before then, longer from now than a program should wait.
    std::optional<std::chrono::system_clock::time_point> parked_until;
    /// The last call was answered by a fault of the service (5xx, no answer, a cut stream), not by a model.
    bool service_failed = false;
    std::string last_fault;     ///< of the service or of the request, one line without keys
    std::uint64_t refused = 0;  ///< calls that the gateway refused by its rules
    friend bool operator==(const GatewayReport&, const GatewayReport&) = default;
};

struct GatewayPlan {
    const config::ModelProvider& provider;
    std::set<std::string> models;  ///< of the provider's, those that this run may call
    Purse& purse;
    ModelKeys& keys;
    Descriptor record;  ///< a line of JSON for each call: model, status, use, times; never content
    /// Called once, from a connection's thread, when the run cannot go on: budget spent or service parked.
    std::function<void()> on_halt;

    // What a single call may take; tests make them small.
    std::chrono::milliseconds first_byte{120'000};
    std::chrono::milliseconds between_bytes{60'000};
    std::chrono::milliseconds whole_call{30 * 60 * 1000};
    std::chrono::milliseconds purse_patience{60'000};  ///< how long a `busy` purse is asked again
    std::chrono::milliseconds longest_wait{60'000};    ///< a longer `retry-after` halts the run
    std::uint64_t request_bytes = 32ULL << 20;
    std::uint64_t answer_bytes = 64ULL << 20;
};

/// One run's gateway. Thread-safe: a connection each thread.
class Gateway {
 public:
    explicit Gateway(GatewayPlan plan);
    ~Gateway();
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    /// Serves a connected stream socket (HTTP/1.1, keep-alive) until its end or `stop`. Nothing of it has
    /// been read.
    void serve(Descriptor connection, const std::stop_token& stop);
    [[nodiscard]] GatewayReport report() const;

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace sandbox
