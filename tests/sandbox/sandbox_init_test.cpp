#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <utility>

#include "sandbox/docker_files.hpp"
#include "sandbox/init_program.hpp"
#include "sandbox_stage.hpp"

/// The first process inside, of both real backends: what a program may rely on, and what it cannot do to it.

namespace {

namespace fs = std::filesystem;
using sandbox::Sandbox;
using stage::on_both;
using End = sandbox::RunOutcome::End;

/// The host's number of the first process of the sandbox whose program has `marker` among its arguments.
int first_process(const std::string& marker) {
    for (const int pid : stage::processes_with(marker)) {
        if (stage::read_file(fmt::format("/proc/{}/cmdline", pid)).starts_with(sandbox::init_target))
            return pid;
    }
    return -1;
}

/// Waits until no process inside is a zombie; a failure that never ends is ended by the deadline of the run.
constexpr auto until_no_zombie =
    "while grep -qs '^State:.Z' /proc/[0-9]*/status; do sleep 0.05; done; echo all reaped; ";

}  // namespace

TEST_CASE("orphans become the first process's, and none stays a zombie") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const std::string orphan =
            "while ! grep -q '^PPid:.1$' /proc/$$/status; do sleep 0.05; done; echo adopted > told";
        auto spec =
            stage::script(sandbox,
                          "(sh -c \"$ORPHAN\" &); while [ ! -s told ]; do sleep 0.05; done; cat told; "
                          "for i in $(seq 300); do (sh -c 'exit 3' &); done; " +
                              std::string(until_no_zombie));
        spec.environment = {{"ORPHAN", orphan}};
        const auto ran = stage::run(sandbox, spec, workspace);
        CHECK(ran.output == "adopted\nall reaped\n");
        CHECK(ran.outcome.ok());
    });
}

TEST_CASE("a signal from outside reaches the program, and all that belong to its group") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto marker = stage::unique_sleep();
        constexpr std::array signals{std::pair{"HUP", SIGHUP},   std::pair{"INT", SIGINT},
                                     std::pair{"QUIT", SIGQUIT}, std::pair{"USR1", SIGUSR1},
                                     std::pair{"USR2", SIGUSR2}, std::pair{"TERM", SIGTERM}};
        std::string text =
            "sh -c \"trap '' HUP INT QUIT USR2 TERM; trap 'touch child-heard' USR1; touch child-up; "
            "while [ ! -e child-heard ]; do :; done\" & ";
        for (const auto& [name, number] : signals) text += fmt::format("trap 'echo heard {0}' {0}; ", name);
        text += fmt::format(
            "while [ ! -e child-up ]; do :; done; echo heard ready; "
            "while [ ! -e go ] || [ ! -e child-heard ]; do :; done; echo {}",
            marker);
        auto spec = stage::script(sandbox, text);
        std::string heard;
        spec.on_output = [&](std::string_view part) {
            heard += part;
            const auto lines = static_cast<std::size_t>(std::ranges::count(heard, '\n'));
            if (lines >= 1 && lines <= signals.size())
                ::kill(first_process(marker), signals[lines - 1].second);
            if (lines == signals.size() + 1) std::ofstream(workspace.root() / "go") << "";
        };
        const auto ran = stage::run(sandbox, spec, workspace);
        CHECK(ran.output ==
              fmt::format("heard ready\nheard HUP\nheard INT\nheard QUIT\nheard USR1\nheard USR2\nheard "
                          "TERM\n{}\n",
                          marker));
        CHECK(ran.outcome.ok());
    });
}

TEST_CASE("a wish to end it that comes before the program has begun is not lost") {
    auto* sandbox = stage::backend("bubblewrap");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    for (int i = 0; i < 5; ++i) {
        std::stop_source cancel;
        cancel.request_stop();
        const auto ran = stage::run(*sandbox, stage::script(*sandbox, "exec sleep 1000"), workspace,
                                    {.cancel = cancel.get_token()});
        CHECK(ran.outcome.end == End::cancelled);
        CHECK(ran.outcome.exit_code == 128 + SIGTERM);  // not KILL, which comes eight seconds later
    }
}

TEST_CASE("a program's end is told as it is, by status or by signal") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        for (const int status : {0, 1, 77, 255}) {
            const auto ran =
                stage::run(sandbox, stage::script(sandbox, fmt::format("exit {}", status)), workspace);
            CHECK(ran.outcome.end == End::exited);
            CHECK(ran.outcome.exit_code == status);
        }
        for (const int signal : {SIGHUP, SIGABRT, SIGKILL, SIGUSR2}) {
            const auto ran =
                stage::run(sandbox, stage::script(sandbox, fmt::format("kill -{} $$", signal)), workspace);
            CHECK(ran.outcome.end == End::signalled);
            CHECK(ran.outcome.exit_code == 128 + signal);
        }
    });
}

TEST_CASE("a program that cannot be started is told by name: 127 when it is not there, 126 otherwise") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto missing = stage::run(sandbox, stage::program(sandbox, {"no-such-agent", "-x"}), workspace);
        CHECK(missing.outcome.exit_code == 127);
        CHECK(missing.output == "no-such-agent: No such file or directory\n");
        const auto folder = stage::run(sandbox, stage::program(sandbox, {"/workspace"}), workspace);
        CHECK(folder.outcome.exit_code == 126);
        CHECK(folder.output == "/workspace: Permission denied\n");
    });
}

TEST_CASE("the program finds signals and descriptors as a program expects them, none of ours among them") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto door = workspace.folder() / "door";
        fs::create_directories(door);
        for (const bool with_door : {false, true}) {
            auto spec = stage::script(sandbox,
                                      "grep -E '^Sig(Blk|Ign):' /proc/self/status | tr -d '\\t'; "
                                      "for each in $(seq 0 99); do [ -e /proc/$$/fd/$each ] && "
                                      "printf '%s ' $each; done; readlink /proc/$$/fd/* | "
                                      "grep -E 'anon_inode|socket|shopfloor'");
            if (with_door) spec.door = door;
            CHECK(stage::run(sandbox, spec, workspace).output ==
                  "SigBlk:0000000000000000\nSigIgn:0000000000000000\n0 1 2 ");
        }
    });
}

TEST_CASE("the program can neither look into the first process nor take anything from it") {
    on_both([](Sandbox& sandbox) {
        const auto results = stage::probe(sandbox, {"first"});
        CHECK(results.size() == 14);
        for (const auto& [name, result] : results) {
            CAPTURE(name);
            const bool denied = result == std::to_string(EACCES) || result == std::to_string(EPERM);
            CHECK(denied);
        }
    });
}

TEST_CASE("no signal of the program's harms the first process") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto ran =
            stage::run(sandbox,
                       stage::script(sandbox, std::string("trap '' HUP INT QUIT TERM USR1 USR2; "
                                                          "for each in $(seq 1 31); do kill -$each 1; "
                                                          "kill -$each 1; done; (sh -c 'exit 3' &); ") +
                                                  until_no_zombie + "exit 4"),
                       workspace);
        CHECK(ran.output == "all reaped\n");
        CHECK(ran.outcome.end == End::exited);
        CHECK(ran.outcome.exit_code == 4);
    });
}

TEST_CASE("the first process is ours whatever the program does to its file, and is nothing by itself") {
    on_both([](Sandbox& sandbox) {
        stage::PlainWorkspace workspace;
        const auto ran = stage::run(
            sandbox,
            stage::script(sandbox,
                          fmt::format("exec 2>&1; (: > {0}; chmod u+w {0}; rm -f {0}; mv {0} /tmp/x; ln {0} "
                                      "/tmp/x) 2>/dev/null; cp {0} /tmp/copy; stat -c %a {0}; "
                                      "{0} -- true; echo $?; /tmp/copy -- true; echo $?",
                                      sandbox::init_target)),
            workspace);
        const std::string refusal =
            "shopfloor-init: it is the first process of a sandbox and nothing else\n125\n";
        CHECK(ran.output == "555\n" + refusal + refusal);
    });
}

TEST_CASE(
    "what containers are shown of ours belongs to us, is named by its content and is the same each time") {
    const auto files = sandbox::write_docker_files();
    REQUIRE_MESSAGE(files.has_value(), files.error().message);
    CHECK(stage::read_file(files->init) == sandbox::init_program());
    CHECK(
        sandbox::init_program().starts_with("\x7f"
                                            "ELF"));
    CHECK(files->init.filename().string().starts_with("init-"));
    struct stat about{};
    REQUIRE(::lstat(files->init.c_str(), &about) == 0);
    CHECK(about.st_uid == ::geteuid());
    CHECK((about.st_mode & 07777) == 0555);
    REQUIRE(::stat(files->init.parent_path().c_str(), &about) == 0);
    CHECK((about.st_mode & 0777) == 0700);
    const auto again = sandbox::write_docker_files();
    REQUIRE(again.has_value());
    CHECK(again->init == files->init);
    CHECK(again->hosts == files->hosts);
}

TEST_CASE("on a machine whose /run does not let programs run, the first process is put elsewhere") {
    if (::geteuid() != 0) {
        MESSAGE("skipped, only root can mount one");
        return;
    }
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        // In a view of its own, so that nothing of it stays.
        const bool laid_out = ::unshare(CLONE_NEWNS) == 0 &&
                              ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                              ::mount("none", "/run", "tmpfs", MS_NOEXEC, "mode=0755") == 0 &&
                              ::mount("none", "/var/cache", "tmpfs", 0, "mode=0755") == 0;
        const auto files = sandbox::write_docker_files();
        const bool good = laid_out && files && files->hosts == "/run/shopfloor/hosts" &&
                          files->init.parent_path() == "/var/cache/shopfloor" &&
                          ::access(files->init.c_str(), X_OK) == 0;
        const bool nowhere = ::mount("none", "/var/cache", "tmpfs", MS_NOEXEC, "mode=0755") == 0 &&
                             sandbox::write_docker_files().error().message.contains("noexec");
        ::_exit(good && nowhere ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
