#include "bot/checks.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "bot/log_tail.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

constexpr std::uint64_t junit_cap = 32ULL << 20;

CheckResult::Verdict verdict_of(const sandbox::RunOutcome& outcome) {
    using End = sandbox::RunOutcome::End;
    switch (outcome.end) {
        case End::exited:
            return outcome.exit_code == 0 ? CheckResult::Verdict::passed : CheckResult::Verdict::failed;
        case End::signalled:
            return CheckResult::Verdict::failed;
        case End::out_of_memory:
            return CheckResult::Verdict::out_of_memory;
        case End::total_deadline:
        case End::idle_deadline:
            return CheckResult::Verdict::timed_out;
        case End::cancelled:
            return CheckResult::Verdict::not_run;
    }
    return CheckResult::Verdict::not_run;
}

void read_junit(const Reader& reader, const sandbox::Workspace& workspace, const std::string& path,
                CheckResult& result) {
    auto xml = workspace.read(path, junit_cap);
    if (!xml) {
        result.junit_problem = without_host_paths(xml.error().message);
        return;
    }
    auto cases = reader.junit(std::move(*xml));
    if (cases)
        result.tests = std::move(*cases);
    else
        result.junit_problem = cases.error();
}

}  // namespace

Step<std::vector<CheckResult>> run_checks(Shop& shop, const Job& job, const Groundwork& ground,
                                          const std::string& what, const sandbox::Changes& changes,
                                          std::size_t until, const sandbox::Control& control) {
    std::vector<CheckResult> results;
    auto workspace = shop.workspaces.open(run_name(shop, job.id, what), ground.layers, ground.limits);
    if (!workspace) return std::unexpected(halt(workspace.error(), sentence::opening_a_workspace_for_checks));
    if (const auto applied = (*workspace)->apply(changes); !applied)
        return std::unexpected(halt(applied.error(), sentence::laying_out_the_result));

    for (std::size_t i = 0; i < until && i < ground.recipe.checks.size(); ++i) {
        const auto& check = ground.recipe.checks[i];
        auto limits = ground.limits;
        limits.total = limits.idle = std::min(check.timeout, shop.settings.sandbox.ceiling.total);
        const auto log =
            shop.log_dir / fmt::format("job-{}", job.id.value) / fmt::format("{}-{}.log", what, i + 1);
        std::filesystem::create_directories(log.parent_path());
        sandbox::RunSpec spec{.name = run_name(shop, job.id, fmt::format("{}-{}", what, i + 1)),
                              .image = ground.image.id,
                              .argv = {"/bin/sh", "-c", check.command},
                              .environment = {{"CI", "true"}},
                              .limits = limits,
                              .log_file = log};
        const auto door = open_step_door(shop, spec.name, ground.recipe.egress.checks,
                                         std::filesystem::path(log).replace_extension(".door"));
        if (!door) return std::unexpected(door.error());
        if (*door) spec.door = (*door)->folder();
        const auto outcome = shop.sandbox.run(spec, **workspace, control);
        if (*door) ground.refusals->add("checks", (*door)->report());
        if (!outcome)
            return std::unexpected(
                halt(outcome.error(), fmt::format(sentence::running_the_check, check.name)));
        if (outcome->end == sandbox::RunOutcome::End::cancelled)
            return std::unexpected(
                Halt{.kind = Halt::Kind::stopped, .reason = std::string(sentence::stopped_during_checks)});
        CheckResult result{.name = check.name,
                           .verdict = verdict_of(*outcome),
                           .exit_code = outcome->exit_code,
                           .duration = outcome->duration,
                           .log_tail = log_tail(log)};
        if (check.junit) read_junit(shop.reader, **workspace, *check.junit, result);
        spdlog::info("job {}: check {} on {}: {}", job.id.value, check.name, what, how_it_ended(*outcome));
        results.push_back(std::move(result));
    }
    return results;
}

Step<std::vector<CheckResult>> baseline(Shop& shop, const Job& job, const Groundwork& ground,
                                        const sandbox::Control& control) {
    const SingleFlight::Turn turn(shop.baselines, ground.baseline_key, control.cancel);
    if (!turn.held())
        return std::unexpected(
            Halt{.kind = Halt::Kind::stopped, .reason = std::string(sentence::stopped_before_baseline)});
    if (const auto stored = shop.ledger.baseline(ground.baseline_key))
        if (auto results = results_from_json(*stored)) return std::move(*results);
    auto results = run_checks(shop, job, ground, "base", {}, ground.recipe.checks.size(), control);
    // What a busy machine did to a check is nobody's baseline.
    const auto judged = [](const CheckResult& result) {
        return result.verdict == CheckResult::Verdict::passed ||
               result.verdict == CheckResult::Verdict::failed;
    };
    if (results && std::ranges::all_of(*results, judged))
        shop.ledger.store_baseline(ground.baseline_key, to_json(*results));
    return results;
}

}  // namespace bot
