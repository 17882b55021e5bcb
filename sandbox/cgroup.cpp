#include "sandbox/cgroup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

namespace sandbox {

namespace {

namespace fs = std::filesystem;

constexpr std::array<const char*, 3> controllers{"memory", "pids", "cpu"};
constexpr auto own_folder = "shopfloor";
/// Version 2 wants no process in a group that has groups below: the daemon moves into this one.
constexpr auto daemon_folder = "shopfloor-daemon";
constexpr std::uint64_t cpu_period_us = 100'000;

std::unexpected<Error> unenforceable(std::string message) {
    return std::unexpected(Error{Error::Kind::unenforceable, std::move(message)});
}

std::unexpected<Error> no_right(const fs::path& folder, std::string_view why) {
    return unenforceable(
        fmt::format("no right to make the control group {} ({}); run as root, or delegate a group to this "
                    "user (systemd: Delegate=yes)",
                    folder.string(), why));
}

/// Empty when it cannot be read: a group, and its files with it, may go at any moment.
std::string read_file(const fs::path& file) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// 0 or errno. No create: these are the kernel's files.
int write_control(const fs::path& file, std::string_view text) {
    const Descriptor descriptor(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!descriptor) return errno;
    return ::write(descriptor.get(), text.data(), text.size()) < 0 ? errno : 0;
}

/// Mount points: v1 by controller, v2 under the empty name.
std::map<std::string, fs::path> read_mounts(const fs::path& file) {
    std::map<std::string, fs::path> found;
    std::istringstream lines(read_file(file));
    for (std::string device, target, type, options, rest; lines >> device >> target >> type >> options;) {
        std::getline(lines, rest);
        if (type == "cgroup2") found.emplace("", target);
        if (type != "cgroup") continue;
        std::istringstream list(options);
        for (std::string option; std::getline(list, option, ',');) found.emplace(option, target);
    }
    return found;
}

bool machine_has_swap() {
    std::istringstream lines(read_file("/proc/meminfo"));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("SwapTotal:"))
            return std::stoull("0" + line.substr(line.find_first_of("0123456789"))) > 0;
    }
    return true;
}

/// The number after `key` in a file of "key number" lines.
std::uint64_t counter(const fs::path& file, std::string_view key) {
    std::istringstream lines(read_file(file));
    std::string name;
    for (std::uint64_t value = 0; lines >> name >> value;) {
        if (name == key) return value;
    }
    return 0;
}

struct Setting {
    std::size_t base;
    const char* file;
    std::string value;
    bool needed;
};

std::vector<Setting> settings_of(int version, const config::Limits& limits, int more_pids, bool swap) {
    const auto memory = std::to_string(limits.memory_bytes);
    const auto pids = std::to_string(limits.pids + more_pids);
    const auto quota = std::max<std::uint64_t>(
        1000, static_cast<std::uint64_t>(limits.cpus * static_cast<double>(cpu_period_us)));
    if (version == 2) {
        return {{0, "memory.max", memory, true},
                {0, "memory.swap.max", "0", swap},
                {0, "pids.max", pids, true},
                {0, "cpu.max", fmt::format("{} {}", quota, cpu_period_us), true}};
    }
    return {{0, "memory.limit_in_bytes", memory, true},
            {0, "memory.memsw.limit_in_bytes", memory, swap},
            {1, "pids.max", pids, true},
            {2, "cpu.cfs_period_us", std::to_string(cpu_period_us), true},
            {2, "cpu.cfs_quota_us", std::to_string(quota), true}};
}

}  // namespace

ControlGroup::~ControlGroup() {
    if (folders_.empty()) return;
    end_all();
    entries_.clear();
    for (const auto& folder : folders_) {
        // The last process may be counted for a moment after its end.
        for (int attempt = 0; ::rmdir(folder.c_str()) != 0 && errno == EBUSY && attempt < 200; ++attempt) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
}

std::vector<pid_t> ControlGroup::members() const {
    std::vector<pid_t> all;
    for (const auto& folder : folders_) {
        std::ifstream in(folder / "cgroup.procs");
        for (pid_t pid = 0; in >> pid;) {
            // 0: a process of a foreign pid namespace, which none of ours is.
            if (pid > 0 && std::ranges::find(all, pid) == all.end()) all.push_back(pid);
        }
    }
    return all;
}

bool ControlGroup::ran_out_of_memory() const {
    return counter(folders_.front() / "memory.oom_control", "oom_kill") > 0 ||
           counter(folders_.front() / "memory.events", "oom_kill") > 0;
}

bool ControlGroup::end_all() const {
    for (int attempt = 0; attempt < 2000; ++attempt) {
        const auto left = members();
        if (left.empty()) return true;
        if (write_control(folders_.front() / "cgroup.kill", "1") != 0) {
            for (const auto pid : left) ::kill(pid, SIGKILL);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(attempt < 10 ? 1 : 5));
    }
    return false;
}

std::expected<ControlGroups, Error> ControlGroups::find(const std::string& instance, const Places& places) {
    const auto mounts = read_mounts(places.mounts);
    std::string folder = instance;
    std::ranges::replace_if(folder, [](unsigned char c) { return std::isalnum(c) == 0 && c != '-'; }, '-');
    ControlGroups groups;
    groups.swap_exists_ = machine_has_swap();
    if (mounts.contains(controllers.front())) {
        for (const auto* controller : controllers) {
            const auto mount = mounts.find(controller);
            if (mount == mounts.end()) {
                return unenforceable(fmt::format("the kernel has no control group for {}", controller));
            }
            groups.bases_.push_back(mount->second / own_folder / folder);
        }
    } else if (const auto mount = mounts.find(""); mount != mounts.end()) {
        groups.version_ = 2;
        std::istringstream lines(read_file(places.self));
        std::string own;
        for (std::string line; std::getline(lines, line);) {
            if (line.starts_with("0::/")) own = line.substr(4);
        }
        if (own == daemon_folder || own.ends_with(std::string("/") + daemon_folder)) {
            own.resize(own.size() - std::string_view(daemon_folder).size());
        }
        groups.bases_.push_back(mount->second / own / own_folder / folder);
        if (auto prepared = groups.prepare_v2(mount->second / own); !prepared) {
            return std::unexpected(prepared.error());
        }
    } else {
        return unenforceable(
            "no control groups are mounted, so memory, processes and processor time have no limit");
    }
    for (const auto& base : groups.bases_) {
        std::error_code error;
        fs::create_directories(base, error);
        if (error) return no_right(base, error.message());
    }
    return groups;
}

std::expected<void, Error> ControlGroups::prepare_v2(const fs::path& own) const {
    std::error_code error;
    fs::create_directories(bases_.front(), error);
    for (const auto& folder : {own, own / own_folder, bases_.front()}) {
        for (const auto* controller : controllers) {
            const auto control = folder / "cgroup.subtree_control";
            const auto wish = fmt::format("+{}", controller);
            int code = write_control(control, wish);
            if (code == EBUSY) {
                fs::create_directory(own / daemon_folder, error);
                write_control(own / daemon_folder / "cgroup.procs", "0");
                code = write_control(control, wish);
            }
            if (code != 0) {
                return unenforceable(
                    fmt::format("the control group {} does not give out '{}' ({}); run as root, or "
                                "delegate a group to this user (systemd: Delegate=yes)",
                                folder.string(), controller, std::strerror(code)));
            }
        }
    }
    return {};
}

ControlGroup ControlGroups::group(std::string_view name) const {
    ControlGroup group;
    for (const auto& base : bases_) group.folders_.push_back(base / name);
    return group;
}

void ControlGroups::remove(std::string_view name) const { const auto ended = group(name); }

void ControlGroups::remove_empty() const {
    for (const auto& base : bases_) ::rmdir(base.c_str());
}

std::expected<ControlGroup, Error> ControlGroups::create(std::string_view name, const config::Limits& limits,
                                                         int more_pids) const {
    remove(name);
    auto made = group(name);
    for (const auto& folder : made.folders_) {
        std::error_code error;
        fs::create_directories(folder, error);
        if (error) return no_right(folder, error.message());
    }
    for (const auto& setting : settings_of(version_, limits, more_pids, swap_exists_)) {
        const auto file = made.folders_[setting.base] / setting.file;
        if (const int code = write_control(file, setting.value); code != 0 && setting.needed) {
            return unenforceable(
                fmt::format("{} cannot be set to {}: {}", file.string(), setting.value, std::strerror(code)));
        }
    }
    for (const auto& folder : made.folders_) {
        made.entries_.emplace_back(::open((folder / "cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
        if (!made.entries_.back()) {
            return unenforceable(fmt::format("control group {}: {}", folder.string(), std::strerror(errno)));
        }
    }
    return made;
}

std::vector<std::string> ControlGroups::names() const {
    std::vector<std::string> all;
    for (const auto& base : bases_) {
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(base, error)) {
            const auto name = entry.path().filename().string();
            if (entry.is_directory(error) && std::ranges::find(all, name) == all.end()) all.push_back(name);
        }
    }
    return all;
}

}  // namespace sandbox
