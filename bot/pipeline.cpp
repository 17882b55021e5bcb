#include "bot/pipeline.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <future>
#include <optional>

#include "bot/agent_pass.hpp"
#include "bot/checks.hpp"
#include "bot/groundwork.hpp"
#include "bot/intent.hpp"
#include "bot/publish.hpp"
#include "bot/report.hpp"

namespace bot {

namespace {

/// The baseline, run beside the agent: neither waits for the other. Ended and joined when it is not wanted
/// any more.
class Baseline {
 public:
    Baseline(Shop& shop, const Job& job, const Groundwork& ground, const sandbox::Control& control)
        : forward_(control.cancel, [this] { cancel_.request_stop(); }),
          results_(std::async(std::launch::async,
                              [&shop, &job, &ground, detach = control.detach, cancel = cancel_.get_token()] {
                                  return baseline(shop, job, ground, {.cancel = cancel, .detach = detach});
                              })) {}
    ~Baseline() { cancel_.request_stop(); }  // the future's destructor waits for the thread
    Baseline(const Baseline&) = delete;
    Baseline& operator=(const Baseline&) = delete;

    [[nodiscard]] const Step<std::vector<CheckResult>>& results() {
        if (!known_) known_ = results_.get();
        return *known_;
    }

 private:
    std::stop_source cancel_;
    std::stop_callback<std::function<void()>> forward_;
    std::future<Step<std::vector<CheckResult>>> results_;
    std::optional<Step<std::vector<CheckResult>>> known_;
};

std::vector<std::string> protected_changes(const sandbox::Changes& changes, const config::Recipe& recipe) {
    std::vector<std::string> paths;
    for (const auto& change : changes)
        if (config::matches_any(change.path, config::built_in_protected_paths()) ||
            config::matches_any(change.path, recipe.protected_paths))
            paths.push_back(change.path);
    return paths;
}

bool is_test(const std::string& path, const config::Recipe& recipe) {
    return config::matches_any(path,
                               recipe.test_paths.empty() ? config::usual_test_paths() : recipe.test_paths);
}

Step<TestsTouched> tests_touched(const sandbox::Changes& changes, const Groundwork& ground,
                                 const std::string& base_commit) {
    const auto before = ground.mirror->files(base_commit);  // asked of git: the checkout may hold links
    if (!before) return std::unexpected(halt(before.error(), "reading the base commit"));
    TestsTouched touched;
    for (const auto& change : changes) {
        if (!is_test(change.path, ground.recipe)) continue;
        if (change.kind == sandbox::Change::Kind::removed)
            touched.removed.push_back(change.path);
        else
            (std::ranges::binary_search(*before, change.path) ? touched.changed : touched.added)
                .push_back(change.path);
    }
    return touched;
}

sandbox::Changes without_tests(const sandbox::Changes& changes, const config::Recipe& recipe) {
    sandbox::Changes rest;
    std::ranges::copy_if(changes, std::back_inserter(rest),
                         [&](const auto& change) { return !is_test(change.path, recipe); });
    return rest;
}

/// Paths that hold a secret of ours, or something of a key's shape that was not there before.
std::vector<std::string> secrets_in(const SecretScan& scan, const sandbox::Changes& changes,
                                    const Groundwork& ground, const std::string& base_commit) {
    constexpr std::size_t longest_before = 16U << 20;
    std::vector<std::string> paths;
    for (const auto& change : changes) {
        if (scan.holds_ours(change.path)) {
            paths.emplace_back("a file name");
            continue;
        }
        if (!scan.suspicious(change.content)) continue;
        const auto before = ground.mirror->file(base_commit, change.path, longest_before);
        if (scan.holds_ours(change.content) || !before || !scan.suspicious(*before))
            paths.push_back(change.path);
    }
    return paths;
}

/// What must not leave, whatever the checks say.
std::optional<Halt> unpublishable(const Shop& shop, const Job& job, const Groundwork& ground,
                                  const sandbox::Changes& changes) {
    if (const auto paths = protected_changes(changes, ground.recipe); !paths.empty())
        return Halt{.kind = Halt::Kind::failed, .reason = report::protected_paths(paths)};
    const auto found = secrets_in(shop.secrets, changes, ground, job.assignment.base_commit);
    if (!found.empty()) return Halt{.kind = Halt::Kind::failed, .reason = report::secret_found(found)};
    return std::nullopt;
}

std::vector<integrations::TreeEdit> tree_edits(const sandbox::Changes& changes) {
    using From = sandbox::Change::Kind;
    using To = integrations::TreeEdit::Kind;
    std::vector<integrations::TreeEdit> edits;
    for (const auto& change : changes) {
        const auto kind = change.kind == From::file         ? To::file
                          : change.kind == From::executable ? To::executable
                          : change.kind == From::link       ? To::link
                                                            : To::removed;
        edits.push_back({.path = change.path, .kind = kind, .content = change.content});
    }
    return edits;
}

bool is_among(const std::string& name, const std::vector<std::string>& names) {
    return std::ranges::find(names, name) != names.end();
}

/// What an agent's own account of a pass means for the job; nothing when it finished.
std::optional<Halt> reply_halt(const integrations::AgentReply& reply) {
    using Verdict = integrations::AgentReply::Verdict;
    switch (reply.verdict) {
        case Verdict::done:
            return std::nullopt;
        case Verdict::asks:
            return Halt{.kind = Halt::Kind::waits,
                        .reason = report::question(reply.question),
                        .waits_for = WaitsFor::answer};
        case Verdict::failed:
            return Halt{.kind = Halt::Kind::failed, .reason = report::agent_failed("gave up", reply.detail)};
        case Verdict::quota:
        case Verdict::unavailable:
            return Halt{.kind = Halt::Kind::infrastructure,
                        .reason = "the agent's model service: " + reply.detail};
    }
    return std::nullopt;
}

/// What the judge needs to know of the result tree.
struct Tried {
    std::vector<CheckResult> head;
    std::vector<CheckResult> head_again;
};

/// Runs the checks on the result; what is red runs a second time on the same tree, so that chance is told
/// from the change.
Step<Tried> try_result(Shop& shop, const Job& job, const Groundwork& ground, const sandbox::Changes& changes,
                       Baseline& base, const sandbox::Control& control) {
    Tried tried;
    const auto all = ground.recipe.checks.size();
    auto head = run_checks(shop, job, ground, "head", changes, all, control);
    if (!head) return std::unexpected(head.error());
    tried.head = std::move(*head);
    const auto& base_results = base.results();
    if (!base_results) return std::unexpected(base_results.error());

    const auto again = doubtful(ground.recipe, *base_results, tried.head);
    if (again.empty()) return tried;
    std::size_t until = 0;
    for (std::size_t i = 0; i < all; ++i)
        if (is_among(ground.recipe.checks[i].name, again)) until = i + 1;
    auto second = run_checks(shop, job, ground, "again", changes, until, control);
    if (!second) return std::unexpected(second.error());
    for (auto& result : *second)
        if (is_among(result.name, again)) tried.head_again.push_back(std::move(result));
    return tried;
}

/// What the agent did so far is paid for: when the job comes back, it goes on from there.
Halt keep_for_later(sandbox::Workspace& workspace, Halt why) {
    if (why.kind == Halt::Kind::detached || why.kind == Halt::Kind::infrastructure ||
        why.kind == Halt::Kind::waits)
        workspace.keep();
    return why;
}

/// The same when something throws: a full disk must not cost the agent's work.
class KeepOnException {
 public:
    explicit KeepOnException(sandbox::Workspace& workspace) : workspace_(workspace) {}
    ~KeepOnException() {
        if (std::uncaught_exceptions() > before_) workspace_.keep();
    }
    KeepOnException(const KeepOnException&) = delete;
    KeepOnException& operator=(const KeepOnException&) = delete;

 private:
    sandbox::Workspace& workspace_;
    int before_ = std::uncaught_exceptions();
};

void add(Verdict& verdict, const integrations::Usage& usage) {
    verdict.input_tokens += usage.input_tokens;
    verdict.cached_tokens += usage.cached_tokens;
    verdict.output_tokens += usage.output_tokens;
    if (usage.cost_usd) verdict.cost_usd = verdict.cost_usd.value_or(0) + *usage.cost_usd;
}

/// Of all attempts, those too of which nobody lived to tell.
double cost_of(const Shop& shop, const Job& job) {
    return static_cast<double>(shop.ledger.spent(job.id).micro_dollars) / 1e6;
}

/// A full disk is waited out: the verdict is paid for.
void store(Shop& shop, const Job& job, const Lease& lease, const Verdict& verdict,
           const sandbox::Control& control) {
    const auto& assignment = job.assignment;
    while (true) {
        try {
            shop.ledger.store_verdict(lease, to_json(verdict),
                                      branch_name(assignment.issue.number, assignment.title, 1));
            return;
        } catch (const LedgerError& error) {
            if (control.cancel.stop_requested() || control.detach.stop_requested()) throw;
            spdlog::error("job {}: the verdict cannot be stored, trying again: {}", job.id.value,
                          error.what());
            Bell().wait(std::chrono::seconds(2), control.detach);
        }
    }
}

/// From the agent's first instruction to the verdict in the ledger: agent, harvest, checks, and again with
/// their output while they are red and rounds are left.
Step<Verdict> produce(Shop& shop, const Job& job, const Lease& lease, const sandbox::Control& control) {
    auto ground = lay_groundwork(shop, job, lease, control);
    if (!ground) return std::unexpected(ground.error());
    // --- base commit, recipe, image and limits are fixed from here on ---
    Baseline base(shop, job, *ground, control);
    auto workspace = open_agent_workspace(shop, job, *ground);
    if (!workspace) return std::unexpected(workspace.error());

    Verdict verdict{
        .title = report::pull_request_title(job),
        .profile = ground->profile.name,
        .rounds = 0,
        .assumptions = ground->assumptions,
        .proposed_recipe = ground->assumptions.empty() ? std::string() : config::canonical(ground->recipe),
        .image = ground->image.name,
        .image_id = ground->image.id};
    const KeepOnException keep(**workspace);
    auto round = first_round(shop, job, *ground, **workspace);
    add(verdict, round.before);
    sandbox::Changes changes;
    while (true) {
        verdict.rounds = round.number;
        auto pass = run_agent(shop, job, lease, *ground, **workspace, round, control);
        if (!pass) {
            return std::unexpected(keep_for_later(**workspace, pass.error()));
        }
        verdict.agent_ms += pass->duration.count();
        add(verdict, pass->usage);
        if (auto ended = reply_halt(pass->reply))
            return std::unexpected(keep_for_later(**workspace, std::move(*ended)));
        if (!pass->reply.summary.empty()) verdict.summary = pass->reply.summary;
        changes = std::move(pass->changes);
        if (changes.empty())
            return std::unexpected(
                Halt{.kind = Halt::Kind::answered, .reason = report::nothing_to_change(verdict.summary)});
        if (auto kept = unpublishable(shop, job, *ground, changes)) return std::unexpected(std::move(*kept));

        shop.ledger.phase(lease, "checks");
        auto tried = try_result(shop, job, *ground, changes, base, control);
        if (!tried) return std::unexpected(keep_for_later(**workspace, tried.error()));
        auto touched = tests_touched(changes, *ground, job.assignment.base_commit);
        if (!touched) return std::unexpected(keep_for_later(**workspace, touched.error()));
        verdict.evidence = judge({.recipe = ground->recipe,
                                  .base_commit = job.assignment.base_commit,
                                  .base = *base.results(),
                                  .head = tried->head,
                                  .head_again = tried->head_again,
                                  .touched = std::move(*touched)});
        if (verdict.evidence.green() || round.repairs >= ground->recipe.rounds) break;
        round = {.number = round.number + 1,
                 .prompt = prompt(job, *ground, feedback(verdict.evidence)),
                 .kind = Run::Kind::repair,
                 .repairs = round.repairs + 1};
    }

    verdict.summary = shop.secrets.redacted(std::move(verdict.summary));
    verdict.refused_hosts = ground->refusals->all();
    if (!ground->profile.provider.empty()) verdict.cost_usd = cost_of(shop, job);
    const auto& touched = verdict.evidence.touched;
    if (!touched.changed.empty() || !touched.removed.empty()) {
        auto old_tests = run_checks(shop, job, *ground, "base-tests", without_tests(changes, ground->recipe),
                                    ground->recipe.checks.size(), control);
        if (!old_tests) return std::unexpected(keep_for_later(**workspace, old_tests.error()));
        verdict.evidence.base_tests_on_head = std::move(*old_tests);
    }
    auto commit = ground->mirror->commit(job.assignment.base_commit, tree_edits(changes),
                                         {.author_name = shop.settings.bot_name,
                                          .author_email = shop.settings.bot_email,
                                          .message = report::commit_message(job, verdict),
                                          .when = job.started_at.value_or(job.created_at)});
    if (!commit) return std::unexpected(halt(commit.error(), "building the commit"));
    if (*commit == job.assignment.base_commit)
        return std::unexpected(
            Halt{.kind = Halt::Kind::answered, .reason = report::nothing_to_change(verdict.summary)});
    verdict.evidence.head_commit = std::move(*commit);
    store(shop, job, lease, verdict,
          control);  // before the workspace goes: a crash in between would pay twice
    return verdict;
}

void settle(Shop& shop, const Claim& claim, const Halt& why) {
    const auto id = claim.job.id.value;
    const auto told = report::one_line(why.detail.empty() ? why.reason : why.detail, 500);
    switch (why.kind) {
        case Halt::Kind::answered:
            spdlog::info("job {}: nothing to change", id);
            shop.ledger.finish(claim.lease, {.signal = Signal::nothing, .reason = why.reason});
            return;
        case Halt::Kind::waits:
            spdlog::info("job {}: waits for a person: {}", id, told);
            shop.ledger.finish(claim.lease, {.signal = Signal::ask,
                                             .reason = "a person must answer first",
                                             .waits_for = why.waits_for,
                                             .question = why.reason});
            return;
        case Halt::Kind::failed:
            spdlog::warn("job {}: failed: {}", id, told);
            shop.ledger.finish(claim.lease, {.signal = Signal::fail, .reason = why.reason});
            return;
        case Halt::Kind::stopped:
            spdlog::info("job {}: stopped", id);
            shop.ledger.finish(claim.lease, {.signal = Signal::stop, .reason = why.reason});
            return;
        case Halt::Kind::infrastructure:
            spdlog::warn("job {}: put back: {}", id, told);
            shop.ledger.give_back(claim.lease, why.reason, why.retry_at);
            return;
        case Halt::Kind::lease_lost:
            throw LeaseLost{claim.job.id};
        case Halt::Kind::detached:
            spdlog::info("job {}: left running for the next process", id);
            shop.ledger.release(claim.lease);
            return;
    }
}

}  // namespace

void work(Shop& shop, const Claim& claim, std::stop_token detach) {
    const Heartbeat::Watch watch(shop.heartbeat, claim.lease);
    const sandbox::Control control{.cancel = watch.token(), .detach = std::move(detach)};
    const auto ring_at_end =
        std::unique_ptr<Bells, void (*)(Bells*)>(&shop.report_bells, [](Bells* bells) { bells->ring(); });
    const auto give_up = [&](Halt why) {
        if (watch.why() == Heartbeat::Why::lease_lost) why.kind = Halt::Kind::lease_lost;
        settle(shop, claim, why);
    };

    auto job = claim.job;
    shop.report_bells.ring();
    auto verdict = [&]() -> Step<Verdict> {
        if (job.state == JobState::publishing) {
            auto stored = verdict_from_json(job.verdict);
            if (stored) return std::move(*stored);
            return std::unexpected(
                Halt{.kind = Halt::Kind::failed, .reason = report::infrastructure(stored.error(), 1)});
        }
        return produce(shop, job, claim.lease, control);
    }();
    if (!verdict) return give_up(verdict.error());

    const auto proposed = publish(shop, job, claim.lease, *verdict, control.cancel);
    if (!proposed) return give_up(proposed.error());
    spdlog::info("job {}: pull request {}", job.id.value, proposed->web_url);
    shop.ledger.finish(claim.lease, {.signal = Signal::proposed,
                                     .pull_request = proposed->number,
                                     .pull_request_url = proposed->web_url});
    // It may have been merged or closed by a person between two tries of ours.
    if (!proposed->open)
        (void)shop.ledger.carry_out(EndReview{
            .job = job.id, .merged = proposed->merged, .reason = "the pull request had ended already"});
}

}  // namespace bot
