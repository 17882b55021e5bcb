#include "bot/listener_channel.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bot/listener_words.hpp"
#include "sandbox/channel.hpp"

namespace {

using Recorded = bot::ListenerKeeper::Recorded;

/// The channel with a keeper that the test plays.
struct ChannelFixture {
    ChannelFixture() {
        auto [ours, theirs] = sandbox::Channel::pair();
        keeper.emplace(std::move(ours));
        listener.emplace(std::move(theirs));
        const timeval longest{.tv_sec = 30, .tv_usec = 0};
        ::setsockopt(keeper->descriptor(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
        channel.emplace(*listener);
    }
    /// One delivery each.
    void hand_over(int deliveries) {
        for (int i = 0; i < deliveries; ++i) {
            std::vector<integrations::VerifiedDelivery> one;
            one.push_back(*bot::listener_words::from_blobs("github\n77\nguid\nissues\n", "{}"));
            channel->record(std::move(one), [this](const std::vector<Recorded>& as) {
                ++(as.front() == Recorded::fresh ? fresh : duplicate);
            });
        }
    }
    struct Message {
        int number, deliveries;
    };
    Message next() {
        const auto message = keeper->receive();
        REQUIRE(message);
        REQUIRE(message->head.contains("deliveries"));
        return {.number = message->head.at("deliveries").get<int>(),
                .deliveries = static_cast<int>(message->blobs.size() / 2)};
    }
    void answer(const Message& to, char letter) {
        sandbox::Message message;
        message.head["recorded"] = to.number;
        message.head["as"] = std::string(static_cast<std::size_t>(to.deliveries), letter);
        keeper->send(message);
    }
    static void wait_until(const std::atomic<int>& count, int is) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (count != is && std::chrono::steady_clock::now() < until) std::this_thread::yield();
        REQUIRE(count == is);
    }

    std::optional<sandbox::Channel> keeper, listener;
    std::atomic<int> fresh{0}, duplicate{0};
    std::optional<bot::ListenerChannel> channel;
};

}  // namespace

TEST_CASE_FIXTURE(ChannelFixture,
                  "a second message of deliveries goes when it has as many as the one that is under way") {
    hand_over(1);
    const auto first = next();
    CHECK(first.deliveries == 1);
    hand_over(1);
    const auto second = next();
    CHECK(second.deliveries == 1);
    hand_over(3);  // two are under way
    answer(first, 'f');
    const auto third = next();
    CHECK(third.deliveries == 3);
    hand_over(2);
    answer(second, 'd');
    wait_until(duplicate, 1);  // two are smaller than three: they wait
    hand_over(1);
    const auto fourth = next();
    REQUIRE(fourth.deliveries == 3);
    hand_over(1);
    answer(fourth, 'd');
    wait_until(duplicate, 4);
    answer(third, 'f');  // nothing else is under way: whatever waits goes
    const auto fifth = next();
    CHECK(fifth.deliveries == 1);
    answer(fifth, 'f');
    wait_until(fresh, 5);
    CHECK(duplicate == 4);
}

TEST_CASE("however many ask at once, the keeper is asked one question of a kind at a time") {
    auto [ours, theirs] = sandbox::Channel::pair();
    sandbox::Channel keeper(std::move(ours)), listener(std::move(theirs));
    bot::ListenerChannel channel(listener);
    std::atomic<int> told{0};
    std::atomic<int> figures{0};
    const auto ask = [&] {
        channel.ask_ready([&](const std::vector<std::string>& reasons) {
            if (reasons == std::vector<std::string>{"busy"}) ++told;
        });
    };
    const auto answer = [&](const std::string& what) {
        const auto question = keeper.receive();
        REQUIRE(question);
        REQUIRE(question->head.at("ask") == what);
        sandbox::Message message;
        message.head["told"] = what;
        if (what == "ready")
            message.head["reasons"] = {"busy"};
        else
            message.blobs.emplace_back("text");
        keeper.send(message);
    };
    for (int i = 0; i < 5; ++i) ask();  // the first is under way; the others want to know what is then
    for (int i = 0; i < 3; ++i)
        channel.ask_figures([&](const bot::ListenerKeeper::Figures& text) {
            if (text == "text") ++figures;
        });
    answer("ready");
    answer("figures");
    answer("ready");
    answer("figures");
    while (told < 5 || figures < 3) std::this_thread::yield();
    ask();
    answer("ready");  // and nothing was asked meanwhile
    while (told < 6) std::this_thread::yield();
    CHECK(figures == 3);
}
