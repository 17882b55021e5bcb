#include "bot/listener.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <expected>
#include <map>
#include <string_view>
#include <utility>

#include "bot/listener_server.hpp"
#include "integrations/forge.hpp"

namespace bot {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::string_view hooks = "/hooks/";

/// One forge's route: its rules and what it counts.
struct Route {
    config::ForgeSettings settings;
    const integrations::ForgeKind* kind;
    Metrics::Counter &accepted, &duplicate, &ping, &bad_signature, &malformed, &oversize, &incomplete,
        &unstored;
    Metrics::Histogram& acknowledged;
};

void answer(httplib::Response& response, int status, const char* body) {
    response.status = status;
    response.set_content(body, "application/json");
}

/// `why` is one of our own sentences.
void refuse(httplib::Response& response, int status, std::string why) {
    std::ranges::replace(why, '"', '\'');
    std::ranges::replace(why, '\\', '/');
    response.status = status;
    response.set_content(fmt::format("{{\"status\":\"refused\",\"reason\":\"{}\"}}", why),
                         "application/json");
}

/// The body that follows is not read: the connection cannot be used again.
void refuse_unread(httplib::Response& response, int status, const std::string& why) {
    refuse(response, status, why);
    response.set_header("Connection", "close");
    ListenerServer::socket_of_this_request().close_after_answer();
}

/// Header names in lower case; without those that httplib adds itself (REMOTE_ADDR and the like).
integrations::Headers plain_headers(const httplib::Headers& headers) {
    integrations::Headers plain;
    for (const auto& [name, value] : headers) {
        if (name.find('_') != std::string::npos) continue;
        std::string lower(name);
        for (auto& c : lower)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        plain.emplace(std::move(lower), value);
    }
    return plain;
}

std::string message(std::string_view status, std::string_view headers, std::string_view body) {
    return fmt::format("HTTP/1.1 {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}\r\n{}",
                       status, body.size(), headers, body);
}

std::string why_not(const std::string& host, int port) {
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int fault = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
        fault != 0)
        return fmt::format("`{}` is no address of this machine ({})", host, ::gai_strerror(fault));
    const int probe = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const int fault =
        ::bind(probe, found->ai_addr, found->ai_addrlen) == 0 && ::listen(probe, 1) == 0 ? 0 : errno;
    ::close(probe);
    ::freeaddrinfo(found);
    switch (fault) {
        case EADDRINUSE:
            return "another program listens there; end it, or choose another listen port in the settings";
        case EACCES:
            return "this user may not take a port below 1024; choose a higher listen port in the settings";
        case EADDRNOTAVAIL:
            return "no such address on this machine; choose another listen host in the settings";
        default:
            return fault == 0 ? "the port was taken for a moment; start again" : std::strerror(fault);
    }
}

}  // namespace

struct Listener::Inside {
    Inside(Options wanted, Ledger& the_ledger, Metrics& the_metrics);

    void add_route(const config::ForgeSettings& forge);
    void add_gauges();
    Route* route_of(const std::string& path);
    httplib::Server::HandlerResponse before(const httplib::Request& request, httplib::Response& response);
    void get(const httplib::Request& request, httplib::Response& response);
    void take(const httplib::Request& request, httplib::Response& response,
              const httplib::ContentReader& read);
    void acknowledge(Route& route, Clock::time_point began, ListenerServer::Answer reply,
                     const std::expected<Ledger::Recorded, LedgerError>& stored);
    void log_refusal(const Route& route, const httplib::Request& request, const integrations::Rejected& why);

    Options options;
    Ledger& ledger;
    Metrics& metrics;
    std::map<std::string, Route> routes;  // by name
    std::atomic<Clock::rep> next_log{0};
    std::atomic<int> not_logged{0};
    int port = 0;
    ListenerServer server{{}};  // last: its threads use all of the above
};

Listener::Inside::Inside(Options wanted, Ledger& the_ledger, Metrics& the_metrics)
    : options(std::move(wanted)), ledger(the_ledger), metrics(the_metrics) {
    for (const auto& forge : options.forges) add_route(forge);
    add_gauges();
    server.set_pre_routing_handler(
        [this](const httplib::Request& q, httplib::Response& a) { return before(q, a); });
    server.Post(".*", [this](const httplib::Request& q, httplib::Response& a,
                             const httplib::ContentReader& read) { take(q, a, read); });
    port = server.bind(options.host, options.port);
    if (port == 0) {
        throw ListenError(fmt::format("cannot listen on {}:{}: {}", options.host, options.port,
                                      why_not(options.host, options.port)));
    }
    server.start();
}

void Listener::Inside::add_route(const config::ForgeSettings& forge) {
    const auto* kind = integrations::find_forge_kind(forge.kind);
    if (kind == nullptr)
        throw ListenError(fmt::format("forge {}: there is no kind `{}`", forge.name, forge.kind));
    const auto counter = [&](const char* outcome) -> Metrics::Counter& {
        return metrics.counter("shopfloor_deliveries_total", "Webhook deliveries by what became of them.",
                               {{"forge", forge.name}, {"outcome", outcome}});
    };
    routes.emplace(forge.name,
                   Route{.settings = forge,
                         .kind = kind,
                         .accepted = counter("accepted"),
                         .duplicate = counter("duplicate"),
                         .ping = counter("ping"),
                         .bad_signature = counter("bad_signature"),
                         .malformed = counter("malformed"),
                         .oversize = counter("oversize"),
                         .incomplete = counter("incomplete"),
                         .unstored = counter("unstored"),
                         .acknowledged = metrics.histogram("shopfloor_acknowledge_seconds",
                                                           "From a delivery's head to its answer, stored.",
                                                           {{"forge", forge.name}})});
}

void Listener::Inside::add_gauges() {
    const auto age = [](const std::optional<Time>& since) {
        return since ? std::chrono::duration<double>(std::chrono::system_clock::now() - *since).count() : 0.0;
    };
    metrics.gauge("shopfloor_jobs", "Jobs by state.", [this] {
        Metrics::Figures figures;
        for (const auto& [state, count] : ledger.figures().jobs)
            figures.emplace_back(Metrics::Labels{{"state", std::string(name(state))}}, count);
        return figures;
    });
    metrics.gauge("shopfloor_oldest_queued_seconds", "How long the oldest queued job has waited.",
                  [this, age] { return Metrics::Figures{{{}, age(ledger.figures().oldest_queued)}}; });
    metrics.gauge("shopfloor_deliveries_waiting", "Stored deliveries not yet decided on.", [this] {
        return Metrics::Figures{{{}, static_cast<double>(ledger.figures().deliveries_waiting)}};
    });
    metrics.gauge("shopfloor_reports_waiting", "Comments, labels and reactions not yet posted.", [this] {
        return Metrics::Figures{{{}, static_cast<double>(ledger.figures().reports_waiting)}};
    });
    metrics.gauge("shopfloor_oldest_report_seconds", "How long the oldest report has waited.",
                  [this, age] { return Metrics::Figures{{{}, age(ledger.figures().oldest_report)}}; });
}

Route* Listener::Inside::route_of(const std::string& path) {
    if (!path.starts_with(hooks)) return nullptr;
    const auto found = routes.find(path.substr(hooks.size()));
    return found == routes.end() ? nullptr : &found->second;
}

/// Everything but the reading of a body, without the library's tables of regular expressions.
httplib::Server::HandlerResponse Listener::Inside::before(const httplib::Request& request,
                                                          httplib::Response& response) {
    constexpr auto done = httplib::Server::HandlerResponse::Handled;
    const auto* route = route_of(request.path);
    const auto length = request.get_header_value<std::uint64_t>("Content-Length");
    const bool chunked = request.has_header("Transfer-Encoding");
    if (request.method == "GET" || request.method == "HEAD") {
        if (length > 0 || chunked) ListenerServer::socket_of_this_request().close_after_answer();
        get(request, response);
        return done;
    }
    if (request.method != "POST" || route == nullptr) {
        refuse_unread(
            response, route != nullptr ? 405 : 404,
            route != nullptr ? "webhooks are sent with POST" : "there is no such forge in the settings");
        return done;
    }
    if (request.is_multipart_form_data()) {
        refuse_unread(response, 415, "a delivery is JSON");
        return done;
    }
    if (!chunked && !request.has_header("Content-Length")) {
        refuse_unread(response, 411, "a delivery says its length");
        return done;
    }
    if (length > route->kind->body_limit) {
        route->oversize.add();
        refuse_unread(response, 413, fmt::format("a delivery has at most {} bytes", route->kind->body_limit));
        return done;
    }
    return httplib::Server::HandlerResponse::Unhandled;
}

void Listener::Inside::get(const httplib::Request& request, httplib::Response& response) {
    if (request.path == "/healthz") return response.set_content("alive\n", "text/plain");
    try {
        if (request.path == "/metrics")
            return response.set_content(metrics.text(), "text/plain; version=0.0.4");
        if (request.path == "/readyz") {
            auto reasons = options.ready ? options.ready() : std::vector<std::string>();
            if (auto trouble = ledger.trouble()) reasons.push_back(std::move(*trouble));
            response.status = reasons.empty() ? 200 : 503;
            return response.set_content(
                reasons.empty() ? "ready\n" : fmt::format("{}\n", fmt::join(reasons, "\n")), "text/plain");
        }
    } catch (const std::exception& fault) {
        response.status = 503;
        return response.set_content(fmt::format("{}\n", fault.what()), "text/plain");
    }
    response.status = 404;
    response.set_content("not found\n", "text/plain");
}

void Listener::Inside::take(const httplib::Request& request, httplib::Response& response,
                            const httplib::ContentReader& read) {
    const auto began = Clock::now();
    auto& route = *route_of(request.path);
    const auto limit = route.kind->body_limit;
    auto& socket = ListenerServer::socket_of_this_request();
    socket.expect(server.limits().body);
    std::string body;
    body.reserve(
        std::min<std::uint64_t>(request.get_header_value<std::uint64_t>("Content-Length"), 64 * 1024));
    bool too_large = false;
    const bool complete = read([&](const char* data, std::size_t size) {
        too_large = size > limit - body.size();
        if (!too_large) body.append(data, size);
        return !too_large;
    });
    if (too_large) {
        route.oversize.add();
        return refuse_unread(response, 413, fmt::format("a delivery has at most {} bytes", limit));
    }
    if (!complete) {
        route.incomplete.add();
        return refuse_unread(response, 408, "the body did not come in time");
    }
    auto verified = route.kind->verify(
        route.settings,
        {.forge = route.settings.name, .headers = plain_headers(request.headers), .body = std::move(body)});
    if (!verified) {
        (verified.error().status == 401 ? route.bad_signature : route.malformed).add();
        log_refusal(route, request, verified.error());
        return refuse(response, verified.error().status, verified.error().reason);
    }
    if (verified->event_name() == "ping") {
        route.ping.add();
        return answer(response, 200, R"({"status":"pong"})");
    }
    answer(response, 202, R"({"status":"accepted"})");
    ListenerServer::later(
        [this, &route, began, delivery = std::move(*verified)](ListenerServer::Answer later) mutable {
            ledger.record(delivery, [this, &route, began, reply = std::move(later)](auto stored) mutable {
                acknowledge(route, began, std::move(reply), stored);
            });
        });
}

/// On disk, or not: now the answer may go out.
void Listener::Inside::acknowledge(Route& route, Clock::time_point began, ListenerServer::Answer reply,
                                   const std::expected<Ledger::Recorded, LedgerError>& stored) {
    route.acknowledged.observe(std::chrono::duration<double>(Clock::now() - began).count());
    if (!stored) {
        route.unstored.add();
        spdlog::error("delivery for {} not stored: {}", route.settings.name, stored.error().what());
        return reply.send_instead(
            message("503 Service Unavailable", "Retry-After: 10\r\n",
                    R"({"status":"refused","reason":"it cannot be stored now: send it again"})"));
    }
    if (*stored == Ledger::Recorded::duplicate) {
        route.duplicate.add();
        return reply.send_instead(message("202 Accepted", "", R"({"status":"duplicate"})"));
    }
    route.accepted.add();
    if (options.ring) options.ring();
    reply.send();  // last: nobody waits for this thread any more
}

/// A flood is one line a second.
void Listener::Inside::log_refusal(const Route& route, const httplib::Request& request,
                                   const integrations::Rejected& why) {
    const auto now = Clock::now().time_since_epoch().count();
    auto next = next_log.load();
    if (now < next || !next_log.compare_exchange_strong(next, now + Clock::duration(1s).count())) {
        ++not_logged;
        return;
    }
    spdlog::warn("delivery for {} from {} refused ({}): {}; {} more since the last such line",
                 route.settings.name, request.remote_addr, why.status, why.reason, not_logged.exchange(0));
}

Listener::Listener(Options options, Ledger& ledger, Metrics& metrics)
    : inside_(std::make_unique<Inside>(std::move(options), ledger, metrics)) {}

Listener::~Listener() = default;

int Listener::port() const { return inside_->port; }

}  // namespace bot
