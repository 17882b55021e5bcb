#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What the hostile cases look at from the outside.
namespace scenarios {

class Factory;

[[nodiscard]] bool contains(std::string_view text, std::string_view part);

/// All bytes of a file; empty when it is not there.
[[nodiscard]] std::string bytes_of(const std::filesystem::path& file);

/// Every plain file below a folder whose bytes hold one of these; not in images of file systems, which are
/// gigabytes of holes.
[[nodiscard]] std::vector<std::string> files_with(const std::filesystem::path& folder,
                                                  const std::set<std::string>& needles);

/// Sends these bytes to a port of loopback, half-closes, and reads to the end.
[[nodiscard]] std::string exchange(int port, std::string_view bytes);

/// Number of rows of each table of a ledger, which may be in use.
[[nodiscard]] std::map<std::string, std::int64_t> rows_of(const std::filesystem::path& ledger);

/// What a ledger says in a column of its first job.
[[nodiscard]] std::string of_job(const std::filesystem::path& ledger, const std::string& column);

/// What a shell script prints that runs in a bare repository with nobody's git configuration. A script that
/// fails fails the test.
std::string in_repository(const std::filesystem::path& bare, const std::string& script);

/// Every reference of a bare repository, and what it is at.
[[nodiscard]] std::map<std::string, std::string> refs_of(const std::filesystem::path& bare);

/// The tree of a run in which a program made this file: waits for it. Tests talk with their agents through
/// files in it.
[[nodiscard]] std::filesystem::path workspace_with(const Factory& factory, const std::string& file);

/// Processes in sandboxes of this factory, by their numbers on the host.
[[nodiscard]] std::vector<int> processes_inside(const Factory& factory);

/// The program and options that write every program that is started, with what it is given, to a file.
[[nodiscard]] std::vector<std::string> tracing_to(const std::filesystem::path& trace);

/// Skips aloud, and fails in CI, when programs cannot be traced here. True: go on.
[[nodiscard]] bool can_trace();

/// `test` once for each backend that can run here, with its name.
void on_both(const std::function<void(const std::string& backend)>& test);

}  // namespace scenarios
