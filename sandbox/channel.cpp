#include "sandbox/channel.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

// A message on the wire: Frame, `blobs` sizes of 8 bytes, the head as JSON, the blobs. Both ends are the same
// program on the same machine, so numbers are as the processor has them. Descriptors come with the first
// byte.

namespace sandbox {

namespace {

constexpr std::size_t most_head = 16U << 20U;
constexpr std::size_t most_blobs = 4096;
constexpr std::size_t most_files = 16;
constexpr std::size_t most_pieces = 512;  // in one call; IOV_MAX is 1,024

struct Frame {
    std::uint32_t head_bytes = 0;
    std::uint32_t blobs = 0;
};

union Ancillary {
    std::array<char, CMSG_SPACE(sizeof(int) * most_files)> bytes;
    cmsghdr aligned;
};

[[noreturn]] void fail(std::string_view what, int code) {
    throw ChannelError(fmt::format("{}: {}", what, std::strerror(code)));
}

/// Past `done` bytes of the pieces from `first` on.
void advance(std::vector<iovec>& pieces, std::size_t& first, std::size_t done) {
    while (first < pieces.size() && done >= pieces[first].iov_len) done -= pieces[first++].iov_len;
    if (first == pieces.size()) return;
    pieces[first].iov_base = static_cast<char*>(pieces[first].iov_base) + done;
    pieces[first].iov_len -= done;
}

/// Everything that `pieces` says; descriptors go with the first byte.
void send_pieces(int socket, std::vector<iovec> pieces, const std::vector<Descriptor>& files) {
    Ancillary control{};
    msghdr message{};
    if (!files.empty()) {
        message.msg_control = control.bytes.data();
        message.msg_controllen = CMSG_SPACE(sizeof(int) * files.size());
        cmsghdr* rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * files.size());
        for (std::size_t i = 0; i < files.size(); ++i) {
            const int file = files[i].get();
            std::memcpy(CMSG_DATA(rights) + i * sizeof file, &file, sizeof file);
        }
    }
    std::size_t first = 0;
    while (first < pieces.size()) {
        message.msg_iov = pieces.data() + first;
        message.msg_iovlen = std::min(pieces.size() - first, most_pieces);
        const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) fail("the other process does not listen", errno);
        message.msg_control = nullptr;
        message.msg_controllen = 0;
        advance(pieces, first, static_cast<std::size_t>(sent));
    }
}

void take_files(const msghdr& message, std::vector<Descriptor>& files) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(const_cast<msghdr*>(&message), part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int file = -1;
            std::memcpy(&file, CMSG_DATA(part) + i * sizeof file, sizeof file);
            files.emplace_back(file);
        }
    }
}

/// What `pieces` has room for, with the descriptors that come along; false at an end before the first byte.
bool read_pieces(int socket, std::vector<iovec> pieces, std::vector<Descriptor>& files) {
    std::size_t first = 0;
    bool any = false;
    while (first < pieces.size()) {
        if (pieces[first].iov_len == 0) {
            ++first;
            continue;
        }
        Ancillary control{};
        msghdr message{};
        message.msg_iov = pieces.data() + first;
        message.msg_iovlen = std::min(pieces.size() - first, most_pieces);
        message.msg_control = control.bytes.data();
        message.msg_controllen = control.bytes.size();
        const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail("the other process cannot be heard", errno);
        take_files(message, files);
        if ((message.msg_flags & MSG_CTRUNC) != 0) throw ChannelError("too many descriptors in a message");
        if (got == 0 && !any) return false;
        if (got == 0) throw ChannelError("the other process ended in the middle of a message");
        any = true;
        advance(pieces, first, static_cast<std::size_t>(got));
    }
    return true;
}

/// Of a message whose beginning has come, descriptors too.
void read_rest(int socket, std::vector<iovec> pieces) {
    std::vector<Descriptor> late;
    if (!read_pieces(socket, std::move(pieces), late))
        throw ChannelError("the other process ended in the middle of a message");
    if (!late.empty()) throw ChannelError("descriptors came in the middle of a message");
}

}  // namespace

std::pair<Descriptor, Descriptor> Channel::pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        fail("no pair of sockets can be had", errno);
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

void Channel::send(const Message& message) {
    // Text that is not UTF-8 must not end the daemon; what has to keep its bytes travels as a blob.
    std::string head = message.head.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    Frame frame{.head_bytes = static_cast<std::uint32_t>(head.size()),
                .blobs = static_cast<std::uint32_t>(message.blobs.size())};
    std::vector<std::uint64_t> sizes;
    std::size_t whole = head.size();
    for (const auto& blob : message.blobs) whole += sizes.emplace_back(blob.size());
    if (head.size() > most_head || message.blobs.size() > most_blobs || message.files.size() > most_files ||
        whole > most_bytes)
        throw ChannelError("a message is larger than a channel carries");
    std::vector<iovec> pieces{{&frame, sizeof frame},
                              {sizes.data(), sizes.size() * sizeof(std::uint64_t)},
                              {head.data(), head.size()}};
    for (const auto& blob : message.blobs)
        pieces.push_back({const_cast<char*>(blob.data()), blob.size()});  // NOLINT: sendmsg only reads
    const std::scoped_lock lock(sending_);
    send_pieces(socket_.get(), std::move(pieces), message.files);
}

std::optional<Message> Channel::receive() {
    Frame frame;
    Message message;
    if (!read_pieces(socket_.get(), {{&frame, sizeof frame}}, message.files)) return std::nullopt;
    if (frame.head_bytes > most_head || frame.blobs > most_blobs || message.files.size() > most_files)
        throw ChannelError("a message is larger than a channel carries");
    std::vector<std::uint64_t> sizes(frame.blobs);
    std::string head(frame.head_bytes, '\0');
    read_rest(socket_.get(),
              {{sizes.data(), sizes.size() * sizeof(std::uint64_t)}, {head.data(), head.size()}});
    std::size_t room = most_bytes - frame.head_bytes;
    for (const auto size : sizes) {
        if (size > room) throw ChannelError("a message is larger than a channel carries");
        room -= size;
    }
    std::vector<iovec> pieces;
    message.blobs.reserve(sizes.size());
    for (const auto size : sizes) {
        auto& blob = message.blobs.emplace_back();
        // Read over at once. GCC 12 hands the room there is to the function, which may be more than was asked
        // for.
        blob.resize_and_overwrite(size, [size](char*, std::size_t) { return size; });
        pieces.push_back({blob.data(), blob.size()});
    }
    if (room < most_bytes - frame.head_bytes) read_rest(socket_.get(), std::move(pieces));
    message.head = nlohmann::json::parse(head, nullptr, false);
    if (!message.head.is_object()) throw ChannelError("the head of a message is no JSON object");
    return message;
}

void Channel::shut_down() const { ::shutdown(socket_.get(), SHUT_RDWR); }

}  // namespace sandbox
