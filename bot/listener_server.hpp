#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bot/listener_socket.hpp"

namespace bot {

/// httplib's server with another way to wait. The library gives every connection a thread for as long as it
/// is open: a pool's worth of slow senders stops everybody, and a thread that waits for a commit can do
/// nothing else. Here
///   - connections wait in a room (one thread, epoll) until the head of a request is there, and its body too
///   when it is
///     small; then a worker lets httplib read it from memory, route it and write the answer into memory;
///   - a handler may put the sending off (`later`): the answer goes out when somebody says so, and no thread
///   waits for it.
class ListenerServer final : public httplib::Server {
    struct Connection;
    using Owned = std::unique_ptr<Connection>;

 public:
    struct Limits {
        std::size_t workers = 0;           ///< threads, made when needed; 0: half as many as processors
        std::size_t most_workers = 64;     ///< when those are held up by large bodies
        std::size_t connections = 10'000;  ///< past it the longest waiting one is closed
        std::chrono::milliseconds head{5'000};
        std::chrono::milliseconds body{10'000};
        std::chrono::milliseconds idle{75'000};  ///< between requests
    };

    /// An answer that httplib has written and that was not sent yet. Dropped unsent: the connection is
    /// closed.
    class Answer {
     public:
        Answer(ListenerServer& server, Owned connection);
        ~Answer();
        Answer(Answer&& other) noexcept;
        Answer& operator=(Answer&&) = delete;
        void send();
        /// The whole HTTP message.
        void send_instead(std::string message);

     private:
        ListenerServer* server_;
        Owned connection_;
    };

    explicit ListenerServer(Limits limits);
    ~ListenerServer() override;

    /// Returns the port; 0 when it cannot. Handlers are set before.
    [[nodiscard]] int bind(const std::string& host, int port);
    /// Serves in threads of its own until it is shut down.
    void start();
    /// Nothing new; what was begun is answered.
    void shut_down();
    [[nodiscard]] const Limits& limits() const { return limits_; }

    // For handlers, of the request that this thread is handling.
    [[nodiscard]] static ListenerSocket& socket_of_this_request();
    /// Called with the answer when the handler has returned and the answer is written.
    using Later = std::move_only_function<void(Answer)>;
    static void later(Later then);

 private:
    using Clock = std::chrono::steady_clock;

    bool process_and_close_socket(socket_t descriptor) override;
    enum class Waits { for_first_byte, for_head, for_body, to_drain };
    void park(Owned connection, Waits waits, std::chrono::milliseconds longest);
    void watch_room();
    /// What became of a connection in the room that has news.
    enum class News { waits, ready, over };
    [[nodiscard]] News look_at(Connection& connection) const;
    using Room = std::map<int, Owned>;  // by descriptor
    void look(Room::iterator place, std::unique_lock<std::mutex>& lock);
    void look_around();
    void hand_to_worker(Owned connection);
    void work();
    void serve(Owned connection);
    void send(Owned connection);

    Limits limits_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> open_{0};    ///< connections, wherever they are
    std::atomic<std::size_t> unsent_{0};  ///< answers put off
    int epoll_ = -1;
    std::mutex room_mutex_;
    Room room_;
    std::mutex ready_mutex_;
    std::condition_variable ready_bell_;
    std::deque<Owned> ready_;
    std::size_t idle_workers_ = 0;   ///< who wait and were not woken; a wake-up is a call into the kernel
    std::size_t woken_workers_ = 0;  ///< wake-ups given and not yet taken
    std::vector<std::thread> workers_;
    std::thread room_keeper_, acceptor_;
};

}  // namespace bot
