// Verbs that the keeper calls: `models` once, before all others; `open`, `close`, `report` of a door by its
// number; `parked` of a provider. What it is asked: `reserve`. What it is told: `settle`, `halt`, and
// `report` when one has changed. All of it in the order in which it came about: a door's last settlement is
// told before its `close` is answered, and a call's before the next one's `reserve`.
#include "bot/door_part.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "bot/door_values.hpp"
#include "config/models.hpp"
#include "sandbox/door.hpp"
#include "sandbox/gateway.hpp"
#include "sandbox/part.hpp"
#include "sandbox/peer.hpp"

namespace bot {

namespace {

using door_values::Json;
using sandbox::Message;

/// What the keeper knows of a door that ends with this process is at most so old.
constexpr std::chrono::milliseconds report_period{500};

Message said(Json head) { return {.head = std::move(head), .blobs = {}, .files = {}}; }

/// News for a keeper that may be gone, and then this process ends too.
void tell(sandbox::Peer& keeper, std::string_view verb, Json head) {
    try {
        keeper.tell(verb, said(std::move(head)));
    } catch (const sandbox::ChannelError&) {
        keeper.shut_down();
    }
}

/// Questions to the ledger, as news both ways: a call is answered in a thread that is new, and a busy machine
/// lets a new thread wait for milliseconds.
class Counter {
 public:
    using Reservation = sandbox::Purse::Reservation;

    Reservation reserve(sandbox::Peer& keeper, Json question) {
        std::unique_lock lock(mutex_);
        const auto ticket = ++tickets_;
        auto& waiting = waiting_[ticket];
        lock.unlock();
        question["ticket"] = ticket;
        tell(keeper, "reserve", std::move(question));
        lock.lock();
        waiting.bell.wait(lock, [&] { return waiting.answer || closed_; });
        // A keeper that is gone pays for nothing.
        const auto answer = waiting.answer.value_or(Reservation{.answer = sandbox::Purse::Answer::busy});
        waiting_.erase(ticket);
        return answer;
    }

    void answer(const Json& news) {
        const std::scoped_lock lock(mutex_);
        const auto waiting = waiting_.find(news.at("ticket").get<std::uint64_t>());
        if (waiting == waiting_.end()) return;
        waiting->second.answer = {
            .answer = static_cast<sandbox::Purse::Answer>(news.at("granted").get<int>()),
            .id = news.at("id").get<std::int64_t>()};
        waiting->second.bell.notify_one();
    }

    /// Nobody answers any more.
    void close() {
        const std::scoped_lock lock(mutex_);
        closed_ = true;
        for (auto& [ticket, waiting] : waiting_) waiting.bell.notify_one();
    }

 private:
    struct Waiting {
        std::condition_variable bell;
        std::optional<Reservation> answer;
    };
    std::mutex mutex_;
    std::uint64_t tickets_ = 0;
    bool closed_ = false;
    std::map<std::uint64_t, Waiting> waiting_;
};

/// The ledger, asked over the channel.
class KeeperPurse final : public sandbox::Purse {
 public:
    KeeperPurse(sandbox::Peer& keeper, Counter& counter, Json whose)
        : keeper_(keeper), counter_(counter), whose_(std::move(whose)) {}

    [[nodiscard]] Reservation reserve(const sandbox::ModelUse& most) override {
        auto question = whose_;
        question["use"] = door_values::to_json(most);
        return counter_.reserve(keeper_, std::move(question));
    }
    void settle(std::int64_t reservation, const sandbox::ModelUse& used) override {
        auto news = whose_;
        news["id"] = reservation;
        news["use"] = door_values::to_json(used);
        tell(keeper_, "settle", std::move(news));
    }

 private:
    sandbox::Peer& keeper_;
    Counter& counter_;
    Json whose_;
};

class OpenDoors {
 public:
    explicit OpenDoors(sandbox::Descriptor channel)
        : keeper_(std::move(channel), {{"models", verb(&OpenDoors::take_models)},
                                       {"open", verb(&OpenDoors::open)},
                                       {"close", verb(&OpenDoors::close)},
                                       {"report", verb(&OpenDoors::report)},
                                       {"parked", verb(&OpenDoors::parked)},
                                       {"reserved", [this](const Message& news) {
                                            counter_.answer(news.head);
                                            return Message{};
                                        }}}) {
        made_.count_down();
        reporting_ = std::jthread([this](const std::stop_token& stop) { tell_reports(stop); });
    }
    /// The doors end while there is still somebody to settle with.
    ~OpenDoors() {
        reporting_ = {};
        counter_.close();
        const std::scoped_lock lock(mutex_);
        over_ = true;
        doors_.clear();
    }
    OpenDoors(const OpenDoors&) = delete;
    OpenDoors& operator=(const OpenDoors&) = delete;

    void serve() { keeper_.wait(); }

 private:
    struct OneDoor {
        Json whose;
        std::unique_ptr<KeeperPurse> purse;
        std::unique_ptr<sandbox::Door> door;  // before the purse in going
        sandbox::DoorReport told;
    };

    sandbox::Peer::Verb verb(Message (OpenDoors::*member)(Message)) {
        return [this, member](Message question) {
            made_.wait();  // a call may come before the constructor has come to its end
            return (this->*member)(std::move(question));
        };
    }

    Message take_models(Message question) {
        const std::scoped_lock lock(mutex_);
        if (keys_) throw std::logic_error("the models have been said already");
        models_ = door_values::models_of(question.head.at("models"));
        keys_.emplace(models_);
        return {};
    }

    Message open(Message question) {
        const auto& head = question.head;
        const auto id = head.at("door").get<std::uint64_t>();
        const std::scoped_lock lock(mutex_);
        if (!keys_ || over_) throw std::logic_error("no door can be opened now");
        if (doors_.contains(id)) return {};  // it was opened in the greeting
        auto one = std::make_shared<OneDoor>();
        one->whose = {{"door", id}, {"era", head.at("era")}};
        one->purse = std::make_unique<KeeperPurse>(keeper_, counter_, one->whose);
        sandbox::DoorPlan plan{
            .files = {.listener = std::move(question.files.at(0)), .record = std::move(question.files.at(1))},
            .egress = {.hosts = head.at("hosts").get<std::vector<std::string>>()},
            .gateway = nullptr,
            .visitor = head.at("visitor").get<unsigned>()};
        if (head.contains("provider")) plan.gateway = gateway(head, *one, std::move(question.files.at(2)));
        auto door = sandbox::Door::open(std::move(plan));
        if (!door) throw std::runtime_error(door.error().message);
        one->door = std::move(*door);
        doors_.emplace(id, std::move(one));
        return {};
    }

    std::unique_ptr<sandbox::Gateway> gateway(const Json& head, OneDoor& one, sandbox::Descriptor record) {
        const auto* provider = config::find_provider(models_, head.at("provider").get<std::string>());
        if (provider == nullptr) throw std::logic_error("there is no such provider");
        return std::make_unique<sandbox::Gateway>(
            sandbox::GatewayPlan{.provider = *provider,
                                 .models = head.at("models").get<std::set<std::string>>(),
                                 .purse = *one.purse,
                                 .keys = *keys_,
                                 .record = std::move(record),
                                 .on_halt = [this, whose = one.whose] { tell(keeper_, "halt", whose); }});
    }

    Message close(Message question) {
        std::shared_ptr<OneDoor> one;
        {
            const std::scoped_lock lock(mutex_);
            const auto found = doors_.find(question.head.at("door").get<std::uint64_t>());
            if (found == doors_.end()) return {};
            one = std::move(found->second);
            doors_.erase(found);
        }
        one->door.reset();  // every call has been settled
        return {};
    }

    Message report(Message question) {
        const auto id = question.head.at("door").get<std::uint64_t>();
        const std::scoped_lock lock(mutex_);
        const auto& one = *doors_.at(id);
        auto answer = one.whose;
        answer["report"] = door_values::to_json(one.door->report());
        return said(std::move(answer));
    }

    Message parked(Message question) {
        const std::scoped_lock lock(mutex_);
        const auto until =
            keys_ ? keys_->parked_until(question.head.at("provider").get<std::string>()) : std::nullopt;
        return said({{"until", door_values::to_json(until)}});
    }

    void tell_reports(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        while (!stop.stop_requested()) {
            for (auto& [id, one] : doors_) {
                auto now = one->door->report();
                if (now == one->told) continue;
                auto news = one->whose;
                news["report"] = door_values::to_json(now);
                one->told = std::move(now);
                tell(keeper_, "report", std::move(news));
            }
            never_.wait_for(lock, stop, report_period, [] { return false; });
        }
    }

    std::latch made_{1};
    Counter counter_;
    std::mutex mutex_;  // of the models and the doors
    std::condition_variable_any never_;
    config::ModelSettings models_;
    std::optional<sandbox::ModelKeys> keys_;
    std::map<std::uint64_t, std::shared_ptr<OneDoor>> doors_;
    bool over_ = false;
    sandbox::Peer keeper_;  // before all above in going: verbs under way use them
    std::jthread reporting_;
};

}  // namespace

int serve_door(sandbox::Descriptor channel) {
    // Files: what the system's resolver reads, and the certificates of authorities.
    sandbox::wall_in(
        {.rights = {sandbox::Right::files, sandbox::Right::network}, .user = sandbox::door_user});
    OpenDoors doors(std::move(channel));
    doors.serve();
    return 0;
}

}  // namespace bot
