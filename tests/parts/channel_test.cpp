#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/channel.hpp"
#include "sandbox/peer.hpp"

using sandbox::Channel;
using sandbox::ChannelError;
using sandbox::Descriptor;
using sandbox::Message;
using sandbox::Peer;

namespace {

struct Two {
    Two() : Two(Channel::pair()) {}
    explicit Two(std::pair<Descriptor, Descriptor> ends)
        : one(std::move(ends.first)), other(std::move(ends.second)) {}
    Channel one, other;
};

Message with(std::string key, nlohmann::json value) {
    Message message;
    message.head[std::move(key)] = std::move(value);
    return message;
}

}  // namespace

TEST_CASE("a message arrives as it was sent: its head, bytes of any kind, and open files") {
    Two ends;
    Message message = with("who", "the keeper");
    message.blobs = {std::string("\0\xff bytes", 8), "", std::string(3 << 20, 'x')};
    message.files.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    std::jthread sender([&] { ends.one.send(message); });
    const auto got = ends.other.receive();
    REQUIRE(got);
    CHECK(got->head == message.head);
    CHECK(got->blobs == message.blobs);
    REQUIRE(got->files.size() == 1);
    CHECK(got->files.front().get() != message.files.front().get());
    CHECK(::fcntl(got->files.front().get(), F_GETFD) == FD_CLOEXEC);
}

TEST_CASE("text that is not UTF-8 is sent in a readable form") {
    Two ends;
    ends.one.send(with("name", "caf\xe9"));
    CHECK(ends.other.receive()->head["name"] == "caf\xef\xbf\xbd");
}

TEST_CASE("an end in good order is no error; one in the middle of a message is") {
    Two ends;
    ends.one.shut_down();
    CHECK_FALSE(ends.other.receive());
    CHECK_THROWS_AS(ends.one.send({}), ChannelError);

    Two cut;
    CHECK(::send(cut.one.descriptor(), "\x05", 1, 0) == 1);
    cut.one.shut_down();
    CHECK_THROWS_AS(std::ignore = cut.other.receive(), ChannelError);
}

TEST_CASE("sizes that nobody honest sends are refused before there is memory for them") {
    const auto hears = [](const std::string& bytes) {
        Two ends;
        CHECK(::send(ends.one.descriptor(), bytes.data(), bytes.size(), 0) ==
              static_cast<ssize_t>(bytes.size()));
        ends.one.shut_down();
        CHECK_THROWS_AS(std::ignore = ends.other.receive(), ChannelError);
    };
    hears(std::string("\xff\xff\xff\x7f\0\0\0\0", 8));                                 // head
    hears(std::string("\x02\0\0\0\xff\xff\xff\x7f", 8));                               // number of blobs
    hears(std::string("\x02\0\0\0\x01\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff{}", 18));  // size of a blob
    hears(std::string("\x02\0\0\0\0\0\0\0[]", 10));                                    // no object
    hears(std::string("\x02\0\0\0\0\0\0\0{!", 10));                                    // no JSON
}

TEST_CASE("many callers at once each get their own answer, and a verb may call back") {
    auto [ours, theirs] = Channel::pair();
    Peer asked(std::move(theirs),
               {{"double", [](Message question) { return with("is", 2 * question.head["of"].get<int>()); }}});
    Peer* caller = nullptr;
    Peer keeper(std::move(ours),
                {{"relay", [&](Message question) { return caller->call("double", std::move(question)); }}});
    caller = &keeper;
    std::vector<std::jthread> threads;
    std::atomic<int> wrong = 0;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            for (int j = 0; j < 50; ++j) {
                auto& from = i % 2 == 0 ? keeper : asked;
                const auto answer = from.call(i % 2 == 0 ? "double" : "relay", with("of", i * 100 + j));
                if (answer.head["is"] != 2 * (i * 100 + j)) ++wrong;
            }
        });
    threads.clear();
    CHECK(wrong == 0);
}

TEST_CASE("what a verb throws reaches the caller in its words; so does a verb that is not there") {
    auto [ours, theirs] = Channel::pair();
    const Peer asked(std::move(theirs),
                     {{"fail", [](Message) -> Message { throw std::runtime_error("the disk is full"); }}});
    Peer caller(std::move(ours), {});
    CHECK_THROWS_WITH_AS(caller.call("fail"), "the disk is full", sandbox::PeerError);
    CHECK_THROWS_WITH_AS(caller.call("sing"), "there is no verb 'sing' here", sandbox::PeerError);
}

TEST_CASE("who asks more at a time than it may is not listened to any more") {
    auto [here, there] = Channel::pair();
    std::binary_semaphore enough(0);
    Peer careful(std::move(here),
                 {{"wait",
                   [&](Message) {
                       enough.acquire();
                       enough.release();
                       return Message{};
                   }}},
                 2);
    Peer greedy(std::move(there), {});
    std::vector<std::jthread> askers;
    for (int i = 0; i < 3; ++i)
        askers.emplace_back(
            [&] { CHECK_THROWS_AS(std::ignore = greedy.call("wait"), sandbox::ChannelError); });
    careful.wait();
    enough.release();
}

TEST_CASE("who has waited long enough for an answer goes on without it") {
    auto [here, there] = Channel::pair();
    std::binary_semaphore enough(0);
    Peer slow(std::move(here), {{"wait",
                                 [&](Message) {
                                     enough.acquire();
                                     return Message{};
                                 }},
                                {"now", [](Message) { return Message{}; }}});
    Peer asker(std::move(there), {});
    CHECK_THROWS_WITH_AS(std::ignore = asker.call("wait", {}, std::chrono::milliseconds(50)),
                         "no answer within 50 ms", sandbox::ChannelError);
    enough.release();
    CHECK_NOTHROW(std::ignore = asker.call("now"));
}

TEST_CASE("news arrives in the order it was sent") {
    auto [ours, theirs] = Channel::pair();
    std::vector<int> heard;
    Peer asked(std::move(theirs), {{"piece",
                                    [&](Message news) {
                                        heard.push_back(news.head["n"].get<int>());
                                        return Message{};
                                    }},
                                   {"all", [&](Message) { return Message{}; }}});
    Peer teller(std::move(ours), {});
    for (int i = 0; i < 200; ++i) teller.tell("piece", with("n", i));
    std::ignore = teller.call("all");  // begins after all that was told before it
    std::vector<int> told(200);
    for (int i = 0; i < 200; ++i) told[static_cast<std::size_t>(i)] = i;
    CHECK(heard == told);
}

TEST_CASE("who waits for an answer hears when the other side is gone, and so does who asks later") {
    auto [ours, theirs] = Channel::pair();
    Peer caller(std::move(ours), {});
    {
        Channel silent(std::move(theirs));
        std::jthread end([&] {
            std::ignore = silent.receive();
            silent.shut_down();
        });
        CHECK_THROWS_AS(caller.call("anything"), ChannelError);
    }
    CHECK_THROWS_AS(caller.call("more"), ChannelError);
    caller.wait();
    CHECK(caller.over());
}
