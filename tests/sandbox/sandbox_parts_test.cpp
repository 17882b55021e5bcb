#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "sandbox/bubblewrap_spec.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/docker_api.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/watch.hpp"
#include "sandbox_stage.hpp"

/// The parts below the backends, each by itself.

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using sandbox::Error;

/// A folder that looks like a version 2 control group tree to whoever only reads and writes files.
class FakeGroups {
 public:
    FakeGroups() {
        auto name = (fs::temp_directory_path() / "shopfloor-groups-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        folder_ = name;
        put("mounts", fmt::format("cgroup2 {}/tree cgroup2 rw 0 0\n", name));
        put("self", "0::/system.slice/shopfloor.service\n");
        for (const auto* group :
             {"tree/system.slice/shopfloor.service", "tree/system.slice/shopfloor.service/shopfloor",
              "tree/system.slice/shopfloor.service/shopfloor/main"}) {
            fs::create_directories(folder_ / group);
            put(fmt::format("{}/cgroup.subtree_control", group), "");
        }
        const auto run = service() / "shopfloor/main/run-1";
        fs::create_directories(run);
        for (const auto* file : {"memory.max", "memory.swap.max", "pids.max", "cpu.max", "cgroup.procs"}) {
            std::ofstream(run / file) << "";
        }
    }
    ~FakeGroups() { fs::remove_all(folder_); }

    [[nodiscard]] fs::path service() const { return folder_ / "tree/system.slice/shopfloor.service"; }
    [[nodiscard]] sandbox::ControlGroups::Places places() const {
        return {folder_ / "mounts", folder_ / "self"};
    }
    void put(const std::string& name, std::string_view text) const { std::ofstream(folder_ / name) << text; }

 private:
    fs::path folder_;
};

std::string join(const std::vector<std::string>& options) {
    return fmt::format("{}", fmt::join(options, " "));
}

}  // namespace

TEST_CASE("both renderings of the system call table forbid what must be forbidden") {
    std::map<std::string, std::vector<sandbox::SyscallRule>> rules;
    for (const auto& rule : sandbox::syscall_table()) rules[rule.name].push_back(rule);
    for (const auto* name : {"io_uring_setup",
                             "io_uring_enter",
                             "io_uring_register",
                             "unshare",
                             "setns",
                             "mount",
                             "umount2",
                             "keyctl",
                             "add_key",
                             "request_key",
                             "bpf",
                             "perf_event_open",
                             "userfaultfd",
                             "kexec_load",
                             "init_module",
                             "open_by_handle_at",
                             "pivot_root",
                             "move_mount",
                             "fsopen",
                             "clone3",
                             "personality",
                             "socket",
                             "clone",
                             "memfd_secret",
                             "quotactl"}) {
        CAPTURE(name);
        const auto found = rules.find(name);
        if (found == rules.end()) continue;  // not in the table: denied
        for (const auto& rule : found->second) {
            const bool denied_or_narrow = rule.error != 0 || !rule.conditions.empty();
            CHECK(denied_or_narrow);
        }
    }
    CHECK(rules["socket"].size() == 4);
    // No call is both allowed and forbidden.
    for (const auto& [name, list] : rules) {
        std::set<int> errors;
        for (const auto& rule : list) errors.insert(rule.error);
        CAPTURE(name);
        CHECK(errors.size() == 1);
    }

    std::set<std::string> names;
    for (const auto& rule : sandbox::syscall_table()) names.insert(rule.name);
    const auto profile = nlohmann::json::parse(sandbox::seccomp_profile_json());
    CHECK(profile["defaultAction"] == "SCMP_ACT_ERRNO");
    CHECK(profile["architectures"].size() == 1);
    std::set<std::string> rendered;
    for (const auto& entry : profile["syscalls"]) {
        for (const auto& name : entry["names"]) rendered.insert(name.get<std::string>());
    }
    CHECK(rendered == names);

    const auto program = sandbox::seccomp_program();
    REQUIRE(program.has_value());
    CHECK(program->size() % 8 == 0);  // struct sock_filter
    CHECK(program->size() / 8 < 4096);
}

TEST_CASE("version 2 control groups are set up below the service's own group") {
    const FakeGroups fake;
    const auto groups = sandbox::ControlGroups::find("main", fake.places());
    REQUIRE_MESSAGE(groups.has_value(), groups.error().message);
    CHECK(groups->version() == 2);
    CHECK(stage::read_file(fake.service() / "cgroup.subtree_control")
              .starts_with("+cpu"));  // the last of three
    CHECK(groups->names() == std::vector<std::string>{"run-1"});

    config::Limits limits;
    limits.memory_bytes = 1 << 30;
    limits.pids = 10;
    limits.cpus = 1.5;
    const auto group = groups->create("run-1", limits, 2);
    REQUIRE_MESSAGE(group.has_value(), group.error().message);
    const auto run = fake.service() / "shopfloor/main/run-1";
    CHECK(stage::read_file(run / "memory.max") == "1073741824");
    CHECK(stage::read_file(run / "pids.max") == "12");
    CHECK(stage::read_file(run / "cpu.max") == "150000 100000");
    CHECK_FALSE(group->ran_out_of_memory());
    std::ofstream(run / "memory.events") << "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\n";
    CHECK(group->ran_out_of_memory());
}

TEST_CASE("a missing control group controller is refused by its name") {
    const FakeGroups fake;
    fs::remove(fake.service() / "cgroup.subtree_control");
    const auto refused = sandbox::ControlGroups::find("main", fake.places());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == Error::Kind::unenforceable);
    CHECK(refused.error().message.contains("'memory'"));
    CHECK(refused.error().message.contains("Delegate=yes"));

    fake.put("mounts", "cgroup /x/memory cgroup rw,memory 0 0\ncgroup /x/cpu cgroup rw,cpu,cpuacct 0 0\n");
    const auto half = sandbox::ControlGroups::find("main", fake.places());
    REQUIRE_FALSE(half.has_value());
    CHECK(half.error().message.contains("pids"));

    fake.put("mounts", "proc /proc proc rw 0 0\n");
    CHECK(sandbox::ControlGroups::find("main", fake.places()).error().message.contains("no control groups"));
}

TEST_CASE("bubblewrap never shows the machine itself, only its programs") {
    sandbox::RunSpec spec{.name = "x", .argv = {"true"}};
    const auto own =
        join(sandbox::bubblewrap_options(spec, {.root = "/", .workspace = "/w", .home = "/h", .uid = 61000}));
    CHECK(own.contains(
        "--unshare-user --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup"));
    CHECK(own.contains("--disable-userns --assert-userns-disabled"));
    CHECK(own.contains("--die-with-parent --new-session --cap-drop ALL --clearenv"));
    CHECK(own.contains("--ro-bind /usr /usr"));
    CHECK(own.contains("--remount-ro / --chdir /workspace --seccomp 4"));
    for (const auto* never :
         {"--ro-bind / /", "/root", "--ro-bind /home", "--ro-bind /var", "/etc/shadow", "--ro-bind /etc ",
          "--share-net", "--dev-bind", "--cap-add", "/etc/ssl/private", "--ro-bind /run"}) {
        CAPTURE(never);
        CHECK_FALSE(own.contains(never));
    }
}

TEST_CASE("another system's root is shown as it lies, merged or classic") {
    auto name = (fs::temp_directory_path() / "shopfloor-root-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    const fs::path root = name;
    for (const auto* folder :
         {"usr/bin", "etc", "lib64", "home/somebody", "root/.ssh", "opt", "proc", "var/lib/dpkg"}) {
        fs::create_directories(root / folder);
    }
    std::ofstream(root / "etc/passwd") << "x";
    std::ofstream(root / "lib64/ld.so") << "x";
    fs::create_symlink("usr/bin", root / "bin");
    const auto options = join(sandbox::bubblewrap_options(
        {.name = "x"}, {.root = root, .workspace = "/w", .home = "/h", .uid = 1}));
    CHECK(options.contains("--symlink usr/bin /bin"));
    CHECK(options.contains(fmt::format("--ro-bind {}/usr /usr", name)));
    CHECK(options.contains(fmt::format("--ro-bind {}/etc /etc", name)));
    CHECK(options.contains(fmt::format("--ro-bind {}/lib64 /lib64", name)));
    CHECK_FALSE(options.contains(name + "/home"));
    CHECK_FALSE(options.contains(name + "/root"));
    CHECK_FALSE(options.contains(name + "/proc"));
    CHECK_FALSE(options.contains(name + "/opt"));  // empty: a mount may go there
    fs::remove_all(root);
}

TEST_CASE("bubblewrap cannot leave a program running, and says so") {
    auto* sandbox = stage::backend("bubblewrap");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    const auto marker = stage::unique_sleep();
    auto spec = stage::script(*sandbox, fmt::format("echo up; sleep {}", marker));
    std::stop_source detach;
    spec.on_output = [&](std::string_view) { detach.request_stop(); };
    const auto left = sandbox->run(spec, workspace, {.detach = detach.get_token()});
    REQUIRE_FALSE(left.has_value());
    CHECK(left.error().kind == Error::Kind::interrupted);
    CHECK(stage::processes_with(marker).empty());
}

TEST_CASE("bubblewrap leaves no control group behind") {
    auto* sandbox = stage::backend("bubblewrap");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    const auto spec = stage::script(*sandbox, "true");
    (void)stage::run(*sandbox, spec, workspace);
    const auto groups = sandbox::ControlGroups::find(stage::instance());
    REQUIRE(groups.has_value());
    CHECK(groups->names().empty());
}

TEST_CASE("an installation's control groups go with its sandbox") {
    if (stage::backend("bubblewrap") == nullptr) return;
    const auto instance = stage::instance() + "-short";
    const auto exists = [&] {
        for (const auto* base : {"/sys/fs/cgroup/memory/shopfloor", "/sys/fs/cgroup/shopfloor"}) {
            if (fs::exists(fs::path(base) / instance)) return true;
        }
        return false;
    };
    {
        const auto made = sandbox::make_sandbox(stage::settings("bubblewrap"), instance);
        REQUIRE(made.has_value());
    }
    CHECK_FALSE(exists());
}

TEST_CASE("a name that runs just now is not free for a second run under bubblewrap, until it ends") {
    auto* sandbox = stage::backend("bubblewrap");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    auto spec = stage::script(*sandbox, "echo up");
    bool asked = false;
    spec.on_output = [&](std::string_view) {
        auto twin = spec;
        twin.on_output = {};
        const auto refused = sandbox->run(twin, workspace, {});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().kind == Error::Kind::unavailable);
        asked = true;
    };
    CHECK(stage::run(*sandbox, spec, workspace).outcome.ok());
    CHECK(asked);
}

TEST_CASE("deadlines are told in the order of their weight") {
    using End = sandbox::RunOutcome::End;
    const sandbox::Clock::time_point start{};
    sandbox::Deadlines deadlines({.total = 100s, .idle = 10s}, start);
    CHECK_FALSE(deadlines.passed(start + 9s).has_value());
    CHECK(deadlines.passed(start + 10s) == End::idle_deadline);
    deadlines.output_seen(start + 9s);
    CHECK_FALSE(deadlines.passed(start + 18s).has_value());
    CHECK(deadlines.next() == start + 19s);
    CHECK(deadlines.passed(start + 100s) == End::total_deadline);
    CHECK(sandbox::poll_milliseconds(start, start + 1500us) == 2);
    CHECK(sandbox::poll_milliseconds(start, start - 1s) == 0);
    CHECK(sandbox::poll_milliseconds(start, start + 10h) == 60'000);
}

TEST_CASE("the log keeps the head and the end of long output, and all of any other, however it arrives") {
    const auto file = fs::temp_directory_path() / fmt::format("shopfloor-log-{}", ::getpid());
    std::string heard;
    const std::function<void(std::string_view)> listen = [&](std::string_view part) { heard += part; };
    const auto logged = [&](std::uint64_t cap, std::string_view output, std::size_t step) {
        heard.clear();
        auto log = sandbox::OutputLog::open(file, cap, listen);
        REQUIRE(log.has_value());
        for (std::size_t at = 0; at < output.size(); at += step) log->add(output.substr(at, step));
        log->finish();
        CHECK(log->total() == output.size());
        CHECK(heard == stage::read_file(file));
        return std::pair{heard, log->dropped()};
    };
    for (const std::size_t step : {1UL, 3UL, 8UL, 100UL}) {
        CHECK(logged(10, "1234567890", step) == std::pair{std::string("1234567890"), 0UL});
        CHECK(logged(10, "12345678", step) == std::pair{std::string("12345678"), 0UL});
        CHECK(logged(10, "1234567890abcd", step) ==
              std::pair{std::string("12345\n[… 4 bytes left out …]\n0abcd"), 4UL});
        CHECK(logged(0, "1234", step).second == 4);
    }
    std::string longer;
    for (int line = 0; line < 100'000; ++line) longer += fmt::format("line {}\n", line);
    const auto [kept, dropped] = logged(300'000, longer, 1000);
    CHECK(dropped > 0);
    CHECK(kept.size() <= 300'000);
    CHECK(kept.starts_with(longer.substr(0, 150'000)));
    CHECK(kept.ends_with(longer.substr(longer.size() - (64 << 10))));
    fs::remove(file);
    CHECK_FALSE(sandbox::OutputLog::open("/nonexistent/log", 10, listen).has_value());
}

TEST_CASE("output frames are put together however the connection cuts them") {
    std::string stream;
    std::string expected;
    for (const std::string& text :
         std::vector<std::string>{"hello ", "", "wor", std::string(300, 'x'), "ld"}) {
        stream += std::string("\x01\0\0\0\0\0", 6) + static_cast<char>(text.size() >> 8) +
                  static_cast<char>(text.size() & 0xff) + text;
        expected += text;
    }
    for (const std::size_t step : {1UL, 2UL, 3UL, 7UL, 8UL, 9UL, 1000UL}) {
        sandbox::DockerFrames frames;
        std::string got;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            frames.feed(std::string_view(stream).substr(at, step),
                        [&](std::string_view part) { got += part; });
        }
        CHECK(got == expected);
    }
}
