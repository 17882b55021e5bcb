#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/sandbox.hpp"

/// Talking to the engine. Short questions go through cpp-httplib over one kept-alive connection (DockerApi).
/// What stays open while a program runs - its output, the wait for its end - needs a descriptor that poll()
/// can watch and a connection that is taken over for stdin ("hijacked"), which cpp-httplib does not have:
/// DockerStream. Source of paths and fields: https://docs.docker.com/reference/api/engine/version/v1.41/
namespace sandbox {

/// Percent-encoded, for a query.
[[nodiscard]] std::string encoded(std::string_view text);

struct Endpoint {
    std::string socket;  ///< path of a Unix socket, or empty
    std::string host;
    int port = 0;

    /// `unix:///path` or `tcp://host:port`; empty: DOCKER_HOST, then the default socket.
    [[nodiscard]] static std::expected<Endpoint, Error> parse(std::string text);
    [[nodiscard]] std::string text() const;
};

struct DockerReply {
    int status = 0;
    std::string body;

    [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
    /// The engine's own sentence, or the status.
    [[nodiscard]] std::string message() const;
};

/// Not thread-safe: one per run.
class DockerApi {
 public:
    /// `version` is the path prefix such as `/v1.41`; empty for none.
    DockerApi(const Endpoint& endpoint, std::string version);
    ~DockerApi();

    /// The error is always Error::unavailable: no reply came.
    [[nodiscard]] std::expected<DockerReply, Error> get(const std::string& path);
    [[nodiscard]] std::expected<DockerReply, Error> post(const std::string& path,
                                                         const std::string& json = {});
    [[nodiscard]] std::expected<DockerReply, Error> remove(const std::string& path);

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

/// One request whose reply is read as it comes.
class DockerStream {
 public:
    enum class Kind {
        reply,  ///< HTTP/1.0, so that the body is neither chunked nor kept alive: it ends with the connection
        hijack,  ///< the connection becomes the program's stdin and output
    };

    [[nodiscard]] static std::expected<DockerStream, Error> open(const Endpoint& endpoint, Kind kind,
                                                                 const std::string& method,
                                                                 const std::string& target);

    [[nodiscard]] int fd() const { return socket_.get(); }
    /// 0 until the head of the reply is there.
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] bool ended() const { return ended_; }

    /// Reads what is there without waiting; body bytes are appended to `body`.
    void read(std::string& body);
    /// Waits for the head of the reply; false when none came in time.
    [[nodiscard]] bool await_head(std::chrono::milliseconds patience);
    /// Sends what the connection takes without waiting, taking it off `bytes`; false when the other side is
    /// gone.
    [[nodiscard]] bool send(std::string_view& bytes);
    void end_sending();

 private:
    explicit DockerStream(Descriptor socket) : socket_(std::move(socket)) {}
    void fill();
    void parse_head();

    Descriptor socket_;
    std::string received_;  ///< the head until it is complete, then body bytes not yet handed out
    int status_ = 0;
    bool ended_ = false;
};

/// Takes the engine's 8-byte frames apart: stream, 0, 0, 0, length (big endian), bytes.
class DockerFrames {
 public:
    /// Calls `piece` for each run of output bytes in `bytes`, in order.
    template <typename Piece>
    void feed(std::string_view bytes, Piece&& piece) {
        while (!bytes.empty()) {
            if (left_ == 0) {
                const auto missing = std::min(header_size - header_.size(), bytes.size());
                header_.append(bytes.substr(0, missing));
                bytes.remove_prefix(missing);
                if (header_.size() < header_size) return;
                for (std::size_t i = 4; i < header_size; ++i) {
                    left_ = left_ << 8 | static_cast<unsigned char>(header_[i]);
                }
                header_.clear();
                continue;
            }
            const auto part = bytes.substr(0, left_);
            piece(part);
            left_ -= part.size();
            bytes.remove_prefix(part.size());
        }
    }

 private:
    static constexpr std::size_t header_size = 8;
    std::string header_;
    std::size_t left_ = 0;
};

}  // namespace sandbox
