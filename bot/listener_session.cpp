#include "bot/listener_session.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <string_view>
#include <utility>

#include "bot/listener_words.hpp"
#include "integrations/forge.hpp"

namespace bot {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::string_view ready = "ready";
constexpr std::string_view figures = "figures";
/// One of each kind at a time.
constexpr std::size_t most_questions = 2;
/// Of a process that is to end, or does not read its answers.
constexpr auto patience = 10s;

void bound(int socket, int what) {
    const timeval longest{.tv_sec = std::chrono::seconds(patience).count(), .tv_usec = 0};
    ::setsockopt(socket, SOL_SOCKET, what, &longest, sizeof longest);
}

}  // namespace

ListenerSession::ListenerSession(sandbox::Channel& channel, const std::vector<config::ForgeSettings>& forges,
                                 ListenerKeeper& keeper)
    : channel_(channel), forges_(forges), keeper_(keeper) {
    for (const auto& forge : forges_)
        if (const auto* kind = integrations::find_forge_kind(forge.kind); kind != nullptr)
            limits_.emplace(forge.name, kind->body_limit);
    bound(channel_.descriptor(), SO_SNDTIMEO);
    teller_ = std::jthread([this](const std::stop_token& stop) { say_asked(stop); });
}

ListenerSession::~ListenerSession() {
    channel_.shut_down();
    std::unique_lock lock(mutex_);
    news_.wait(lock, [this] { return unfinished_ == 0; });
}

void ListenerSession::greet(const std::string& log_level) {
    sandbox::Message hello;
    hello.head["log_level"] = log_level;
    auto& forges = hello.head["forges"];
    forges = {};
    for (const auto& forge : forges_) {
        forges.push_back(
            {{"name", forge.name}, {"kind", forge.kind}, {"secrets", forge.webhook_secrets.size()}});
        for (const auto& secret : forge.webhook_secrets) hello.blobs.push_back(secret.expose());
    }
    channel_.send(hello);
}

void ListenerSession::serve(const std::function<void()>& serving, const std::stop_token& stop) {
    std::atomic<Clock::rep> until{Clock::time_point::max().time_since_epoch().count()};
    const std::stop_callback end(stop, [&] {
        until = (Clock::now() + patience).time_since_epoch().count();
        bound(channel_.descriptor(), SO_RCVTIMEO);
        sandbox::Message enough;
        enough.head["enough"] = true;
        say(enough);
    });
    while (auto message = channel_.receive()) {
        if (Clock::now().time_since_epoch().count() > until) return;
        if (const auto number = message->head.find("deliveries");
            number != message->head.end() && number->is_number_unsigned())
            take_deliveries(number->get<std::uint64_t>(), std::move(message->blobs));
        else if (message->head.contains("ask"))
            take_question(message->head.at("ask").get<std::string>());
        else if (message->head.contains("serving"))
            serving();
        else
            throw sandbox::ChannelError("it says what no listener says");
    }
}

void ListenerSession::take_deliveries(std::uint64_t number, std::vector<std::string> blobs) {
    std::vector<integrations::VerifiedDelivery> deliveries;
    std::size_t all_bytes = 0;
    for (std::size_t i = 0; i + 1 < blobs.size(); i += 2) {
        const auto bytes = blobs[i + 1].size();
        all_bytes += bytes;
        auto delivery = listener_words::from_blobs(blobs[i], std::move(blobs[i + 1]));
        const auto limit = delivery ? limits_.find(delivery->forge()) : limits_.end();
        if (limit == limits_.end() || bytes > limit->second)
            throw sandbox::ChannelError("it hands over what is no delivery");
        deliveries.push_back(std::move(*delivery));
    }
    if (deliveries.empty()) throw sandbox::ChannelError("it hands over nothing");
    if (deliveries.size() > listener_words::most_deliveries ||
        (deliveries.size() > 1 && all_bytes > listener_words::most_body_bytes))
        throw sandbox::ChannelError("it hands over more than goes in one message");
    {
        const std::lock_guard lock(mutex_);
        if (recording_ == listener_words::most_under_way)
            throw sandbox::ChannelError("it hands over more before it was answered");
        ++recording_;
        ++unfinished_;
    }
    keeper_.record(std::move(deliveries), [this, number](const auto& recorded) {
        sandbox::Message answer;
        answer.head["recorded"] = number;
        std::string letters;
        for (const auto one : recorded) letters += listener_words::letter_of(one);
        answer.head["as"] = letters;
        {
            const std::lock_guard lock(mutex_);
            --recording_;
        }
        say(answer);
        const std::lock_guard lock(mutex_);
        --unfinished_;
        news_.notify_all();
    });
}

void ListenerSession::take_question(const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (asked_.size() == most_questions || (what != ready && what != figures))
        throw sandbox::ChannelError("it asks what no listener asks");
    asked_.push_back(what);
    news_.notify_all();
}

void ListenerSession::say_asked(const std::stop_token& stop) {
    for (;;) {
        std::unique_lock lock(mutex_);
        if (!news_.wait(lock, stop, [this] { return !asked_.empty(); })) return;
        const auto question = asked_.front();
        asked_.pop_front();
        lock.unlock();
        sandbox::Message message;
        message.head["told"] = question;
        if (question == ready)
            keeper_.ask_ready(
                [&](const std::vector<std::string>& reasons) { message.head["reasons"] = reasons; });
        else
            keeper_.ask_figures([&](ListenerKeeper::Figures told) {
                if (told)
                    message.blobs.push_back(std::move(*told));
                else
                    message.head["fault"] = told.error();
            });
        say(message);
    }
}

void ListenerSession::say(const sandbox::Message& message) {
    try {
        channel_.send(message);
    } catch (const sandbox::ChannelError&) {
        channel_.shut_down();  // who hears says that it is over
    }
}

}  // namespace bot
