#include "bot/runner.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <exception>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "bot/runner_values.hpp"

// Each call of ours is an errand with a number. While it lasts the runner may ask back under that number, and
// we may tell it to cancel or detach; "done" is told when nobody will any more.

namespace bot {

using sandbox::Error;
using sandbox::Message;

/// One call from its beginning to its end.
class Runner::Errand {
 public:
    Errand(Runner& runner, std::shared_ptr<sandbox::Peer> peer, Asked asked)
        : runner_(runner), peer_(std::move(peer)), asked_(std::make_shared<Asked>(std::move(asked))) {
        const std::scoped_lock lock(runner_.mutex_);
        number_ = ++runner_.errands_;
        runner_.asked_.emplace(number_, asked_);
    }
    Errand(const Errand&) = delete;
    Errand& operator=(const Errand&) = delete;
    ~Errand() {
        tell("done");
        settle();
    }

    /// The answer; throws what was thrown when the runner asked back.
    Message call(std::string_view verb, Message question) {
        question.head["errand"] = number_;
        try {
            return peer_->call(verb, std::move(question));
        } catch (const std::runtime_error&) {
            settle();
            if (asked_->thrown) std::rethrow_exception(asked_->thrown);
            throw;
        }
    }

    void tell(std::string_view verb) const {
        Message news;
        news.head["errand"] = number_;
        try {
            peer_->tell(verb, std::move(news));
        } catch (const sandbox::ChannelError&) {
            return;  // whoever waits for an answer hears of it
        }
    }

 private:
    /// Nobody asks back any more. The runner may be dead while what it asked last is still being answered,
    /// from what belongs to our caller.
    void settle() {
        std::unique_lock lock(runner_.mutex_);
        runner_.asked_.erase(number_);
        runner_.news_.wait(lock, [this] { return asked_->busy == 0; });
    }

    Runner& runner_;
    std::shared_ptr<sandbox::Peer> peer_;
    std::shared_ptr<Asked> asked_;
    std::uint64_t number_ = 0;
};

namespace {

std::unexpected<Error> gone(const sandbox::ChannelError& error) {
    return std::unexpected(Error{Error::Kind::unavailable, fmt::format("the runner: {}", error.what())});
}

/// What the answer says, or the error in it.
template <typename Value, typename Read>
std::expected<Value, Error> read(const Message& answer, const Read& value) {
    if (const auto error = answer.head.find("failed"); error != answer.head.end())
        return std::unexpected(runner::error_of(*error));
    return value(answer.head);
}

}  // namespace

Runner::Runner(const std::filesystem::path& program, const config::SandboxSettings& settings,
               const std::string& instance) {
    auto wanted = settings;
    if (const char* host = std::getenv("DOCKER_HOST"); wanted.docker_host.empty() && host != nullptr)
        wanted.docker_host = host;
    const bool over_tcp = wanted.docker_host.starts_with("tcp://");
    part_.emplace(PeerPart::Plan{.name = over_tcp ? "runner-over-tcp" : "runner",
                                 .program = program,
                                 .verbs = verbs(),
                                 .greet = [this, wanted, instance](sandbox::Peer& peer) {
                                     Message hello;
                                     hello.head["settings"] = runner::to_json(wanted);
                                     hello.head["instance"] = instance;
                                     const auto answer = peer.call("open", std::move(hello));
                                     const std::scoped_lock lock(mutex_);
                                     if (!backend_.empty()) return;  // as it was when we started
                                     backend_ = answer.head.at("backend");
                                     description_ = answer.head.at("description");
                                 }});
}

std::expected<sandbox::Image, Error> Runner::resolve(const std::string& image, std::stop_token stop) try {
    Errand errand(*this, part_->peer(), {});
    const std::stop_callback cancel(stop, [&] { errand.tell("cancel"); });
    Message question;
    question.head["image"] = image;
    return read<sandbox::Image>(errand.call("resolve", std::move(question)), [](const auto& head) {
        return sandbox::Image{.id = head.at("id"), .name = head.at("name")};
    });
} catch (const sandbox::ChannelError& error) {
    return gone(error);
}

std::expected<sandbox::RunOutcome, Error> Runner::run(const sandbox::RunSpec& spec,
                                                      const sandbox::RunFiles& files,
                                                      const sandbox::Control& control) try {
    Errand errand(*this, part_->peer(), {.output = spec.on_output, .end = spec.on_end});
    const std::stop_callback cancel(control.cancel, [&] { errand.tell("cancel"); });
    const std::stop_callback detach(control.detach, [&] { errand.tell("detach"); });
    Message question;
    question.blobs.push_back(runner::pack(spec));
    question.head["root"] = files.root().string();
    question.head["home"] = files.home().string();
    question.head["layers"] = nlohmann::json::array();
    for (const auto& layer : files.layers()) question.head["layers"].push_back(layer.string());
    question.head["identity"] = files.identity();
    question.head["output"] = spec.on_output != nullptr;
    question.head["end"] = spec.on_end != nullptr;
    return read<sandbox::RunOutcome>(errand.call("run", std::move(question)),
                                     [](const auto& head) { return runner::outcome_of(head.at("outcome")); });
} catch (const sandbox::ChannelError& error) {
    return gone(error);
}

std::expected<std::vector<std::string>, Error> Runner::sweep(
    const std::function<bool(std::string_view name)>& keep) try {
    Errand errand(*this, part_->peer(), {.keep = keep});
    return read<std::vector<std::string>>(errand.call("sweep", {}), [](const auto& head) {
        return head.at("names").template get<std::vector<std::string>>();
    });
} catch (const sandbox::ChannelError& error) {
    return gone(error);
}

Message Runner::ask_back(const Message& question, const std::function<void(Asked&)>& answer) {
    std::shared_ptr<Asked> asked;
    {
        const std::scoped_lock lock(mutex_);
        const auto found = asked_.find(question.head.at("errand").get<std::uint64_t>());
        if (found == asked_.end()) throw std::runtime_error("nobody waits for this any more");
        asked = found->second;
        ++asked->busy;
    }
    std::exception_ptr thrown;
    try {
        answer(*asked);
    } catch (...) {
        thrown = std::current_exception();
    }
    {
        const std::scoped_lock lock(mutex_);
        if (thrown) asked->thrown = thrown;
        --asked->busy;
        news_.notify_all();
    }
    if (thrown) throw std::runtime_error("it could not be taken in");  // our caller is told what it was
    return {};
}

sandbox::Peer::Verbs Runner::verbs() {
    return {{"output",
             [this](const Message& news) {
                 return ask_back(news, [&](Asked& asked) { asked.output(news.blobs.at(0)); });
             }},
            {"ended",
             [this](const Message& question) {
                 return ask_back(question, [&](Asked& asked) {
                     asked.end(runner::outcome_of(question.head.at("outcome")));
                 });
             }},
            {"keep", [this](const Message& question) {
                 Message answer;
                 ask_back(question, [&](Asked& asked) {
                     answer.head["keep"] = asked.keep(question.head.at("name").get<std::string>());
                 });
                 return answer;
             }}};
}

}  // namespace bot
