#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "tests/practice_forge/git.hpp"

namespace practice_forge {
namespace {

class Descriptor {
 public:
    explicit Descriptor(int fd) : fd_(fd) {
        if (fd < 0) throw std::runtime_error(fmt::format("no file descriptor: {}", std::strerror(errno)));
    }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() { close(); }
    [[nodiscard]] int get() const { return fd_; }
    void close() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

 private:
    int fd_;
};

/// Standard input as a file in memory: no pipe that both sides may wait on.
Descriptor in_memory(std::string_view content) {
    Descriptor file(memfd_create("practice", MFD_CLOEXEC));
    while (!content.empty()) {
        const auto written = write(file.get(), content.data(), content.size());
        if (written < 0) throw std::runtime_error("no memory for the input of a process");
        content.remove_prefix(static_cast<std::size_t>(written));
    }
    lseek(file.get(), 0, SEEK_SET);
    return file;
}

std::string read_all(int fd) {
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const auto got = read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (auto& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
}

/// posix_spawn's actions and attributes: the child gets three descriptors, and no blocked or ignored signals.
class Actions {
 public:
    Actions() {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
        sigset_t all;
        sigfillset(&all);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    ~Actions() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

}  // namespace

ProcessResult run_process(const std::vector<std::string>& argv,
                          const std::map<std::string, std::string>& environment, std::string_view input,
                          const std::filesystem::path& directory) {
    auto standard_input = in_memory(input);
    const Descriptor standard_error(memfd_create("practice", MFD_CLOEXEC));
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    const Descriptor from(ends[0]);
    Descriptor to(ends[1]);

    Actions spawn;
    posix_spawn_file_actions_adddup2(&spawn.actions_, standard_input.get(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&spawn.actions_, to.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&spawn.actions_, standard_error.get(), STDERR_FILENO);
    if (!directory.empty()) posix_spawn_file_actions_addchdir_np(&spawn.actions_, directory.c_str());

    std::vector<std::string> arguments = argv;
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
    auto argument_pointers = pointers(arguments);
    auto variable_pointers = pointers(variables);
    pid_t child = 0;
    const int error = posix_spawnp(&child, argument_pointers[0], &spawn.actions_, &spawn.attributes_,
                                   argument_pointers.data(), variable_pointers.data());
    if (error != 0) throw std::runtime_error(fmt::format("{}: {}", argv.front(), std::strerror(error)));
    to.close();

    ProcessResult result;
    result.output = read_all(from.get());
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    lseek(standard_error.get(), 0, SEEK_SET);
    result.errors = read_all(standard_error.get());
    return result;
}

}  // namespace practice_forge
