#include "bot/agent_pass.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "bot/change.hpp"
#include "bot/log_tail.hpp"
#include "bot/prompt.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"
#include "bot/way_out.hpp"

namespace bot {

namespace {

constexpr std::uint64_t gitignore_cap = 64 * 1024;
constexpr int most_rounds = 100;

std::string step_name(int round) { return fmt::format("agent-{}", round); }

constexpr std::string_view finished = "finished";
constexpr std::string_view asked = "question";
constexpr std::string_view parked = "parked";

std::filesystem::path log_of(const Shop& shop, JobId job, int round) {
    return shop.log_dir / fmt::format("job-{}", job.value) / (step_name(round) + ".log");
}

/// Beside the log: what this round was asked, for the case that it has to be taken over.
std::filesystem::path prompt_of(std::filesystem::path log) { return log.replace_extension(".prompt"); }

std::string whole_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string_view outcome_of(const integrations::AgentReply& reply) {
    using Verdict = integrations::AgentReply::Verdict;
    switch (reply.verdict) {
        case Verdict::done:
            return finished;
        case Verdict::asks:
            return asked;
        case Verdict::failed:
            return "failed";
        case Verdict::quota:
            return "quota";
        case Verdict::unavailable:
            return "unavailable";
    }
    return {};
}

/// What .gitignore names (the base commit's, and the agent's own at the root) is not part of the change.
Step<std::function<bool(const std::string&)>> ignored_paths(const Groundwork& ground,
                                                            const std::string& base_commit,
                                                            const sandbox::Workspace& workspace) {
    const auto own = workspace.read(".gitignore", gitignore_cap);
    auto rules = ground.mirror->ignore_rules(base_commit, own ? *own : std::string());
    if (!rules) return std::unexpected(halt(rules.error(), sentence::reading_gitignore));
    return std::move(*rules);
}

/// The reply as the adapter reads it, unless the sandbox knows better how the program ended.
Step<integrations::AgentReply> reply_of(const Reader& reader, const std::string& adapter,
                                        const std::filesystem::path& log,
                                        const sandbox::RunOutcome& outcome) {
    using End = sandbox::RunOutcome::End;
    switch (outcome.end) {
        case End::exited:
            return reader.reply(adapter, log, outcome.exit_code);
        case End::signalled:
            // Some programs end with what a service answered, which may look like a signal.
            if (auto reply = reader.reply(adapter, log, outcome.exit_code);
                reply.verdict == integrations::AgentReply::Verdict::quota ||
                reply.verdict == integrations::AgentReply::Verdict::unavailable)
                return reply;
            break;
        case End::cancelled:
            return std::unexpected(
                Halt{.kind = Halt::Kind::stopped, .reason = std::string(sentence::stopped_at_work)});
        case End::out_of_memory:
        case End::total_deadline:
        case End::idle_deadline:
            break;
    }
    return std::unexpected(Halt{.kind = Halt::Kind::failed,
                                .reason = report::agent_failed(how_it_ended(outcome), log_tail(log, 2048))});
}

sandbox::RunSpec spec_of(const Shop& shop, const Job& job, const Groundwork& ground,
                         const integrations::Agent& agent, const Round& round,
                         const std::filesystem::path& log) {
    const auto models = model_access(shop.settings, ground.profile);
    auto command = agent.command(
        {.prompt = round.prompt, .profile = ground.profile, .models = models ? &*models : nullptr});
    sandbox::RunSpec spec{.name = run_name(shop, job.id, step_name(round.number)),
                          .image = ground.agent_image.id,
                          .argv = std::move(command.argv),
                          .environment = std::move(command.environment),
                          .standard_input = std::move(command.standard_input),
                          .home_files = std::move(command.home_files),
                          .limits = ground.limits,
                          .log_file = log,
                          .survives = true};
    for (const auto& [target, source] : ground.profile.mounts)
        spec.mounts.push_back({.source = source, .target = target});
    return spec;
}

/// What the models cost, as metered on the way; of an agent without a gateway, what it says itself.
integrations::Usage usage_of(const Groundwork& ground, const sandbox::ModelUse& metered,
                             const integrations::AgentReply* reply) {
    if (ground.profile.provider.empty()) return reply == nullptr ? integrations::Usage{} : reply->usage;
    return {.input_tokens = metered.input_tokens,
            .cached_tokens = metered.cached_tokens,
            .output_tokens = metered.output_tokens,
            .cost_usd = static_cast<double>(metered.micro_dollars) / 1e6};
}

/// An agent that gave up because its model service did not answer is not to blame; one that only says so is.
/// `adopted`: what its calls met before is not known.
void blame(integrations::AgentReply& reply, const sandbox::GatewayReport& models, bool adopted) {
    using Verdict = integrations::AgentReply::Verdict;
    if (reply.verdict == Verdict::failed && models.service_failed) {
        reply.verdict = Verdict::unavailable;
        if (!models.last_fault.empty()) reply.detail = models.last_fault;
    }
    const bool blames_service = reply.verdict == Verdict::quota || reply.verdict == Verdict::unavailable;
    if (blames_service && models.last_fault.empty() && !adopted) reply.verdict = Verdict::failed;
}

/// Why a run was ended from here.
std::string_view outcome_of(const Halt& why) {
    return why.kind == Halt::Kind::waits ? name(why.waits_for) : parked;
}

WaitsFor budget_of(std::string_view outcome) {
    for (const auto each : {WaitsFor::run_budget, WaitsFor::job_budget})
        if (outcome == name(each)) return each;
    return WaitsFor::nothing;
}

/// A pass of the agent from its first instruction to its stored end.
Step<AgentPass> pass(Shop& shop, const Job& job, const Lease& lease, const Groundwork& ground,
                     sandbox::Workspace& workspace, const Round& round, const sandbox::Control& control) {
    const auto& agent = *integrations::find_agent(ground.profile.adapter);
    const auto log = log_of(shop, job.id, round.number);
    std::filesystem::create_directories(log.parent_path());
    std::ofstream(prompt_of(log), std::ios::binary) << round.prompt;
    shop.ledger.phase(lease, round.number == 1 ? "agent" : fmt::format("agent, round {}", round.number));
    const auto run = shop.ledger.begin_run(lease, round.kind, ground.profile.name, log);
    auto spec = spec_of(shop, job, ground, agent, round, log);
    AgentWayOut way_out(shop, job, ground, run, spec.name,
                        std::filesystem::path(log).replace_extension(".door"), control);
    if (auto opened = way_out.open(); !opened) {
        shop.ledger.end_run(lease, run, "infrastructure", {});
        return std::unexpected(opened.error());
    }
    spec.door = way_out.folder();
    Step<integrations::AgentReply> reply;
    AgentPass pass;
    bool ended = false;
    spec.on_end = [&](const sandbox::RunOutcome& outcome) {
        const auto out = way_out.report();
        ground.refusals->add("agent", out);
        auto halted = way_out.halt();
        reply =
            halted ? std::unexpected(*halted) : reply_of(shop.reader, ground.profile.adapter, log, outcome);
        if (reply && !ground.profile.provider.empty()) blame(*reply, out.models, outcome.adopted);
        pass.usage = usage_of(ground, out.models.used, reply ? &*reply : nullptr);
        shop.ledger.end_run(lease, run,
                            std::string(reply    ? outcome_of(*reply)
                                        : halted ? outcome_of(*halted)
                                                 : sandbox::name(outcome.end)),
                            pass.usage);
        ended = true;
    };
    const auto outcome = shop.sandbox.run(spec, workspace, way_out.control());
    if (!outcome) {
        if (!ended)
            shop.ledger.end_run(lease, run, "infrastructure",
                                usage_of(ground, way_out.report().models.used, nullptr));
        return std::unexpected(halt(outcome.error(), sentence::running_the_agent));
    }
    pass.duration = outcome->duration;
    spdlog::info("job {}: agent {} {}", job.id.value, ground.profile.name, how_it_ended(*outcome));
    if (!reply) return std::unexpected(reply.error());
    pass.reply = std::move(*reply);
    return pass;
}

/// A pass that ended in an earlier process or attempt: what it came to is in the ledger and in its log.
AgentPass paid_pass(const Shop& shop, const Job& job, const std::string& adapter, const Round& round) {
    AgentPass pass{.reply = shop.reader.reply(adapter, log_of(shop, job.id, round.number), 0)};
    const auto runs = shop.ledger.runs(job.id);
    if (!runs.empty()) pass.usage = runs.back().usage;
    return pass;
}

/// The prompt of a pass after one that could not go on.
std::string going_on(const Job& job, const Groundwork& ground, std::string_view outcome) {
    const auto* why = "You ended with a question.";
    if (budget_of(outcome) != WaitsFor::nothing)
        why = "You were stopped because your budget was spent; there is more now.";
    if (outcome == parked)
        why = "You were stopped because the model service took no more requests for a time.";
    return prompt(job, ground, {}) +
           fmt::format(
               "\nYou worked on this before, and your changes so far are in the tree. {} Go on from there.\n",
               why);
}

Run::Kind kind_of(const Job& job) {
    return job.changes_proposal() && !job.replaces() ? Run::Kind::refine : Run::Kind::first;
}

/// Whether somebody has let the job go on since this run ended.
bool resumed_after(const Job& job, const Run& run) {
    return job.resumed_at && run.ended_at && *job.resumed_at >= *run.ended_at;
}

}  // namespace

Step<std::unique_ptr<sandbox::Workspace>> open_agent_workspace(Shop& shop, const Job& job,
                                                               const Groundwork& ground) {
    // A run of this cycle in the ledger means that an earlier process or attempt began: its files, and maybe
    // its container, are there.
    const auto runs = shop.ledger.runs(job.id);
    const bool begun = std::ranges::any_of(runs, [&](const Run& run) { return run.cycle == job.cycle; });
    auto workspace = shop.workspaces.open(
        run_name(shop, job.id, "agent"), ground.layers, ground.limits,
        begun ? sandbox::Workspaces::Existing::adopt : sandbox::Workspaces::Existing::replace);
    if (!workspace) return std::unexpected(halt(workspace.error(), sentence::opening_the_workspace));
    if (ground.refinement && !(*workspace)->adopted())
        if (const auto applied = (*workspace)->apply(without_instructions(ground.refinement->proposed));
            !applied)
            return std::unexpected(halt(applied.error(), sentence::laying_out_the_pull_request));
    return std::move(*workspace);
}

Round first_round(Shop& shop, const Job& job, const Groundwork& ground, const sandbox::Workspace& workspace) {
    auto runs = shop.ledger.runs(job.id);
    std::set<std::string> earlier;  // cycles: their logs stay
    for (const auto& run : runs)
        if (run.cycle != job.cycle) earlier.insert(run.log_file);
    Round fresh{.number = static_cast<int>(earlier.size()) + 1,
                .prompt = prompt(job, ground, {}),
                .kind = kind_of(job)};
    if (!workspace.adopted()) return fresh;
    // Such a run began with a workspace of its own: what came before it is gone.
    const auto begun = std::find_if(runs.rbegin(), runs.rend(), [&](const Run& run) {
        return run.cycle == job.cycle && run.kind == fresh.kind;
    });
    if (begun == runs.rend()) return fresh;
    runs.erase(runs.begin(), std::prev(begun.base()));
    Round round{.number = fresh.number};
    std::set<std::string> repaired;  // a round that was interrupted has several runs and one log
    for (const auto& run : runs)
        if (run.kind == Run::Kind::repair) repaired.insert(run.log_file);
    round.repairs = static_cast<int>(repaired.size());
    round.kind = runs.back().kind;
    while (round.number < most_rounds && log_of(shop, job.id, round.number) != runs.back().log_file) {
        ++round.number;
    }
    const auto& last = runs.back();
    const auto next_round = [&](std::string_view outcome) {
        ++round.number;
        round.kind = Run::Kind::retry;
        round.prompt = going_on(job, ground, outcome);
        return round;
    };
    round.paid = last.outcome == finished;
    for (const auto& run : runs) {
        if (run.outcome == finished && run.id == last.id) continue;  // told again by its pass
        round.before.input_tokens += run.usage.input_tokens;
        round.before.cached_tokens += run.usage.cached_tokens;
        round.before.output_tokens += run.usage.output_tokens;
        if (run.usage.cost_usd)
            round.before.cost_usd = round.before.cost_usd.value_or(0) + *run.usage.cost_usd;
    }
    // Ended for want of a person, and nobody was asked: the process was killed in between.
    if (!resumed_after(job, last)) {
        round.paid = round.paid || last.outcome == asked;
        round.waits_for = budget_of(last.outcome);
    } else if (last.outcome == asked || budget_of(last.outcome) != WaitsFor::nothing) {
        return next_round(last.outcome);
    }
    if (last.outcome == parked) return next_round(last.outcome);
    round.prompt = whole_file(prompt_of(last.log_file));
    return round.prompt.empty() ? fresh : round;
}

Step<AgentPass> run_agent(Shop& shop, const Job& job, const Lease& lease, const Groundwork& ground,
                          sandbox::Workspace& workspace, const Round& round,
                          const sandbox::Control& control) {
    const auto* agent = integrations::find_agent(ground.profile.adapter);
    if (agent == nullptr)
        return std::unexpected(Halt{.kind = Halt::Kind::failed,
                                    .reason = report::infrastructure(
                                        fmt::format(sentence::no_agent_adapter, ground.profile.adapter), 1)});
    if (round.waits_for != WaitsFor::nothing) return std::unexpected(budget_halt(shop, job, round.waits_for));
    Step<AgentPass> done;
    if (round.paid) {
        // The process that stored this may have been killed before it could remove what it ran in.
        (void)shop.sandbox.sweep([own = run_name(shop, job.id, step_name(round.number))](
                                     std::string_view name) { return name != own; });
        done = paid_pass(shop, job, ground.profile.adapter, round);
    } else {
        done = pass(shop, job, lease, ground, workspace, round, control);
    }
    if (!done || done->reply.verdict != integrations::AgentReply::Verdict::done) return done;

    const auto ignored = ignored_paths(ground, job.assignment.base_commit, workspace);
    if (!ignored) return std::unexpected(ignored.error());
    auto changes = workspace.harvest({.max_files = static_cast<std::size_t>(ground.recipe.max_files),
                                      .max_bytes = ground.recipe.max_change_bytes,
                                      .ignored = *ignored});
    if (!changes) return std::unexpected(halt(changes.error()));
    // What the checks will write themselves is no part of the change: such a report is no evidence.
    const auto is_report = [&ground](const std::string& path) {
        return std::ranges::find(ground.recipe.checks, path, &config::Check::junit) !=
               ground.recipe.checks.end();
    };
    std::erase_if(*changes, [&](const sandbox::Change& change) { return is_report(change.path); });
    if (ground.refinement)
        keep_unseen(*changes, ground.refinement->proposed, [&](const std::string& path) {
            return (*ignored)(path) || is_report(path) || instructs_agents(path);
        });
    done->changes = std::move(*changes);
    return done;
}

}  // namespace bot
