#include "sandbox/door.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <list>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>

#include "sandbox/door_record.hpp"
#include "sandbox/door_socket.hpp"
#include "sandbox/egress.hpp"
#include "sandbox/egress_head.hpp"
#include "sandbox/watch.hpp"

// One thread accepts, one serves each connection. Which of the two ways a connection goes is seen in the
// beginning of its first line, which is only looked at: whoever serves it reads it from its first byte.

namespace sandbox {

namespace {

using namespace std::chrono_literals;
using Decision = DoorRecord::Decision;

/// Of the model gateway, besides those of the egress policy. When all are there the next ones wait.
constexpr int gateway_connections = 64;

}  // namespace

struct Door::Inside {
    explicit Inside(DoorPlan plan)
        : visitor(plan.visitor),
          record(std::move(plan.files.record)),
          head_time(plan.egress.patience),
          most(gateway_connections + std::max(0, plan.egress.connections)),
          egress(std::move(plan.egress), record),
          gateway(std::move(plan.gateway)),
          listener(std::move(plan.files.listener)) {}

    ~Inside() {
        stop.request_stop();
        if (accepting.joinable()) accepting.join();
        workers.clear();  // joins
    }

    struct Worker {
        std::atomic<bool> done = false;
        std::jthread thread;
    };

    void accept_all();
    void start(Descriptor connection);
    void serve(Descriptor connection);
    void refuse(int connection, const DoorRecord::Line& line, int status);
    [[nodiscard]] Patience patience(std::chrono::milliseconds time) const {
        return {.until = Clock::now() + time, .stop = wake.fd()};
    }

    const unsigned visitor;
    DoorRecord record;
    const std::chrono::milliseconds head_time;
    const int most;
    Egress egress;
    const std::unique_ptr<Gateway> gateway;
    const Descriptor listener;
    std::stop_source stop;
    const Wake wake{Control{.cancel = stop.get_token(), .detach = {}}};

    std::mutex mutex;
    std::condition_variable_any freed;
    int live = 0;               ///< connections under way, under `mutex`
    std::list<Worker> workers;  ///< of the accepting thread, until it has ended
    std::thread accepting;
};

void Door::Inside::accept_all() {
    for (;;) {
        std::erase_if(workers, [](const Worker& each) { return each.done.load(); });
        {
            std::unique_lock lock(mutex);
            if (!freed.wait(lock, stop.get_token(), [this] { return live < most; })) return;
        }
        const auto waited = wait_for(listener.get(), POLLIN, patience(1min));
        if (waited == Waited::stopped) return;
        if (waited == Waited::late) continue;
        Descriptor connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection)
            start(std::move(connection));
        else if (wait_for(-1, 0, patience(100ms)) == Waited::stopped)  // no descriptor free: a moment later
            return;
    }
}

void Door::Inside::start(Descriptor connection) {
    {
        const std::lock_guard lock(mutex);
        ++live;
    }
    auto& worker = workers.emplace_back();
    const auto end = [this, &worker] {
        const std::lock_guard lock(mutex);
        --live;
        worker.done = true;
        freed.notify_all();
    };
    try {
        worker.thread = std::jthread([this, end, own = std::move(connection)]() mutable {
            try {
                serve(std::move(own));
            } catch (const std::exception& fault) {  // of this connection alone
                record.add({.decision = Decision::failed, .why = fault.what()});
            }
            end();
        });
    } catch (const std::system_error&) {  // no thread: the connection is dropped
        end();
    }
}

void Door::Inside::refuse(int connection, const DoorRecord::Line& line, int status) {
    record.add(line);
    const auto named = line.host.empty() ? "" : fmt::format("{}: ", shown(line.host));
    answer_and_end(connection, status, fmt::format("shopfloor: {}{}", named, line.why), patience(10s));
}

void Door::Inside::serve(Descriptor connection) {
    const auto user = peer_user(connection.get());
    if (user != visitor) {
        record.add({.why = fmt::format("user id {} came to the door, which is for user id {} alone",
                                       user ? std::to_string(*user) : "unknown", visitor)});
        return;
    }
    const auto first = peek_request(connection.get(), patience(head_time));
    switch (asked(first)) {
        case Asked::connect:
            egress.serve(connection.get(), wake.fd());
            return;
        case Asked::absolute:
            refuse(connection.get(),
                   {.host = absolute_target_host(first).value_or(""),
                    .why = "only CONNECT to port 443 may leave, not plain HTTP"},
                   403);
            return;
        case Asked::origin:
            if (gateway)
                gateway->serve(std::move(connection), stop.get_token());
            else
                refuse(connection.get(), {.why = "this run has no model API, only CONNECT is taken"}, 403);
            return;
        case Asked::unclear:
            if (!first.empty()) refuse(connection.get(), {.why = "the request did not come in time"}, 408);
            return;
    }
}

std::expected<DoorFiles, Error> DoorFiles::make(const std::filesystem::path& directory,
                                                const std::filesystem::path& record) {
    DoorFiles files;
    if (!record.empty()) {
        auto opened = open_record(record);
        if (!opened) return std::unexpected(std::move(opened.error()));
        files.record = std::move(*opened);
    }
    auto listener = listen_in(directory);
    if (!listener) return std::unexpected(std::move(listener.error()));
    files.listener = std::move(*listener);
    return files;
}

std::expected<std::unique_ptr<Door>, Error> Door::open(DoorPlan plan) {
    auto inside = std::make_unique<Inside>(std::move(plan));
    if (!inside->wake)
        return std::unexpected(
            Error{Error::Kind::unavailable, "no file descriptor is left for the door of a run"});
    try {
        inside->accepting = std::thread([&inside = *inside] { inside.accept_all(); });
    } catch (const std::system_error& fault) {
        return std::unexpected(Error{Error::Kind::unavailable,
                                     fmt::format("no thread for the door of a run: {}", fault.what())});
    }
    return std::unique_ptr<Door>(new Door(std::move(inside)));
}

Door::Door(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
Door::~Door() = default;

DoorReport Door::report() const {
    auto report = inside_->record.report();
    if (inside_->gateway) report.models = inside_->gateway->report();
    return report;
}

}  // namespace sandbox
