#include "sandbox/gateway_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "sandbox/gateway_attempt.hpp"
#include "sandbox/gateway_rules.hpp"

namespace sandbox {

namespace {

using std::chrono::milliseconds;
using Time = std::chrono::system_clock::time_point;

/// A key that the service refuses, or that has nothing left on it; somebody may mend it.
constexpr auto refused_key_rest = std::chrono::minutes(10);
/// When the service does not say how long, and there is another key.
constexpr auto unnamed_rest = std::chrono::seconds(10);
constexpr milliseconds first_pause{5}, longest_pause{200};

/// Settles, whatever happens, at what was reserved unless it is told what it came to.
class Paid {
 public:
    Paid(Purse& purse, std::int64_t id, const ModelUse& most) : purse_(purse), id_(id), used_(most) {}
    ~Paid() { purse_.settle(id_, used_); }
    Paid(const Paid&) = delete;
    Paid& operator=(const Paid&) = delete;
    void came_to(const ModelUse& used) { used_ = used; }

 private:
    Purse& purse_;
    std::int64_t id_;
    ModelUse used_;
};

httplib::Headers wait_headers(Time until, bool come_back) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(until - Time::clock::now());
    return {{"retry-after", std::to_string(std::max<std::int64_t>(1, left.count()))},
            {"x-should-retry", come_back ? "true" : "false"}};
}

/// Sets the key aside as the answer asks for. Whether there is another one to try now.
bool try_another(GatewayRun& run, const ModelKeys::Key& key, const GatewayAttempt& attempt) {
    const auto& provider = run.plan.provider;
    const auto now = Time::clock::now();
    const bool only_one = provider.keys.size() < 2;
    const auto wait = attempt.wait();
    if (attempt.key_refused())
        run.plan.keys.refused(provider.name, key.index, now + refused_key_rest);
    else if (attempt.used_up())
        run.plan.keys.set_aside(provider.name, key.index, now + refused_key_rest);
    else if (!only_one || (wait && *wait > run.plan.longest_wait))
        run.plan.keys.set_aside(provider.name, key.index, now + wait.value_or(unnamed_rest));
    const auto next = run.plan.keys.take(provider.name);
    return next && next->index != key.index;
}

}  // namespace

void GatewayRun::halt() {
    if (!halted_.exchange(true) && plan.on_halt) plan.on_halt();
}

void GatewayRun::budget_spent() {
    {
        const std::scoped_lock lock(mutex_);
        report_.budget_spent = true;
    }
    halt();
}

void GatewayRun::parked(Time until) {
    {
        const std::scoped_lock lock(mutex_);
        report_.parked_until = until;
    }
    halt();
}

void GatewayRun::service_answered(const std::string& fault) {
    const std::scoped_lock lock(mutex_);
    report_.service_failed = !fault.empty();
    if (!fault.empty()) report_.last_fault = fault;
}

void GatewayRun::fault(const std::string& fault) {
    const std::scoped_lock lock(mutex_);
    report_.last_fault = fault;
}

void GatewayRun::add(const CallRecord& call) {
    {
        const std::scoped_lock lock(mutex_);
        report_.used += call.used;
        if (!call.refused.empty()) ++report_.refused;
    }
    records_.add(call);
}

GatewayReport GatewayRun::report() const {
    const std::scoped_lock lock(mutex_);
    return report_;
}

void GatewayCall::answer_error(int status, const std::string& message, httplib::Headers headers) {
    headers.emplace("Content-Type", "application/json");
    answer_.whole(status, headers, error_body(run_.plan.provider.api, status, message));
    record_.fault = message;
}

void GatewayCall::refuse(const Refusal& refusal, std::string_view endpoint, bool last) {
    record_.endpoint = endpoint;
    record_.refused = refusal.why;
    record_.status = refusal.status;
    run_.fault("refused: " + refusal.why);
    answer_.whole(refusal.status, {{"Content-Type", "application/json"}},
                  error_body(run_.plan.provider.api, refusal.status, refusal.why), last);
    run_.add(record_);
}

/// false, and answered, when no key is of use now.
bool GatewayCall::wait_for_service() {
    const auto until = run_.plan.keys.parked_until(run_.plan.provider.name);
    if (!until) return true;
    const bool soon = *until - Time::clock::now() <= run_.plan.longest_wait;
    if (!soon) run_.parked(*until);
    // OpenAI's clients take the 429 of error_body() for final.
    answer_error(soon ? 503 : 429, "no key of the model service is of use before the time in retry-after",
                 wait_headers(*until, soon));
    return false;
}

Purse::Reservation GatewayCall::pay(const ModelUse& most) {
    const auto until = std::chrono::steady_clock::now() + run_.plan.purse_patience;
    auto pause = first_pause;
    for (;;) {
        auto reservation = run_.plan.purse.reserve(most);
        if (reservation.answer != Purse::Answer::busy) return reservation;
        const bool over = std::chrono::steady_clock::now() >= until;
        if (over || stop_.stop_requested() || socket_.gone()) return reservation;
        std::this_thread::sleep_for(pause);
        pause = std::min(2 * pause, longest_pause);
    }
}

void GatewayCall::forward(const Route& route, const httplib::Headers& headers, std::string_view body) {
    const auto request = judge_request(route, body, run_.plan.provider, run_.plan.models);
    if (!request) return refuse(request.error(), name(route.endpoint), false);
    record_.endpoint = name(route.endpoint);
    record_.model = request->model->name;
    const ModelUse most = costs_nothing(route.endpoint)
                              ? ModelUse{.requests = 1}
                              : dearest_use(request->model->price, request->input_most, request->hour_cache,
                                            request->output_most);
    if (wait_for_service()) {
        const auto reservation = pay(most);
        if (reservation.answer == Purse::Answer::granted) {
            Paid paid(run_.plan.purse, reservation.id, most);
            record_.used = most;  // until it is known better
            exchange(route, headers, *request, most);
            paid.came_to(record_.used);
        } else if (stop_.stop_requested() || socket_.gone()) {
            record_.fault = "the program inside went away before the call was paid for, or was stopped";
        } else if (reservation.answer == Purse::Answer::busy) {
            answer_error(503, "other calls under way hold what is left of the budget; come again",
                         {{"retry-after", "5"}, {"x-should-retry", "true"}});
        } else {
            run_.budget_spent();
            answer_error(429,
                         "the budget for model calls is spent: this call could come to more than is left",
                         {{"x-should-retry", "false"}});
        }
    }
    record_.status = answer_.status();
    run_.add(record_);
}

void GatewayCall::exchange(const Route& route, const httplib::Headers& headers, const GoodRequest& request,
                           const ModelUse& most) {
    const auto& provider = run_.plan.provider;
    for (std::size_t tries = 1;; ++tries) {
        const auto key = run_.plan.keys.take(provider.name);
        if (!key) {  // between the look before paying and now
            record_.used = {};
            (void)wait_for_service();
            return;
        }
        GatewayAttempt attempt(run_, route, request, answer_);
        attempt.go(headers, *key->secret, socket_.socket(), stop_);
        if (attempt.kept_back() && attempt.came_whole()) {
            const bool another = try_another(run_, *key, attempt) && tries < provider.keys.size();
            run_.fault(attempt.refusal_words());
            record_.fault = attempt.refusal_words();
            if (another) continue;
            const auto until = run_.plan.keys.parked_until(provider.name);
            if (until && *until - Time::clock::now() > run_.plan.longest_wait) run_.parked(*until);
            // No key is known there: the operator's to mend, and no fault of the agent's.
            if (attempt.key_refused()) run_.service_answered(attempt.refusal_words());
            attempt.pass_on();
        }
        conclude(attempt, most);
        return;
    }
}

void GatewayCall::conclude(const GatewayAttempt& attempt, const ModelUse& most) {
    record_.used = attempt.used(most);
    if (!attempt.fault().empty()) record_.fault = attempt.fault();
    if (attempt.abandoned()) {
        record_.fault = "the program inside went away during the call, or was stopped";
        return;
    }
    // A quota says nothing of whether the service works.
    if (!attempt.kept_back() || !attempt.fault().empty()) run_.service_answered(attempt.fault());
    if (attempt.fault().empty() || answer_.status() != 0) return;
    answer_error(attempt.is_late() ? 504 : 502, attempt.fault());
}

}  // namespace sandbox
