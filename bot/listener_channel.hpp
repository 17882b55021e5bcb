#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bot/listener_keeper.hpp"
#include "integrations/delivery.hpp"
#include "sandbox/channel.hpp"

namespace bot {

/// The keeper as the listener's own process has it: over the channel, whose other end is ListenerSession.
/// What comes while a message of deliveries is under way goes together in the next one, as deliveries that
/// come during a commit share the next commit; a second message goes at the same time once it is as large as
/// the first. Of each kind of question one is under way: however many ask, the keeper answers one at a time.
class ListenerChannel final : public ListenerKeeper {
 public:
    /// `channel`: greeted already. Outlives it.
    explicit ListenerChannel(sandbox::Channel& channel);
    /// Ends the channel.
    ~ListenerChannel() override;

    void record(std::vector<integrations::VerifiedDelivery> deliveries,
                std::move_only_function<void(const std::vector<Recorded>&)> then) override;
    void ask_ready(std::move_only_function<void(std::vector<std::string>)> then) override;
    void ask_figures(std::move_only_function<void(Figures)> then) override;

    /// Until the keeper wants no more deliveries, or is gone.
    void wait();

 private:
    /// What was handed over together.
    struct Bundle {
        std::vector<integrations::VerifiedDelivery> deliveries;
        std::size_t count = 0;
        std::move_only_function<void(const std::vector<Recorded>&)> then;
    };
    using Told = std::move_only_function<void(const sandbox::Message&)>;
    struct Question {
        std::vector<Told> asked;    ///< wait for the answer that is under way
        std::vector<Told> waiting;  ///< came after it was asked
    };

    void ask(const std::string& what, Told then);
    void take_told(const std::string& what, const sandbox::Message& message);
    void send_question(const std::string& what);
    [[nodiscard]] bool worth_a_message() const;
    [[nodiscard]] sandbox::Message next_message();
    void send(const sandbox::Message& message);
    void listen();
    void take(sandbox::Message message);
    void take_recorded(std::uint64_t number, std::string_view letters);

    sandbox::Channel& channel_;
    std::mutex mutex_;  // of all below
    std::condition_variable news_;
    std::deque<Bundle> waiting_;
    std::map<std::uint64_t, std::vector<Bundle>> under_way_;  ///< by the numbers of their messages
    std::uint64_t last_number_ = 0;
    std::map<std::string, Question, std::less<>> questions_;
    bool enough_ = false;
    bool gone_ = false;
    std::jthread hearer_;
};

}  // namespace bot
