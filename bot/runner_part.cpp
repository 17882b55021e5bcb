#include "bot/runner_part.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>

#include "bot/runner_values.hpp"
#include "sandbox/part.hpp"
#include "sandbox/peer.hpp"
#include "sandbox/sandbox.hpp"

namespace bot {

namespace {

using sandbox::Message;

/// The files of a run that the keeper has laid out.
class Files final : public sandbox::RunFiles {
 public:
    explicit Files(const nlohmann::json& head)
        : root_(head.at("root").get<std::string>()),
          home_(head.at("home").get<std::string>()),
          identity_(head.at("identity").get<std::string>()) {
        for (const auto& layer : head.at("layers")) layers_.emplace_back(layer.get<std::string>());
    }
    [[nodiscard]] std::filesystem::path root() const override { return root_; }
    [[nodiscard]] std::filesystem::path home() const override { return home_; }
    [[nodiscard]] std::vector<std::filesystem::path> layers() const override { return layers_; }
    [[nodiscard]] std::string identity() const override { return identity_; }

 private:
    std::filesystem::path root_, home_;
    std::vector<std::filesystem::path> layers_;
    std::string identity_;
};

struct Stops {
    std::stop_source cancel, detach;
};

std::uint64_t errand_of(const Message& message) { return message.head.at("errand").get<std::uint64_t>(); }

Message about(std::uint64_t errand) {
    Message message;
    message.head["errand"] = errand;
    return message;
}

Message failed(const sandbox::Error& error) {
    Message answer;
    answer.head["failed"] = runner::to_json(error);
    return answer;
}

class RunnerPart {
 public:
    explicit RunnerPart(sandbox::Descriptor channel) : peer_(std::move(channel), verbs()) {
        keeper_ = &peer_;
        keeper_.notify_all();
    }

    /// Until the keeper is gone. Programs that survive go on without us.
    void serve() {
        peer_.wait();
        const std::scoped_lock lock(mutex_);
        for (auto& [number, stops] : stops_) stops.detach.request_stop();
    }

 private:
    sandbox::Peer::Verbs verbs() {
        return {{"open", [this](const Message& hello) { return open(hello); }},
                {"resolve", [this](const Message& question) { return resolve(question); }},
                {"run", [this](const Message& question) { return run(question); }},
                {"sweep", [this](const Message& question) { return sweep(question); }},
                {"cancel", [this](const Message& news) { return stop(news, &Stops::cancel); }},
                {"detach", [this](const Message& news) { return stop(news, &Stops::detach); }},
                {"done", [this](const Message& news) {
                     const std::scoped_lock lock(mutex_);
                     stops_.erase(errand_of(news));
                     return Message{};
                 }}};
    }

    /// Of an errand that has begun, or whose end was told before it could begin.
    Stops stops(std::uint64_t errand) {
        const std::scoped_lock lock(mutex_);
        return stops_[errand];
    }

    Message stop(const Message& news, std::stop_source Stops::* which) {
        auto found = stops(errand_of(news));
        (found.*which).request_stop();
        return {};
    }

    [[nodiscard]] sandbox::Sandbox& walls() const {
        const std::scoped_lock lock(mutex_);
        if (!sandbox_) throw std::runtime_error("the runner was not greeted");
        return *sandbox_;
    }

    /// Verbs may be called before the constructor has ended.
    [[nodiscard]] sandbox::Peer& keeper() const {
        keeper_.wait(nullptr);
        return *keeper_.load();
    }

    Message open(const Message& hello) {
        const auto settings = runner::settings_of(hello.head.at("settings"));
        auto made = sandbox::make_sandbox(settings, hello.head.at("instance").get<std::string>());
        if (!made) throw std::runtime_error("sandbox: " + made.error().message);
        Message answer;
        answer.head["backend"] = (*made)->backend();
        answer.head["description"] = (*made)->describe();
        const std::scoped_lock lock(mutex_);
        sandbox_ = std::move(*made);
        return answer;
    }

    Message resolve(const Message& question) {
        const auto stop = stops(errand_of(question)).cancel.get_token();
        const auto image = walls().resolve(question.head.at("image").get<std::string>(), stop);
        if (!image) return failed(image.error());
        Message answer;
        answer.head["id"] = image->id;
        answer.head["name"] = image->name;
        return answer;
    }

    Message run(const Message& question) {
        const auto errand = errand_of(question);
        const auto stop = stops(errand);
        auto spec = runner::unpack(question.blobs.at(0));
        if (question.head.at("output").get<bool>())
            spec.on_output = [&](std::string_view piece) {
                auto news = about(errand);
                news.blobs.emplace_back(piece);
                keeper().tell("output", std::move(news));
            };
        if (question.head.at("end").get<bool>())
            spec.on_end = [&](const sandbox::RunOutcome& outcome) {
                auto news = about(errand);
                news.head["outcome"] = runner::to_json(outcome);
                keeper().call("ended", std::move(news));
            };
        const auto outcome =
            walls().run(spec, Files(question.head),
                        {.cancel = stop.cancel.get_token(), .detach = stop.detach.get_token()});
        if (!outcome) return failed(outcome.error());
        Message answer;
        answer.head["outcome"] = runner::to_json(*outcome);
        return answer;
    }

    Message sweep(const Message& question) {
        const auto names = walls().sweep([&](std::string_view name) {
            auto doubt = about(errand_of(question));
            doubt.head["name"] = name;
            return keeper().call("keep", std::move(doubt)).head.at("keep").get<bool>();
        });
        if (!names) return failed(names.error());
        Message answer;
        answer.head["names"] = *names;
        return answer;
    }

    std::atomic<sandbox::Peer*> keeper_{nullptr};
    mutable std::mutex mutex_;  // of the two below
    std::map<std::uint64_t, Stops> stops_;
    std::unique_ptr<sandbox::Sandbox> sandbox_;
    sandbox::Peer peer_;  // last: its verbs use all of the above
};

}  // namespace

int serve_runner_over_tcp(sandbox::Descriptor channel) {
    sandbox::wall_in({.any_call = true});
    RunnerPart(std::move(channel)).serve();
    return 0;
}

int serve_runner(sandbox::Descriptor channel) {
    sandbox::leave_network();  // where it cannot, docs/processes.md says what that means
    return serve_runner_over_tcp(std::move(channel));
}

}  // namespace bot
