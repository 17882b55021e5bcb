// Theory of operation. The ledger is what the threads share (beside it, which base branches moved a moment
// ago: MovedBases); each loop takes from it, works on values and writes back. Bells make a tick earlier;
// without them every loop would still find its work within seconds. Threads: the listener's end
// (bot/listener_process.hpp), one for intake (which yields to the listener: answers first), one for the
// reports of each forge, one for heartbeats, one for the disk, one for sweeps, one for pull requests whose
// base branch moved, and `max_parallel` workers. Stopping: no new claims, then the loops end, then the
// listener; what runs in a sandbox that can go on without us does, and its job is given back so that the next
// process takes it over.

#include "bot/service.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bot/doors.hpp"
#include "bot/giving_way.hpp"
#include "bot/heartbeat.hpp"
#include "bot/ledger.hpp"
#include "bot/listener_ledger.hpp"
#include "bot/listener_process.hpp"
#include "bot/loops.hpp"
#include "bot/metrics.hpp"
#include "bot/reader.hpp"
#include "bot/runner.hpp"
#include "bot/shop.hpp"
#include "bot/state_dir.hpp"

namespace bot {

namespace {

using namespace std::chrono_literals;

constexpr auto heartbeat_period = 5s;
constexpr auto idle_wait = 5s;
constexpr auto pause_after_fault = 2s;
constexpr int intake_niceness = 10;

/// Since the newest delivery somebody may have spoken to nobody; a clock or two may be wrong by minutes.
Time told_until(const Ledger& ledger) {
    const auto now = std::chrono::system_clock::now();
    const auto newest = ledger.newest_delivery();
    return newest ? std::clamp<Time>(*newest - 10min, now - 24h, now) : now - 24h;
}

}  // namespace

struct Service::Inside {
    Inside(config::Settings given, const std::filesystem::path& program)
        : settings(std::move(given)),
          state(settings.state_dir),
          ledger(state.path() / "ledger.sqlite", {.first_pause = settings.retry_pause}),
          forges(settings.forges),
          mirrors(state.path() / "mirrors", forges),
          runner(program, settings.sandbox, state.instance()),
          reader(program, state.path() / "empty"),
          workspaces({.directory = state.path() / "workspaces",
                      .cache_bytes = settings.cache_bytes,
                      .reader = &reader}),
          disk(state.path(), settings.min_free_bytes),
          doors(program, settings.models),
          secrets(settings),
          heartbeat(ledger),
          report_bells(forges),
          shop{.settings = settings,
               .ledger = ledger,
               .forges = forges,
               .mirrors = mirrors,
               .sandbox = runner,
               .reader = reader,
               .workspaces = workspaces,
               .heartbeat = heartbeat,
               .baselines = baselines,
               .disk = disk,
               .doors = doors,
               .secrets = secrets,
               .instance = state.instance(),
               .log_dir = state.path() / "logs",
               .door_dir = state.path() / "doors",
               .started = std::chrono::system_clock::now(),
               .told_until = told_until(ledger),
               .intake_bell = intake_bell,
               .work_bell = work_bell,
               .sweep_bell = sweep_bell,
               .moved_bell = moved_bell,
               .moved_bases = moved_bases,
               .report_bells = report_bells} {
        spdlog::info("sandbox: {}", runner.describe());
        if (workspaces.layering() == sandbox::Layering::copy)
            spdlog::warn("workspaces are plain copies, without quota: {}", workspaces.layering_reason());
        const auto taken_back =
            ledger.take_over();  // the lock on the state folder says that no other worker lives
        if (!taken_back.empty()) spdlog::info("{} jobs of the last process go on", taken_back.size());
        loops::clear_leftovers(shop);
        add_gauges();
        listener.emplace(ListenerProcess::Options{.host = settings.listen_host,
                                                  .port = settings.listen_port,
                                                  .forges = settings.forges,
                                                  .log_level = settings.log_level,
                                                  .program = program},
                         deliveries);
    }

    void add_gauges() {
        metrics.gauge(
            "shopfloor_forge_quiet", "1: it does not answer, or asked to be left in peace.", [this] {
                Metrics::Figures figures;
                const auto quiet = forges.quiet();
                for (const auto& [name, entry] : forges.all())
                    figures.emplace_back(Metrics::Labels{{"forge", name}}, quiet.contains(name) ? 1 : 0);
                return figures;
            });
        metrics.gauge("shopfloor_forge_warnings", "What is to be mended at a forge, as the log tells.",
                      [this] {
                          Metrics::Figures figures;
                          for (const auto& [name, count] : forges.to_mend())
                              figures.emplace_back(Metrics::Labels{{"forge", name}}, count);
                          return figures;
                      });
    }

    [[nodiscard]] std::vector<std::string> why_not_ready() const {
        std::vector<std::string> reasons;
        if (stopping) reasons.emplace_back("stopping");
        if (auto shortage = disk.shortage()) reasons.push_back(std::move(*shortage));
        return reasons;
    }

    /// One loop as a thread: ticks while there is something, then waits for its bell. What a tick throws
    /// costs a pause, never the loop.
    void loop(Bell& bell, std::chrono::milliseconds longest, const std::stop_token& stop,
              const std::function<bool()>& tick) {
        while (!stop.stop_requested()) {
            bool more = false;
            try {
                more = tick();
            } catch (const std::exception& error) {
                spdlog::error("{}", error.what());
                Bell pause;
                pause.wait(pause_after_fault, stop);
            }
            if (!more && !stop.stop_requested()) bell.wait(longest, stop);
        }
    }

    const config::Settings settings;
    StateDir state;
    Metrics metrics;
    Ledger ledger;
    Forges forges;
    Mirrors mirrors;
    Runner runner;
    Reader reader;
    sandbox::Workspaces workspaces;
    DiskReserve disk;
    Doors doors;
    const SecretScan secrets;
    Heartbeat heartbeat;
    SingleFlight baselines;
    Bell intake_bell, work_bell, sweep_bell, moved_bell, heartbeat_bell, disk_bell;
    MovedBases moved_bases;
    Bells report_bells;
    Shop shop;
    std::atomic<bool> stopping{false};
    ListenerLedger deliveries{
        {.ring = [this] { intake_bell.ring(); }, .ready = [this] { return why_not_ready(); }},
        ledger,
        metrics};
    std::optional<ListenerProcess> listener;
};

Service::Service(config::Settings settings, const std::filesystem::path& program)
    : inside_(std::make_unique<Inside>(std::move(settings), program)) {}

Service::~Service() = default;

int Service::port() const { return inside_->listener->port(); }

void Service::run(const std::stop_token& stop) {
    auto& in = *inside_;
    spdlog::info("listening on {}:{}", in.settings.listen_host, port());
    std::stop_source end;
    const std::stop_callback forward(stop, [&] {
        in.stopping = true;
        end.request_stop();
    });
    const auto token = end.get_token();
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
        // Answers to the forge come first, thinking about them second.
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), intake_niceness);
        GivingWay way;
        in.loop(in.intake_bell, 1s, token, [&] {
            const auto pause = way.pause(std::chrono::steady_clock::now(), in.ledger.last_recorded());
            if (pause == pause.zero()) return loops::intake(in.shop);
            Bell().wait(std::chrono::ceil<std::chrono::milliseconds>(pause), token);
            return true;
        });
    });
    for (int i = 0; i < in.settings.max_parallel; ++i)
        threads.emplace_back(
            [&] { in.loop(in.work_bell, idle_wait, token, [&] { return loops::work(in.shop, token); }); });
    for (const auto& [name, entry] : in.forges.all())
        threads.emplace_back([&in, &token, forge = name] {
            in.loop(in.report_bells.of(forge), 1s, token, [&] { return loops::report(in.shop, forge); });
        });
    threads.emplace_back([&] {
        in.loop(in.heartbeat_bell, heartbeat_period, token, [&] {
            in.heartbeat.tick();
            return false;
        });
    });
    threads.emplace_back([&] {  // not behind the heartbeat: on a full disk that one throws
        in.loop(in.disk_bell, heartbeat_period, token, [&] {
            loops::watch_disk(in.shop);
            return false;
        });
    });
    threads.emplace_back([&] {
        while (!token.stop_requested()) in.sweep_bell.wait(loops::sweep(in.shop), token);
    });
    threads.emplace_back([&] {
        in.loop(in.moved_bell, 5s, token, [&] {
            loops::look_after_pushes(in.shop);
            return false;
        });
    });
    threads.clear();  // joins
}

}  // namespace bot
