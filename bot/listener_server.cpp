#include "bot/listener_server.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
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

/// The accepting thread only brings connections into the room.
class Inline final : public httplib::TaskQueue {
 public:
    void enqueue(std::function<void()> task) override { task(); }
    void shutdown() override {}
};

/// `name` with its colon, in lower case.
std::optional<std::string_view> header(std::string_view head, std::string_view name) {
    for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
        auto line = head.substr(at + 2);
        // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): the size is given
        if (line.size() < name.size() || ::strncasecmp(line.data(), name.data(), name.size()) != 0) continue;
        line.remove_prefix(name.size());
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        return line;
    }
    return std::nullopt;
}

/// Only to know how long to wait: httplib reads the request for itself.
std::size_t body_to_wait_for(std::string_view head) {
    const auto value = header(head, "content-length:");
    if (!value || header(head, "expect:")) return 0;  // who expects a word first does not send it
    std::size_t length = 0;
    std::from_chars(value->data(), value->data() + value->size(), length);
    return length;
}

std::size_t descriptors_to_use(std::size_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
    return std::min<std::size_t>(wanted, limit.rlim_cur / 4 * 3);
}

/// What this thread is handling.
struct Current {
    ListenerSocket* socket = nullptr;
    ListenerServer::Later later;
};
thread_local Current current;

}  // namespace

struct ListenerServer::Connection {
    Connection(int descriptor, const std::atomic<bool>& stopping) : socket(descriptor, stopping) {}
    ListenerSocket socket;
    Waits waits = Waits::for_head;
    Clock::time_point until;
    Clock::time_point ready_since;
    std::size_t needed = 0;   ///< for_body: bytes of head and body together
    std::size_t drained = 0;  ///< to_drain
};

ListenerServer::Answer::Answer(ListenerServer& server, Owned connection)
    : server_(&server), connection_(std::move(connection)) {
    ++server_->unsent_;
}

ListenerServer::Answer::Answer(Answer&& other) noexcept = default;

ListenerServer::Answer::~Answer() {
    if (!connection_) return;
    connection_.reset();
    --server_->open_;
    --server_->unsent_;
}

void ListenerServer::Answer::send() {
    server_->send(std::move(connection_));
    --server_->unsent_;
}

void ListenerServer::Answer::send_instead(std::string message) {
    connection_->socket.replace_output(std::move(message));
    send();
}

ListenerServer::ListenerServer(Limits limits) : limits_(limits), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (epoll_ < 0)
        throw std::runtime_error(std::string("the listener cannot wait: epoll: ") + std::strerror(errno));
    limits_.connections = descriptors_to_use(limits_.connections);
    // A worker only computes: more of them than there is room for beside the ledger's threads just take
    // turns.
    if (limits_.workers == 0) limits_.workers = std::clamp(std::thread::hardware_concurrency() / 2, 1U, 8U);
    new_task_queue = [] { return new Inline; };
    // The library's default is SO_REUSEPORT: a second daemon would silently share the port.
    set_socket_options([](socket_t descriptor) {
        const int on = 1;
        ::setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    });
}

ListenerServer::~ListenerServer() {
    shut_down();
    ::close(epoll_);
}

int ListenerServer::bind(const std::string& host, int port) {
    const int bound = port == 0 ? bind_to_any_port(host) : bind_to_port(host, port) ? port : 0;
    if (bound <= 0) return 0;
    ::fcntl(svr_sock_, F_SETFD, FD_CLOEXEC);
    constexpr int backlog = 1024;  // the library's is 5
    ::listen(svr_sock_, backlog);
    return bound;
}

void ListenerServer::start() {
    room_keeper_ = std::thread([this] { watch_room(); });
    acceptor_ = std::thread([this] {
        listen_after_bind();
        if (stopping_) return;
        // The library gives up on errors such as ENOMEM. Whoever starts us again loses nothing; deaf, we
        // would.
        spdlog::critical("no connection can be accepted any more: {}; the process ends to be started anew",
                         std::strerror(errno));
        std::abort();
    });
}

void ListenerServer::shut_down() {
    if (stopping_.exchange(true)) return;
    while (acceptor_.joinable() && !is_running())
        std::this_thread::sleep_for(1ms);  // stop() before that is lost
    stop();
    if (acceptor_.joinable()) acceptor_.join();
    if (room_keeper_.joinable()) room_keeper_.join();
    {
        const std::lock_guard lock(ready_mutex_);
        ready_bell_.notify_all();
    }
    for (auto& worker : workers_) worker.join();
    while (unsent_ > 0) std::this_thread::sleep_for(1ms);
    room_.clear();
}

ListenerSocket& ListenerServer::socket_of_this_request() { return *current.socket; }

void ListenerServer::later(Later then) { current.later = std::move(then); }

bool ListenerServer::process_and_close_socket(socket_t descriptor) {
    auto connection = std::make_unique<Connection>(descriptor, stopping_);
    if (++open_ > limits_.connections) {
        const std::lock_guard lock(room_mutex_);
        const auto oldest =
            std::ranges::min_element(room_, {}, [](const auto& entry) { return entry.second->until; });
        if (oldest != room_.end()) {
            room_.erase(oldest);
            --open_;
        }
    }
    // Once for its whole life, edge-triggered: news of a connection that is not in the room finds nobody.
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.fd = descriptor;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
        --open_;
        return false;
    }
    park(std::move(connection), Waits::for_head, limits_.head);
    return true;
}

void ListenerServer::park(Owned connection, Waits waits, std::chrono::milliseconds longest) {
    const int descriptor = connection->socket.socket();
    connection->waits = waits;
    connection->until = Clock::now() + longest;
    std::unique_lock lock(room_mutex_);
    const auto place = room_.insert_or_assign(descriptor, std::move(connection)).first;
    // What came meanwhile was told to nobody: epoll tells once, and a pipelined request is in memory already.
    look(place, lock);
}

void ListenerServer::watch_room() {
    std::array<epoll_event, 256> events{};
    auto next_look_around = Clock::now();
    while (!stopping_) {
        const int count =
            ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), room_tick.count());
        for (int i = 0; i < count; ++i) {
            std::unique_lock lock(room_mutex_);
            const auto found = room_.find(events[static_cast<std::size_t>(i)].data.fd);
            if (found != room_.end()) look(found, lock);
        }
        if (Clock::now() < next_look_around) continue;
        look_around();
        next_look_around = Clock::now() + room_tick;
    }
}

void ListenerServer::look(Room::iterator place, std::unique_lock<std::mutex>& lock) {
    const auto news = look_at(*place->second);
    if (news == News::waits) return;
    auto connection = std::move(place->second);
    room_.erase(place);
    lock.unlock();
    if (news == News::ready)
        hand_to_worker(std::move(connection));
    else
        --open_;
}

ListenerServer::News ListenerServer::look_at(Connection& connection) const {
    auto& socket = connection.socket;
    // Told once for all the bytes that are there: taken until there are no more, or enough.
    for (bool more = true; more;) {
        if (connection.waits == Waits::to_drain) {
            connection.drained += socket.input().size();
            socket.drop_input();
            if (connection.drained > most_drained) return News::over;
        } else if (connection.waits == Waits::for_body) {
            if (socket.input().size() >= connection.needed) return News::ready;
        } else if (const auto text = socket.input(); !text.empty()) {
            const auto end = text.find("\r\n\r\n");
            if (end != std::string_view::npos) {
                const auto body = body_to_wait_for(text.substr(0, end));
                connection.needed = end + 4 + body;
                if (body > small_body || text.size() >= connection.needed) return News::ready;
                connection.waits = Waits::for_body;
                connection.until = Clock::now() + limits_.body;
            } else if (text.size() > longest_head) {
                return News::over;
            } else if (connection.waits == Waits::for_first_byte) {
                connection.waits = Waits::for_head;
                connection.until = Clock::now() + limits_.head;
            }
        }
        switch (socket.take_in()) {
            case ListenerSocket::Took::some:
                break;
            case ListenerSocket::Took::nothing:
                more = false;
                break;
            case ListenerSocket::Took::end:
                return News::over;
        }
    }
    return News::waits;
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
    auto& socket = connection->socket;
    socket.expect(limits_.head);
    bool closed = false;
    current.socket = &socket;
    const bool answered = process_request(socket, false, closed, nullptr);
    current.socket = nullptr;
    auto then = std::exchange(current.later, nullptr);
    if (!answered || closed) socket.close_after_answer();
    if (!then) return send(std::move(connection));
    try {
        then(Answer(*this, std::move(connection)));
    } catch (const std::exception& fault) {  // the answer went with it and has closed its connection
        spdlog::error("an answer was lost: {}", fault.what());
    }
}

void ListenerServer::send(Owned connection) {
    auto& socket = connection->socket;
    if (!socket.flush() || stopping_) {
        connection.reset();
        --open_;
    } else if (socket.closes_after_answer()) {
        ::shutdown(socket.socket(), SHUT_WR);
        park(std::move(connection), Waits::to_drain, drain_time);
    } else {
        park(std::move(connection), Waits::for_first_byte, limits_.idle);
    }
}

}  // namespace bot
