#include "bot/listener_process.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

#include "bot/listener_bind.hpp"
#include "bot/listener_session.hpp"

namespace bot {

namespace {

using namespace std::chrono_literals;

constexpr auto longest_start = 30s;

}  // namespace

ListenerProcess::ListenerProcess(Options options, ListenerKeeper& keeper)
    : options_(std::move(options)), keeper_(keeper), listening_(listen_on(options_.host, options_.port)) {
    part_.emplace(Part::Plan{.name = "listener",
                             .program = options_.program,
                             .files = {listening_.get()},
                             .session = [this](sandbox::Descriptor socket, const std::stop_token& stop) {
                                 keep(std::move(socket), stop);
                             }});
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, longest_start, [this] { return start_ != Start::begun; });
    if (start_ == Start::serves) return;
    lock.unlock();
    part_.reset();
    throw std::runtime_error(
        "the listener's process does not come up; it says why in the lines before this one");
}

ListenerProcess::~ListenerProcess() = default;

int ListenerProcess::port() const { return port_of(listening_); }

void ListenerProcess::keep(sandbox::Descriptor socket, const std::stop_token& stop) {
    const auto reach = [this](Start what) {
        const std::lock_guard lock(mutex_);
        if (start_ == Start::begun) start_ = what;
        news_.notify_all();
    };
    try {
        sandbox::Channel channel(std::move(socket));
        ListenerSession session(channel, options_.forges, keeper_);
        session.greet(options_.log_level);
        session.serve([&] { reach(Start::serves); }, stop);
    } catch (...) {
        reach(Start::failed);
        throw;
    }
    reach(Start::failed);
}

}  // namespace bot
