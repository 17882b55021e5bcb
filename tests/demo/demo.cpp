// The demo: a practice forge, a sample repository, the real daemon beside it, five labels set at once.
// Everything on loopback, in one temporary folder that is removed at the end.

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"

namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;
using practice_forge::PracticeForge;

constexpr std::string_view repository = "acme/tally";
constexpr std::string_view person = "ada";
constexpr std::string_view bot_token = "practice-token-of-the-bot";  // of a forge that is gone with the demo
constexpr auto longest = std::chrono::minutes(15);

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int) { interrupted = 1; }

enum class Outcome { green, red, answered };

struct Task {
    std::string_view title, body;
    Outcome expected;
};

constexpr std::array tasks{
    Task{"Durations with hours count as zero", "`durations.parse(\"2h 30m\")` is 1800. Days are lost too.",
         Outcome::green},
    Task{"A slug has double dashes", "`text.slug(\"Größe & Preis!\")` gives `grosse---preis-`.",
         Outcome::green},
    Task{"Splitting an amount loses a cent", "`money.split(1000, 3)` adds up to 999.", Outcome::green},
    Task{"Family names should sort whatever their case", "bell hooks comes after Grace Hopper.",
         Outcome::red},
    Task{"An empty duration should be refused", "I expect a `ValueError` for `durations.parse(\"\")`.",
         Outcome::answered},
};

std::string_view words(Outcome outcome) {
    switch (outcome) {
        case Outcome::green:
            return "pull request, all required checks green";
        case Outcome::red:
            return "draft pull request, a required check is red";
        case Outcome::answered:
            return "answer on the issue, nothing to change";
    }
    return {};
}

class TemporaryFolder {
 public:
    TemporaryFolder() {
        auto pattern = (fs::temp_directory_path() / "shopfloor-demo-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("cannot make a folder in " + fs::temp_directory_path().string());
        path_ = pattern;
        fs::permissions(path_, fs::perms(0711));  // sandbox users pass through, and list nothing
    }
    ~TemporaryFolder() {
        std::error_code error;
        fs::remove_all(path_, error);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }

 private:
    fs::path path_;
};

void write_private(const fs::path& file, std::string_view text) {
    std::ofstream(file) << text;
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

/// `shopfloor serve` as its own process, its log in a file.
class Daemon {
 public:
    Daemon(const fs::path& program, const fs::path& config, const fs::path& log) {
        posix_spawn_file_actions_t actions{};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                         0600);
        const std::string name = program.string();
        const std::string file = config.string();
        std::array<char*, 5> argv{const_cast<char*>(name.c_str()), const_cast<char*>("serve"),
                                  const_cast<char*>("--config"), const_cast<char*>(file.c_str()), nullptr};
        const int failed = ::posix_spawn(&pid_, name.c_str(), &actions, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        if (failed != 0) throw std::runtime_error("cannot start " + name);
    }
    ~Daemon() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGTERM);
        int status = 0;
        ::waitpid(pid_, &status, 0);
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    [[nodiscard]] bool ended() {
        int status = 0;
        if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) pid_ = -1;
        return pid_ <= 0;
    }

 private:
    pid_t pid_ = -1;
};

fs::path beside_me(std::string_view relative) {
    return fs::canonical("/proc/self/exe").parent_path() / relative;
}

/// How the bot signs in.
std::string credentials(practice_forge::Dialect dialect) {
    return dialect == practice_forge::Dialect::github ? R"(    app:
      app_id: 1
      private_key:
        file: app.pem
)"
                                                      : R"(    token:
      file: token
)";
}

struct Choice {
    std::string forge = "github";
    std::string backend = "auto";
    bool once = false;
};

std::string settings(const PracticeForge& forge, const fs::path& folder, int port, const Choice& choice) {
    const bool docker = choice.backend == "docker";
    return fmt::format(R"(listen: 127.0.0.1:{port}
state_dir: {folder}/state
max_parallel: 10
forges:
  - name: {forge}
    kind: {forge}
    api_url: {api}
    webhook_secrets:
      - file: hook-secret
{credentials}    repositories: ["{repository}"]
profiles:
  - name: practice
    adapter: command
    command: [python3, /opt/agent/agent.py]
    environment:
      AGENT_PAUSE: "0.7"
      PYTHONDONTWRITEBYTECODE: "1"
    mounts:
      /opt/agent: {agent}
sandbox:
  backend: {backend}
  default_image: {image}
  allow_weak_limits: {weak}
{roots})",
                       fmt::arg("port", port), fmt::arg("folder", folder.string()),
                       fmt::arg("forge", choice.forge), fmt::arg("credentials", credentials(forge.dialect())),
                       fmt::arg("api", forge.api_url()), fmt::arg("repository", repository),
                       fmt::arg("agent", (folder / "agent").string()), fmt::arg("backend", choice.backend),
                       fmt::arg("image", docker ? "shopfloor-demo:latest" : "host"),
                       fmt::arg("weak", ::geteuid() == 0 ? "false" : "true"),
                       fmt::arg("roots", docker ? "" : "  roots:\n    host: /\n"));
}

int free_port() {
    // The forge must know the daemon's address before it starts: a free port is found by taking one for a
    // moment.
    const PracticeForge probe;
    return probe.port();
}

struct Followed {
    std::int64_t number = 0;
    std::string state = "labelled";
    std::optional<std::chrono::milliseconds> took;
    std::optional<Outcome> outcome;
    std::string link;
};

std::string state_of(const practice_forge::Issue& issue) {
    constexpr std::string_view prefix = "agent-state: ";
    for (const auto& label : issue.labels)
        if (label.starts_with(prefix)) return label.substr(prefix.size());
    return "labelled";
}

void settle(PracticeForge& forge, Followed& task, const practice_forge::Issue& issue) {
    const auto branch = fmt::format("agent/issue-{}-", task.number);
    task.link = issue.html_url;
    for (const auto& proposal : forge.pull_requests(repository))
        if (proposal.head_branch.starts_with(branch)) {
            task.outcome = proposal.draft ? Outcome::red : Outcome::green;
            task.link = proposal.html_url;
            return;
        }
    if (task.state == "done") task.outcome = Outcome::answered;
}

/// Prints each change of state; true when all have ended.
bool follow(PracticeForge& forge, std::vector<Followed>& followed, Steady::time_point start) {
    bool all = true;
    for (auto& task : followed) {
        if (task.took) continue;
        const auto issue = forge.issue(repository, task.number);
        const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - start);
        if (auto state = state_of(issue); state != task.state) {
            task.state = std::move(state);
            fmt::print("  {:5.1f} s  #{} {:<9} {}\n", static_cast<double>(elapsed.count()) / 1000,
                       task.number, task.state, issue.title);
            std::fflush(stdout);
        }
        if (task.state == "review" || task.state == "done" || task.state == "blocked") {
            settle(forge, task, issue);
            task.took = elapsed;
        }
        all = all && task.took;
    }
    return all;
}

bool table(const std::vector<Followed>& followed) {
    bool as_expected = true;
    fmt::print("\n{:<6} {:>9}  {:<46} {}\n", "issue", "duration", "outcome", "where");
    for (std::size_t i = 0; i < followed.size(); ++i) {
        const auto& task = followed[i];
        const auto outcome = task.outcome ? words(*task.outcome) : std::string_view("no result");
        fmt::print("#{:<5} {:>7.1f} s  {:<46} {}\n", task.number,
                   task.took ? static_cast<double>(task.took->count()) / 1000 : 0.0, outcome, task.link);
        as_expected = as_expected && task.outcome == tasks[i].expected;
    }
    return as_expected;
}

/// Who may do what on the practice forge, and where it tells of it.
void open_forge(PracticeForge& forge, const fs::path& folder, const fs::path& sources,
                const std::string& hook, const std::string& secret) {
    const auto keys = practice_forge::make_key_pair();
    write_private(folder / "app.pem", keys.private_pem);
    write_private(folder / "token", bot_token);
    write_private(folder / "hook-secret", secret);
    forge.set_app({.public_key = keys.public_pem});
    forge.create_repository({.full_name = std::string(repository), .folder = sources / "tests/demo/project"});
    forge.add_collaborator(repository, person, practice_forge::Permission::write);
    if (forge.dialect() != practice_forge::Dialect::github) {
        forge.add_token(forge.app_login(), bot_token);
        forge.add_collaborator(repository, forge.app_login(), practice_forge::Permission::admin);
    }
    forge.set_hook({.url = hook, .secret = secret});
}

int demo(const Choice& choice) {
    const TemporaryFolder folder;
    const auto& path = folder.path();
    const fs::path sources(SHOPFLOOR_SOURCE_DIR);
    fs::copy(sources / "tests/demo/agent", path / "agent", fs::copy_options::recursive);
    fs::permissions(path / "agent", fs::perms(0755));
    fs::permissions(path / "agent/agent.py", fs::perms(0755));

    PracticeForge forge(
        {.dialect = practice_forge::dialect_named(choice.forge), .directory = path / "forge"});
    const auto secret = fmt::format("{:08x}{:08x}", std::random_device{}(), std::random_device{}());
    const int port = free_port();
    write_private(path / "shopfloor.yaml", settings(forge, path, port, choice));
    open_forge(forge, path, sources, fmt::format("http://127.0.0.1:{}/hooks/{}", port, choice.forge), secret);

    const auto log = path / "shopfloor.log";
    Daemon daemon(beside_me("../../shopfloor"), path / "shopfloor.yaml", log);
    const auto complain = [&log](std::string_view what) {
        fmt::print(stderr, "\n{}. Its log:\n", what);
        std::ifstream in(log);
        for (std::string line; std::getline(in, line);) fmt::print(stderr, "  {}\n", line);
        return 1;
    };
    const bool up = PracticeForge::eventually([&] {
        if (daemon.ended()) return true;
        forge.ping();
        (void)forge.hooks_sent();
        return forge.deliveries().back().status_code / 100 == 2;
    });
    if (!up || daemon.ended()) return complain("shopfloor did not come up");

    fmt::print(
        "practice forge   {}/{} (as {})\nshopfloor        http://127.0.0.1:{}/metrics\nits log          "
        "{}\nsandbox  "
        "        {}\n\n",
        forge.url(), repository, choice.forge, port, log.string(), choice.backend);
    fmt::print("{} labels five issues `agent` at once:\n", person);
    std::vector<Followed> followed;
    for (const auto& task : tasks)
        followed.push_back({.number = forge.create_issue(repository, task.title, task.body, person)});
    const auto start = Steady::now();
    for (const auto& task : followed) forge.add_label(repository, task.number, "agent", person);

    while (!follow(forge, followed, start)) {
        if (interrupted != 0) return 130;
        if (daemon.ended()) return complain("shopfloor ended");
        if (Steady::now() - start > longest) {
            (void)table(followed);
            return complain("not all five came to an end");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    const bool as_expected = table(followed);
    if (!as_expected) return complain("not the five outcomes that were expected");
    if (choice.once) return 0;
    fmt::print(
        "\nLook around at {0}/{1}. To say something on issue {2} as {3}, and be answered there:\n\n"
        "    curl -d '{{\"by\": \"{3}\", \"body\": \"/agent help\"}}' "
        "{0}/practice/repositories/{1}/issues/{2}/comments\n\nCtrl-C ends it.\n",
        forge.url(), repository, followed.front().number, person);
    std::fflush(stdout);
    while (interrupted == 0 && !daemon.ended()) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    return interrupted != 0 ? 0 : complain("shopfloor ended");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Five labelled issues become pull requests, on this machine alone."};
    Choice choice;
    app.add_flag("--once", choice.once,
                 "End when the five have ended; exit status 0 when all went as expected");
    app.add_option("--sandbox", choice.backend, "docker or bubblewrap")
        ->check(CLI::IsMember({"docker", "bubblewrap"}));
    app.add_option("--forge", choice.forge, "Which forge is practised")
        ->check(CLI::IsMember(practice_forge::dialect_names()))
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    std::signal(SIGINT, interrupt);
    std::signal(SIGTERM, interrupt);
    try {
        return demo(choice);
    } catch (const std::exception& error) {
        fmt::print(stderr, "demo: {}\n", error.what());
        return 1;
    }
}
