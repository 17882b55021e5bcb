#include "sandbox/gateway_attempt.hpp"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <utility>

#include "sandbox/gateway_headers.hpp"

namespace sandbox {

namespace {

constexpr std::size_t most_kept = 64 << 10;  ///< of an answer that is a refusal

bool is_refusal(const httplib::Response& response) {
    switch (response.status) {
        case 401:
        case 429:
        case 529:  // Anthropic: overloaded
            return true;
        case 503:
            return response.has_header("retry-after") || response.has_header("retry-after-ms");
        default:
            return false;
    }
}

/// An answer whose length decompressing decides cannot be bounded by its bytes.
bool is_encoded(const httplib::Response& response) {
    const auto encoding = response.get_header_value("Content-Encoding");
    return !encoding.empty() && ::strcasecmp(encoding.c_str(), "identity") != 0;
}

}  // namespace

GatewayAttempt::GatewayAttempt(GatewayRun& run, const Route& route, const GoodRequest& request,
                               GatewayAnswer& answer)
    : run_(run), route_(route), request_(request), answer_(answer), scrub_(run.shapes) {}

void GatewayAttempt::go(const httplib::Headers& headers, const config::Secret& key, int client,
                        std::stop_token stop) {
    const auto& plan = run_.plan;
    const auto now = Watch::Clock::now();
    watch_.between_bytes = plan.between_bytes;
    watch_.head_until = now + std::min(plan.first_byte, plan.whole_call);
    watch_.whole_until = now + plan.whole_call;
    watch_.most_bytes = 2 * plan.answer_bytes + (1 << 20);  // chunks have frames
    watch_.client = client;
    watch_.stop = std::move(stop);

    httplib::Request wire;
    wire.method = "POST";
    wire.path = run_.upstreams.path() + route_.target;
    wire.headers = headers_to_service(headers, plan.provider.api, key);
    wire.body = request_.body;
    wire.response_handler = [this](const httplib::Response& response) { return take_head(response); };
    wire.content_receiver = [this](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
        return take_body({data, size});
    };
    auto upstream = run_.upstreams.borrow();
    httplib::Response response;
    auto error = httplib::Error::Success;
    const bool whole = upstream->exchange(wire, response, watch_, error);
    if (whole && !watch_.has_head) {  // 204: the library does not ask what to do
        status_ = response.status;
        fault_ = fmt::format("the model service answered {} without content", response.status);
    }
    finish(whole && fault_.empty(), error);
    if (whole_) run_.upstreams.give_back(std::move(upstream));
}

bool GatewayAttempt::take_head(const httplib::Response& response) {
    watch_.has_head = true;
    status_ = response.status;
    if (status_ >= 300 && status_ < 400)
        fault_ = "the model service redirects, which is not followed; mend the provider's url";
    else if (status_ < 200 || status_ > 599)
        fault_ = fmt::format("the model service answered with the status {}", status_);
    else if (is_encoded(response))
        fault_ = "the model service sends its answer compressed, which was not asked for";
    if (!fault_.empty()) return false;

    answer_headers_ = headers_to_inside(response.headers, run_.shapes);
    kept_back_ = is_refusal(response);
    if (kept_back_) return true;
    if (status_ < 300) {
        const auto type = response.get_header_value("Content-Type");
        usage_.emplace(route_.endpoint, type.starts_with("text/event-stream") ? UsageReader::Shape::events
                                                                              : UsageReader::Shape::plain);
    }
    not_taken_ = !answer_.begin(status_, answer_headers_);
    return !not_taken_;
}

bool GatewayAttempt::take_body(std::string_view bytes) {
    bytes_ += bytes.size();
    if (bytes_ > run_.plan.answer_bytes) {
        fault_ = fmt::format("the model service's answer is longer than {} bytes", run_.plan.answer_bytes);
        return false;
    }
    if (kept_back_ || status_ >= 500)
        kept_.append(bytes.substr(0, most_kept - std::min(most_kept, kept_.size())));
    if (kept_back_) return true;
    not_taken_ = !answer_.piece(scrub_.feed(bytes));
    if (usage_) usage_->feed(bytes);  // after: counting holds nothing up
    return !not_taken_;
}

void GatewayAttempt::finish(bool whole, httplib::Error error) {
    whole_ = whole;
    if (usage_ && whole) usage_->end();
    if (whole && !kept_back_) {
        if (answer_.piece(scrub_.end())) answer_.end();
    }
    if (fault_.empty() && !whole && !abandoned()) fault_ = cut_words(error);
    if (fault_.empty() && status_ >= 500) fault_ = refusal_words();
    if (fault_.empty() && usage_ && usage_->failed()) fault_ = "the model service gave up during its answer";
}

std::string GatewayAttempt::cut_words(httplib::Error error) const {
    switch (watch_.cut) {
        case Watch::Cut::silent:
            return watch_.has_head ? "the model service fell silent during its answer"
                                   : "the model service did not answer in time";
        case Watch::Cut::took_too_long:
            return "the model service's answer took longer than a call may";
        case Watch::Cut::too_large:
            return "the model service's answer is larger than is read";
        case Watch::Cut::none:
        case Watch::Cut::client_gone:
        case Watch::Cut::stopped:
            break;
    }
    if (watch_.has_head) return "the model service broke off its answer";
    return fmt::format("the model service does not answer ({})", httplib::to_string(error));
}

bool GatewayAttempt::key_refused() const { return status_ == 401; }

bool GatewayAttempt::used_up() const { return quota_used_up(kept_); }

std::optional<std::chrono::milliseconds> GatewayAttempt::wait() const {
    return asked_wait(answer_headers_, kept_);
}

std::string GatewayAttempt::refusal_words() const {
    return fmt::format("the model service answered {}: {}", status_, own_words(kept_, run_.shapes));
}

void GatewayAttempt::pass_on() { answer_.whole(status_, answer_headers_, run_.shapes.scrubbed(kept_)); }

bool GatewayAttempt::abandoned() const {
    return not_taken_ || watch_.cut == Watch::Cut::client_gone || watch_.cut == Watch::Cut::stopped;
}

ModelUse GatewayAttempt::used(const ModelUse& reserved) const {
    const ModelUse nothing{.requests = 1};
    if (costs_nothing(route_.endpoint) || status_ >= 300) return nothing;
    if (status_ == 0) {
        // A stream's head comes before its first word, if nothing on the way holds it back; a plain answer's
        // when all has been made. Whoever went away, or was not waited for, may have left the model at work.
        const bool perhaps_made =
            watch_.sent && (abandoned() || !request_.streamed || watch_.cut == Watch::Cut::silent);
        return perhaps_made ? reserved : nothing;
    }
    if (!usage_) return reserved;
    const auto& counts = usage_->counts();
    if (whole_ && usage_->complete() && counts)
        return at_most(use_of(request_.model->price, *counts), reserved);
    if (usage_->failed() && !usage_->has_content()) return nothing;
    if (!counts || counts->input + counts->cached + counts->written + counts->written_hour == 0)
        return reserved;
    // It was told what it had read; what it wrote is not known.
    auto known = *counts;
    known.output = request_.output_most;
    return at_most(use_of(request_.model->price, known), reserved);
}

}  // namespace sandbox
