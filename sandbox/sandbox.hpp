#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/limits.hpp"
#include "config/settings.hpp"

namespace sandbox {

/// The files of a run as a backend needs them: a Workspace (sandbox/workspace.hpp), or where one is.
class RunFiles {
 public:
    virtual ~RunFiles() = default;
    RunFiles() = default;
    RunFiles(const RunFiles&) = delete;
    RunFiles& operator=(const RunFiles&) = delete;

    /// The merged tree, mounted. What a local backend shows at /workspace.
    [[nodiscard]] virtual std::filesystem::path root() const = 0;
    /// A writable home directory under the same quota. What a local backend shows at /home/agent.
    [[nodiscard]] virtual std::filesystem::path home() const = 0;
    /// The read-only layers, lowest first, for a backend that ships them elsewhere.
    [[nodiscard]] virtual std::vector<std::filesystem::path> layers() const = 0;
    /// Tells these files from earlier ones of the same name; stays through adoption.
    [[nodiscard]] virtual std::string identity() const { return {}; }
};

/// What is wrong with the sandbox itself. What the program did is a RunOutcome, never an error.
struct Error {
    enum class Kind {
        unavailable,    ///< engine does not answer: try again later
        no_image,       ///< the image is not there and cannot be had
        unenforceable,  ///< a limit or a wall cannot be had here; the message names it
        refused,        ///< the engine or the kernel refused the run
        interrupted,    ///< detached by Control::detach: runs on for the next process if it `survives`, else
                        ///< ended
    };
    Kind kind = Kind::refused;
    std::string message;
};
[[nodiscard]] inline std::unexpected<Error> failed(Error::Kind kind, std::string message) {
    return std::unexpected(Error{kind, std::move(message)});
}

/// A file tree of the host shown inside, always read-only.
struct ReadOnlyMount {
    std::filesystem::path source;
    std::string target;  ///< absolute, inside
};

/// Where the door of a run appears inside (sandbox/door.hpp): a folder with the socket `door.sock`, shown
/// read-only, and the port of 127.0.0.1 that leads to it.
inline constexpr std::string_view door_target = "/run/door";
inline constexpr std::string_view door_socket = "door.sock";
inline constexpr int door_port = 3128;

struct RunOutcome {
    enum class End { exited, signalled, out_of_memory, total_deadline, idle_deadline, cancelled };
    End end = End::exited;
    int exit_code = 0;  ///< of End::exited; 128+n for a signal; 127 when the program is not there
    std::chrono::milliseconds duration{0};
    std::uint64_t output_bytes = 0;   ///< all that was printed
    std::uint64_t dropped_bytes = 0;  ///< of them left out of the log file
    bool adopted = false;             ///< found running or ended under this name, not started anew

    [[nodiscard]] bool ok() const { return end == End::exited && exit_code == 0; }
};

struct RunSpec {
    std::string name;  ///< deterministic, [a-z0-9-], at most 63: the same name is the same run
    std::map<std::string, std::string> labels;
    std::string image;  ///< as `Sandbox::resolve` gave it in `Image::id`
    std::vector<std::string> argv;
    std::map<std::string, std::string> environment;  ///< besides the image's own, HOME=/home/agent, LANG
    std::string standard_input;
    std::vector<ReadOnlyMount> mounts;
    /// The folder of this run's door; without one there is no way out. With one, `door_port` of 127.0.0.1
    /// leads there, and HTTP_PROXY, HTTPS_PROXY and NO_PROXY (in both spellings) say so unless `environment`
    /// says something else.
    std::optional<std::filesystem::path> door;
    std::map<std::string, std::string> home_files;  ///< relative to HOME -> content, there before the start
    config::Limits limits;
    /// Output as it appears, at most limits.log_bytes: of more than that the head and the last 64 KiB.
    std::filesystem::path log_file;
    bool survives = false;  ///< may go on when detached, for the next process to adopt by name
    std::function<void(std::string_view)>
        on_output;  ///< optional; called with each piece of the log, from the calling thread
    /// Optional; called once with what became of the program, the log complete, before anything of the run is
    /// removed: what is stored here a crash does not lose. From the calling thread; what it throws ends
    /// `run`.
    std::function<void(const RunOutcome&)> on_end;
};

/// Two ways to be interrupted: `cancel` ends the program (TERM, 8 s, KILL: verified gone within about 10 s);
/// `detach` leaves one that `survives` running for the next process to adopt, where the backend can, and ends
/// any other at once.
struct Control {
    std::stop_token cancel;
    std::stop_token detach;
};

struct Image {
    std::string id;    ///< content digest where the backend has one
    std::string name;  ///< as it was asked for
};

/// The walls around a program. Implementations are thread-safe: many runs at once.
/// Inside every run: the workspace at /workspace (working directory, writable), HOME=/home/agent (writable),
/// /tmp, no network but `lo`, no credential, an unprivileged user, a read-only root.
class Sandbox {
 public:
    virtual ~Sandbox() = default;

    [[nodiscard]] virtual std::string_view backend() const = 0;

    /// One line for the log at start: versions, what is enforced and how.
    [[nodiscard]] virtual std::string describe() const = 0;

    /// Image name -> content identity; pulls where settings allow it.
    [[nodiscard]] virtual std::expected<Image, Error> resolve(const std::string& image,
                                                              std::stop_token stop) = 0;

    /// Runs to the end. Leaves nothing behind but the workspace and the log file.
    [[nodiscard]] virtual std::expected<RunOutcome, Error> run(const RunSpec& spec, const RunFiles& files,
                                                               const Control& control) = 0;

    /// Ends and removes every run of this instance whose name `keep` does not answer for, but for those that
    /// calls of `run` have in hand. Returns their names.
    [[nodiscard]] virtual std::expected<std::vector<std::string>, Error> sweep(
        const std::function<bool(std::string_view name)>& keep) = 0;
};

/// Backend by name: `docker`, `bubblewrap`, or `auto` (Docker when its engine answers).
/// `instance` marks what belongs to this installation. Error: unknown name, engine not there, or what cannot
/// be enforced.
[[nodiscard]] std::expected<std::unique_ptr<Sandbox>, Error> make_sandbox(
    const config::SandboxSettings& settings, const std::string& instance);

/// The user id programs run as inside and own their files with: 61000 under root, else our own.
[[nodiscard]] unsigned sandbox_uid();

[[nodiscard]] std::string_view name(RunOutcome::End end);

}  // namespace sandbox
