#include "bot/listener_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "bot/listener_connection.hpp"
#include "bot/listener_server.hpp"

namespace bot {

namespace {

/// Of a chunk's size with its extensions, and of each trailer; nobody has a use for long ones.
constexpr std::size_t longest_line = 1024;
constexpr int most_trailers = 20;

using Fault = ListenerRequest::BodyFault;

std::string_view phrase(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 202:
            return "Accepted";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 503:
            return "Service Unavailable";
        default:
            return "";  // it may be empty: RFC 9112, section 4
    }
}

/// A line without its end, and without any other control character: what another reader would take for the
/// line's end must not hide in it.
std::expected<std::string, Fault> take_line(ListenerSocket& socket) {
    const auto is_control = [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; };
    for (;;) {
        const auto end = socket.input().substr(0, longest_line).find(line_end);
        if (end != std::string_view::npos) {
            std::string line(socket.input().substr(0, end));
            socket.use(end + line_end.size());
            if (std::ranges::any_of(line, is_control)) return std::unexpected(Fault::malformed);
            return line;
        }
        if (socket.input().size() >= longest_line) return std::unexpected(Fault::malformed);
        if (!socket.fill()) return std::unexpected(Fault::late);
    }
}

std::optional<std::uint64_t> chunk_size(std::string_view line) {
    line = line.substr(0, line.find(';'));
    std::uint64_t size = 0;
    const auto [stopped, fault] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (fault != std::errc() || stopped != line.data() + line.size()) return std::nullopt;
    return size;
}

std::expected<void, Fault> take_trailers(ListenerSocket& socket) {
    for (int lines = 0; lines <= most_trailers; ++lines) {
        const auto line = take_line(socket);
        if (!line) return std::unexpected(line.error());
        if (line->empty()) return {};
    }
    return std::unexpected(Fault::malformed);
}

}  // namespace

ListenerRequest::ListenerRequest(ListenerServer& server, std::unique_ptr<ListenerConnection> connection)
    : server_(&server), connection_(std::move(connection)) {
    server_->begun();
}

ListenerRequest::ListenerRequest(ListenerRequest&& other) noexcept = default;

ListenerRequest::~ListenerRequest() {
    if (connection_) server_->over(std::move(connection_), ListenerServer::Then::close);
}

const std::expected<ListenerHead, std::string>& ListenerRequest::head() const { return connection_->head; }

integrations::Headers ListenerRequest::take_headers() { return std::move(connection_->head->headers); }

std::string ListenerRequest::remote_address() const { return connection_->socket.remote_address(); }

std::expected<std::string, ListenerRequest::BodyFault> ListenerRequest::body(
    std::size_t limit, std::chrono::milliseconds within) {
    const auto& head = *connection_->head;
    if (head.body == ListenerHead::Body::counted && head.length > limit)
        return std::unexpected(Fault::too_large);
    auto& socket = connection_->socket;
    socket.expect(within);
    if (head.expects_continue && connection_->body_left && socket.input().empty() &&
        !socket.send("HTTP/1.1 100 Continue\r\n\r\n"))
        return std::unexpected(Fault::late);
    auto read = head.body == ListenerHead::Body::chunked ? chunked(limit) : counted(head.length);
    connection_->body_left = !read;
    return read;
}

/// Appends that many bytes.
std::expected<void, Fault> ListenerRequest::take(std::uint64_t bytes, std::string& to) {
    auto& socket = connection_->socket;
    while (bytes > 0) {
        if (socket.input().empty() && !socket.fill()) return std::unexpected(Fault::late);
        const auto some = socket.input().substr(0, bytes);
        if (!server_->hold(*connection_, some.size())) return std::unexpected(Fault::no_room);
        to.append(some);
        bytes -= some.size();
        socket.use(some.size());
    }
    return {};
}

std::expected<std::string, ListenerRequest::BodyFault> ListenerRequest::counted(std::uint64_t size) {
    constexpr std::uint64_t believed = 64 * 1024;  // memory for more is taken as it comes
    std::string body;
    body.reserve(std::min(size, believed));
    if (auto all = take(size, body); !all) return std::unexpected(all.error());
    return body;
}

std::expected<std::string, ListenerRequest::BodyFault> ListenerRequest::chunked(std::size_t limit) {
    auto& socket = connection_->socket;
    std::string body;
    for (;;) {
        const auto line = take_line(socket);
        if (!line) return std::unexpected(line.error());
        const auto size = chunk_size(*line);
        if (!size) return std::unexpected(Fault::malformed);
        if (*size == 0) break;
        if (*size > limit - body.size()) return std::unexpected(Fault::too_large);
        if (auto all = take(*size, body); !all) return std::unexpected(all.error());
        const auto end = take_line(socket);
        if (!end) return std::unexpected(end.error());
        if (!end->empty()) return std::unexpected(Fault::malformed);
    }
    if (auto ended = take_trailers(socket); !ended) return std::unexpected(ended.error());
    return body;
}

void ListenerRequest::answer(const ListenerAnswer& answer) {
    auto connection = std::move(connection_);
    const bool closes = !connection->head || connection->body_left || !connection->head->keeps_open;
    const bool bodiless = connection->head && connection->head->method == "HEAD";
    const auto text =
        fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}{}\r\n{}", answer.status,
                    phrase(answer.status), answer.type, answer.body.size(), answer.more_headers,
                    closes ? "Connection: close\r\n" : "", bodiless ? std::string() : answer.body);
    server_->let_go(*connection);  // who hears the answer may send the next at once
    const bool sent = connection->socket.send(text);
    server_->over(std::move(connection), !sent    ? ListenerServer::Then::close
                                         : closes ? ListenerServer::Then::drain
                                                  : ListenerServer::Then::wait);
}

}  // namespace bot
