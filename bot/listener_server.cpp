#include "bot/listener_server.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace bot {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_head = 16 * 1024;
/// A body that small waits in memory until it is complete; a larger one keeps a worker while it comes.
constexpr std::size_t small_body = 32 * 1024;
/// Sent by somebody whose request was refused before its end: read and dropped, so that the answer is not
/// lost with a reset.
constexpr std::size_t most_drained = 64 << 20;
constexpr auto drain_time = 2s;
constexpr auto room_tick = 50ms;
constexpr std::string_view head_end = "\r\n\r\n";

std::size_t descriptors_to_use(std::size_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    return std::min<std::size_t>(wanted, limit.rlim_cur / 4 * 3);
}

/// Nobody will have to wait for any of it.
bool whole(const ListenerConnection& connection) {
    const auto& head = connection.head;
    return !head || head->body == ListenerHead::Body::none ||
           (head->body == ListenerHead::Body::counted && connection.socket.input().size() >= head->length);
}

/// What is there already is told, too.
bool watch(int epoll, int how, int descriptor, unsigned events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    return ::epoll_ctl(epoll, how, descriptor, &event) == 0;
}

}  // namespace

ListenerServer::ListenerServer(sandbox::Descriptor listening, Limits limits, Handler handler)
    : limits_(limits),
      handler_(std::move(handler)),
      listening_(std::move(listening)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    const int flags = ::fcntl(listening_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(listening_.get(), F_SETFL, flags | O_NONBLOCK) != 0 || !epoll_ ||
        !watch(epoll_.get(), EPOLL_CTL_ADD, listening_.get(), EPOLLIN))
        throw std::runtime_error(std::string("the listener cannot wait: ") + std::strerror(errno));
    limits_.connections = descriptors_to_use(limits_.connections);
    if (limits_.workers == 0) limits_.workers = std::clamp(std::thread::hardware_concurrency() / 2, 1U, 8U);
    room_keeper_ = std::thread([this] { watch_room(); });
}

ListenerServer::~ListenerServer() {
    stopping_ = true;
    room_keeper_.join();
    {
        const std::lock_guard lock(ready_mutex_);  // from here on nobody makes a worker
        ready_bell_.notify_all();
    }
    for (auto& worker : workers_) worker.join();
    while (begun_ > 0) std::this_thread::sleep_for(1ms);
}

void ListenerServer::accept_all() {
    while (!stopping_) {
        const int descriptor = ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (descriptor >= 0) {
            welcome(descriptor);
            continue;
        }
        if (errno == ECONNABORTED || errno == EINTR) continue;
        // Out of descriptors or memory: who waits in the socket's queue is taken when others have gone.
        if (errno != EAGAIN) std::this_thread::sleep_for(room_tick);
        return;
    }
}

void ListenerServer::welcome(int descriptor) {
    auto connection = std::make_unique<Connection>(descriptor, stopping_);
    if (++open_ > limits_.connections) {
        const std::lock_guard lock(room_mutex_);
        const auto oldest =
            std::ranges::min_element(room_, {}, [](const auto& entry) { return entry.second->until; });
        --open_;
        if (oldest == room_.end()) return;  // all are being answered: the new one is closed
        room_.erase(oldest);
    }
    connection->until = Clock::now() + limits_.head;
    enter(std::move(connection), EPOLL_CTL_ADD);
}

/// Into the room. Watched edge-triggered, and so once for all that comes: news of a connection that is not in
/// the room find nobody, and are asked for when it is; under the lock, so that it is still this one's
/// descriptor.
void ListenerServer::enter(Owned connection, int how) {
    const int descriptor = connection->socket.descriptor();
    const std::lock_guard lock(room_mutex_);
    const auto place = room_.insert_or_assign(descriptor, std::move(connection)).first;
    if (watch(epoll_.get(), how, descriptor, EPOLLIN | EPOLLRDHUP | EPOLLET)) return;
    room_.erase(place);
    --open_;
}

void ListenerServer::park(Owned connection, Waits waits, std::chrono::milliseconds longest) {
    connection->waits = waits;
    connection->until = Clock::now() + longest;
    switch (look_at_input(*connection)) {  // a pipelined request is in memory already
        case News::waits:
            return enter(std::move(connection), EPOLL_CTL_MOD);
        case News::ready:
            return hand_to_worker(std::move(connection));
        case News::over:
            --open_;
    }
}

void ListenerServer::watch_room() {
    std::array<epoll_event, 256> events{};
    auto next_look_around = Clock::now();
    while (!stopping_) {
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), room_tick.count());
        for (int i = 0; i < count; ++i) {
            const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
            if (descriptor == listening_.get()) {
                accept_all();
                continue;
            }
            if (auto connection = leave(descriptor)) look(std::move(connection));
        }
        if (Clock::now() < next_look_around) continue;
        look_around();
        next_look_around = Clock::now() + room_tick;
    }
}

/// Out of the room; nothing when it is not there.
ListenerServer::Owned ListenerServer::leave(int descriptor) {
    const std::lock_guard lock(room_mutex_);
    auto place = room_.extract(descriptor);
    return place ? std::move(place.mapped()) : nullptr;
}

/// Outside of the room, which is not held up. Back there, news since are told: to this thread alone.
void ListenerServer::look(Owned connection) {
    switch (look_at(*connection)) {
        case News::waits: {
            const int descriptor = connection->socket.descriptor();
            const std::lock_guard lock(room_mutex_);
            room_.insert_or_assign(descriptor, std::move(connection));
            return;
        }
        case News::ready:
            // A signature takes less time than the ledger's one writer does: what is whole is served here.
            return whole(*connection) ? serve(std::move(connection)) : hand_to_worker(std::move(connection));
        case News::over:
            --open_;
    }
}

ListenerServer::News ListenerServer::look_at(Connection& connection) const {
    // Told once for all the bytes that are there: taken until there are no more, or enough.
    for (;;) {
        if (const auto news = look_at_input(connection); news != News::waits) return news;
        switch (connection.socket.take_in()) {
            case ListenerSocket::Took::some:
                break;
            case ListenerSocket::Took::nothing:
                return News::waits;
            case ListenerSocket::Took::end:
                return News::over;
        }
    }
}

ListenerServer::News ListenerServer::look_at_input(Connection& connection) const {
    auto& socket = connection.socket;
    const auto text = socket.input();
    if (connection.waits == Waits::to_drain) {
        connection.drained += text.size();
        socket.drop_input();
        return connection.drained > most_drained ? News::over : News::waits;
    }
    if (text.empty()) return News::waits;
    if (connection.waits != Waits::for_body) {
        const auto end = text.substr(0, longest_head).find(head_end);
        if (end == std::string_view::npos) {
            if (text.size() >= longest_head) return News::over;
            if (connection.waits == Waits::for_first_byte) {
                connection.waits = Waits::for_head;
                connection.until = Clock::now() + limits_.head;
            }
            return News::waits;
        }
        connection.head = read_listener_head(text.substr(0, end));
        socket.use(end + head_end.size());
        connection.body_left = connection.head && connection.head->body != ListenerHead::Body::none;
        connection.waits = Waits::for_body;
        connection.until = Clock::now() + limits_.body;
    }
    const auto& head = connection.head;
    const bool worth_waiting = head && head->body == ListenerHead::Body::counted &&
                               head->length <= small_body && !head->expects_continue;
    return worth_waiting && socket.input().size() < head->length ? News::waits : News::ready;
}

void ListenerServer::look_around() {
    const auto now = Clock::now();
    {
        const std::lock_guard lock(room_mutex_);
        open_ -= std::erase_if(room_, [now](const auto& entry) { return entry.second->until < now; });
    }
    const std::lock_guard lock(ready_mutex_);
    const bool held_up = !ready_.empty() && now - ready_.front()->ready_since > room_tick;
    if (held_up && workers_.size() < limits_.most_workers) workers_.emplace_back([this] { work(); });
}

void ListenerServer::hand_to_worker(Owned connection) {
    connection->ready_since = Clock::now();
    const std::lock_guard lock(ready_mutex_);
    if (stopping_) return;  // closed with it
    ready_.push_back(std::move(connection));
    if (idle_workers_ > 0) {
        --idle_workers_;
        ++woken_workers_;
        ready_bell_.notify_one();
    } else if (workers_.size() < limits_.workers) {
        workers_.emplace_back([this] { work(); });
    }
}

void ListenerServer::work() {
    std::unique_lock lock(ready_mutex_);
    for (;;) {
        while (ready_.empty()) {
            if (stopping_) return;
            ++idle_workers_;
            ready_bell_.wait(lock, [this] { return stopping_ || woken_workers_ > 0; });
            if (woken_workers_ > 0) --woken_workers_;
        }
        auto connection = std::move(ready_.front());
        ready_.pop_front();
        lock.unlock();
        serve(std::move(connection));
        lock.lock();
    }
}

void ListenerServer::serve(Owned connection) {
    try {
        handler_(ListenerRequest(*this, std::move(connection)));
    } catch (const std::exception& fault) {  // the request went with it and has closed its connection
        spdlog::error("an answer was lost: {}", fault.what());
    }
}

/// False: there is no room for them now.
bool ListenerServer::hold(Connection& connection, std::size_t bytes) {
    if (held_.fetch_add(bytes) + bytes > limits_.body_bytes) {
        held_ -= bytes;
        return false;
    }
    connection.held += bytes;
    return true;
}

void ListenerServer::over(Owned connection, Then then) {
    let_go(*connection);
    if (then == Then::close || stopping_) {
        connection.reset();
        --open_;
    } else if (then == Then::drain) {
        ::shutdown(connection->socket.descriptor(), SHUT_WR);
        park(std::move(connection), Waits::to_drain, drain_time);
    } else {
        park(std::move(connection), Waits::for_first_byte, limits_.idle);
    }
    --begun_;  // last: the server may end with it
}

}  // namespace bot
