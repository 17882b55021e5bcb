#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "bot/listener_connection.hpp"
#include "bot/listener_request.hpp"
#include "sandbox/descriptor.hpp"

namespace bot {

/// Serves HTTP/1.1 from construction to destruction. Connections wait in a room (one thread, epoll) until the
/// head of a request is there, and its body too when it is small. What is whole then is served at once; what
/// has to be waited for, a worker takes. So neither slow senders nor answers that wait for the disk hold up
/// anybody.
class ListenerServer {
    using Connection = ListenerConnection;
    using Owned = std::unique_ptr<Connection>;

 public:
    struct Limits {
        std::size_t workers = 0;           ///< threads, made when needed; 0: half as many as processors
        std::size_t most_workers = 64;     ///< when those are held up by large bodies
        std::size_t connections = 10'000;  ///< past it the longest waiting one is closed, or the new one
        /// In memory at a time, of bodies that are not answered yet; past it they are told to come again.
        std::size_t body_bytes = 256 << 20;
        std::chrono::milliseconds head{5'000};
        std::chrono::milliseconds idle{75'000};  ///< between requests
        std::chrono::milliseconds body{10'000};  ///< a small one, before a worker takes it
    };
    /// Called in the room when all of the request is there, else in a worker. What it throws closes the
    /// connection.
    using Handler = std::function<void(ListenerRequest)>;

    ListenerServer(sandbox::Descriptor listening, Limits limits, Handler handler);
    /// Nothing new; what was begun is answered.
    ~ListenerServer();
    ListenerServer(const ListenerServer&) = delete;
    ListenerServer& operator=(const ListenerServer&) = delete;

 private:
    using Clock = std::chrono::steady_clock;
    using Waits = Connection::Waits;

    friend class ListenerRequest;
    void begun() { ++begun_; }
    [[nodiscard]] bool hold(Connection& connection, std::size_t bytes);
    void let_go(Connection& connection) { held_ -= std::exchange(connection.held, 0); }
    enum class Then { wait, drain, close };
    void over(Owned connection, Then then);

    void accept_all();
    void welcome(int descriptor);
    void park(Owned connection, Waits waits, std::chrono::milliseconds longest);
    void enter(Owned connection, int how);
    [[nodiscard]] Owned leave(int descriptor);
    void watch_room();
    /// What has become of a connection that waited in the room.
    enum class News { waits, ready, over };
    [[nodiscard]] News look_at(Connection& connection) const;
    [[nodiscard]] News look_at_input(Connection& connection) const;
    void look(Owned connection);
    void look_around();
    void hand_to_worker(Owned connection);
    void work();
    void serve(Owned connection);

    Limits limits_;
    Handler handler_;
    sandbox::Descriptor listening_, epoll_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> open_{0};   ///< connections, wherever they are
    std::atomic<std::size_t> begun_{0};  ///< requests without an answer
    std::atomic<std::size_t> held_{0};   ///< bytes of their bodies
    std::mutex room_mutex_;
    std::map<int, Owned> room_;  ///< by descriptor
    std::mutex ready_mutex_;
    std::condition_variable ready_bell_;
    std::deque<Owned> ready_;
    std::size_t idle_workers_ = 0;   ///< who wait and were not woken; a wake-up is a call into the kernel
    std::size_t woken_workers_ = 0;  ///< wake-ups given and not yet taken
    std::vector<std::thread> workers_;
    std::thread room_keeper_;
};

}  // namespace bot
