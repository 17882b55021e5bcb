#include "sandbox/peer.hpp"

#include <fmt/format.h>

#include <exception>
#include <tuple>
#include <utility>

// The head of a call: {"call": number, "verb": name, ...}; of an answer: {"answer": number, ...} or with
// "error": text; of what wants no answer: {"verb": name, ...}.

namespace sandbox {

Peer::Peer(Descriptor socket, Verbs verbs, std::size_t most_at_once)
    : channel_(std::move(socket)), verbs_(std::move(verbs)), most_at_once_(most_at_once) {
    listener_ = std::jthread([this] { listen(); });
}

Peer::~Peer() {
    shut_down();
    listener_.join();
    std::unique_lock lock(mutex_);
    news_.wait(lock, [&] { return answering_ == 0; });
}

Message Peer::call(std::string_view verb, Message question,
                   std::optional<std::chrono::milliseconds> longest) {
    question.head["verb"] = verb;
    std::unique_lock lock(mutex_);
    if (over_) throw ChannelError("the other process is gone");
    const auto number = ++calls_;
    auto& waiting = waiting_[number];
    lock.unlock();
    question.head["call"] = number;
    try {
        channel_.send(question);
    } catch (...) {
        lock.lock();
        waiting_.erase(number);
        throw;
    }
    lock.lock();
    const auto told = [&] { return waiting.answer || over_; };
    bool in_time = true;
    if (longest)
        in_time = waiting.bell.wait_for(lock, *longest, told);
    else
        waiting.bell.wait(lock, told);
    auto answer = std::move(waiting.answer);
    waiting_.erase(number);
    lock.unlock();
    if (!in_time) throw ChannelError(fmt::format("no answer within {} ms", longest->count()));
    if (!answer) throw ChannelError("the other process ended before it answered");
    if (const auto error = answer->head.find("error"); error != answer->head.end())
        throw PeerError(error->is_string() ? error->get<std::string>() : "it failed and does not say why");
    return std::move(*answer);
}

void Peer::tell(std::string_view verb, Message news) {
    news.head["verb"] = verb;
    channel_.send(news);
}

void Peer::wait() {
    std::unique_lock lock(mutex_);
    news_.wait(lock, [&] { return over_; });
}

void Peer::shut_down() { channel_.shut_down(); }

bool Peer::over() const {
    const std::scoped_lock lock(mutex_);
    return over_;
}

void Peer::listen() {
    try {
        while (auto message = channel_.receive()) take(std::move(*message));
    } catch (const std::exception&) {
        channel_.shut_down();  // what does not speak as it must is not listened to
    }
    const std::scoped_lock lock(mutex_);
    over_ = true;
    for (auto& [number, waiting] : waiting_) waiting.bell.notify_all();
    news_.notify_all();
}

void Peer::take(Message message) {
    if (const auto found = message.head.find("answer"); found != message.head.end()) {
        const auto number = found->get<std::uint64_t>();
        return take_answer(number, std::move(message));
    }
    if (!message.head.contains("call")) {
        std::ignore = handle(std::move(message));
        return;
    }
    {
        const std::scoped_lock lock(mutex_);
        if (answering_ == most_at_once_) throw ChannelError("too many calls at once");
        ++answering_;
    }
    std::thread([this, question = std::move(message)]() mutable {
        answer(std::move(question));
        const std::scoped_lock lock(mutex_);
        --answering_;
        news_.notify_all();
    }).detach();
}

void Peer::take_answer(std::uint64_t number, Message message) {
    const std::scoped_lock lock(mutex_);
    const auto waiting = waiting_.find(number);
    if (waiting == waiting_.end()) return;
    waiting->second.answer = std::move(message);
    waiting->second.bell.notify_all();
}

Message Peer::handle(Message question) const {
    const auto name = question.head.value("verb", std::string());
    const auto verb = verbs_.find(name);
    if (verb == verbs_.end()) throw std::runtime_error(fmt::format("there is no verb '{}' here", name));
    return verb->second(std::move(question));
}

void Peer::answer(Message question) {
    const auto number = question.head.at("call");
    Message answer;
    try {
        answer = handle(std::move(question));
    } catch (const std::exception& error) {
        answer = {};
        answer.head["error"] = error.what();
    }
    answer.head["answer"] = number;
    try {
        channel_.send(answer);
    } catch (const ChannelError&) {
        channel_.shut_down();  // the listening thread says that it is over
    }
}

}  // namespace sandbox
