#include "sandbox/docker_run.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>

#include "sandbox/docker_state.hpp"
#include "sandbox/watch.hpp"

/// How a run goes: create -> attach (one connection that carries stdin in and the output out) -> start -> a
/// second connection on which the engine answers once the program has ended -> inspect -> delete. Both
/// connections are watched by one poll() together with the deadlines and the caller's wishes; nothing is
/// asked repeatedly.
///
/// The name of the container is made from the name of the run, and a label proves what it was made for. So
/// after a lost reply, or in the next process, creating it again meets the engine's "name in use" and finds
/// the same run: not yet started, running, or ended.
namespace sandbox {

namespace {

using nlohmann::json;
using std::chrono::seconds;
using End = RunOutcome::End;

constexpr seconds attach_patience{30};
/// For the last output of a program that has ended.
constexpr seconds drain_patience{5};
/// For the engine, past TERM and KILL.
constexpr seconds kill_patience{10};

std::unexpected<Error> unavailable(std::string message) {
    return std::unexpected(Error{Error::Kind::unavailable, std::move(message)});
}

std::unexpected<Error> refused(const DockerReply& reply) {
    return std::unexpected(
        Error{Error::Kind::refused, "the Docker Engine refused the run: " + reply.message()});
}

json parse(const std::string& text) { return json::parse(text, nullptr, false); }

enum class Found { fresh, running, ended };

struct Container {
    std::string id;
    Found found = Found::fresh;
    std::chrono::system_clock::duration age{0};  ///< of one that runs
};

/// The container of this name that is there already; nullopt when it had to go or went by itself.
std::expected<std::optional<Container>, Error> adopt(DockerApi& api, const std::string& name,
                                                     const ContainerPlan& plan, const std::string& proof) {
    const auto reply = api.get("/containers/" + name + "/json");
    if (!reply) return std::unexpected(reply.error());
    if (reply->status == 404) return std::nullopt;
    const auto document = parse(reply->body);
    if (!reply->ok()) return unavailable("inspect: " + reply->message());

    const auto& labels = document.at("Config").at("Labels");
    const auto label = [&](std::string_view key) {
        return labels.is_object() ? labels.value(std::string(key), "") : std::string();
    };
    if (label(instance_label) != plan.instance) {
        return std::unexpected(Error{Error::Kind::refused,
                                     fmt::format("container {} is not ours; remove it or rename it", name)});
    }
    Container container{.id = document.value("Id", name)};
    const auto& state = document.at("State");
    const auto status = state.value("Status", "");
    if (label(spec_label) == proof) {
        if (status == "created") return container;
        if (status == "running") {
            container.found = Found::running;
            if (const auto started = engine_time(state.value("StartedAt", ""))) {
                container.age = std::chrono::system_clock::now() - *started;
            }
            return container;
        }
        if (status == "exited" && !ContainerState(state).killed_from_outside()) {
            container.found = Found::ended;
            return container;
        }
    }
    if (auto removed = remove_container(api, container.id); !removed) return std::unexpected(removed.error());
    return std::nullopt;
}

std::expected<Container, Error> obtain(DockerApi& api, const DockerEngine& engine, const RunSpec& spec,
                                       const ContainerPlan& plan) {
    const auto name = container_name(plan.instance, spec.name);
    const auto request = container_request(spec, plan);
    for (int attempt = 0; attempt < 3; ++attempt) {
        const auto reply = api.post("/containers/create?name=" + name, request.body);
        if (!reply) return std::unexpected(reply.error());
        if (reply->status == 409) {
            auto found = adopt(api, name, plan, request.proof);
            if (!found) return std::unexpected(found.error());
            if (*found) return std::move(**found);
            continue;
        }
        if (reply->status == 404) {
            return std::unexpected(Error{Error::Kind::no_image, fmt::format("image {} is not there: {}",
                                                                            spec.image, reply->message())});
        }
        if (!reply->ok()) return refused(*reply);
        const auto document = parse(reply->body);
        Container container{.id = document.is_object() ? document.value("Id", name) : name};
        const auto warnings = document.is_object() ? document.value("Warnings", json()) : json();
        for (const auto& warning : warnings) {
            // Of a limit that the kernel lacks the engine only warns, and goes on without it.
            const auto text = warning.get<std::string>();
            if (engine.allow_weak_limits || text.contains("platform")) continue;
            (void)remove_container(api, container.id);
            return std::unexpected(Error{Error::Kind::unenforceable, text});
        }
        return container;
    }
    return unavailable(fmt::format("container name {} stays in use", name));
}

class Watched {
 public:
    Watched(const DockerEngine& engine, DockerApi& api, const RunSpec& spec, const Control& control,
            const Wake& wake, Container container, OutputLog& log)
        : engine_(engine),
          api_(api),
          control_(control),
          wake_(wake),
          on_end_(spec.on_end),
          container_(std::move(container)),
          log_(log),
          stdin_left_(spec.standard_input),
          survives_(spec.survives),
          started_(Clock::now()),
          deadlines_(spec.limits, started_ - std::chrono::duration_cast<Clock::duration>(container_.age)) {
        deadlines_.output_seen(started_);
    }

    /// Ends the container on every way out on which nobody could want it any more.
    ~Watched() {
        if (!leave_) (void)remove_container(api_, container_.id);
    }
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    std::expected<RunOutcome, Error> run() {
        auto begun = container_.found == Found::fresh ? start() : join();
        if (!begun) return std::unexpected(begun.error());
        if (auto watched = watch(); !watched) return std::unexpected(watched.error());
        return conclude();
    }

 private:
    std::expected<void, Error> open(std::optional<DockerStream>& stream, DockerStream::Kind kind,
                                    const std::string& method, const std::string& verb) {
        auto opened = DockerStream::open(engine_.endpoint, kind, method,
                                         engine_.version + "/containers/" + container_.id + verb);
        if (!opened) return std::unexpected(opened.error());
        stream.emplace(std::move(*opened));
        return {};
    }

    std::expected<void, Error> start() {
        using Kind = DockerStream::Kind;
        const std::string attach = stdin_left_.empty() ? "/attach?stream=1&stdout=1&stderr=1"
                                                       : "/attach?stream=1&stdin=1&stdout=1&stderr=1";
        if (auto opened = open(output_, Kind::hijack, "POST", attach); !opened) return opened;
        if (!output_->await_head(attach_patience) || (output_->status() != 101 && output_->status() != 200)) {
            return unavailable(
                fmt::format("attaching to the container failed with status {}", output_->status()));
        }
        // Before the start, so that a program adopted later cannot have been given half of its input.
        if (!stdin_left_.empty()) feed_stdin();
        started_ = Clock::now();
        const auto reply = api_.post("/containers/" + container_.id + "/start");
        if (!reply) return std::unexpected(reply.error());
        if (!reply->ok() && reply->status != 304) return refused(*reply);
        return open(wait_, Kind::reply, "POST", "/wait");
    }

    std::expected<void, Error> join() {
        stdin_left_ = {};
        adopted_ = true;
        if (auto opened = open(output_, DockerStream::Kind::reply, "GET", "/logs?stdout=1&stderr=1&follow=1");
            !opened) {
            return opened;
        }
        return open(wait_, DockerStream::Kind::reply, "POST", "/wait");
    }

    void feed_stdin() {
        if (!output_->send(stdin_left_)) stdin_left_ = {};  // the program does not want it
        if (stdin_left_.empty()) output_->end_sending();
    }

    void take_output() {
        piece_.clear();
        output_->read(piece_);
        if (piece_.empty()) return;
        if (output_->status() >= 300) {
            output_error_.append(piece_);
            return;
        }
        deadlines_.output_seen(Clock::now());
        drain_until_ = Clock::now() + drain_patience;
        frames_.feed(piece_, [this](std::string_view part) { log_.add(part); });
    }

    /// True once the program has ended.
    std::expected<bool, Error> take_end() {
        wait_->read(wait_body_);
        if (!wait_->ended()) return false;
        const auto document = parse(wait_body_);
        if (!document.is_object() || !document.contains("StatusCode")) {
            leave_ = survives_;
            return unavailable("the Docker Engine went away while the program ran");
        }
        exit_code_ = document["StatusCode"].get<int>();
        ended_ = Clock::now();
        drain_until_ = *ended_ + drain_patience;
        return true;
    }

    void begin_stop(End why) {
        if (why_) return;
        why_ = why;
        give_up_ = Clock::now() + term_grace + kill_patience;
        (void)open(stop_, DockerStream::Kind::reply, "POST", fmt::format("/stop?t={}", term_grace.count()));
    }

    /// What the caller wants; an error when it wants us to go.
    std::expected<void, Error> heed_wishes() {
        if (why_) return {};
        if (control_.cancel.stop_requested()) {
            begin_stop(End::cancelled);
        } else if (control_.detach.stop_requested()) {
            // One that has not got all its input is of no use to the next process.
            leave_ = survives_ && stdin_left_.empty();
            return std::unexpected(Error{Error::Kind::interrupted, leave_
                                                                       ? "detached; the program runs on"
                                                                       : "detached; the program is ended"});
        }
        return {};
    }

    [[nodiscard]] Clock::time_point next_deadline() const {
        if (ended_) return drain_until_;
        return why_ ? give_up_ : deadlines_.next();
    }

    std::expected<void, Error> watch() {
        while (!ended_ || (!output_->ended() && Clock::now() < drain_until_)) {
            std::array<pollfd, 4> ready{pollfd{output_->ended() ? -1 : output_->fd(), POLLIN, 0},
                                        pollfd{ended_ ? -1 : wait_->fd(), POLLIN, 0},
                                        pollfd{why_ || ended_ ? -1 : wake_.fd(), POLLIN, 0},
                                        pollfd{stop_ && !stop_->ended() ? stop_->fd() : -1, POLLIN, 0}};
            if (!stdin_left_.empty()) ready[0].events |= POLLOUT;
            if (::poll(ready.data(), ready.size(), poll_milliseconds(Clock::now(), next_deadline())) < 0)
                continue;

            if ((ready[0].revents & POLLOUT) != 0) feed_stdin();
            if ((ready[0].revents & ~POLLOUT) != 0) take_output();
            if (ready[1].revents != 0) {
                if (auto end = take_end(); !end) return std::unexpected(end.error());
            }
            if (ready[3].revents != 0) stop_->read(stop_body_);
            if (ended_) continue;
            if (auto heeded = heed_wishes(); !heeded) return heeded;
            if (const auto passed = deadlines_.passed(Clock::now())) begin_stop(*passed);
            if (why_ && Clock::now() >= give_up_)
                return unavailable("the Docker Engine cannot end the program");
        }
        if (output_->status() >= 300) return unavailable("the output cannot be read: " + output_error_);
        return {};
    }

    std::expected<RunOutcome, Error> conclude() {
        RunOutcome outcome{.end = end_of_status(exit_code_), .exit_code = exit_code_, .adopted = adopted_};
        outcome.duration = std::chrono::duration_cast<std::chrono::milliseconds>(*ended_ - started_);
        const auto reply = api_.get("/containers/" + container_.id + "/json");
        if (!reply) {
            leave_ = survives_;
            return std::unexpected(reply.error());
        }
        if (const auto document = parse(reply->body); reply->ok() && document.contains("State")) {
            const ContainerState state(document.at("State"));
            const bool killed = !why_ && exit_code_ == 128 + SIGKILL;
            if (exit_code_ != 0 &&
                (state.out_of_memory || (killed && heard_of_oom(api_, container_.id, state))))
                outcome.end = End::out_of_memory;
            if (adopted_ && state.duration) outcome.duration = *state.duration;
        }
        if (why_) outcome.end = *why_;
        log_.finish();
        outcome.output_bytes = log_.total();
        outcome.dropped_bytes = log_.dropped();
        leave_ = survives_;  // while it is not stored what became of it, the next try finds it ended
        if (on_end_) on_end_(outcome);
        leave_ = false;
        return outcome;
    }

    const DockerEngine& engine_;
    DockerApi& api_;
    const Control& control_;
    const Wake& wake_;
    const std::function<void(const RunOutcome&)>& on_end_;
    Container container_;
    OutputLog& log_;
    std::string_view stdin_left_;
    bool survives_;
    Clock::time_point started_;
    Deadlines deadlines_;
    DockerFrames frames_;
    std::optional<DockerStream> output_, wait_, stop_;
    std::string piece_, wait_body_, stop_body_, output_error_;
    std::optional<End> why_;  ///< we end it, and this is why
    Clock::time_point give_up_, drain_until_;
    std::optional<Clock::time_point> ended_;
    int exit_code_ = 0;
    bool adopted_ = false;
    bool leave_ = false;  ///< the container stays, for the next process or the next try
};

}  // namespace

std::expected<void, Error> remove_container(DockerApi& api, const std::string& id) {
    const auto reply = api.remove("/containers/" + id + "?force=1&v=1");
    if (!reply) return std::unexpected(reply.error());
    if (reply->ok() || reply->status == 404) return {};
    if (reply->status == 409) {
        // Somebody else removes it just now: wait with them.
        const auto gone = api.post("/containers/" + id + "/wait?condition=removed");
        if (!gone) return std::unexpected(gone.error());
        return {};
    }
    return unavailable(fmt::format("container {} cannot be removed: {}", id, reply->message()));
}

std::expected<RunOutcome, Error> run_container(const DockerEngine& engine, const RunSpec& spec,
                                               const ContainerPlan& plan, const Control& control) {
    auto log = OutputLog::open(spec.log_file, spec.limits.log_bytes, spec.on_output);
    if (!log) return std::unexpected(log.error());
    const Wake wake(control);
    if (!wake) return unavailable("no descriptor is left to watch a run with");
    DockerApi api(engine.endpoint, engine.version);
    auto container = obtain(api, engine, spec, plan);
    if (!container) return std::unexpected(container.error());
    Watched watched(engine, api, spec, control, wake, std::move(*container), *log);
    return watched.run();
}

}  // namespace sandbox
