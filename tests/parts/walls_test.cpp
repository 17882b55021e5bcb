#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "sandbox/part.hpp"
#include "tests/bot/inside.hpp"

namespace fs = std::filesystem;
using sandbox::Right;
using sandbox::Walls;

namespace {

/// What a child of ours that has put up these walls answers.
std::string behind(const Walls& walls, const std::function<std::string()>& question) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        std::string said;
        try {
            sandbox::wall_in(walls);
            said = question();
        } catch (const std::exception& error) {
            said = std::string("threw ") + error.what();
        }
        [[maybe_unused]] const auto written = ::write(ends[1], said.data(), said.size());
        ::_exit(0);
    }
    ::close(ends[1]);
    std::string answer;
    std::array<char, 4096> piece;
    for (ssize_t got = 0; (got = ::read(ends[0], piece.data(), piece.size())) > 0;)
        answer.append(piece.data(), static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFEXITED(status)) answer += fmt::format("[ended by signal {}]", WTERMSIG(status));
    return answer;
}

std::string outcome(long result) { return result >= 0 ? "yes" : std::strerror(errno); }

std::string opens(const char* path) { return outcome(::open(path, O_RDONLY | O_CLOEXEC)); }

const std::string no = "Operation not permitted";

}  // namespace

TEST_CASE("a part without rights opens no file, no socket, no process and no other program") {
    const Walls walls;
    CHECK(behind(walls, [] { return opens("/etc/passwd"); }) == no);
    CHECK(behind(walls, [] { return outcome(::syscall(SYS_openat2, AT_FDCWD, "/", nullptr, 0)); }) == no);
    CHECK(behind(walls, [] { return outcome(::socket(AF_UNIX, SOCK_STREAM, 0)); }) == no);
    CHECK(behind(walls, [] { return outcome(::socket(AF_INET, SOCK_STREAM, 0)); }) == no);
    CHECK(behind(walls, [] {
              char* none[] = {nullptr};
              return outcome(::execve("/bin/true", none, none));
          }) == no);
    CHECK(behind(walls, [] { return outcome(::kill(::getppid(), 0)); }) == no);
    CHECK(behind(walls, [] { return outcome(::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr)); }) ==
          no);
    CHECK(behind(walls, [] { return outcome(::syscall(SYS_unshare, 0)); }) == no);
    CHECK(behind(walls, [] { return outcome(::syscall(SYS_mount, "a", "/", "tmpfs", 0, nullptr)); }) == no);
    CHECK(behind(walls, [] { return outcome(::syscall(SYS_bpf, 0, nullptr, 0)); }) == no);
    CHECK(behind(walls, [] {
              return outcome(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
          }) != "yes");
}

TEST_CASE("a part without rights still has threads, memory, clocks and what is open") {
    CHECK(behind(Walls{}, [] {
              std::string said;
              std::thread([&] { said = std::string(1 << 20, 'x').substr(0, 3); }).join();
              return said;
          }) == "xxx");
}

TEST_CASE("a part is no core's and no debugger's, and gains no privileges") {
    CHECK(behind(Walls{.rights = {Right::files}}, [] {
              std::ifstream status("/proc/self/status");
              std::string line, said;
              while (std::getline(status, line))
                  if (line.starts_with("NoNewPrivs") || line.starts_with("Seccomp:")) said += line + ";";
              return said;
          }) == "NoNewPrivs:\t1;Seccomp:\t2;");
    CHECK(behind(Walls{.rights = {Right::files}}, [] {
              struct stat about{};
              ::stat("/proc/self/maps", &about);
              return std::to_string(about.st_uid);
          }) == "0");
}

TEST_CASE("with a right a part has what the right says, and no more") {
    CHECK(behind({.rights = {Right::files}}, [] { return opens("/etc/passwd"); }) == "yes");
    CHECK(behind({.rights = {Right::files}}, [] { return outcome(::socket(AF_INET, SOCK_STREAM, 0)); }) ==
          no);
    CHECK(behind({.rights = {Right::network}}, [] { return outcome(::socket(AF_INET, SOCK_STREAM, 0)); }) ==
          "yes");
    CHECK(behind({.rights = {Right::network}}, [] { return opens("/etc/passwd"); }) == no);
}

TEST_CASE("as root, a part has a user of its own: root's files are closed to it") {
    if (!Inside::can_look()) return;
    const auto file = fs::temp_directory_path() / fmt::format("shopfloor-walls-{}", ::getpid());
    std::ofstream(file) << "secret";
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
    const Walls walls{.rights = {Right::files}, .user = sandbox::door_user};
    CHECK(behind(walls, [&] { return opens(file.c_str()); }) == "Permission denied");
    CHECK(behind(walls, [&] { return opens("/etc/passwd"); }) == "yes");
    CHECK(behind(walls, [] { return fmt::format("{} {}", ::getuid(), ::getgid()); }) == "61002 61002");
    CHECK(behind(walls, [] { return opens(fmt::format("/proc/{}/mem", ::getppid()).c_str()); }) ==
          "Permission denied");
    fs::remove(file);
}

TEST_CASE("as root, a reader sees a tree that it was given, whatever the modes, and nothing above it") {
    if (!Inside::can_look()) return;
    const auto folder = fs::temp_directory_path() / fmt::format("shopfloor-view-{}", ::getpid());
    fs::create_directories(folder / "tree/inner");
    fs::create_directories(folder / "empty");
    std::ofstream(folder / "tree/inner/file") << "found";
    std::ofstream(folder / "secret") << "never";
    fs::permissions(folder / "tree/inner/file", fs::perms::none);
    const auto view = sandbox::view_of(folder / "tree");
    REQUIRE(view);
    const sandbox::Descriptor empty(::open((folder / "empty").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    const Walls walls{.rights = {Right::beneath, Right::files},
                      .user = sandbox::reader_user,
                      .root = empty.get(),
                      .reads_any_file = true};
    const auto reads = [&](const char* path) {
        return behind(walls, [&] {
            const int file = ::openat(view.get(), path, O_RDONLY | O_CLOEXEC);
            if (file < 0) return std::string(std::strerror(errno));
            std::array<char, 16> said{};
            return std::string(said.data(), static_cast<std::size_t>(std::max<ssize_t>(
                                                0, ::read(file, said.data(), said.size()))));
        });
    };
    CHECK(reads("inner/file") == "found");
    CHECK(reads("../secret") == "No such file or directory");
    CHECK(reads("../../../../../etc/passwd") == "No such file or directory");
    CHECK(reads("/etc/passwd") == "No such file or directory");
    CHECK(behind(walls, [&] { return outcome(::openat(view.get(), "new", O_CREAT | O_WRONLY, 0600)); }) ==
          "Read-only file system");
    fs::remove_all(folder);
}

TEST_CASE("nobody starts a part by hand") {
    CHECK_THROWS_WITH_AS(std::ignore = sandbox::channel_to_keeper(),
                         "`shopfloor part` is started by `shopfloor serve`, not by hand", std::runtime_error);
}
