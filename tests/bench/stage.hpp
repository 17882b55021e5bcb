#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// What the benchmark programs share. They print a line a measurement, `NAME NUMBER`; tests/bench/run takes
/// medians and judges. Lines that begin with `# ` are for people.
namespace bench {

/// Ends the program after everything it started is put away; `what()` is a sentence.
struct Trouble : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// SIGINT and SIGTERM make the next measurement or wait throw.
void heed_signals();

void sample(std::string_view name, double number);
void note(std::string_view text);

[[nodiscard]] double milliseconds(std::chrono::nanoseconds time);
/// Since 1970, as `date +%s%N` prints it.
[[nodiscard]] std::chrono::nanoseconds clock_time();

void pause(std::chrono::milliseconds time);
/// Polls; throws `Trouble` with this text after `longest`.
void wait_until(const std::function<bool()>& condition, std::string_view otherwise,
                std::chrono::seconds longest = std::chrono::seconds(30));

/// A temporary folder that goes with us; others pass through it and list nothing.
class Folder {
 public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
    std::filesystem::path path_;
};

/// A program of ours; ended (SIGTERM, after ten seconds SIGKILL) and waited for at the latest with this
/// object.
class Child {
 public:
    struct Files {
        std::filesystem::path input = "/dev/null", output = "/dev/null", errors = "/dev/null";
    };
    Child(std::vector<std::string> argv, const Files& files);
    ~Child();
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }
    [[nodiscard]] bool ended();
    /// Waits for the end; throws `Trouble` when it is not status 0.
    void succeed();
    void end();

 private:
    std::string name_;
    std::filesystem::path errors_;
    pid_t pid_ = -1;
};

/// Runs a program to its end: how long that took.
std::chrono::nanoseconds timed(std::vector<std::string> argv, const Child::Files& files = {});

[[nodiscard]] std::string text_of(const std::filesystem::path& file);
void write(const std::filesystem::path& file, std::string_view text);

/// 0 after `work`; else says why on standard error and is 1.
int stand(const std::function<void()>& work);

}  // namespace bench
