#include "bot/pipeline.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <future>
#include <optional>

#include "bot/agent_pass.hpp"
#include "bot/branch_name.hpp"
#include "bot/change.hpp"
#include "bot/checks.hpp"
#include "bot/contest.hpp"
#include "bot/groundwork.hpp"
#include "bot/intent.hpp"
#include "bot/pick.hpp"
#include "bot/prompt.hpp"
#include "bot/publish.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

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

/// Files of the base commit that a change to a pull request brings back.
constexpr std::size_t most_restored_bytes = 256U << 20;

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
            return Halt{.kind = Halt::Kind::failed,
                        .reason = report::agent_failed(sentence::gave_up, reply.detail)};
        case Verdict::quota:
        case Verdict::unavailable:
            return Halt{.kind = Halt::Kind::infrastructure,
                        .reason = fmt::format(sentence::model_service_says, reply.detail)};
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

void add_usage(Verdict& verdict, const integrations::Usage& usage) {
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
                                      job.changes_proposal()
                                          ? job.branch
                                          : branch_name(assignment.issue.number, assignment.title, 1));
            return;
        } catch (const LedgerError& error) {
            if (control.cancel.stop_requested() || control.detach.stop_requested()) throw;
            spdlog::error("job {}: the verdict cannot be stored, trying again: {}", job.id.value,
                          error.what());
            Bell().wait(std::chrono::seconds(2), control.detach);
        }
    }
}

/// Built from the base commit's files; of a change to a pull request only what differs from the branch goes
/// on top of that, so that nothing there is touched that the agent has not.
Step<void> commit(const Shop& shop, const Job& job, const Groundwork& ground, const sandbox::Changes& changes,
                  Verdict& verdict) {
    const auto& refinement = ground.refinement;
    const integrations::CommitText text{
        .author_name = shop.settings.bot_name,
        .author_email = shop.settings.bot_email,
        .message = report::commit_message(
            job, verdict,
            [&](const auto& person) { return shop.forges.mail_of(job.assignment.issue.repo.forge, person); },
            refinement && !job.replaces() ? refinement->asks : std::vector<Ask>{}),
        .when = refinement ? job.state_since : job.started_at.value_or(job.created_at)};
    auto onto = job.assignment.base_commit;
    auto made = ground.mirror->commit(onto, tree_edits(changes), text);
    if (made && job.replaces()) {
        verdict.onto = refinement->onto;
        verdict.kept_as = try_ref(job.id, job.cycle - 1, verdict.onto);
    } else if (made && refinement) {
        onto = refinement->onto;
        const auto edits = ground.mirror->edits(onto, *made, changes.size() + refinement->proposed.size(),
                                                2 * ground.recipe.max_change_bytes + most_restored_bytes);
        if (!edits) return std::unexpected(halt(edits.error(), sentence::comparing_with_the_branch));
        made = ground.mirror->commit(onto, *edits, text);
        verdict.onto = onto;
        for (const auto& edit : *edits) verdict.changed_now.push_back(edit.path);
    }
    if (!made) return std::unexpected(halt(made.error(), sentence::building_the_commit));
    if (*made == onto)
        return std::unexpected(
            Halt{.kind = Halt::Kind::answered, .reason = report::nothing_to_change(verdict.summary)});
    verdict.evidence.head_commit = std::move(*made);
    return {};
}

/// What is left to be said once the rounds are over: the old tests on the new code, and the commit.
Step<void> conclude(Shop& shop, const Job& job, const Groundwork& ground, const sandbox::Changes& changes,
                    Verdict& verdict, const sandbox::Control& control) {
    verdict.summary = shop.secrets.redacted(std::move(verdict.summary));
    verdict.refused_hosts = ground.refusals->all();
    verdict.files = changes.size();
    for (const auto& change : changes) verdict.bytes += change.content.size();
    if (const auto before = verdict_from_json(job.verdict); before && job.changes_proposal())
        verdict.rivals = before->rivals;  // they can be picked still
    if (!ground.profile.provider.empty()) verdict.cost_usd = cost_of(shop, job);
    const auto& touched = verdict.evidence.touched;
    if (!touched.changed.empty() || !touched.removed.empty()) {
        auto old_tests = run_checks(shop, job, ground, "base-tests", without_tests(changes, ground.recipe),
                                    ground.recipe.checks.size(), control);
        if (!old_tests) return std::unexpected(old_tests.error());
        verdict.evidence.base_tests_on_head = std::move(*old_tests);
    }
    return commit(shop, job, ground, changes, verdict);
}

/// From the agent's first instruction to the verdict in the ledger: agent, harvest, checks, and again with
/// their output while they are red and rounds are left.
Step<Verdict> produce(Shop& shop, Job& job, const Lease& lease, const sandbox::Control& control) {
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
    add_usage(verdict, round.before);
    sandbox::Changes changes;
    while (true) {
        verdict.rounds = round.number;
        auto pass = run_agent(shop, job, lease, *ground, **workspace, round, control);
        if (!pass) {
            return std::unexpected(keep_for_later(**workspace, pass.error()));
        }
        verdict.agent_ms += pass->duration.count();
        add_usage(verdict, pass->usage);
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

    auto concluded = conclude(shop, job, *ground, changes, verdict, control);
    if (!concluded) return std::unexpected(keep_for_later(**workspace, concluded.error()));
    store(shop, job, lease, verdict,
          control);  // before the workspace goes: a crash in between would pay twice
    return verdict;
}

std::string came_of(const Job& job, const Verdict& verdict, bool draft) {
    if (!job.replaces()) return report::refined(verdict, draft);
    return job.cycle_is == Cycle::pick ? report::picked(verdict, draft)
                                       : report::replaced(verdict, job.cycle_is, draft);
}

/// A pull request that is open stays open, whatever comes of changing it.
Ending ending_of(const Job& job, Signal signal, const std::string& reason) {
    if (!job.changes_proposal()) return {.signal = signal, .reason = reason};
    return {.signal = Signal::back, .reason = reason, .words = report::not_refined(reason)};
}

void settle(Shop& shop, const Claim& claim, const Halt& why) {
    const auto id = claim.job.id.value;
    const auto told = spoken(shop, claim.job.assignment.issue.repo.forge,
                             report::one_line(why.detail.empty() ? why.reason : why.detail, 500));
    switch (why.kind) {
        case Halt::Kind::answered:
            spdlog::info("job {}: nothing to change", id);
            shop.ledger.finish(claim.lease, ending_of(claim.job, Signal::nothing, why.reason));
            return;
        case Halt::Kind::waits:
            spdlog::info("job {}: waits for a person: {}", id, told);
            if (claim.job.contest)  // nobody would know which of the tries an answer is for
                return shop.ledger.finish(claim.lease, {.signal = Signal::fail,
                                                        .reason = report::try_needs_a_person(why.waits_for)});
            shop.ledger.finish(claim.lease, {.signal = Signal::ask,
                                             .reason = std::string(sentence::reason_person_must_answer),
                                             .waits_for = why.waits_for,
                                             .question = why.reason});
            return;
        case Halt::Kind::failed:
            spdlog::warn("job {}: failed: {}", id, told);
            shop.ledger.finish(claim.lease, ending_of(claim.job, Signal::fail, why.reason));
            return;
        case Halt::Kind::stopped:
            spdlog::info("job {}: stopped", id);
            shop.ledger.finish(claim.lease, {.signal = Signal::stop, .reason = why.reason});
            shop.sweep_bell.ring();  // its branch goes
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
        if (job.replaces() && job.cycle_is == Cycle::pick) {
            auto picked = picked_try(shop, job, claim.lease);
            if (picked) store(shop, job, claim.lease, *picked, control);
            return picked;
        }
        return produce(shop, job, claim.lease, control);
    }();
    if (!verdict) return give_up(verdict.error());
    if (job.contest) {  // the best of the tries is published by the job that they are for
        spdlog::info("job {}: try {} has its result", job.id.value, job.try_number);
        shop.work_bell.ring();
        return;
    }

    const auto proposed = publish(shop, job, claim.lease, *verdict, control.cancel);
    if (!proposed) return give_up(proposed.error());
    spdlog::info("job {}: pull request {}", job.id.value, proposed->web_url);
    Ending ending{
        .signal = Signal::proposed, .pull_request = proposed->number, .pull_request_url = proposed->web_url};
    if (job.changes_proposal() && proposed->open) {
        ending.words = shop.secrets.redacted(came_of(job, *verdict, proposed->draft));
        for (const auto& ask : shop.ledger.take_asks(claim.lease))
            if (!ask.inline_id.empty())
                ending.replies.push_back(
                    {.inline_id = ask.inline_id, .words = report::reply_to(ask, *verdict)});
    }
    shop.ledger.finish(claim.lease, ending);
    // It may have been merged or closed by a person between two tries of ours.
    if (!proposed->open)
        (void)shop.ledger.carry_out(EndReview{.job = job.id,
                                              .merged = proposed->merged,
                                              .reason = std::string(sentence::reason_ended_already)});
}

}  // namespace bot
