// One host, several threads. A cpp-httplib Client carries one request at a time, so a few kept-alive clients
// wait in a pool; each request borrows one. Redirects are followed here and not by the library, which would
// carry the Authorization header along to wherever it is sent. Writes take turns; the governor is asked
// before each request.

#include "integrations/http.hpp"

#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "integrations/forge_words.hpp"
#include "integrations/http_governor.hpp"

namespace integrations {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds longest_turn{5};  // what a write waits for its turn before the caller is asked to come back
constexpr seconds idle_life{50};    // forges drop idle connections after a minute or so
constexpr std::size_t idle_clients = 4;
constexpr int most_redirects = 5;

struct Base {
    std::string origin;  ///< scheme://host[:port], lower case
    std::string path;    ///< without a slash at the end
};

bool is_loopback(std::string_view host) {
    return host == "localhost" || host == "[::1]" ||
           (host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

/// Scheme and host of an absolute URL, lower case, default ports left out, and the rest; nothing when it is
/// none.
std::optional<std::pair<std::string, std::string>> split_url(std::string_view url) {
    const auto scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) return std::nullopt;
    const auto host_end = std::min(url.find_first_of("/?#", scheme_end + 3), url.size());
    auto origin = lower_case(url.substr(0, host_end));
    const auto plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7F; });
    const bool known = origin.starts_with("https://") || origin.starts_with("http://");
    if (!plain || !known || origin.size() == scheme_end + 3 || origin.find('@') != std::string::npos) {
        return std::nullopt;
    }
    if (origin.starts_with("https://") && origin.ends_with(":443")) origin.resize(origin.size() - 4);
    if (origin.starts_with("http://") && origin.ends_with(":80")) origin.resize(origin.size() - 3);
    const auto rest = url.substr(host_end);
    return std::pair{std::move(origin), std::string(rest.substr(0, rest.find('#')))};
}

Base parse_base(const std::string& url) {
    auto parts = split_url(url);
    if (!parts || parts->second.find('?') != std::string::npos) {
        throw std::invalid_argument("not an address of the form https://HOST/PATH: " +
                                    url.substr(0, url.find('@')));
    }
    if (parts->first.starts_with("http://") && !is_loopback(host_of(parts->first))) {
        throw std::invalid_argument("plain http is for loopback only, use https: " + url);
    }
    while (parts->second.ends_with('/')) parts->second.pop_back();
    return {.origin = std::move(parts->first), .path = std::move(parts->second)};
}

bool is_write(const std::string& method) { return method != "GET" && method != "HEAD"; }
bool is_redirect(int status) { return status == 301 || status == 302 || status == 307 || status == 308; }

std::unique_ptr<httplib::Client> make_client(const std::string& origin, seconds timeout) {
    auto client = std::make_unique<httplib::Client>(origin);
    client->set_follow_location(false);
    client->set_url_encode(false);
    client->set_tcp_nodelay(true);
    client->set_connection_timeout(std::min(timeout, seconds(10)));
    client->set_read_timeout(timeout);
    client->set_write_timeout(timeout);
    client->enable_server_certificate_verification(true);
    return client;
}

ForgeError unreachable(std::string message) {
    return {.kind = ForgeError::Kind::unreachable, .message = std::move(message)};
}

ForgeError not_before(milliseconds wait, int status, std::string message) {
    return {.kind = ForgeError::Kind::rate_limited,
            .status = status,
            .message = std::move(message),
            .retry_at = std::chrono::system_clock::now() + wait};
}

}  // namespace

struct HttpClient::Inside {
    struct Idle {
        std::unique_ptr<httplib::Client> client;
        Clock::time_point since;
    };

    Base base;
    Options options;
    Governor governor;
    std::atomic<std::int64_t> skew_seconds{0};
    std::mutex pool_mutex;
    std::vector<Idle> pool;
    std::mutex turn_mutex;
    std::condition_variable turn_free;
    bool writing = false;            ///< under turn_mutex
    Clock::time_point last_write{};  ///< of the one who is writing

    std::unique_ptr<httplib::Client> borrow(bool fresh);
    void give_back(std::unique_ptr<httplib::Client> client);
    std::expected<HttpResponse, ForgeError> exchange(const HttpRequest& request, const std::string& path);
    std::optional<HttpResponse> attempt(httplib::Client& client, const HttpRequest& request,
                                        const std::string& path, std::string& fault);
    std::expected<HttpResponse, ForgeError> follow(const HttpRequest& request);
    void learn_time(const HttpResponse& response);
    bool take_turn();
    void end_turn();
};

std::unique_ptr<httplib::Client> HttpClient::Inside::borrow(bool fresh) {
    const std::scoped_lock lock(pool_mutex);
    const auto now = Clock::now();
    std::erase_if(pool, [&](const Idle& idle) { return now - idle.since > idle_life; });
    if (!fresh && !pool.empty()) {
        auto client = std::move(pool.back().client);
        pool.pop_back();
        return client;
    }
    auto client = make_client(base.origin, options.timeout);
    client->set_keep_alive(true);
    return client;
}

void HttpClient::Inside::give_back(std::unique_ptr<httplib::Client> client) {
    const std::scoped_lock lock(pool_mutex);
    if (pool.size() < idle_clients) pool.push_back({.client = std::move(client), .since = Clock::now()});
}

std::optional<HttpResponse> HttpClient::Inside::attempt(httplib::Client& client, const HttpRequest& request,
                                                        const std::string& path, std::string& fault) {
    HttpResponse answer;
    const auto deadline = Clock::now() + options.timeout;
    httplib::Request wire;
    wire.method = request.method;
    wire.path = path;
    wire.body = request.body;
    for (const auto& [name, value] : request.headers) wire.set_header(name, value);
    wire.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
        if (answer.body.size() + size > options.body_limit) fault = "the answer is larger than we read";
        if (Clock::now() > deadline) fault = "the answer took longer than we wait";
        if (!fault.empty()) return false;
        answer.body.append(data, size);
        return true;
    };
    httplib::Response response;
    auto error = httplib::Error::Success;
    const bool sent = client.send(wire, response, error);
    if (!sent || !fault.empty()) {
        if (fault.empty()) fault = "no answer: " + httplib::to_string(error);
        return std::nullopt;
    }
    answer.status = response.status;
    for (const auto& [name, value] : response.headers) answer.headers.emplace(lower_case(name), value);
    return answer;
}

std::expected<HttpResponse, ForgeError> HttpClient::Inside::exchange(const HttpRequest& request,
                                                                     const std::string& path) {
    const auto where = request.method + " " + base.origin + path.substr(0, path.find('?')) + ": ";
    std::string fault;
    for (const bool fresh : {false, true}) {
        fault.clear();
        auto client = borrow(fresh);
        const bool reused = client->is_socket_open() != 0;
        auto answer = attempt(*client, request, path, fault);
        if (answer) {
            give_back(std::move(client));
            learn_time(*answer);
            if (!governor.learn(answer->status, answer->headers, answer->body, Clock::now(),
                                std::chrono::system_clock::now())) {
                return *std::move(answer);
            }
            return std::unexpected(not_before(governor.closed_for(Clock::now()), answer->status,
                                              where + "refused because of its rate limit"));
        }
        // A kept connection may have been closed under us. Only what has no effect is sent again.
        if (is_write(request.method) || !reused || !fault.starts_with("no answer")) break;
    }
    return std::unexpected(unreachable(where + fault));
}

void HttpClient::Inside::learn_time(const HttpResponse& response) {
    const auto server = parse_http_date(header(response.headers, "date"));
    if (!server) return;
    skew_seconds = std::chrono::round<seconds>(*server - std::chrono::system_clock::now()).count();
}

std::expected<HttpResponse, ForgeError> HttpClient::Inside::follow(const HttpRequest& request) {
    auto path = base.path + request.path;
    for (int hop = 0; hop <= most_redirects; ++hop) {
        auto answer = exchange(request, path);
        if (!answer || !is_redirect(answer->status)) return answer;
        if (request.tell_found && answer->status == 302) return answer;
        // GitHub: repeat the request verbatim. The credential stays with the host it was made for.
        const auto target = header(answer->headers, "location");
        const auto refuse = [&](const std::string& why) {
            return std::unexpected(ForgeError{.kind = ForgeError::Kind::invalid,
                                              .status = answer->status,
                                              .message = request.method + " " + path + ": " + why});
        };
        const auto parts =
            split_url(target.starts_with('/') && !target.starts_with("//") ? base.origin + target : target);
        if (!parts) return refuse("redirected to no usable address");
        if (parts->first != base.origin) return refuse("redirected to another host, not followed");
        path = parts->second;
    }
    return std::unexpected(
        ForgeError{.kind = ForgeError::Kind::invalid,
                   .message = request.method + " " + request.path + ": redirected in circles"});
}

bool HttpClient::Inside::take_turn() {
    std::unique_lock lock(turn_mutex);
    if (!turn_free.wait_for(lock, longest_turn, [&] { return !writing; })) return false;
    writing = true;
    return true;
}

void HttpClient::Inside::end_turn() {
    {
        const std::scoped_lock lock(turn_mutex);
        writing = false;
    }
    turn_free.notify_one();
}

HttpClient::HttpClient(const std::string& base_url, Options options) : inside_(std::make_unique<Inside>()) {
    inside_->base = parse_base(base_url);
    inside_->options = options;
}

HttpClient::~HttpClient() = default;

std::expected<HttpResponse, ForgeError> HttpClient::send(const HttpRequest& request) {
    const auto plain = [](char c) { return c > ' ' && c < 0x7F; };
    if (!request.path.starts_with('/') || !std::ranges::all_of(request.path, plain)) {
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid, .message = "a path that is no path"});
    }
    const auto closed = [&]() -> std::optional<ForgeError> {
        const auto wait = inside_->governor.closed_for(Clock::now());
        if (wait == milliseconds(0)) return std::nullopt;
        return not_before(wait, 0, inside_->base.origin + " asked to be left alone for a while");
    };
    if (auto error = closed()) return std::unexpected(*std::move(error));
    const auto gap = inside_->options.write_gap;
    if (gap == milliseconds(0) || !is_write(request.method)) return inside_->follow(request);

    if (!inside_->take_turn()) {
        return std::unexpected(not_before(longest_turn, 0, "too many writes wait for their turn"));
    }
    const auto end = [](Inside* inside) { inside->end_turn(); };
    const std::unique_ptr<Inside, decltype(end)> turn(inside_.get(), end);
    std::this_thread::sleep_until(inside_->last_write + gap);
    if (auto error = closed()) return std::unexpected(*std::move(error));
    auto answer = inside_->follow(request);
    inside_->last_write = Clock::now();
    return answer;
}

seconds HttpClient::clock_skew() const { return seconds(inside_->skew_seconds.load()); }

std::expected<std::string, ForgeError> fetch_tail(const std::string& url, const TailLimits& limits,
                                                  const std::map<std::string, std::string>& headers) {
    const auto parts = split_url(url);
    if (!parts || (parts->first.starts_with("http://") && !is_loopback(host_of(parts->first)))) {
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid, .message = "no usable address of a text"});
    }
    const auto deadline = Clock::now() + limits.timeout;
    std::string tail;
    std::string fault;
    std::size_t seen = 0;
    httplib::Request wire;
    wire.method = "GET";
    for (const auto& [name, value] : headers) wire.set_header(name, value);
    wire.path = parts->second.starts_with('/') ? parts->second : "/" + parts->second;
    wire.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
        seen += size;
        if (seen > limits.read) fault = "the text is longer than we read";
        if (Clock::now() > deadline) fault = "the text took longer than we wait";
        tail.append(data, size);
        if (tail.size() > 2 * limits.keep) tail.erase(0, tail.size() - limits.keep);
        return fault.empty();
    };
    httplib::Response response;
    auto error = httplib::Error::Success;
    // The query is the permission: it is named nowhere.
    const auto where = "GET " + parts->first + ": ";
    if (!make_client(parts->first, limits.timeout)->send(wire, response, error) || !fault.empty()) {
        return std::unexpected(
            unreachable(where + (fault.empty() ? "no answer: " + httplib::to_string(error) : fault)));
    }
    if (response.status != 200) {
        auto refused = unreachable(where + std::to_string(response.status));
        refused.status = response.status;
        return std::unexpected(std::move(refused));
    }
    if (tail.size() > limits.keep) tail.erase(0, tail.size() - limits.keep);
    if (seen > tail.size()) tail.erase(0, tail.find('\n') + 1);  // or nothing, when it is all one line
    return tail;
}

std::optional<std::string> path_below(const std::string& base_url, std::string_view url) {
    const auto base = parse_base(base_url);
    const auto parts = split_url(url);
    if (!parts || parts->first != base.origin || !parts->second.starts_with(base.path + "/"))
        return std::nullopt;
    return parts->second.substr(base.path.size());
}

bool is_loopback_url(std::string_view url) {
    const auto parts = split_url(url);
    return parts && is_loopback(host_of(parts->first));
}

}  // namespace integrations
