#include "bot/part.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>
#include <utility>

namespace bot {

namespace {

using namespace std::chrono_literals;

constexpr auto pause = 500ms;        // before a part is started anew
constexpr auto patience = 30s;       // for a part that is being started anew
constexpr int last_moment = 10'000;  // milliseconds that a part may take to end

void wait_a_moment(const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, stop, pause, [] { return false; });
}

}  // namespace

Part::Part(Plan plan) : plan_(std::move(plan)) {
    thread_ = std::jthread([this](const std::stop_token& stop) { keep_up(stop); });
}

Part::~Part() = default;

pid_t Part::pid() const {
    const std::scoped_lock lock(mutex_);
    return pid_;
}

/// The process dies with the thread that started it (sandbox/process.hpp), which is this one.
void Part::keep_up(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::string end;
        try {
            end = once(stop);
        } catch (const std::exception& error) {
            end = error.what();
        }
        if (stop.stop_requested()) return;
        spdlog::error("the {} is gone ({}); it is started anew", plan_.name, end);
        wait_a_moment(stop);
    }
}

std::string Part::once(const std::stop_token& stop) {
    auto [ours, theirs] = sandbox::Channel::pair();
    std::vector<int> files{theirs.get()};
    files.insert(files.end(), plan_.files.begin(), plan_.files.end());
    auto started = sandbox::Process::start(sandbox::part_plan(plan_.program, plan_.name, std::move(files)));
    if (!started) return started.error().message;
    theirs.close();
    {
        const std::scoped_lock lock(mutex_);
        pid_ = started->pid();
    }
    std::exception_ptr broken;
    try {
        plan_.session(std::move(ours), stop);
    } catch (...) {
        broken = std::current_exception();
    }
    pollfd ended{.fd = started->handle(), .events = POLLIN, .revents = 0};
    if (::poll(&ended, 1, last_moment) == 0) started->kill();
    {
        const std::scoped_lock lock(mutex_);
        pid_ = -1;
    }
    const int status = started->reap();
    if (broken) std::rethrow_exception(broken);
    return fmt::format("exit status {}", status);
}

PeerPart::PeerPart(Plan plan) : plan_(std::move(plan)) {
    part_.emplace(Part::Plan{.name = plan_.name,
                             .program = plan_.program,
                             .files = {},
                             .session = [this](sandbox::Descriptor socket, const std::stop_token& stop) {
                                 serve(std::move(socket), stop);
                             }});
    std::unique_lock lock(mutex_);
    news_.wait(lock, [&] { return peer_ != nullptr || failure_ != nullptr; });
    if (peer_ != nullptr) return;
    const auto failure = failure_;
    lock.unlock();
    part_.reset();
    std::rethrow_exception(failure);
}

PeerPart::~PeerPart() = default;

void PeerPart::serve(sandbox::Descriptor socket, const std::stop_token& stop) {
    const auto peer = std::make_shared<sandbox::Peer>(std::move(socket), plan_.verbs);
    const std::stop_callback end(stop, [&] { peer->shut_down(); });
    try {
        plan_.greet(*peer);
    } catch (...) {
        {
            const std::scoped_lock lock(mutex_);
            failure_ = std::current_exception();
            news_.notify_all();
        }
        peer->shut_down();
        throw;
    }
    {
        const std::scoped_lock lock(mutex_);
        peer_ = peer;
        news_.notify_all();
    }
    peer->wait();
    const std::scoped_lock lock(mutex_);
    peer_.reset();
}

std::shared_ptr<sandbox::Peer> PeerPart::peer() const {
    std::unique_lock lock(mutex_);
    if (!news_.wait_for(lock, patience, [&] { return peer_ != nullptr; }))
        throw sandbox::ChannelError(fmt::format("the {} does not come back", plan_.name));
    return peer_;
}

}  // namespace bot
