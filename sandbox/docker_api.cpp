#include "sandbox/docker_api.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <httplib.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

namespace sandbox {

namespace {

constexpr auto default_socket = "unix:///var/run/docker.sock";
constexpr auto connect_patience = std::chrono::seconds(5);
// Creating and starting wait for the disk; a loaded machine is slow, not gone.
constexpr auto reply_patience = std::chrono::minutes(2);

Error no_answer(const Endpoint& endpoint, std::string_view why) {
    return {
        Error::Kind::unavailable,
        fmt::format("the Docker Engine at {} does not answer ({}); is it running, and may this user reach it",
                    endpoint.text(), why)};
}

Descriptor connect_unix(const std::string& path) {
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!socket || path.size() >= sizeof address.sun_path) return {};
    path.copy(address.sun_path, path.size());
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
    return socket;
}

Descriptor connect_tcp(const std::string& host, int port) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) return {};
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, ::freeaddrinfo);
    for (const auto* entry = list; entry != nullptr; entry = entry->ai_next) {
        Descriptor socket(::socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (socket && ::connect(socket.get(), entry->ai_addr, entry->ai_addrlen) == 0) return socket;
    }
    return {};
}

}  // namespace

std::string encoded(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '/';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return out;
}

std::expected<Endpoint, Error> Endpoint::parse(std::string text) {
    if (text.empty()) {
        const char* from_environment = std::getenv("DOCKER_HOST");
        text = from_environment != nullptr && *from_environment != '\0' ? from_environment : default_socket;
    }
    if (text.starts_with("unix:///") && text.size() - 7 < sizeof(sockaddr_un::sun_path)) {
        return Endpoint{.socket = text.substr(7)};
    }
    if (text.starts_with("tcp://")) {
        const auto colon = text.rfind(':');
        Endpoint endpoint{.host = text.substr(6, colon - 6)};
        const auto* end = text.data() + text.size();
        const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, endpoint.port);
        if (error == std::errc{} && stopped == end && !endpoint.host.empty() && endpoint.port > 0)
            return endpoint;
    }
    return std::unexpected(
        Error{Error::Kind::refused, fmt::format("Docker host '{}' is not understood; write unix:///PATH or "
                                                "tcp://HOST:PORT",
                                                text)});
}

std::string Endpoint::text() const {
    return socket.empty() ? fmt::format("tcp://{}:{}", host, port) : "unix://" + socket;
}

std::string DockerReply::message() const {
    const auto document = nlohmann::json::parse(body, nullptr, false);
    if (document.is_object() && document.contains("message") && document["message"].is_string()) {
        return document["message"].get<std::string>();
    }
    return fmt::format("status {}", status);
}

struct DockerApi::Inside {
    Endpoint endpoint;
    std::string version;
    httplib::Client client;

    std::expected<DockerReply, Error> reply(httplib::Result result) const {
        if (!result) return std::unexpected(no_answer(endpoint, httplib::to_string(result.error())));
        return DockerReply{result->status, std::move(result->body)};
    }
};

DockerApi::DockerApi(const Endpoint& endpoint, std::string version)
    : inside_(
          std::make_unique<Inside>(endpoint, std::move(version),
                                   httplib::Client(endpoint.socket.empty() ? endpoint.host : endpoint.socket,
                                                   endpoint.socket.empty() ? endpoint.port : 80))) {
    auto& client = inside_->client;
    if (!endpoint.socket.empty()) client.set_address_family(AF_UNIX);
    client.set_keep_alive(true);
    client.set_connection_timeout(connect_patience);
    client.set_read_timeout(reply_patience);
    client.set_write_timeout(connect_patience);
    // The path of a socket is no host name, and newer engines refuse it as one.
    client.set_default_headers({{"Host", "docker"}});
}

DockerApi::~DockerApi() = default;

std::expected<DockerReply, Error> DockerApi::get(const std::string& path) {
    return inside_->reply(inside_->client.Get(inside_->version + path));
}

std::expected<DockerReply, Error> DockerApi::post(const std::string& path, const std::string& json) {
    return inside_->reply(inside_->client.Post(inside_->version + path, json, "application/json"));
}

std::expected<DockerReply, Error> DockerApi::remove(const std::string& path) {
    return inside_->reply(inside_->client.Delete(inside_->version + path));
}

std::expected<DockerStream, Error> DockerStream::open(const Endpoint& endpoint, Kind kind,
                                                      const std::string& method, const std::string& target) {
    auto socket =
        endpoint.socket.empty() ? connect_tcp(endpoint.host, endpoint.port) : connect_unix(endpoint.socket);
    if (!socket) return std::unexpected(no_answer(endpoint, std::strerror(errno)));
    const auto request =
        kind == Kind::hijack
            ? fmt::format(
                  "{} {} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                  "Content-Length: 0\r\n\r\n",
                  method, target)
            : fmt::format("{} {} HTTP/1.0\r\nHost: docker\r\nContent-Length: 0\r\n\r\n", method, target);
    // A few hundred bytes into an empty socket buffer: taken whole.
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
        return std::unexpected(no_answer(endpoint, std::strerror(errno)));
    }
    ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
    return DockerStream(std::move(socket));
}

void DockerStream::parse_head() {
    constexpr std::string_view blank = "\r\n\r\n";
    const auto end = received_.find(blank);
    if (end == std::string::npos) {
        // No engine sends so long a head.
        if (received_.size() > (64U << 10)) ended_ = true;
        return;
    }
    constexpr std::size_t status_at = std::string_view("HTTP/1.1 ").size();
    int status = 0;
    if (received_.size() >= status_at + 3) {
        std::from_chars(received_.data() + status_at, received_.data() + status_at + 3, status);
    }
    status_ = status == 0 ? 500 : status;
    received_.erase(0, end + blank.size());
}

void DockerStream::fill() {
    std::array<char, 64 << 10> buffer;
    const auto n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        ended_ = true;
        return;
    }
    received_.append(buffer.data(), static_cast<std::size_t>(n));
    if (status_ == 0) parse_head();
}

void DockerStream::read(std::string& body) {
    fill();
    if (status_ == 0) return;
    body.append(received_);
    received_.clear();
}

bool DockerStream::await_head(std::chrono::milliseconds patience) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (status_ == 0 && !ended_) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        pollfd waiting{socket_.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0) return false;
        fill();
    }
    return status_ != 0;
}

bool DockerStream::send(std::string_view& bytes) {
    while (!bytes.empty()) {
        const auto n = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return true;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

void DockerStream::end_sending() { ::shutdown(socket_.get(), SHUT_WR); }

}  // namespace sandbox
