#include "tests/bench/stage.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

namespace bench {

namespace fs = std::filesystem;

namespace {

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int) { interrupted = 1; }

constexpr auto step = std::chrono::milliseconds(5);
constexpr auto grace = std::chrono::seconds(10);

}  // namespace

void heed_signals() {
    struct sigaction action{};
    action.sa_handler = interrupt;  // without SA_RESTART: who waits for a child is woken
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

void sample(std::string_view name, double number) {
    if (interrupted != 0) throw Trouble("interrupted");
    fmt::print("{} {:.3f}\n", name, number);
    std::fflush(stdout);
}

void note(std::string_view text) {
    fmt::print("# {}\n", text);
    std::fflush(stdout);
}

double milliseconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

std::chrono::nanoseconds clock_time() { return std::chrono::system_clock::now().time_since_epoch(); }

void pause(std::chrono::milliseconds time) {
    if (interrupted != 0) throw Trouble("interrupted");
    std::this_thread::sleep_for(time);
}

void wait_until(const std::function<bool()>& condition, std::string_view otherwise,
                std::chrono::seconds longest) {
    const auto until = std::chrono::steady_clock::now() + longest;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > until) throw Trouble(std::string(otherwise));
        pause(step);
    }
}

Folder::Folder() {
    auto pattern = (fs::temp_directory_path() / "shopfloor-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        throw Trouble("no folder in " + fs::temp_directory_path().string());
    path_ = pattern;
    fs::permissions(path_, fs::perms(0711));
}

Folder::~Folder() {
    std::error_code error;
    fs::remove_all(path_, error);
    if (error) fmt::print(stderr, "{} is left: {}\n", path_.string(), error.message());
}

Child::Child(std::vector<std::string> argv, const Files& files) : name_(argv.front()), errors_(files.errors) {
    std::vector<char*> arguments;
    for (auto& argument : argv) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, files.input.c_str(), O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, files.output.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, files.errors.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const int failed = ::posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) throw Trouble("cannot start " + name_);
}

Child::~Child() { end(); }

bool Child::ended() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) pid_ = -1;
    return pid_ <= 0;
}

void Child::succeed() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
        if (errno != EINTR) throw Trouble(name_ + " is lost");
        if (interrupted != 0) throw Trouble("interrupted");
    }
    pid_ = -1;
    if (status == 0) return;
    const auto said = errors_ == "/dev/null" ? std::string() : text_of(errors_);
    throw Trouble(fmt::format("{} failed (status {}): {}", name_, status,
                              said.substr(said.size() - std::min<std::size_t>(said.size(), 2000))));
}

void Child::end() {
    if (ended()) return;
    ::kill(pid_, SIGTERM);
    const auto until = std::chrono::steady_clock::now() + grace;
    while (!ended() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(step);
    if (ended()) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
}

std::chrono::nanoseconds timed(std::vector<std::string> argv, const Child::Files& files) {
    const auto start = std::chrono::steady_clock::now();
    Child(std::move(argv), files).succeed();
    return std::chrono::steady_clock::now() - start;
}

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& file, std::string_view text) {
    std::ofstream out(file, std::ios::binary);
    out << text;
    if (!out.flush()) throw Trouble("cannot write " + file.string());
}

int stand(const std::function<void()>& work) {
    heed_signals();
    try {
        work();
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}\n", error.what());
        return 1;
    }
}

}  // namespace bench
