#include "bot/listener.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "bot/listener_request.hpp"
#include "bot/listener_server.hpp"
#include "bot/metrics.hpp"
#include "integrations/forge.hpp"

namespace bot {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::string_view hooks = "/hooks/";
constexpr auto longest_body = 10s;

/// One forge's route: its rules and what it counts.
struct Route {
    config::ForgeSettings settings;
    const integrations::ForgeKind* kind;
    Metrics::Counter &accepted, &duplicate, &ping, &bad_signature, &malformed, &oversize, &incomplete,
        &unstored;
    Metrics::Histogram& acknowledged;
};

ListenerAnswer said(int status, std::string body) {
    return {.status = status, .body = std::move(body), .type = "text/plain", .more_headers = {}};
}

ListenerAnswer done(int status, std::string body) { return {.status = status, .body = std::move(body)}; }

/// `why` is one of our own sentences.
ListenerAnswer refused(int status, std::string why) {
    std::ranges::replace(why, '"', '\'');
    std::ranges::replace(why, '\\', '/');
    return done(status, fmt::format("{{\"status\":\"refused\",\"reason\":\"{}\"}}", why));
}

ListenerAnswer later(std::string why) {
    auto answer = refused(503, std::move(why));
    answer.more_headers = "Retry-After: 10\r\n";
    return answer;
}

}  // namespace

struct Listener::Inside {
    Inside(sandbox::Descriptor listening, const std::vector<config::ForgeSettings>& forges,
           ListenerKeeper& the_keeper);

    void add_route(const config::ForgeSettings& forge);
    Route* route_of(const std::string& path);
    void handle(ListenerRequest request);
    void get(ListenerRequest request);
    [[nodiscard]] static std::optional<ListenerAnswer> fault_of(const ListenerHead& head, const Route* route);
    void take(Route& route, ListenerRequest request);
    static void acknowledge(Route& route, Clock::time_point began, ListenerRequest request,
                            ListenerKeeper::Recorded recorded);
    void log_refusal(const Route& route, const ListenerRequest& request, const integrations::Rejected& why);

    ListenerKeeper& keeper;
    Metrics metrics;
    std::map<std::string, Route> routes;  // by name
    std::atomic<Clock::rep> next_log{0};
    std::atomic<int> not_logged{0};
    std::optional<ListenerServer> server;  // last: its threads use all of the above
};

Listener::Inside::Inside(sandbox::Descriptor listening, const std::vector<config::ForgeSettings>& forges,
                         ListenerKeeper& the_keeper)
    : keeper(the_keeper) {
    for (const auto& forge : forges) add_route(forge);
    server.emplace(std::move(listening), ListenerServer::Limits{},
                   [this](ListenerRequest request) { handle(std::move(request)); });
}

void Listener::Inside::add_route(const config::ForgeSettings& forge) {
    const auto* kind = integrations::find_forge_kind(forge.kind);
    if (kind == nullptr)
        throw std::runtime_error(fmt::format("forge {}: there is no kind `{}`", forge.name, forge.kind));
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

Route* Listener::Inside::route_of(const std::string& path) {
    if (!path.starts_with(hooks)) return nullptr;
    const auto found = routes.find(path.substr(hooks.size()));
    return found == routes.end() ? nullptr : &found->second;
}

void Listener::Inside::handle(ListenerRequest request) {
    const auto& head = request.head();
    if (!head) return request.answer(refused(400, head.error()));
    if (head->method == "GET" || head->method == "HEAD") return get(std::move(request));
    auto* route = route_of(head->path);
    if (const auto fault = fault_of(*head, route)) return request.answer(*fault);
    take(*route, std::move(request));
}

/// What can be said before the body is read; nothing when there is a route and all is well.
std::optional<ListenerAnswer> Listener::Inside::fault_of(const ListenerHead& head, const Route* route) {
    if (route == nullptr) return refused(404, "there is no such forge in the settings");
    if (head.method != "POST") {
        auto answer = refused(405, "webhooks are sent with POST");
        answer.more_headers = "Allow: POST\r\n";
        return answer;
    }
    const auto type = head.headers.find("content-type");
    if (type != head.headers.end() && type->second.starts_with("multipart/"))
        return refused(415, "a delivery is JSON");
    if (head.body == ListenerHead::Body::none) return refused(411, "a delivery says its length");
    return std::nullopt;
}

void Listener::Inside::get(ListenerRequest request) {
    const auto& path = request.head()->path;
    if (path == "/healthz") return request.answer(said(200, "alive\n"));
    if (path == "/metrics")
        return keeper.ask_figures([this, request = std::move(request)](
                                      const ListenerKeeper::Figures& figures) mutable {
            auto answer = figures ? said(200, metrics.text() + *figures) : said(503, figures.error() + "\n");
            if (figures) answer.type = "text/plain; version=0.0.4";
            request.answer(answer);
        });
    if (path == "/readyz")
        return keeper.ask_ready(
            [request = std::move(request)](const std::vector<std::string>& reasons) mutable {
                request.answer(reasons.empty() ? said(200, "ready\n")
                                               : said(503, fmt::format("{}\n", fmt::join(reasons, "\n"))));
            });
    request.answer(said(404, "not found\n"));
}

void Listener::Inside::take(Route& route, ListenerRequest request) {
    const auto began = Clock::now();
    const auto limit = route.kind->body_limit;
    auto body = request.body(limit, longest_body);
    if (!body) {
        switch (body.error()) {
            case ListenerRequest::BodyFault::too_large:
                route.oversize.add();
                return request.answer(refused(413, fmt::format("a delivery has at most {} bytes", limit)));
            case ListenerRequest::BodyFault::late:
                route.incomplete.add();
                return request.answer(refused(408, "the body did not come in time"));
            case ListenerRequest::BodyFault::no_room:
                route.unstored.add();
                return request.answer(later("too much is being sent at once: send it again"));
            case ListenerRequest::BodyFault::malformed:
                route.malformed.add();
                return request.answer(refused(400, "the body's chunks are not well-formed"));
        }
    }
    auto verified = route.kind->verify(
        route.settings,
        {.forge = route.settings.name, .headers = request.take_headers(), .body = std::move(*body)});
    if (!verified) {
        (verified.error().status == 401 ? route.bad_signature : route.malformed).add();
        log_refusal(route, request, verified.error());
        return request.answer(refused(verified.error().status, verified.error().reason));
    }
    if (verified->event_name() == "ping") {
        route.ping.add();
        return request.answer(done(200, R"({"status":"pong"})"));
    }
    std::vector<integrations::VerifiedDelivery> one;
    one.push_back(std::move(*verified));
    keeper.record(std::move(one), [&route, began, request = std::move(request)](
                                      const std::vector<ListenerKeeper::Recorded>& recorded) mutable {
        acknowledge(route, began, std::move(request), recorded.front());
    });
}

/// On disk, or not: now the answer may go out.
void Listener::Inside::acknowledge(Route& route, Clock::time_point began, ListenerRequest request,
                                   ListenerKeeper::Recorded recorded) {
    route.acknowledged.observe(std::chrono::duration<double>(Clock::now() - began).count());
    switch (recorded) {
        case ListenerKeeper::Recorded::fresh:
            route.accepted.add();
            return request.answer(done(202, R"({"status":"accepted"})"));
        case ListenerKeeper::Recorded::duplicate:
            route.duplicate.add();
            return request.answer(done(202, R"({"status":"duplicate"})"));
        case ListenerKeeper::Recorded::failed:
            break;
    }
    route.unstored.add();
    request.answer(later("it cannot be stored now: send it again"));
}

/// A flood is one line a second.
void Listener::Inside::log_refusal(const Route& route, const ListenerRequest& request,
                                   const integrations::Rejected& why) {
    const auto now = Clock::now().time_since_epoch().count();
    auto next = next_log.load();
    if (now < next || !next_log.compare_exchange_strong(next, now + Clock::duration(1s).count())) {
        ++not_logged;
        return;
    }
    spdlog::warn("delivery for {} from {} refused ({}): {}; {} more since the last such line",
                 route.settings.name, request.remote_address(), why.status, why.reason,
                 not_logged.exchange(0));
}

Listener::Listener(sandbox::Descriptor listening, const std::vector<config::ForgeSettings>& forges,
                   ListenerKeeper& keeper)
    : inside_(std::make_unique<Inside>(std::move(listening), forges, keeper)) {}

Listener::~Listener() = default;

}  // namespace bot
