#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What another process can do, tried from within: its first thread is stopped and made to call the kernel.
/// What it was doing before is lost, so it is killed in the end. As root only; on x86-64 only.
class Inside {
 public:
    /// Whether it can be done here; else says why.
    [[nodiscard]] static bool can_look();

    /// Throws std::runtime_error.
    explicit Inside(pid_t process);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

    /// What the kernel answers: a negative number is an errno.
    [[nodiscard]] std::int64_t call(int number, const std::vector<std::uint64_t>& arguments = {});
    /// A text in its memory, for the next call.
    [[nodiscard]] std::uint64_t put(std::string_view text);

 private:
    pid_t process_;
};

/// Whether any memory of the process holds these bytes. Throws std::runtime_error when it cannot be read.
[[nodiscard]] bool memory_holds(pid_t process, const std::string& bytes);
