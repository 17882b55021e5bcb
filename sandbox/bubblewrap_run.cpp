#include "sandbox/bubblewrap_run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "sandbox/init_program.hpp"
#include "sandbox/process.hpp"
#include "sandbox/watch.hpp"

/// How a run goes: a control group, then a child that enters it, gives up root for good (bwrap started by
/// root leaves doors open, such as /proc/sys/kernel/core_pattern) and becomes bwrap. bwrap makes the
/// namespaces and a second process: it stays outside as a monitor, our child, and the other becomes the first
/// process inside, sandbox/init, which starts the program and reaps. The life of all hangs on the thread in
/// run(): with it dies the monitor, with the monitor the first process, and with that everything in its
/// process namespace. So nothing survives this program, however it ends; and nothing can be left for the next
/// one.
namespace sandbox {

namespace {

using End = RunOutcome::End;

/// The monitor and the first process inside.
constexpr int own_processes = 2;
constexpr std::chrono::seconds drain_patience{5};

/// An anonymous file with that content, sealed, to be read from its beginning.
Descriptor file_of(std::string_view content) {
    Descriptor file(::memfd_create("shopfloor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) return file;
    for (auto left = content; !left.empty();) {
        const auto n = ::write(file.get(), left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return {};
        left.remove_prefix(static_cast<std::size_t>(n));
    }
    ::lseek(file.get(), 0, SEEK_SET);
    ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
    return file;
}

struct Pipe {
    Descriptor reading, writing;

    /// The writing end belongs to the sandbox user, so that a program may open /dev/stdout by name.
    static Pipe make() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return {};
        Pipe pipe{Descriptor(ends[0]), Descriptor(ends[1])};
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
        [[maybe_unused]] const int owned = ::fchown(ends[1], sandbox_uid(), sandbox_uid());
        return pipe;
    }
};

/// Appends what is there; false at the end.
bool drain(const Descriptor& pipe, std::string& into) {
    std::array<char, 64 << 10> buffer;
    const auto n = ::read(pipe.get(), buffer.data(), buffer.size());
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    into.append(buffer.data(), static_cast<std::size_t>(n));
    return n > 0;
}

ProcessPlan process_plan(const BubblewrapMachine& machine, const config::Limits& limits) {
    // TERM may come when bwrap has not yet become the first process, which passes it on.
    ProcessPlan plan{.held_signals = {SIGTERM},
                     .limits = {{RLIMIT_NOFILE, 4096}, {RLIMIT_CORE, 0}, {RLIMIT_FSIZE, limits.disk_bytes}}};
    if (::geteuid() == 0) plan.user = sandbox_uid();
    if (!machine.groups) {
        plan.limits.emplace_back(RLIMIT_NPROC, static_cast<std::uint64_t>(limits.pids));
        plan.limits.emplace_back(RLIMIT_DATA, limits.memory_bytes);
    }
    return plan;
}

/// One program from its start to its end.
class Watched {
 public:
    Watched(const RunSpec& spec, const Control& control, const Wake& wake, ControlGroup* group,
            OutputLog& log, Process process, Descriptor output, Descriptor status)
        : control_(control),
          wake_(wake),
          group_(group),
          log_(log),
          process_(std::move(process)),
          output_(std::move(output)),
          status_(std::move(status)),
          started_(Clock::now()),
          deadlines_(spec.limits, started_) {}

    std::expected<RunOutcome, Error> run() {
        while (output_ || !ended_) {
            const auto now = Clock::now();
            std::array<pollfd, 4> ready{pollfd{output_ ? output_.get() : -1, POLLIN, 0},
                                        pollfd{status_ ? status_.get() : -1, POLLIN, 0},
                                        pollfd{ended_ ? -1 : process_.handle(), POLLIN, 0},
                                        pollfd{ended_ || why_ || detached_ ? -1 : wake_.fd(), POLLIN, 0}};
            if (::poll(ready.data(), ready.size(), poll_milliseconds(now, next_deadline())) < 0) continue;
            if (ready[0].revents != 0) take_output();
            if (ready[1].revents != 0) take_status();
            if (ready[2].revents != 0) take_end();
            if (ended_) {
                if (Clock::now() >= drain_until_) break;
            } else {
                heed();
            }
        }
        return conclude();
    }

 private:
    void take_output() {
        piece_.clear();
        if (!drain(output_, piece_)) output_.close();
        if (piece_.empty()) return;
        deadlines_.output_seen(Clock::now());
        log_.add(piece_);
        tail_.append(piece_);
        if (tail_.size() > 4096) tail_.erase(0, tail_.size() - 1024);
    }

    /// Lines of JSON: {"child-pid": N, ...}, and at the end {"exit-code": N} if the program was started at
    /// all.
    void take_status() {
        if (!drain(status_, status_text_)) status_.close();
        for (auto end = status_text_.find('\n'); end != std::string::npos; end = status_text_.find('\n')) {
            const auto line = nlohmann::json::parse(status_text_.substr(0, end), nullptr, false);
            status_text_.erase(0, end + 1);
            if (!line.is_object()) continue;
            if (line.contains("child-pid")) {
                inside_ = open_process(line.value("child-pid", 0));
                if (term_owed_) pass_on_term();
            }
            if (line.contains("exit-code")) exit_code_ = line.value("exit-code", 0);
        }
    }

    void take_end() {
        if (status_) take_status();
        monitor_status_ = process_.reap();
        ended_ = Clock::now();
        // The end of the monitor is the end of all; the group makes sure of it.
        if (group_ != nullptr) group_->end_all();
        await_inside();
        drain_until_ = Clock::now() + drain_patience;
    }

    void await_inside() const {
        if (!inside_) return;
        pollfd waiting{inside_.get(), POLLIN, 0};
        (void)::poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(drain_patience).count()));
    }

    [[nodiscard]] Clock::time_point next_deadline() const {
        if (ended_) return drain_until_;
        return why_ || detached_ ? kill_at_ : deadlines_.next();
    }

    void heed() {
        const auto now = Clock::now();
        if (why_ || detached_) {
            if (now >= kill_at_) end_all();
        } else if (control_.cancel.stop_requested()) {
            begin_stop(End::cancelled);
        } else if (control_.detach.stop_requested()) {
            detached_ = true;
            end_all();
        } else if (const auto passed = deadlines_.passed(now)) {
            begin_stop(*passed);
        }
    }

    void begin_stop(End why) {
        why_ = why;
        kill_at_ = Clock::now() + term_grace;
        pass_on_term();
    }

    /// To the first process, which gives it to the program; bwrap may not have told us of it yet.
    void pass_on_term() {
        term_owed_ = !inside_ || ::syscall(SYS_pidfd_send_signal, inside_.get(), SIGTERM, nullptr, 0) != 0;
    }

    void end_all() {
        kill_at_ = Clock::now() + std::chrono::hours(1);
        process_.kill();
    }

    [[nodiscard]] std::expected<RunOutcome, Error> conclude() {
        if (detached_) {
            return failed(Error::Kind::interrupted,
                          "detached; this backend cannot leave a program running, it is ended");
        }
        RunOutcome outcome{.duration =
                               std::chrono::duration_cast<std::chrono::milliseconds>(*ended_ - started_)};
        const bool starved = group_ != nullptr && group_->ran_out_of_memory();
        if (!exit_code_ && !why_ && !starved && monitor_status_ <= 128) {
            return failed(Error::Kind::refused, fmt::format("bwrap could not make the sandbox: {}", tail_));
        }
        outcome.exit_code = exit_code_.value_or(monitor_status_);
        outcome.end = end_of_status(outcome.exit_code);
        if (starved && outcome.exit_code != 0) outcome.end = End::out_of_memory;
        if (why_) outcome.end = *why_;
        log_.finish();
        outcome.output_bytes = log_.total();
        outcome.dropped_bytes = log_.dropped();
        return outcome;
    }

    const Control& control_;
    const Wake& wake_;
    ControlGroup* group_;
    OutputLog& log_;
    Process process_;
    Descriptor output_, status_;
    Descriptor inside_;  ///< the first process inside; with it everything inside is gone
    bool term_owed_ = false;
    Clock::time_point started_;
    Deadlines deadlines_;
    std::string piece_, tail_, status_text_;
    std::optional<End> why_;  ///< we end it, and this is why
    bool detached_ = false;
    Clock::time_point kill_at_, drain_until_;
    std::optional<Clock::time_point> ended_;
    std::optional<int> exit_code_;  ///< of the program
    int monitor_status_ = 0;
};

}  // namespace

std::expected<RunOutcome, Error> run_bubblewrap(const BubblewrapMachine& machine, const RunSpec& spec,
                                                const std::vector<std::string>& options,
                                                const BubblewrapFiles& files, const Control& control) {
    auto log = OutputLog::open(spec.log_file, spec.limits.log_bytes, spec.on_output);
    if (!log) return std::unexpected(log.error());
    const Wake wake(control);
    if (!wake) return failed(Error::Kind::unavailable, "no descriptor is left to watch a run with");
    std::optional<ControlGroup> group;
    if (machine.groups) {
        auto created = machine.groups->create(spec.name, spec.limits, own_processes);
        if (!created) return std::unexpected(created.error());
        group.emplace(std::move(*created));
    }
    std::string option_bytes;
    for (const auto& option : options) option_bytes.append(option).push_back('\0');

    const Descriptor input = spec.standard_input.empty()
                                 ? Descriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC))
                                 : file_of(spec.standard_input);
    const auto uid = sandbox_uid();
    const Descriptor option_file = file_of(option_bytes);
    const Descriptor seccomp = file_of(machine.seccomp);
    const Descriptor hosts = file_of("127.0.0.1 localhost sandbox\n::1 localhost\n");
    const Descriptor passwd =
        file_of(fmt::format("root:x:0:0:root:/:/usr/sbin/nologin\n"
                            "agent:x:{0}:{0}:agent:/home/agent:/bin/sh\n"
                            "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
                            uid));
    const Descriptor init = file_of(init_program());
    const Descriptor groups = file_of(fmt::format("root:x:0:\nagent:x:{}:\nnogroup:x:65534:\n", uid));
    Pipe output = Pipe::make();
    Pipe status = Pipe::make();
    if (!input || !option_file || !seccomp || !hosts || !passwd || !groups || !init || !output.reading ||
        !status.reading) {
        return failed(Error::Kind::unavailable,
                      fmt::format("cannot open files for a run: {}", std::strerror(errno)));
    }

    auto plan = process_plan(machine, spec.limits);
    plan.argv = {machine.program.string(), "--args", std::to_string(files.options), "--"};
    for (auto& word : init_command(spec)) plan.argv.push_back(std::move(word));
    plan.input = input.get();
    plan.output = output.writing.get();
    plan.files = {option_file.get(), seccomp.get(), status.writing.get(), hosts.get(), passwd.get(),
                  groups.get(),      init.get()};
    if (group) {
        for (const auto& entry : group->entries()) plan.cgroups.push_back(entry.get());
    }
    auto process = Process::start(plan);
    if (!process) return std::unexpected(process.error());
    output.writing.close();
    status.writing.close();
    Watched watched(spec, control, wake, group ? &*group : nullptr, *log, std::move(*process),
                    std::move(output.reading), std::move(status.reading));
    auto outcome = watched.run();
    if (outcome && spec.on_end) spec.on_end(*outcome);
    return outcome;
}

}  // namespace sandbox
