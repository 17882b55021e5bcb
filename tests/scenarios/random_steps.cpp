#include "tests/scenarios/random_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <random>
#include <stdexcept>
#include <thread>

#include "bot/branch_name.hpp"
#include "tests/scenarios/hostile.hpp"

namespace scenarios {

using practice_forge::Fault;
using practice_forge::HookFault;
using practice_forge::PullRequest;
using practice_forge::Which;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view title = "Words are missing";
constexpr std::string_view token_of_maintainer = "practice-token-of-ada-77e1";

std::string label_of(std::size_t detail) {
    constexpr std::array labels{"agent", "agent",      "agent",      "agent:slow",
                                "agent", "agent:asks", "agent:idle", "agent:lost"};
    return labels[detail % labels.size()];
}

std::string command_of(std::size_t detail) {
    constexpr std::array commands{"/agent run",        "/agent run x2",           "/agent retry",
                                  "/agent retry slow", "/agent refine say more",  "/agent refine be brief",
                                  "/agent pick 1",     "/agent pick 2",           "/agent stop",
                                  "/agent status",     "/agent resume the first", "The second, please."};
    return commands[detail % commands.size()];
}

std::string start_of(std::size_t detail) {
    constexpr std::array commands{"/agent run", "/agent run x2", "/agent run able slow x2",
                                  "/agent run asks"};
    return commands[detail % commands.size()];
}

/// What changes something at the forge.
constexpr std::array effects{
    Asked::push,   Asked::open_pull_request, Asked::comment, Asked::push, Asked::open_pull_request,
    Asked::change, Asked::evidence,          Asked::labels};

/// Late answers and late effects, and answers that never come.
Fault fault_at(std::size_t detail, Fault::Kind kind) {
    return at(effects[detail / 8 % effects.size()],
              {.name = "effect",
               .kind = kind,
               .after_effect = kind == Fault::Kind::reset || detail / 64 % 2 == 0,
               .latency = std::chrono::milliseconds(300 + detail / 128 * 40)});
}

Fault fault_of(std::size_t detail) {
    const int times = 1 + static_cast<int>(detail / 8 % 4);
    switch (detail % 8) {
        case 0:
            return at(Asked::anything, {.name = "down", .times = times, .status = 503});
        case 1:
            return at(Asked::anything, {.name = "cut", .kind = Fault::Kind::reset, .times = times});
        case 2:
            return {.name = "git down", .path = "/acme/widget.git/*", .times = times, .status = 503};
        case 3:
        case 4:
            return fault_at(detail, Fault::Kind::latency);
        default:
            return fault_at(detail, Fault::Kind::reset);
    }
}

}  // namespace

/// One verb each; all may throw what the forge says when it cannot be done.
struct Play::Deeds {
    Play& play;
    const Step& step;
    practice_forge::PracticeForge& forge = play.factory_.forge;
    std::int64_t issue = play.issues_[step.issue];

    [[nodiscard]] PullRequest proposal() const {
        const auto all = play.watch_.proposals(issue);
        if (all.empty()) throw std::runtime_error("there is no pull request");
        return all.back();
    }
    [[nodiscard]] std::string branch() const {
        const auto all = play.watch_.begun_for(issue);
        if (all.empty()) throw std::runtime_error("there is no branch");
        return all[step.detail / 16 % all.size()];
    }
    /// As somebody does it who has a clone.
    void push(const std::string& what) const {
        auto url = forge.clone_url(repository);
        url.insert(url.find("://") + 3, fmt::format("{}:{}@", maintainer, token_of_maintainer));
        (void)in_repository(forge.git_directory(repository),
                            fmt::format("git push --quiet --force '{}' {} || true", url, what));
    }
    void commit(const std::string& branch, const std::string& path) const {
        const int number = ++play.commits_;
        forge.commit_files(repository, branch, {{.path = path, .content = fmt::format("{}\n", number)}},
                           fmt::format("By hand {}", number), maintainer);
    }

    void label() const {
        forge.add_label(repository, issue, label_of(step.detail), maintainer);
        play.labelled_.insert(issue);
        play.unlabelled_.erase(issue);
    }
    void unlabel() const {
        for (const auto& label : forge.issue(repository, issue).labels)
            if (label == "agent" || label.starts_with("agent:")) {
                play.unlabelled_.insert(issue);
                forge.remove_label(repository, issue, label, maintainer);
            }
    }
    void say() const {
        const auto all = play.watch_.proposals(issue);
        const bool there = step.detail / 16 % 2 == 1 && !all.empty();
        forge.comment(repository, there ? Which(all.back()) : Which(issue), command_of(step.detail),
                      maintainer);
    }
    void start() const { forge.comment(repository, issue, start_of(step.detail), maintainer); }
    void review() const {
        forge.review(repository, proposal().number, "changes_requested", "One word is not enough.",
                     {{.path = "words", .line = 1, .body = "Say more here."}}, maintainer);
    }
    void close_issue() const { forge.close(repository, issue, maintainer); }
    void reopen_issue() const { forge.reopen(repository, issue, maintainer); }
    void close_proposal() const { forge.close(repository, proposal(), maintainer); }
    void reopen_proposal() const {
        const auto latest = proposal();
        if (latest.open) return;
        play.watch_.reopened(latest.number);
        forge.reopen(repository, latest, maintainer);
    }
    void merge() const { forge.merge(repository, proposal().number, maintainer); }
    void push_on_theirs() const { commit(branch(), step.detail % 2 == 0 ? "by-hand" : "words"); }
    void force_push() const {
        push(fmt::format("$(git commit-tree -p main -m 'By hand {0}' main^{{tree}}):refs/heads/{1}",
                         ++play.commits_, branch()));
    }
    /// A pull request whose branch is deleted is closed, if not by the forge itself.
    void delete_branch() const {
        const auto gone = branch();
        push(":refs/heads/" + gone);
        for (const auto& each : play.watch_.proposals(issue))
            if (each.open && each.head_branch == gone) forge.close(repository, each, maintainer);
    }
    void take_name() const {
        const auto name = bot::branch_name(issue, title, 1 + static_cast<int>(step.detail % 3));
        if (!forge.branches(repository).contains(name)) commit(name, "taken");
    }
    void push_to_main() const { commit("main", step.detail % 2 == 0 ? "elsewhere" : "words"); }
    void check() const {
        forge.finish_check(repository, proposal().head_sha, "windows",
                           step.detail % 3 == 0 ? "success" : "failure", {}, "too few words\n");
    }
    void trouble_deliveries() const {
        constexpr std::array kinds{HookFault::Kind::lose, HookFault::Kind::duplicate,
                                   HookFault::Kind::reorder};
        forge.script_hook(
            {.kind = kinds[step.detail % kinds.size()], .times = 1 + static_cast<int>(step.detail / 4 % 3)});
    }
    void trouble_forge() const { forge.fail(fault_of(step.detail)); }
    void kill() const {
        play.factory_.kill();
        play.down_ = true;
        play.steps_down_ = static_cast<int>(step.detail % 4);
    }
    /// While something changes at the forge, or has and the daemon does not know; after a while in any case.
    void kill_at_effect() const {
        forge.fail(fault_at(step.detail, Fault::Kind::latency));
        (void)practice_forge::PracticeForge::eventually([&] { return forge.faults_left("effect") == 0; }, 3s);
        kill();
    }
    void restart() const {
        play.factory_.stop();
        play.down_ = true;
        play.steps_down_ = static_cast<int>(step.detail % 3);
    }
};

namespace {

struct Deed {
    std::string_view name;
    double weight;  ///< of about 50
    void (Play::Deeds::*does)() const;
};
constexpr std::array deeds{
    Deed{"label", 5, &Play::Deeds::label},
    Deed{"start", 4, &Play::Deeds::start},
    Deed{"unlabel", 1, &Play::Deeds::unlabel},
    Deed{"say", 8, &Play::Deeds::say},
    Deed{"review", 2, &Play::Deeds::review},
    Deed{"close the issue", 1, &Play::Deeds::close_issue},
    Deed{"reopen the issue", 2, &Play::Deeds::reopen_issue},
    Deed{"close the pull request", 1, &Play::Deeds::close_proposal},
    Deed{"reopen the pull request", 1, &Play::Deeds::reopen_proposal},
    Deed{"merge", 2, &Play::Deeds::merge},
    Deed{"push on the bot's branch", 3, &Play::Deeds::push_on_theirs},
    Deed{"force-push the bot's branch", 1, &Play::Deeds::force_push},
    Deed{"delete the bot's branch", 1, &Play::Deeds::delete_branch},
    Deed{"take the next name", 3, &Play::Deeds::take_name},
    Deed{"push to main", 2, &Play::Deeds::push_to_main},
    Deed{"CI", 2, &Play::Deeds::check},
    Deed{"trouble deliveries", 3, &Play::Deeds::trouble_deliveries},
    Deed{"trouble the forge", 5, &Play::Deeds::trouble_forge},
    Deed{"kill", 3, &Play::Deeds::kill},
    Deed{"kill at an effect", 4, &Play::Deeds::kill_at_effect},
    Deed{"restart", 2, &Play::Deeds::restart},
};

}  // namespace

std::vector<Step> drawn_steps(std::uint64_t seed, std::size_t length, std::size_t issues) {
    std::mt19937_64 chance(seed);  // its numbers are the same everywhere; those of distributions are not
    double all = 0;
    for (const auto& deed : deeds) all += deed.weight;
    std::vector<Step> steps;
    for (std::size_t i = 0; i < length; ++i) {
        Step step{.issue = chance() % issues, .detail = chance() % 4096};
        step.pause = std::chrono::milliseconds(chance() % 3 == 0 ? chance() % 1500 : chance() % 250);
        auto at = static_cast<double>(chance() % 10'000) / 10'000 * all;
        while (at >= deeds[step.deed].weight) at -= deeds[step.deed++].weight;
        if (i < issues) {  // label or start
            step.deed = step.detail / 8 % 2;
            step.issue = i;
        }
        steps.push_back(step);
    }
    return steps;
}

Plan plan_of_random_steps() {
    const std::string edits = "date +%N >> words";
    return {.files = {{.path = "tests/run.sh", .content = "true\n"}, {.path = "words", .content = "none\n"}},
            .agents = {{"able", edits},
                       {"slow", "sleep 2; " + edits},
                       {"idle", "echo 'It is fine as it is.'"},
                       {"asks", "if grep -q answered:; then " + edits + "; else echo 'QUESTION: Which?'; fi"},
                       {"lost", "echo 'I am lost' >&2; exit 9"}},
            .process = true};
}

Play::Play(Factory& factory, Watch& watch, std::size_t issues) : factory_(factory), watch_(watch) {
    factory_.forge.add_token(maintainer, token_of_maintainer);
    for (std::size_t i = 0; i < issues; ++i)
        issues_.push_back(factory_.forge.create_issue(repository, title, "Please.", maintainer));
}

void Play::act(const Step& step) {
    std::this_thread::sleep_for(step.pause);
    if (down_ && steps_down_-- <= 0) {
        factory_.start();
        down_ = false;
        told_ += "      start\n";
    }
    const auto& deed = deeds[step.deed];
    const bool ends =
        deed.does == &Deeds::kill || deed.does == &Deeds::kill_at_effect || deed.does == &Deeds::restart;
    if (down_ && ends) return;
    told_ += fmt::format("{:>5} {} (issue {}, {})", step.pause.count(), deed.name, issues_[step.issue],
                         step.detail);
    try {
        (Deeds{*this, step}.*deed.does)();
    } catch (const std::runtime_error& cannot) {
        told_ += fmt::format(": {}", cannot.what());
    }
    told_ += '\n';
}

void Play::mend() {
    factory_.forge.clear_faults();
    if (down_) factory_.start();
    down_ = false;
    for (int i = 0; i < 16; ++i) factory_.forge.ping();  // what waits to be lost or to change places
    (void)factory_.forge.hooks_sent();
    for (const auto& delivery : factory_.forge.deliveries())
        if (delivery.status != "OK" && delivery.what != "ping") factory_.forge.redeliver(delivery.id);
    (void)factory_.forge.hooks_sent();
}

void Play::end_what_waits() {
    for (const auto issue : issues_)
        for (const auto& label : factory_.forge.issue(repository, issue).labels)
            if (label == "agent-state: waiting")
                factory_.forge.comment(repository, issue, "/agent stop", maintainer);
}

std::vector<std::int64_t> Play::labelled() const {
    std::vector<std::int64_t> found;
    std::ranges::set_difference(labelled_, unlabelled_, std::back_inserter(found));
    return found;
}

}  // namespace scenarios
