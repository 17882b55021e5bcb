#include "bot/listener_channel.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "sandbox/channel.hpp"

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
