#include "sandbox/gateway_upstream.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <functional>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "sandbox/gateway_socket.hpp"

namespace sandbox {

namespace {

using std::chrono::milliseconds;

constexpr auto connect_patience = std::chrono::seconds(10);
constexpr auto idle_life = std::chrono::seconds(30);
constexpr std::size_t most_idle = 8;
constexpr std::uint64_t most_head = 64 << 10;

/// The connected socket, plain or under TLS, as the library's stream.
class WatchedStream final : public httplib::Stream {
 public:
    WatchedStream(int descriptor, SSL* tls, Watch& watch)
        : descriptor_(descriptor), tls_(tls), watch_(watch) {
        ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    }

    [[nodiscard]] bool is_readable() const override { return at_ < end_; }
    [[nodiscard]] bool is_writable() const override { return true; }
    [[nodiscard]] socket_t socket() const override { return descriptor_; }
    void get_remote_ip_and_port(std::string& ip, int& port) const override { no_name(ip, port); }
    void get_local_ip_and_port(std::string& ip, int& port) const override { no_name(ip, port); }

    ssize_t read(char* to, std::size_t size) override {
        if (at_ == end_) {
            const auto got = fill();
            if (got <= 0) return got;
        }
        const auto some = std::min(size, end_ - at_);
        std::copy_n(buffer_.data() + at_, some, to);
        at_ += some;
        return static_cast<ssize_t>(some);
    }

    ssize_t write(const char* from, std::size_t size) override {
        std::size_t done = 0;
        while (done < size) {
            const auto [count, waits_for] = put(from + done, size - done);
            if (count > 0)
                done += static_cast<std::size_t>(count);
            else if (waits_for == 0 || !await(waits_for, watch_.head_until))
                return -1;
        }
        return static_cast<ssize_t>(size);
    }

 private:
    /// Bytes, or what to wait for; neither: the other side is gone. 0 bytes and nothing to wait for: its end.
    struct Moved {
        ssize_t count;
        short waits_for;
    };

    static void no_name(std::string& ip, int& port) {
        ip.clear();
        port = 0;
    }

    [[nodiscard]] Moved tls_moved(int count) const {
        if (count > 0) return {count, 0};
        switch (::SSL_get_error(tls_, count)) {
            case SSL_ERROR_WANT_READ:
                return {-1, POLLIN};
            case SSL_ERROR_WANT_WRITE:
                return {-1, POLLOUT};
            case SSL_ERROR_ZERO_RETURN:
                return {0, 0};
            default:
                return {-1, 0};
        }
    }

    [[nodiscard]] static Moved plain_moved(ssize_t count, short waits_for) {
        if (count >= 0) return {count, 0};
        return {-1, errno == EAGAIN || errno == EINTR ? waits_for : short{0}};
    }

    Moved put(const char* from, std::size_t size) {
        if (tls_ == nullptr) return plain_moved(::send(descriptor_, from, size, MSG_NOSIGNAL), POLLOUT);
        ::ERR_clear_error();
        return tls_moved(::SSL_write(tls_, from, static_cast<int>(std::min<std::size_t>(size, 1 << 20))));
    }

    Moved take() {
        if (tls_ == nullptr)
            return plain_moved(::recv(descriptor_, buffer_.data(), buffer_.size(), 0), POLLIN);
        ::ERR_clear_error();
        return tls_moved(::SSL_read(tls_, buffer_.data(), static_cast<int>(buffer_.size())));
    }

    ssize_t fill() {
        watch_.sent = true;  // the library reads when it has written all
        // Waiting for room at the client is no silence of the service: counted from here.
        const auto until = watch_.has_head ? Watch::Clock::now() + watch_.between_bytes : watch_.head_until;
        for (;;) {
            if (is_cut(until)) return -1;
            const auto [count, waits_for] = take();
            if (count > 0) {
                watch_.bytes += static_cast<std::uint64_t>(count);
                at_ = 0;
                end_ = static_cast<std::size_t>(count);
                const bool too_large =
                    watch_.bytes > watch_.most_bytes || (!watch_.has_head && watch_.bytes > most_head + end_);
                if (too_large) watch_.cut = Watch::Cut::too_large;
                return too_large ? -1 : count;
            }
            if (waits_for == 0) return count;
            if (!await(waits_for, until)) return -1;
        }
    }

    bool is_cut(Watch::Clock::time_point until) {
        const auto now = Watch::Clock::now();
        if (watch_.stop.stop_requested())
            watch_.cut = Watch::Cut::stopped;
        else if (now >= watch_.whole_until)
            watch_.cut = Watch::Cut::took_too_long;
        else if (now >= until)
            watch_.cut = Watch::Cut::silent;
        return watch_.cut != Watch::Cut::none;
    }

    bool await(short events, Watch::Clock::time_point until) {
        while (!is_cut(until)) {
            const auto left =
                std::chrono::ceil<milliseconds>(std::min(until, watch_.whole_until) - Watch::Clock::now());
            std::array<pollfd, 2> waiting{{{descriptor_, events, 0}, {watch_.client, 0, 0}}};
            (void)::poll(waiting.data(), waiting.size(),
                         static_cast<int>(std::clamp(left, milliseconds(0), stop_check).count()));
            if (waiting[1].revents != 0) {
                watch_.cut = Watch::Cut::client_gone;
                return false;
            }
            if (waiting[0].revents != 0) return true;
        }
        return false;
    }

    int descriptor_;
    SSL* tls_;
    Watch& watch_;
    std::array<char, 16 << 10> buffer_;
    std::size_t at_ = 0, end_ = 0;
};

template <typename Client>
class Caller final : public Client, public Upstream {
 public:
    Caller(const std::string& host, int port) : Client(host, port) {
        this->set_keep_alive(true);
        this->set_follow_location(false);
        this->set_url_encode(false);
        this->set_decompress(false);
        this->set_tcp_nodelay(true);
        this->set_connection_timeout(connect_patience);
        if constexpr (std::is_same_v<Client, httplib::SSLClient>)
            this->enable_server_certificate_verification(true);
    }

    bool exchange(httplib::Request& request, httplib::Response& response, Watch& watch,
                  httplib::Error& error) override {
        watch_ = &watch;
        return this->send(request, response, error);
    }

 private:
    bool process_socket(const typename Client::Socket& socket,
                        std::function<bool(httplib::Stream&)> callback) override {
        WatchedStream stream(socket.sock, socket.ssl, *watch_);
        return callback(stream);
    }

    Watch* watch_ = nullptr;
};

}  // namespace

Upstreams::Upstreams(const std::string& url) {
    const auto wrong = [] {
        return std::invalid_argument("a model provider's url must be http(s)://HOST[:PORT][/PATH]");
    };
    std::string_view rest = url;
    tls_ = rest.starts_with("https://");
    if (!tls_ && !rest.starts_with("http://")) throw wrong();
    rest.remove_prefix(rest.find("//") + 2);
    const auto host_end = std::min(rest.find('/'), rest.size());
    path_ = rest.substr(host_end);
    rest = rest.substr(0, host_end);
    while (path_.ends_with('/')) path_.pop_back();

    port_ = tls_ ? 443 : 80;
    const auto colon = rest.rfind(':');
    if (colon != std::string_view::npos && rest.find(']', colon) == std::string_view::npos) {
        const auto digits = rest.substr(colon + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port_);
        if (error != std::errc{} || end != digits.data() + digits.size() || port_ < 1 || port_ > 65535)
            throw wrong();
        rest = rest.substr(0, colon);
    }
    if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
    host_ = rest;
    if (host_.empty() || host_.find_first_of("@?# ") != std::string::npos ||
        path_.find_first_of("?# \r\n") != std::string::npos)
        throw wrong();
}

std::unique_ptr<Upstream> Upstreams::borrow() {
    {
        const std::scoped_lock lock(mutex_);
        const auto now = Watch::Clock::now();
        std::erase_if(idle_, [&](const Idle& each) { return now - each.since > idle_life; });
        if (!idle_.empty()) {
            auto upstream = std::move(idle_.back().upstream);
            idle_.pop_back();
            return upstream;
        }
    }
    if (tls_) return std::make_unique<Caller<httplib::SSLClient>>(host_, port_);
    return std::make_unique<Caller<httplib::ClientImpl>>(host_, port_);
}

void Upstreams::give_back(std::unique_ptr<Upstream> upstream) {
    const std::scoped_lock lock(mutex_);
    if (idle_.size() < most_idle) idle_.push_back({std::move(upstream), Watch::Clock::now()});
}

}  // namespace sandbox
