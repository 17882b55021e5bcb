#include "sandbox/egress.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ranges>
#include <string_view>

#include "config/hosts.hpp"
#include "sandbox/egress_head.hpp"
#include "sandbox/egress_hello.hpp"
#include "sandbox/egress_resolve.hpp"
#include "sandbox/egress_tunnel.hpp"

// A CONNECT travels through five rooms: its head is read once, its name judged and resolved, all addresses
// vetted, exactly one of them dialled, and the first message of TLS must ask for the same name. Only then do
// bytes pass.

namespace sandbox {

namespace {

using Decision = DoorRecord::Decision;

constexpr std::size_t most_addresses = 64;
constexpr std::size_t most_dials = 4;

/// What has come, or nothing: the end, an error, or too late.
std::string receive(int connection, std::size_t most, const Patience& patience) {
    std::string bytes(most, '\0');
    for (;;) {
        const auto got = ::recv(connection, bytes.data(), bytes.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN && wait_for(connection, POLLIN, patience) == Waited::ready) continue;
        bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return bytes;
    }
}

/// A connected socket, or errno.
std::expected<Descriptor, int> connect_to(const DialAddress& address, const Patience& patience) {
    Descriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return std::unexpected(errno);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0)
        return socket;
    if (errno != EINPROGRESS) return std::unexpected(errno);
    if (wait_for(socket.get(), POLLOUT, patience) != Waited::ready) return std::unexpected(ETIMEDOUT);
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return std::unexpected(error);
    return socket;
}

}  // namespace

struct Egress::Visit {
    int inside;
    int stop;
    Clock::time_point begun = Clock::now();
    std::string host;
    std::string address;
    std::string first;  ///< bytes after the head, in the end the ClientHello and what came with it
    Descriptor outside;
    bool answered = false;  ///< 200 was said: what follows is no HTTP any more

    [[nodiscard]] Patience within(std::chrono::milliseconds time) const {
        return {.until = Clock::now() + time, .stop = stop};
    }
    [[nodiscard]] DoorRecord::Line line(Decision decision, std::string why) const {
        return {.decision = decision, .host = host, .why = std::move(why), .address = address};
    }
};

std::expected<void, Egress::No> Egress::read_head(Visit& visit) const {
    const auto patience = visit.within(policy_.patience);
    std::string bytes;
    for (;;) {
        auto head = read_connect_head(bytes);
        if (!head) {
            visit.host = std::move(head.error().host);
            return std::unexpected(No{.why = std::move(head.error().why)});
        }
        if (*head) {
            visit.host = std::move((*head)->host);
            visit.first = bytes.substr((*head)->size);
            return {};
        }
        const auto more = receive(visit.inside, longest_head - bytes.size(), patience);
        if (more.empty()) return std::unexpected(No{.status = 408, .why = "the request did not end in time"});
        bytes += more;
    }
}

std::expected<std::vector<DialAddress>, Egress::No> Egress::vet(const Visit& visit) const {
    if (!config::host_allowed(visit.host, policy_.hosts))
        return std::unexpected(No{.why = "not among the hosts that this run may reach"});
    auto found = policy_.resolve ? policy_.resolve(visit.host)
                                 : resolve_host(visit.host, visit.within(policy_.patience));
    if (!found)
        return std::unexpected(
            No{.status = 502, .decision = Decision::failed, .why = std::move(found.error())});
    if (found->empty())
        return std::unexpected(No{.status = 502, .decision = Decision::failed, .why = "has no address"});
    if (found->size() > most_addresses)
        return std::unexpected(No{.why = "has more addresses than a host needs"});
    const auto own = policy_.own_addresses ? policy_.own_addresses() : interface_addresses();
    std::vector<DialAddress> addresses;
    for (const auto& text : *found) {
        auto address = read_address(text);
        auto what = address ? inner_address(*address) : "no plain address";
        if (what.empty() && std::ranges::find(own, address->text) != own.end()) what = "this machine";
        if (!what.empty()) return std::unexpected(No{.why = fmt::format("leads to {}", what)});
        addresses.push_back(std::move(*address));
    }
    return addresses;
}

std::expected<void, Egress::No> Egress::dial(Visit& visit, const std::vector<DialAddress>& addresses) const {
    int error = 0;
    for (const auto& address : addresses | std::views::take(most_dials)) {
        auto connected = connect_to(address, visit.within(policy_.patience));
        visit.address = address.text;
        if (connected) {
            visit.outside = std::move(*connected);
            return {};
        }
        error = connected.error();
    }
    return std::unexpected(No{.status = error == ETIMEDOUT ? 504 : 502,
                              .decision = Decision::failed,
                              .why = fmt::format("cannot be reached: {}", std::strerror(error))});
}

std::expected<void, Egress::No> Egress::read_hello(Visit& visit) const {
    const auto patience = visit.within(policy_.patience);
    HelloReader reader(visit.host);
    for (std::string_view fresh = visit.first;;) {
        auto whole = reader.take(fresh);
        if (!whole) return std::unexpected(No{.why = std::move(whole.error())});
        if (*whole) return {};
        const auto more = receive(visit.inside, longest_hello, patience);
        if (more.empty() && visit.first.empty())
            return std::unexpected(No{.decision = Decision::failed, .why = "the program then said nothing"});
        if (more.empty()) return std::unexpected(No{.why = "the ClientHello of TLS did not end in time"});
        const auto before = visit.first.size();
        visit.first += more;
        fresh = std::string_view(visit.first).substr(before);
    }
}

/// The only place where bytes of the inside go out.
void Egress::pass(Visit& visit) {
    record_.reached(visit.host);
    const Patience patience = visit.within(policy_.connection_time);
    const auto count = [this](std::uint64_t bytes) { record_.passed(bytes); };
    auto line = visit.line(Decision::allowed, "more bytes than a connection may take");
    const auto first = visit.first.size();
    if (first <= policy_.connection_bytes && send_all(visit.outside.get(), visit.first, patience)) {
        count(first);
        auto end =
            run_tunnel(visit.inside, visit.outside.get(),
                       {.bytes = policy_.connection_bytes - first, .idle = policy_.idle}, patience, count);
        line.up = first + end.up;
        line.down = end.down;
        line.why = std::move(end.why);
    } else if (first <= policy_.connection_bytes) {
        line.why = "one side broke it off";
    }
    line.duration = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - visit.begun);
    record_.add(line);
}

std::expected<void, Egress::No> Egress::through(Visit& visit, int seat) {
    if (auto head = read_head(visit); !head) return head;
    if (seat > policy_.connections)
        return std::unexpected(No{
            .status = 503, .why = fmt::format("more than {} connections at one time", policy_.connections)});
    const auto addresses = vet(visit);
    if (!addresses) return std::unexpected(addresses.error());
    if (auto dialled = dial(visit, *addresses); !dialled) return dialled;
    visit.answered = true;
    if (!send_all(visit.inside, "HTTP/1.1 200 Connection established\r\n\r\n",
                  visit.within(policy_.patience)))
        return std::unexpected(No{.decision = Decision::failed, .why = "the program broke it off"});
    if (auto hello = read_hello(visit); !hello) return hello;
    pass(visit);
    return {};
}

void Egress::serve(int inside, int stop) {
    struct Seat {
        std::atomic<int>& taken;
        const int number = ++taken;
        ~Seat() { --taken; }
    };
    const Seat seat{tunnels_};
    Visit visit{.inside = inside, .stop = stop};
    const auto went = through(visit, seat.number);
    if (went) return;
    const auto& no = went.error();
    if (wait_for(-1, 0, visit.within({})) == Waited::stopped) {
        record_.add(visit.line(Decision::failed, "the door was closed"));
        return;
    }
    record_.add(visit.line(no.decision, no.why));
    if (visit.answered) return;  // what follows 200 is no HTTP any more: the end says it
    const auto named = visit.host.empty() ? "" : fmt::format("{}: ", shown(visit.host));
    answer_and_end(inside, no.status, fmt::format("shopfloor: {}{}", named, no.why),
                   visit.within(policy_.patience));
}

}  // namespace sandbox
