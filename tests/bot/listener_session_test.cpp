#include <doctest/doctest.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "bot/listener_session.hpp"
#include "bot/listener_words.hpp"
#include "integrations/forge.hpp"
#include "sandbox/channel.hpp"

namespace {

/// A keeper whose disk is as slow as the test wants.
class SlowKeeper final : public bot::ListenerKeeper {
 public:
    void record(std::vector<integrations::VerifiedDelivery> deliveries,
                std::move_only_function<void(const std::vector<Recorded>&)> then) override {
        const std::lock_guard lock(mutex_);
        in_hand_ += deliveries.size();
        waiting_.emplace_back(deliveries.size(), std::move(then));
    }
    void ask_ready(std::move_only_function<void(std::vector<std::string>)> then) override { then({}); }
    void ask_figures(std::move_only_function<void(Figures)> then) override {
        then(std::unexpected("broken"));
    }

    [[nodiscard]] std::size_t in_hand() const {
        const std::lock_guard lock(mutex_);
        return in_hand_;
    }
    void finish(Recorded how) {
        std::unique_lock lock(mutex_);
        auto waiting = std::exchange(waiting_, {});
        in_hand_ = 0;
        lock.unlock();
        for (auto& [count, then] : waiting) then(std::vector<Recorded>(count, how));
    }

 private:
    mutable std::mutex mutex_;
    std::size_t in_hand_ = 0;
    std::vector<std::pair<std::size_t, std::move_only_function<void(const std::vector<Recorded>&)>>> waiting_;
};

/// The keeper's session with a listener that the test plays.
struct SessionFixture {
    SessionFixture() {
        forges.resize(1);
        forges.front().name = "github";
        forges.front().webhook_secrets.emplace_back("the secret");
        auto [ours, theirs] = sandbox::Channel::pair();
        listener.emplace(std::move(theirs));
        serving = std::jthread([this, socket = std::move(ours)](const std::stop_token& stop) mutable {
            sandbox::Channel channel(std::move(socket));
            bot::ListenerSession session(channel, forges, keeper);
            try {
                session.serve([this] { came_up = true; }, stop);
            } catch (const std::exception& error) {
                fault = error.what();
            }
            ended = true;
        });
    }
    ~SessionFixture() {
        listener->shut_down();
        keeper.finish(bot::ListenerKeeper::Recorded::failed);
    }
    static sandbox::Message deliveries(std::vector<std::string> blobs, int number = 1) {
        sandbox::Message message;
        message.head["deliveries"] = number;
        message.blobs = std::move(blobs);
        return message;
    }
    /// Sends it, in the end the end itself, and waits until nobody listens any more.
    void end_with(const sandbox::Message& message, bool ends = false) {
        listener->send(message);
        if (ends) ::shutdown(listener->descriptor(), SHUT_WR);
        CHECK_FALSE(listener->receive());
        serving.join();
    }

    std::vector<config::ForgeSettings> forges;
    SlowKeeper keeper;
    std::optional<sandbox::Channel> listener;
    std::atomic<bool> came_up{false};
    std::string fault;  ///< once it has ended
    std::atomic<bool> ended{false};
    std::jthread serving;
};

constexpr auto who = "github\n77\nguid\nissues\n";

}  // namespace

TEST_CASE_FIXTURE(SessionFixture,
                  "what a listener hands over that is no delivery ends its session, and is not recorded") {
    const auto limit = integrations::find_forge_kind("github")->body_limit;
    std::vector<std::string> blobs;
    SUBCASE("of a forge that is not in the settings") { blobs = {"gitlab\n77\nguid\nissues\n", "{}"}; }
    SUBCASE("with a word too few") { blobs = {"github\n77\nguid\n", "{}"}; }
    SUBCASE("with a word too many") { blobs = {"github\n77\nguid\nissues\nmore\n", "{}"}; }
    SUBCASE("with an empty word") { blobs = {"github\n\nguid\nissues\n", "{}"}; }
    SUBCASE("with an endless word") {
        blobs = {"github\n77\n" + std::string(100'000, 'x') + "\nissues\n", "{}"};
    }
    SUBCASE("larger than the forge ever sends") { blobs = {who, std::string(limit + 1, 'x')}; }
    end_with(deliveries(blobs));
    CHECK(fault == "it hands over what is no delivery");
    CHECK(keeper.in_hand() == 0);
}

TEST_CASE_FIXTURE(SessionFixture, "a listener that says what none says is not heard any more") {
    sandbox::Message message;
    SUBCASE("another verb") { message.head["settle"] = 1; }
    SUBCASE("deliveries that are none") { message.head["deliveries"] = 1; }
    SUBCASE("deliveries without a number") {
        message = deliveries({who, "{}"});
        message.head["deliveries"] = "some";
    }
    SUBCASE("more deliveries than go in one message") {
        std::vector<std::string> blobs;
        for (std::size_t i = 0; i <= bot::listener_words::most_deliveries; ++i)
            blobs.insert(blobs.end(), {who, "{}"});
        message = deliveries(std::move(blobs));
    }
    SUBCASE("more bytes than go in one message") {
        message = deliveries({who, std::string(bot::listener_words::most_body_bytes, 'x'), who, "{}"});
    }
    SUBCASE("a question that there is not") { message.head["ask"] = "secrets"; }
    end_with(message);
    CHECK_FALSE(fault.empty());
    CHECK(keeper.in_hand() == 0);
}

TEST_CASE_FIXTURE(SessionFixture, "deliveries that were handed over together are answered together") {
    int number = 6;
    for (const auto how : {bot::ListenerKeeper::Recorded::fresh, bot::ListenerKeeper::Recorded::duplicate,
                           bot::ListenerKeeper::Recorded::failed}) {
        listener->send(deliveries({who, "{}", "github\n77\nguid-2\nissues\n", "{}"}, ++number));
        while (keeper.in_hand() < 2) std::this_thread::yield();
        keeper.finish(how);
        const auto answer = listener->receive();
        REQUIRE(answer);
        CHECK(answer->head.at("recorded") == number);
        CHECK(answer->head.at("as") == std::string(2, bot::listener_words::letter_of(how)));
    }
}

TEST_CASE_FIXTURE(SessionFixture, "a listener that does not wait for its answers is not heard any more") {
    const auto most = bot::listener_words::most_under_way;
    for (std::size_t sent = 0; sent < most; ++sent) listener->send(deliveries({who, "{}"}));
    while (keeper.in_hand() < most && !ended) std::this_thread::yield();
    CHECK(keeper.in_hand() == most);
    listener->send(deliveries({who, "{}"}));
    while (!ended) std::this_thread::yield();
    CHECK(fault == "it hands over more before it was answered");
    CHECK(keeper.in_hand() == most);
}

TEST_CASE_FIXTURE(SessionFixture, "each message is answered by its own number") {
    listener->send(deliveries({who, "{}"}, 7));
    listener->send(deliveries({who, "{}", who, "{}"}, 8));
    while (keeper.in_hand() < 3) std::this_thread::yield();
    keeper.finish(bot::ListenerKeeper::Recorded::fresh);
    for (const int number : {7, 8}) {
        const auto answer = listener->receive();
        REQUIRE(answer);
        CHECK(answer->head.at("recorded") == number);
        CHECK(answer->head.at("as") == (number == 7 ? "f" : "ff"));
    }
}

TEST_CASE_FIXTURE(SessionFixture, "the keeper knows when the listener takes connections") {
    CHECK_FALSE(came_up);
    sandbox::Message serving_now;
    serving_now.head["serving"] = true;
    end_with(serving_now, true);
    CHECK(came_up);
    CHECK(fault.empty());
}

TEST_CASE_FIXTURE(SessionFixture, "a question that cannot be answered is told why") {
    sandbox::Message question;
    question.head["ask"] = "figures";
    listener->send(question);
    const auto told = listener->receive();
    REQUIRE(told);
    CHECK(told->head.at("told") == "figures");
    CHECK(told->head.at("fault") == "broken");
}
