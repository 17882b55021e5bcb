#include "sandbox/bubblewrap_spec.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <map>
#include <string_view>

#include "sandbox/init_program.hpp"

namespace sandbox {

namespace {

namespace fs = std::filesystem;
using Options = std::vector<std::string>;

constexpr auto standard_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

void add(Options& options, std::initializer_list<std::string> more) { options.insert(options.end(), more); }

/// A top-level entry as it is: a link (usr-merged systems), a folder, or nothing.
void add_entry(Options& options, const fs::path& root, const std::string& name) {
    const auto path = root / name;
    std::error_code error;
    if (fs::is_symlink(path, error)) {
        add(options, {"--symlink", fs::read_symlink(path, error).string(), "/" + name});
    } else if (fs::is_directory(path, error) && !fs::is_empty(path, error) && !error) {
        add(options, {"--ro-bind", path.string(), "/" + name});
    }
}

/// The machine's own programs and what they need to work; not its data, its users, its keys.
void add_own_machine(Options& options, const BubblewrapFiles& files) {
    for (const auto* name : {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"})
        add_entry(options, "/", name);
    constexpr std::array needed{
        "alternatives", "ld.so.cache", "ld.so.conf",      "ld.so.conf.d",    "nsswitch.conf",
        "localtime",    "timezone",    "os-release",      "debian_version",  "mime.types",
        "magic",        "services",    "protocols",       "inputrc",         "profile",
        "bash.bashrc",  "terminfo",    "ca-certificates", "ssl/certs",       "ssl/openssl.cnf",
        "perl",         "python3",     "java-17-openjdk", "java-21-openjdk", "maven",
        "node_modules", "fonts"};
    for (const auto* name : needed) {
        const auto path = std::string("/etc/") + name;
        add(options, {"--ro-bind-try", path, path});
    }
    const auto data = [&](int file, const char* path) {
        add(options, {"--perms", "0444", "--ro-bind-data", std::to_string(file), path});
    };
    data(files.hosts, "/etc/hosts");
    data(files.passwd, "/etc/passwd");
    data(files.group, "/etc/group");
    add(options, {"--dir", "/run", "--dir", "/var", "--symlink", "/tmp", "/var/tmp"});
}

/// Another system's tree: all of it but the places that the sandbox lays out itself and the homes.
void add_foreign_root(Options& options, const fs::path& root) {
    static constexpr std::array<std::string_view, 10> own{"proc", "sys",  "dev",  "tmp",       "run",
                                                          "root", "home", "boot", "workspace", "lost+found"};
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root, error))
        names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    for (const auto& name : names) {
        if (std::ranges::find(own, name) == own.end()) add_entry(options, root, name);
    }
    add(options, {"--dir", "/run"});
}

}  // namespace

std::vector<std::string> bubblewrap_walls(unsigned uid) {
    const auto id = std::to_string(uid);
    return {"--unshare-user",
            "--unshare-ipc",
            "--unshare-pid",
            "--unshare-net",
            "--unshare-uts",
            "--unshare-cgroup",
            "--disable-userns",
            "--assert-userns-disabled",
            "--uid",
            id,
            "--gid",
            id,
            "--hostname",
            "sandbox",
            "--as-pid-1",
            "--die-with-parent",
            "--new-session",
            "--cap-drop",
            "ALL",
            "--clearenv"};
}

std::vector<std::string> bubblewrap_init(const BubblewrapFiles& files) {
    return {"--perms", "0555", "--ro-bind-data", std::to_string(files.init), std::string(init_target)};
}

std::vector<std::string> bubblewrap_options(const RunSpec& spec, const BubblewrapPlan& plan) {
    auto options = bubblewrap_walls(plan.uid);
    std::map<std::string, std::string> environment{
        {"PATH", standard_path}, {"HOME", "/home/agent"}, {"LANG", "C.UTF-8"}};
    for (const auto& [key, value] : spec.environment) environment[key] = value;
    for (const auto& [key, value] : environment) add(options, {"--setenv", key, value});

    if (plan.root == "/") {
        add_own_machine(options, plan.files);
    } else {
        add_foreign_root(options, plan.root);
    }
    add(options, {"--proc",
                  "/proc",
                  "--dev",
                  "/dev",
                  "--size",
                  std::to_string(64 << 20),
                  "--tmpfs",
                  "/dev/shm",
                  "--remount-ro",
                  "/dev",
                  "--size",
                  std::to_string(spec.limits.tmp_bytes),
                  "--tmpfs",
                  "/tmp",
                  "--bind",
                  plan.workspace.string(),
                  "/workspace",
                  "--bind",
                  plan.home.string(),
                  "/home/agent"});
    const auto show = [&](const fs::path& source, std::string target) {
        std::error_code error;
        const auto real = fs::canonical(source, error);
        add(options, {"--ro-bind", (error ? source : real).string(), std::move(target)});
    };
    for (const auto& mount : spec.mounts) show(mount.source, mount.target);
    const auto init = bubblewrap_init(plan.files);
    options.insert(options.end(), init.begin(), init.end());
    if (spec.door) show(*spec.door, std::string(door_target));
    add(options, {"--remount-ro", "/", "--chdir", "/workspace", "--seccomp",
                  std::to_string(plan.files.seccomp), "--json-status-fd", std::to_string(plan.files.status)});
    return options;
}

}  // namespace sandbox
