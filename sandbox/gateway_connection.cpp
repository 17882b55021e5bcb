#include "sandbox/gateway_connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <exception>
#include <string_view>
#include <utility>

#include "sandbox/harvest.hpp"

namespace sandbox {

namespace {

constexpr auto idle = std::chrono::minutes(5);  // agents keep connections while tools run
constexpr std::chrono::milliseconds longest_patience{60'000};
constexpr std::uint64_t most_head = 64 << 10;

/// The relay's address inside, under any port.
bool is_our_host(std::string_view host) {
    const auto port = host.ends_with(']') ? std::string_view::npos : host.rfind(':');
    const auto name = host.substr(0, port);
    return name == "127.0.0.1" || name == "localhost" || name == "[::1]";
}

/// How long the body says it is: a number, or in chunks; a refusal when it says neither, both or too much.
std::optional<Refusal> body_fault(const httplib::Request& request, std::uint64_t most) {
    const auto chunked = request.get_header_value("Transfer-Encoding");
    const auto length = request.get_header_value("Content-Length");
    if (request.get_header_value_count("Transfer-Encoding") +
            request.get_header_value_count("Content-Length") !=
        1)
        return Refusal{411, "a request must have a Content-Length or come in chunks, and say so once"};
    if (length.empty())
        return chunked == "chunked"
                   ? std::nullopt
                   : std::optional(Refusal{501, "no Transfer-Encoding but chunked is known"});
    std::uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bytes);
    if (end != length.data() + length.size() || error == std::errc::invalid_argument)
        return Refusal{400, "Content-Length is not a number"};
    if (error != std::errc{} || bytes > most)
        return Refusal{413, fmt::format("the request is longer than {} bytes", most)};
    return std::nullopt;
}

/// The bytes of one request among all that a run has in hand.
class InHand {
 public:
    explicit InHand(GatewayRun& run) : run_(run) {}
    ~InHand() { run_.in_hand -= bytes_; }
    InHand(const InHand&) = delete;
    InHand& operator=(const InHand&) = delete;

    /// False when there are too many.
    [[nodiscard]] bool add(std::uint64_t more) {
        bytes_ += more;
        return (run_.in_hand += more) <= GatewayRun::most_in_hand;
    }

 private:
    GatewayRun& run_;
    std::uint64_t bytes_ = 0;
};

}  // namespace

GatewayConnection::GatewayConnection(GatewayRun& run, Descriptor descriptor, std::stop_token stop)
    : run_(run),
      stop_(stop),
      socket_(std::move(descriptor), std::min(run.plan.between_bytes, longest_patience), std::move(stop)) {
    set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response&) { return take_head(request); });
    Post(".*", [this](const httplib::Request& request, httplib::Response&,
                      const httplib::ContentReader& read) { take_body(request, read); });
    set_exception_handler([this](const httplib::Request&, httplib::Response&, std::exception_ptr thrown) {
        fail(std::move(thrown));
    });
    // Whoever asks whether to send a body is told what became of the head.
    set_expect_100_continue_handler([this](const httplib::Request& request, httplib::Response&) {
        return head_fault(request) ? 417 : 100;
    });
}

void GatewayConnection::serve() {
    while (!over_ && socket_.await_request(idle)) {
        answer_.reset();
        socket_.expect(most_head);
        bool closed = false;
        if (!process_request(socket_, false, closed, nullptr)) return;
        over_ = closed || !answer_ || !answer_->ended();
    }
    // After an answer that broke off nothing more may look like its end.
    if (answer_ && answer_->status() != 0) socket_.close_after_answer();
}

std::optional<Refusal> GatewayConnection::head_fault(const httplib::Request& request) {
    if (request.version != "HTTP/1.1") return Refusal{505, "the model gateway speaks HTTP/1.1"};
    if (request.has_header("Upgrade")) return Refusal{400, "the model gateway does not change protocols"};
    if (request.get_header_value_count("Host") != 1 || !is_our_host(request.get_header_value("Host")))
        return Refusal{403, "the model gateway answers for 127.0.0.1 and localhost only"};
    auto route = find_route(request.method, request.target, run_.plan.provider);
    if (!route) return std::move(route.error());
    route_ = *std::move(route);
    if (route_.endpoint == Endpoint::listing) return std::nullopt;
    if (request.has_header("Content-Encoding"))
        return Refusal{415, "the model gateway reads requests that are not compressed"};
    if (!request.get_header_value("Content-Type").starts_with("application/json"))
        return Refusal{415, "the model gateway reads application/json"};
    return body_fault(request, run_.plan.request_bytes);
}

httplib::Server::HandlerResponse GatewayConnection::take_head(const httplib::Request& request) {
    answer_.emplace(socket_, request.method == "HEAD");
    socket_.answered();  // by us, from here on, or by the end of the connection
    if (const auto fault = head_fault(request)) {
        // A body that nobody reads cannot be told from a next request.
        GatewayCall(run_, socket_, *answer_, stop_).refuse(*fault, {}, true);
        return HandlerResponse::Handled;
    }
    if (route_.endpoint != Endpoint::listing) return HandlerResponse::Unhandled;
    const bool has_body = request.has_header("Content-Length") || request.has_header("Transfer-Encoding");
    answer_->whole(200, {{"Content-Type", "application/json"}},
                   model_listing(run_.plan.provider, run_.plan.models), has_body);
    return HandlerResponse::Handled;
}

/// The purse's books may fail us, or memory; the daemon goes on.
void GatewayConnection::fail(std::exception_ptr thrown) {
    std::string words = "what was thrown is no exception";
    try {
        std::rethrow_exception(std::move(thrown));
    } catch (const std::exception& fault) {
        words = printable(fault.what());
    } catch (...) {  // NOLINT(bugprone-empty-catch): the words above say so
    }
    run_.fault("the gateway failed: " + words);
    if (answer_ && answer_->status() == 0)
        answer_->whole(
            500, {{"Content-Type", "application/json"}},
            error_body(run_.plan.provider.api, 500, "the model gateway failed; see the daemon's report"),
            true);
}

void GatewayConnection::take_body(const httplib::Request& request, const httplib::ContentReader& read) {
    const auto most = run_.plan.request_bytes;
    socket_.expect(2 * most + most_head);  // chunks have frames
    std::string body;
    bool too_long = false, too_many = false;
    InHand in_hand(run_);
    const bool whole = read([&](const char* data, std::size_t size) {
        too_long = body.size() + size > most;
        too_many = !in_hand.add(size);
        if (too_long || too_many) return false;
        body.append(data, size);
        return true;
    });
    GatewayCall call(run_, socket_, *answer_, stop_);
    if (too_many)
        call.refuse({503, "too many long requests at one time; come again when others are done"},
                    name(route_.endpoint), true);
    else if (too_long)
        call.refuse({413, fmt::format("the request is longer than {} bytes", most)}, name(route_.endpoint),
                    true);
    else if (!whole)
        call.refuse({408, "the request did not come whole, or not in time"}, name(route_.endpoint), true);
    else
        call.forward(route_, request.headers, body);
}

}  // namespace sandbox
