// The factory as a whole: a practice forge in this process, `shopfloor serve` as a child, the Docker backend,
// everything on loopback. One daemon serves all of it, in this order:
//   memory   the daemon at rest, with one running job and with ten
//   label    from setting a label to the agent's first instruction, in turns with a bare `docker run` of the
//   same image twenty   twenty jobs that change a line, ten at a time, from the labels to the pull requests,
//   in turns with
//            tests/bench/by_hand.sh. Each turn begins with a new base commit: its checkout and its checks on
//            the base are in our time, the script knows no such thing.
// Agents that wait do so for a file, so that they also end when this program ends early.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/stage.hpp"
#include "tests/practice_forge/practice_forge.hpp"

namespace {

namespace fs = std::filesystem;
using Steady = std::chrono::steady_clock;
using practice_forge::PracticeForge;

constexpr const char* repository = "acme/widget";
constexpr const char* person = "ada";
constexpr const char* image = "debian:bookworm-slim";
constexpr const char* secret = "a secret of the benchmark";
constexpr const char* token = "practice-token";
constexpr const char* agent_script = "echo x >> file";
constexpr const char* first_check = "grep -q x file";
constexpr const char* second_check = "test -s README.md";
constexpr int running_jobs = 10;
constexpr int label_turns = 9;
constexpr int twenty_turns = 3;
constexpr int jobs_a_turn = 20;
constexpr auto rest = std::chrono::milliseconds(300);

std::string settings(const PracticeForge& forge, const fs::path& folder, int port) {
    return fmt::format(R"(listen: 127.0.0.1:{port}
state_dir: {folder}/state
max_parallel: 10
forges:
  - name: github
    api_url: {api}
    webhook_secrets: [{{file: hook-secret}}]
    app:
      app_id: 1
      private_key: {{file: app.pem}}
    repositories: ["{repository}"]
profiles:
  - name: clock
    command: [date, "+%s%N"]
  - name: waiter
    command: [sh, -c, "echo here; until test -e /gate/open; do sleep 0.5; done"]
    mounts: {{/gate: {folder}/gate}}
  - name: worker
    command: [sh, -c, "{agent}"]
sandbox:
  backend: docker
  default_image: {image}
  allow_weak_limits: {weak}
)",
                       fmt::arg("port", port), fmt::arg("folder", folder.string()),
                       fmt::arg("api", forge.api_url()), fmt::arg("repository", repository),
                       fmt::arg("agent", agent_script), fmt::arg("image", image),
                       fmt::arg("weak", ::geteuid() == 0 ? "false" : "true"));
}

int free_port() { return PracticeForge().port(); }

/// What the daemon may leave in the engine when it is ended in the midst of jobs.
class Containers {
 public:
    explicit Containers(fs::path folder) : folder_(std::move(folder)) {}
    ~Containers() {
        try {
            auto instance = bench::text_of(folder_ / "state/instance");
            instance.erase(std::min(instance.find('\n'), instance.size()));
            if (instance.empty()) return;
            const auto list = folder_ / "containers";
            (void)bench::timed({"docker", "ps", "-aq", "--filter", "label=shopfloor.instance=" + instance},
                               {.output = list});
            std::vector<std::string> argv{"docker", "rm", "-f"};
            const auto ids = bench::text_of(list);
            for (std::size_t at = 0, end = 0; (end = ids.find('\n', at)) != std::string::npos; at = end + 1)
                argv.push_back(ids.substr(at, end - at));
            if (argv.size() > 3) (void)bench::timed(std::move(argv));
        } catch (const std::exception& error) {
            fmt::print(stderr, "containers may be left: {}\n", error.what());
        }
    }
    Containers(const Containers&) = delete;
    Containers& operator=(const Containers&) = delete;

 private:
    fs::path folder_;
};

class Factory {
 public:
    Factory() {
        const auto keys = practice_forge::make_key_pair();
        fs::create_directory(path() / "gate");
        write_private("app.pem", keys.private_pem);
        write_private("hook-secret", secret);
        const int port = free_port();
        write_private("shopfloor.yaml", settings(forge_, path(), port));

        forge_.set_app({.public_key = keys.public_pem});
        forge_.set_rate_limit(1'000'000);
        forge_.add_token("bot[bot]", token);
        forge_.create_repository(
            {.full_name = repository,
             .files = {{.path = "README.md", .content = "# widget\n"},
                       {.path = "file", .content = "x\n"},
                       {.path = ".shopfloor.yml",
                        .content = fmt::format(
                            "checks:\n  - name: file\n    run: {}\n  - name: readme\n    run: {}\n",
                            first_check, second_check)}}});
        forge_.add_collaborator(repository, person, practice_forge::Permission::write);
        forge_.add_collaborator(repository, "bot[bot]", practice_forge::Permission::write);
        forge_.set_hook({.url = fmt::format("http://127.0.0.1:{}/hooks/github", port), .secret = secret});

        const auto program = fs::canonical("/proc/self/exe").parent_path() / "../../shopfloor";
        daemon_.emplace(std::vector<std::string>{program.string(), "serve", "--config",
                                                 (path() / "shopfloor.yaml").string()},
                        bench::Child::Files{.errors = path() / "shopfloor.log"});
        bench::wait_until(
            [this] {
                if (daemon_->ended()) throw bench::Trouble("shopfloor did not start: " + log());
                forge_.ping();
                (void)forge_.hooks_sent();
                return forge_.deliveries().back().status_code == 200;
            },
            "shopfloor does not answer");
    }

    ~Factory() {
        try {
            open_gate();
        } catch (const std::exception& error) {
            fmt::print(stderr, "{}\n", error.what());
        }
        daemon_.reset();
    }
    Factory(const Factory&) = delete;
    Factory& operator=(const Factory&) = delete;

    [[nodiscard]] PracticeForge& forge() { return forge_; }
    [[nodiscard]] const fs::path& path() const { return folder_.path(); }
    [[nodiscard]] std::string log() const { return bench::text_of(path() / "shopfloor.log"); }
    void open_gate() { bench::write(path() / "gate/open", ""); }

    struct Asked {
        std::int64_t issue = 0;
        int job = 0;  ///< the ledger counts from 1, and only we ask
        std::chrono::nanoseconds labelled{};
    };
    Asked ask(const std::string& profile) {
        Asked asked{.issue = forge_.create_issue(repository, "A line is missing", "Please add it.", person),
                    .job = ++jobs_};
        asked.labelled = bench::clock_time();
        forge_.add_label(repository, asked.issue, "agent:" + profile, person);
        return asked;
    }

    [[nodiscard]] std::string printed(const Asked& asked) const {
        return bench::text_of(path() / fmt::format("state/logs/job-{}/agent-1.log", asked.job));
    }

    void wait_for(const Asked& asked, const std::string& state) {
        bench::wait_until(
            [&] {
                if (daemon_->ended()) throw bench::Trouble("shopfloor ended: " + log());
                const auto labels = forge_.issue(repository, asked.issue).labels;
                return std::ranges::find(labels, "agent-state: " + state) != labels.end();
            },
            fmt::format("issue {} does not reach '{}'", asked.issue, state), std::chrono::seconds(60));
    }

    /// Of the daemon's processes together, pages that they share counted once.
    [[nodiscard]] double resident_mib() const {
        const auto keeper = fmt::format("PPid:\t{}\n", daemon_->pid());
        double kib = pss_of(fmt::format("/proc/{}", daemon_->pid()));
        std::error_code error;
        for (const auto& process : fs::directory_iterator("/proc", error))
            if (bench::text_of(process.path() / "status").find(keeper) != std::string::npos)
                kib += pss_of(process.path());
        return kib / 1024;
    }

 private:
    static double pss_of(const fs::path& process) {
        const auto map = bench::text_of(process / "smaps_rollup");
        const auto line = map.find("\nPss:");
        return line == std::string::npos ? 0 : std::stod(map.substr(line + 5));
    }

    void write_private(const char* name, std::string_view text) {
        bench::write(path() / name, text);
        fs::permissions(path() / name, fs::perms::owner_read | fs::perms::owner_write);
    }

    bench::Folder folder_;
    PracticeForge forge_{{.directory = folder_.path() / "forge"}};
    Containers containers_{folder_.path()};
    std::optional<bench::Child> daemon_;
    int jobs_ = 0;
};

void measure_memory(Factory& factory) {
    bench::pause(rest);
    bench::sample("memory_idle", factory.resident_mib());
    factory.wait_for(factory.ask("clock"), "done");  // what the first job ever brings in is no job's own

    std::vector<Factory::Asked> waiting;
    const auto begin = [&](int until) {
        while (std::ssize(waiting) < until) waiting.push_back(factory.ask("waiter"));
        for (const auto& one : waiting) {
            bench::wait_until([&] { return factory.printed(one).starts_with("here"); },
                              "an agent does not start");
            factory.wait_for(one, "working");
        }
        bench::pause(std::chrono::seconds(1));
        return factory.resident_mib();
    };
    const double one = begin(1);
    const double all = begin(running_jobs);
    bench::sample("memory_one_job", one);
    bench::sample("memory_ten_jobs", all);
    bench::sample("memory_a_job", (all - one) / (running_jobs - 1));
    factory.open_gate();
    for (const auto& asked : waiting) factory.wait_for(asked, "done");
}

std::chrono::nanoseconds bare_docker_run(const fs::path& folder) {
    const auto output = folder / "bare";
    const auto start = bench::clock_time();
    (void)bench::timed({"docker", "run", "--rm", "--network", "none", image, "date", "+%s%N"},
                       {.output = output, .errors = folder / "errors"});
    return std::chrono::nanoseconds(std::stoll(bench::text_of(output))) - start;
}

void measure_label(Factory& factory) {
    (void)bare_docker_run(factory.path());
    for (int turn = 0; turn < label_turns; ++turn) {
        const auto asked = factory.ask("clock");
        factory.wait_for(asked, "done");
        bench::pause(rest);  // its last comments
        bench::sample("label_to_agent",
                      bench::milliseconds(std::chrono::nanoseconds(std::stoll(factory.printed(asked))) -
                                          asked.labelled));
        bench::sample("docker_run", bench::milliseconds(bare_docker_run(factory.path())));
        bench::pause(rest);
    }
}

void jobs_by_us(Factory& factory, int turn) {
    auto& forge = factory.forge();
    (void)forge.commit_files(repository, "main",
                             {{.path = "README.md", .content = fmt::format("# widget {}\n", turn)}},
                             "A new base commit");
    const auto before = forge.pull_requests(repository).size();
    const auto start = Steady::now();
    std::vector<Factory::Asked> asked;
    for (int i = 0; i < jobs_a_turn; ++i) asked.push_back(factory.ask("worker"));
    bench::wait_until([&] { return forge.pull_requests(repository).size() == before + jobs_a_turn; },
                      "not all jobs end in pull requests", std::chrono::seconds(90));
    bench::sample("twenty_jobs", bench::milliseconds(Steady::now() - start));
    for (const auto& one : asked) factory.wait_for(one, "review");
    const auto all = forge.pull_requests(repository);
    if (std::ranges::any_of(all, [](const auto& proposal) { return proposal.draft; }))
        throw bench::Trouble("a pull request is a draft: its checks were red");
}

void jobs_by_hand(Factory& factory, int turn) {
    auto& forge = factory.forge();
    auto url = forge.clone_url(repository);
    url.insert(url.find("//") + 2, fmt::format("x-access-token:{}@", token));
    const auto work = factory.path() / fmt::format("by-hand-{}", turn);
    fs::create_directory(work);
    const auto before = forge.branches(repository).size();
    const auto took = bench::timed({SHOPFLOOR_SOURCE_DIR "/tests/bench/by_hand.sh", url, image, work.string(),
                                    fmt::format("hand-{}", turn), std::to_string(jobs_a_turn),
                                    std::to_string(running_jobs), agent_script, first_check, second_check},
                                   {.errors = factory.path() / "errors"});
    bench::sample("by_hand", bench::milliseconds(took));
    if (forge.branches(repository).size() != before + jobs_a_turn)
        throw bench::Trouble("the script did not push its branches");
}

void measure_twenty(Factory& factory) {
    factory.wait_for(factory.ask("worker"), "review");
    for (int turn = 0; turn < twenty_turns; ++turn) {
        jobs_by_us(factory, turn);
        bench::pause(rest);
        jobs_by_hand(factory, turn);
        bench::pause(rest);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> names(argv + 1, argv + argc);
    const auto wanted = [&](const char* name) {
        return names.empty() || std::ranges::find(names, name) != names.end();
    };
    return bench::stand([&] {
        Factory factory;
        if (wanted("memory")) measure_memory(factory);
        if (wanted("label")) measure_label(factory);
        if (wanted("twenty")) measure_twenty(factory);
    });
}
