#include "bot/listener_channel.hpp"

#include <sys/socket.h>

#include <exception>
#include <utility>

#include "bot/listener_words.hpp"

namespace bot {

namespace {

/// Bytes, for some dozens of deliveries: who sends them goes on to answer others before they are read. With
/// more it waits, for milliseconds: the keeper reads all the time. Linux gives up to net.core.wmem_max.
constexpr int room_to_send = 512 * 1024;

}  // namespace

ListenerChannel::ListenerChannel(sandbox::Channel& channel)
    : channel_(channel), hearer_([this] { listen(); }) {
    ::setsockopt(channel_.descriptor(), SOL_SOCKET, SO_SNDBUF, &room_to_send, sizeof room_to_send);
}

ListenerChannel::~ListenerChannel() { channel_.shut_down(); }

void ListenerChannel::record(std::vector<integrations::VerifiedDelivery> deliveries,
                             std::move_only_function<void(const std::vector<Recorded>&)> then) {
    std::unique_lock lock(mutex_);
    if (gone_) return;
    const auto count = deliveries.size();
    waiting_.push_back({.deliveries = std::move(deliveries), .count = count, .then = std::move(then)});
    if (!worth_a_message()) return;
    const auto message = next_message();
    lock.unlock();
    send(message);
}

void ListenerChannel::ask_ready(std::move_only_function<void(std::vector<std::string>)> then) {
    ask("ready", [then = std::move(then)](const sandbox::Message& told) mutable {
        then(told.head.at("reasons").get<std::vector<std::string>>());
    });
}

void ListenerChannel::ask_figures(std::move_only_function<void(Figures)> then) {
    ask("figures", [then = std::move(then)](const sandbox::Message& told) mutable {
        if (told.blobs.empty())
            then(std::unexpected(told.head.at("fault").get<std::string>()));
        else
            then(told.blobs.front());
    });
}

void ListenerChannel::ask(const std::string& what, Told then) {
    {
        const std::lock_guard lock(mutex_);
        if (gone_) return;
        auto& question = questions_[what];
        const bool under_way = !question.asked.empty();
        (under_way ? question.waiting : question.asked).push_back(std::move(then));
        if (under_way) return;
    }
    send_question(what);
}

void ListenerChannel::send_question(const std::string& what) {
    sandbox::Message question;
    question.head["ask"] = what;
    send(question);
}

void ListenerChannel::take_told(const std::string& what, const sandbox::Message& message) {
    std::vector<Told> told;
    bool more = false;
    {
        const std::lock_guard lock(mutex_);
        auto& question = questions_[what];
        told = std::exchange(question.asked, std::exchange(question.waiting, {}));
        more = !question.asked.empty();
    }
    if (more) send_question(what);
    for (auto& each : told) each(message);
}

void ListenerChannel::wait() {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [this] { return enough_ || gone_; });
}

/// Of two messages the disk has one while the other is made ready for it; were they smaller for that, it
/// would have more to do. The mutex is held.
bool ListenerChannel::worth_a_message() const {
    if (waiting_.empty() || under_way_.empty()) return !waiting_.empty();
    return under_way_.size() < listener_words::most_under_way &&
           waiting_.size() >= under_way_.rbegin()->second.size();
}

/// Of what waits, at least one bundle: from now on it is under way. The mutex is held.
sandbox::Message ListenerChannel::next_message() {
    sandbox::Message message;
    message.head["deliveries"] = ++last_number_;
    auto& bundles = under_way_[last_number_];
    std::size_t bytes = 0;
    while (!waiting_.empty()) {
        auto& next = waiting_.front();
        for (const auto& delivery : next.deliveries) bytes += delivery.body().size();
        const bool fits = message.blobs.size() / 2 + next.count <= listener_words::most_deliveries &&
                          bytes <= listener_words::most_body_bytes;
        if (!fits && !bundles.empty()) break;
        for (auto& delivery : next.deliveries) {
            message.blobs.push_back(listener_words::to_blob(delivery));
            message.blobs.push_back(std::move(delivery).body());
        }
        bundles.push_back(std::move(next));
        waiting_.pop_front();
    }
    return message;
}

void ListenerChannel::send(const sandbox::Message& message) {
    try {
        channel_.send(message);
    } catch (const sandbox::ChannelError&) {
        channel_.shut_down();  // who hears says that it is over
    }
}

void ListenerChannel::listen() {
    try {
        while (auto message = channel_.receive()) take(std::move(*message));
    } catch (const std::exception&) {
        channel_.shut_down();
    }
    // What waits for an answer is dropped: its connections are closed, outside of the lock.
    decltype(waiting_) waiting;
    decltype(under_way_) under_way;
    decltype(questions_) questions;
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
    under_way.swap(under_way_);
    questions.swap(questions_);
    gone_ = true;
    news_.notify_all();
}

void ListenerChannel::take(sandbox::Message message) {
    if (const auto recorded = message.head.find("recorded"); recorded != message.head.end())
        return take_recorded(recorded->get<std::uint64_t>(), message.head.at("as").get<std::string>());
    if (const auto told = message.head.find("told"); told != message.head.end())
        return take_told(told->get<std::string>(), message);
    const std::lock_guard lock(mutex_);
    enough_ = enough_ || message.head.contains("enough");
    news_.notify_all();
}

void ListenerChannel::take_recorded(std::uint64_t number, std::string_view letters) {
    std::vector<Bundle> answered;
    {
        std::unique_lock lock(mutex_);
        answered.swap(under_way_[number]);
        under_way_.erase(number);
        if (worth_a_message()) {  // the keeper first: it works on these while the others are answered
            const auto message = next_message();
            lock.unlock();
            send(message);
        }
    }
    for (auto& bundle : answered) {
        std::vector<Recorded> outcomes;
        for (const char letter : letters.substr(0, bundle.count))
            outcomes.push_back(listener_words::from_letter(letter));
        letters.remove_prefix(outcomes.size());
        if (outcomes.size() == bundle.count) bundle.then(outcomes);
    }
}

}  // namespace bot
