#pragma once

#include <httplib.h>

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "sandbox/gateway_call.hpp"
#include "sandbox/gateway_rules.hpp"
#include "sandbox/gateway_scrub.hpp"
#include "sandbox/gateway_usage.hpp"

namespace sandbox {

/// One exchange with the service with one key. An answer that another key may mend is kept back; any other is
/// passed on as it comes.
class GatewayAttempt {
 public:
    GatewayAttempt(GatewayRun& run, const Route& route, const GoodRequest& request, GatewayAnswer& answer);

    void go(const httplib::Headers& headers, const config::Secret& key, int client, std::stop_token stop);

    /// 401, 429, 529, or 503 with a time: nothing has been passed on yet.
    [[nodiscard]] bool kept_back() const { return kept_back_; }
    /// The service does not know the key.
    [[nodiscard]] bool key_refused() const;
    /// What was paid for in advance is gone: nobody knows until when.
    [[nodiscard]] bool used_up() const;
    [[nodiscard]] std::optional<std::chrono::milliseconds> wait() const;
    /// Passes on what was kept back.
    void pass_on();

    /// What it came to, as far as it can be known; else what was reserved.
    [[nodiscard]] ModelUse used(const ModelUse& reserved) const;
    /// Of the service, one line; empty when it answered as it should, a refusal included.
    [[nodiscard]] const std::string& fault() const { return fault_; }
    /// Whoever asked went away, or everything stops: nobody's fault.
    [[nodiscard]] bool abandoned() const;
    [[nodiscard]] bool came_whole() const { return whole_; }
    /// One of the waits was too long.
    [[nodiscard]] bool is_late() const {
        return watch_.cut == Watch::Cut::silent || watch_.cut == Watch::Cut::took_too_long;
    }
    /// Of an answer that was kept back, one line.
    [[nodiscard]] std::string refusal_words() const;

 private:
    bool take_head(const httplib::Response& response);
    bool take_body(std::string_view bytes);
    void finish(bool whole, httplib::Error error);
    [[nodiscard]] std::string cut_words(httplib::Error error) const;

    GatewayRun& run_;
    const Route& route_;
    const GoodRequest& request_;
    GatewayAnswer& answer_;
    Watch watch_;
    Scrub scrub_;
    std::optional<UsageReader> usage_;  ///< of an answer that is a success
    httplib::Headers answer_headers_;
    std::string kept_;
    bool kept_back_ = false;
    bool whole_ = false;
    bool not_taken_ = false;  ///< by the client
    int status_ = 0;          ///< of the service; 0: it did not answer
    std::uint64_t bytes_ = 0;
    std::string fault_;
};

}  // namespace sandbox
