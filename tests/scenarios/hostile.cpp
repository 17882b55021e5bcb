#include "tests/scenarios/hostile.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "sandbox/descriptor.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/scenarios/factory.hpp"

namespace scenarios {

namespace fs = std::filesystem;

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

std::vector<std::string> files_with(const fs::path& folder, const std::set<std::string>& needles) {
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& entry :
         fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, error)) {
        if (!entry.is_regular_file(error) || entry.is_symlink(error)) continue;
        if (entry.path().extension() == ".ext4") continue;
        const auto bytes = bytes_of(entry.path());
        if (std::ranges::any_of(needles, [&](const auto& needle) { return contains(bytes, needle); }))
            found.push_back(entry.path().string());
    }
    return found;
}

std::string exchange(int port, std::string_view bytes) {
    const sandbox::Descriptor line(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(line.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::send(line.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
    ::shutdown(line.get(), SHUT_WR);
    std::string answer;
    std::array<char, 4096> piece{};
    for (ssize_t got = 0; (got = ::recv(line.get(), piece.data(), piece.size(), 0)) > 0;)
        answer.append(piece.data(), static_cast<std::size_t>(got));
    return answer;
}

std::map<std::string, std::int64_t> rows_of(const fs::path& ledger) {
    const SQLite::Database database(ledger.string(), SQLite::OPEN_READONLY, 5000);
    SQLite::Statement tables(database, "SELECT name FROM sqlite_schema WHERE type = 'table'");
    std::map<std::string, std::int64_t> rows;
    while (tables.executeStep()) {
        const std::string table = tables.getColumn(0);
        SQLite::Statement counting(database, "SELECT count(*) FROM \"" + table + "\"");
        counting.executeStep();
        rows[table] = counting.getColumn(0).getInt64();
    }
    return rows;
}

std::string of_job(const fs::path& ledger, const std::string& column) {
    const SQLite::Database database(ledger.string(), SQLite::OPEN_READONLY, 5000);
    SQLite::Statement first(database, "SELECT \"" + column + "\" FROM jobs ORDER BY id LIMIT 1");
    return first.executeStep() ? first.getColumn(0).getString() : std::string();
}

std::string in_repository(const fs::path& bare, const std::string& script) {
    const std::map<std::string, std::string> environment{{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                                                         {"HOME", "/nonexistent"},
                                                         {"GIT_DIR", bare.string()},
                                                         {"GIT_CONFIG_NOSYSTEM", "1"},
                                                         {"GIT_CONFIG_GLOBAL", "/dev/null"},
                                                         {"GIT_AUTHOR_NAME", "Mallory"},
                                                         {"GIT_AUTHOR_EMAIL", "mallory@forge.invalid"},
                                                         {"GIT_COMMITTER_NAME", "Mallory"},
                                                         {"GIT_COMMITTER_EMAIL", "mallory@forge.invalid"}};
    const auto ran = practice_forge::run_process({"sh", "-ec", script}, environment, {}, bare);
    INFO(ran.errors);
    REQUIRE(ran.exit_code == 0);
    return ran.output;
}

std::map<std::string, std::string> refs_of(const fs::path& bare) {
    std::map<std::string, std::string> refs;
    std::istringstream lines(in_repository(
        bare, "git for-each-ref --format='%(refname) %(objectname)'; echo HEAD $(git symbolic-ref HEAD)"));
    for (std::string name, id; lines >> name >> id;) refs[name] = id;
    return refs;
}

fs::path workspace_with(const Factory& factory, const std::string& file) {
    fs::path found;
    const bool there = practice_forge::PracticeForge::eventually([&] {
        std::error_code error;
        for (const auto& run : fs::directory_iterator(factory.state_dir() / "workspaces/runs", error))
            if (fs::exists(run.path() / "root" / file, error)) found = run.path() / "root";
        return !found.empty();
    });
    REQUIRE_MESSAGE(there, "no program made " << file);
    return found;
}

std::vector<int> processes_inside(const Factory& factory) {
    std::vector<int> found;
    std::error_code error;
    const auto own = fs::read_symlink("/proc/self/ns/mnt", error);
    for (const auto& process : fs::directory_iterator("/proc", error)) {
        const auto name = process.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto mounts = fs::read_symlink(process.path() / "ns/mnt", error);
        if (!error && mounts != own &&
            contains(bytes_of(process.path() / "mountinfo"), factory.directory().string()))
            found.push_back(std::stoi(name));
    }
    return found;
}

std::vector<std::string> tracing_to(const fs::path& trace) {
    // The daemon stays our child (-D) and each thing that it starts is followed (-f), also into sandboxes.
    return {"strace", "-D", "-f", "-v", "--seccomp-bpf", "-e", "trace=execve", "-s", "65536", "-o", trace};
}

bool can_trace() {
    auto command = tracing_to("/dev/null");
    command.emplace_back("true");
    std::string why = "it does not work";
    try {
        const auto ran = practice_forge::run_process(command, {{"PATH", "/usr/bin:/bin"}}, {});
        if (ran.exit_code == 0) return true;
        why = ran.errors;
    } catch (const std::runtime_error& missing) {
        why = missing.what();
    }
    if (std::getenv("CI") != nullptr) FAIL("no strace here: " << why);
    MESSAGE("SKIPPED: no strace here: " << why);
    return false;
}

void on_both(const std::function<void(const std::string&)>& test) {
    for (const std::string backend : {"docker", "bubblewrap"}) {
        CAPTURE(backend);
        if (can_run(backend)) test(backend);
    }
}

}  // namespace scenarios
