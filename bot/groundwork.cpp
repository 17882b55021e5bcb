#include "bot/groundwork.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "bot/conversation.hpp"
#include "bot/digest.hpp"
#include "bot/evidence.hpp"
#include "bot/log_tail.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

constexpr std::size_t recipe_cap = 64 * 1024;

struct ReadRecipe {
    config::Recipe recipe;
    std::vector<std::string> assumptions;
};

Step<ReadRecipe> read_recipe(integrations::Mirror& mirror, const Assignment& assignment) {
    const auto& commit = assignment.base_commit;
    auto text = mirror.file(commit, std::string(config::recipe_file_name), recipe_cap);
    if (text) {
        auto recipe = config::parse_recipe(*text);
        if (!recipe)
            return std::unexpected(
                Halt{.kind = Halt::Kind::failed, .reason = report::recipe_errors(recipe.error())});
        return ReadRecipe{.recipe = std::move(*recipe)};
    }
    if (text.error().kind != integrations::GitError::Kind::no_such_ref)
        return std::unexpected(halt(text.error(), sentence::reading_the_recipe));
    const auto names = mirror.root_files(commit);
    // The branch was fetched, and the commit did not come with it.
    if (!names && names.error().kind == integrations::GitError::Kind::no_such_ref)
        return std::unexpected(Halt{.kind = Halt::Kind::failed,
                                    .reason = report::base_rewritten(assignment.base_branch, commit)});
    if (!names) return std::unexpected(halt(names.error(), sentence::reading_the_repository));
    const auto package = mirror.file(commit, "package.json", recipe_cap);
    auto proposed = config::propose_recipe(*names, package ? *package : std::string());
    return ReadRecipe{.recipe = std::move(proposed.recipe), .assumptions = std::move(proposed.assumptions)};
}

Step<sandbox::Image> resolve(Shop& shop, const std::string& image, const sandbox::Control& control) {
    auto found = shop.sandbox.resolve(image, control.cancel);
    if (found) return *found;
    if (found.error().kind == sandbox::Error::Kind::no_image)
        return std::unexpected(
            Halt{.kind = Halt::Kind::failed,
                 .reason = report::no_image(image, without_host_paths(found.error().message)),
                 .detail = found.error().message});
    return std::unexpected(halt(found.error(), sentence::looking_for_the_image));
}

/// Carries a Halt out of a layer's making, whose own errors are the sandbox's.
struct SetupRun {
    std::optional<Halt> halt;
    std::expected<void, sandbox::Error> broken(Halt why) {
        halt = std::move(why);
        return std::unexpected(
            sandbox::Error{.kind = sandbox::Error::Kind::refused, .message = halt->reason});
    }
};

std::expected<void, sandbox::Error> run_setup(Shop& shop, const Groundwork& ground, const std::string& key,
                                              sandbox::Workspace& workspace, const sandbox::Control& control,
                                              SetupRun& setup) {
    const auto log = shop.log_dir / "setup" / (key.substr(0, 16) + ".log");
    std::filesystem::create_directories(log.parent_path());
    auto limits = ground.limits;
    limits.total = limits.idle = std::min(ground.recipe.setup_timeout, shop.settings.sandbox.ceiling.total);
    sandbox::RunSpec spec{.name = "shopfloor-" + shop.instance + "-setup-" + key.substr(0, 12),
                          .image = ground.image.id,
                          .argv = {"/bin/sh", "-c", ground.recipe.setup},
                          .limits = limits,
                          .log_file = log};
    const auto door = open_step_door(shop, spec.name, ground.recipe.egress.setup,
                                     std::filesystem::path(log).replace_extension(".door"));
    if (!door) return setup.broken(door.error());
    if (*door) spec.door = (*door)->folder();
    const auto outcome = shop.sandbox.run(spec, workspace, control);
    if (*door) ground.refusals->add("setup", (*door)->report());
    if (!outcome) return setup.broken(halt(outcome.error(), sentence::running_setup));
    if (outcome->end == sandbox::RunOutcome::End::cancelled)
        return setup.broken(
            {.kind = Halt::Kind::stopped, .reason = std::string(sentence::stopped_during_setup)});
    if (outcome->ok()) return {};
    return setup.broken(
        {.kind = Halt::Kind::failed, .reason = report::setup_failed(how_it_ended(*outcome), log_tail(log))});
}

Step<std::shared_ptr<const sandbox::LayerUse>> setup_layer(Shop& shop, const Groundwork& ground,
                                                           const Assignment& assignment,
                                                           const sandbox::Control& control) {
    // Never shared between repositories; nor between commits, since a setup may rewrite files of the
    // checkout, and the next commit's own must not be hidden by them.
    const auto& repo = assignment.issue.repo;
    const auto key =
        digest(repo.forge + "\n" + repo.id + "\n" + ground.image.id + "\n" + ground.recipe.setup + "\n" +
               assignment.base_commit + fmt::format("\n{}", fmt::join(ground.recipe.egress.setup, " ")));
    SetupRun setup;
    auto layer = shop.workspaces.layer_from_run(
        "setup\n" + key, ground.layers, ground.limits, [&](sandbox::Workspace& workspace) {
            return run_setup(shop, ground, key, workspace, control, setup);
        });
    if (layer) return std::move(*layer);
    return std::unexpected(setup.halt ? *setup.halt : halt(layer.error(), sentence::making_the_setup_layer));
}

Step<std::shared_ptr<const sandbox::LayerUse>> pristine_layer(Shop& shop, const Groundwork& ground,
                                                              const Assignment& assignment) {
    const auto& repo = assignment.issue.repo;
    std::optional<integrations::GitError> fault;
    auto layer = shop.workspaces.layer(
        "checkout\n" + repo.forge + "\n" + repo.id + "\n" + assignment.base_commit,
        [&](const std::filesystem::path& directory) -> std::expected<void, sandbox::Error> {
            auto done = ground.mirror->checkout(assignment.base_commit, directory, sandbox::sandbox_uid());
            if (done) return {};
            fault = done.error();
            return std::unexpected(sandbox::Error{.message = done.error().message});
        });
    if (layer) return std::move(*layer);
    constexpr auto doing = sentence::checking_out;
    return std::unexpected(fault ? halt(*fault, doing) : halt(layer.error(), doing));
}

sandbox::Changes to_changes(std::vector<integrations::TreeEdit> edits) {
    using From = integrations::TreeEdit::Kind;
    using To = sandbox::Change::Kind;
    sandbox::Changes changes;
    for (auto& edit : edits) {
        const auto kind = edit.kind == From::file         ? To::file
                          : edit.kind == From::executable ? To::executable
                          : edit.kind == From::link       ? To::link
                                                          : To::removed;
        changes.push_back({.path = std::move(edit.path), .kind = kind, .content = std::move(edit.content)});
    }
    std::ranges::sort(changes, {}, &sandbox::Change::path);
    return changes;
}

/// What is asked for now, and what waits for the next cycle: that is told as such, and once.
std::vector<Ask> asked_since(const Shop& shop, const Job& job, const std::vector<Ask>& now) {
    if (now.empty()) return {};
    auto asks = shop.ledger.asks(job.id);
    std::erase_if(asks, [&](const Ask& ask) { return ask.id < now.front().id; });
    return asks;
}

Step<Refinement> lay_refinement(Shop& shop, const Job& job, const Lease& lease, const Groundwork& ground) {
    auto onto = proposed_head(shop, job, lease, *ground.mirror);
    if (!onto) return std::unexpected(onto.error());
    auto said = conversation(shop, job);  // before the asks: what comes in between is one of them
    if (!said) return std::unexpected(said.error());
    Refinement refinement{.asks = shop.ledger.take_asks(lease),
                          .said = {},
                          .onto = std::move(*onto),
                          .proposed = {},
                          .conflicts = {}};
    const auto too_much = [](const integrations::GitError& error) {
        if (error.kind == integrations::GitError::Kind::invalid)
            return Halt{.kind = Halt::Kind::failed, .reason = report::too_much_to_refine(error.message)};
        return halt(error, sentence::reading_the_change);
    };
    const auto most = static_cast<std::size_t>(ground.recipe.max_files);
    const auto& base = job.assignment.base_commit;
    if (job.cycle_is == Cycle::retry) {  // all that was said of the pull request so far
        refinement.asks = shop.ledger.asks(job.id);
        std::erase_if(refinement.asks, [](const Ask& ask) { return ask.what != Ask::What::wish; });
    }
    refinement.said = besides(std::move(*said), asked_since(shop, job, refinement.asks));
    if (job.cycle_is == Cycle::refine) {
        auto edits = ground.mirror->edits(base, refinement.onto, most, ground.recipe.max_change_bytes);
        if (!edits) return std::unexpected(too_much(edits.error()));
        refinement.proposed = to_changes(std::move(*edits));
    }
    if (job.cycle_is == Cycle::rebase) {
        const auto published = verdict_from_json(job.verdict);
        if (!published)
            return std::unexpected(
                Halt{.kind = Halt::Kind::failed, .reason = report::infrastructure(published.error(), 1)});
        auto rebased = ground.mirror->rebased(published->evidence.base_commit, refinement.onto, base, most,
                                              ground.recipe.max_change_bytes);
        if (!rebased) return std::unexpected(too_much(rebased.error()));
        refinement.proposed = to_changes(std::move(rebased->edits));
        refinement.conflicts = std::move(rebased->conflicts);
    }
    return refinement;
}

}  // namespace

Step<std::string> proposed_head(Shop& shop, const Job& job, const Lease& lease,
                                integrations::Mirror& mirror) {
    const auto head = mirror.fetch(job.branch);
    if (!head) {
        if (head.error().kind == integrations::GitError::Kind::no_such_ref)
            return std::unexpected(
                Halt{.kind = Halt::Kind::failed, .reason = report::branch_gone(job.branch)});
        return std::unexpected(halt(head.error(), fmt::format(sentence::fetching, job.branch)));
    }
    auto onto = shop.ledger.go_on_from(lease, *head);
    if (job.replaces() && (job.shared || onto != job.head_commit))
        return std::unexpected(Halt{.kind = Halt::Kind::failed, .reason = report::people_pushed(job.branch)});
    return onto;
}

std::string run_name(const Shop& shop, JobId job, const std::string& step) {
    return fmt::format("shopfloor-{}-j{}-{}", shop.instance, job.value, step);
}

std::optional<JobId> job_of_run_name(std::string_view name) {
    const auto mark = name.find("-j");
    if (mark == std::string_view::npos) return std::nullopt;
    const auto digits = name.substr(mark + 2);
    JobId id;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id.value);
    if (error != std::errc() || end == digits.data() + digits.size() || *end != '-') return std::nullopt;
    return id;
}

namespace {

struct Images {
    sandbox::Image checks, agent;
};
Step<Images> resolve_all(Shop& shop, const config::Recipe& recipe, const config::AgentProfile& profile,
                         const sandbox::Control& control) {
    auto checks = resolve(shop, recipe.image.value_or(shop.settings.sandbox.default_image), control);
    if (!checks) return std::unexpected(checks.error());
    auto agent = profile.image ? resolve(shop, *profile.image, control) : checks;
    if (!agent) return std::unexpected(agent.error());
    return Images{.checks = std::move(*checks), .agent = std::move(*agent)};
}

}  // namespace

Step<Groundwork> lay_groundwork(Shop& shop, Job& job, const Lease& lease, const sandbox::Control& control) {
    auto& assignment = job.assignment;
    shop.ledger.phase(lease, "workspace");

    auto mirror = shop.mirrors.of(assignment.issue.repo);
    if (!mirror) return std::unexpected(halt(mirror.error(), sentence::opening_the_mirror));
    const auto head = (*mirror)->fetch(assignment.base_branch);
    if (!head) {
        if (head.error().kind == integrations::GitError::Kind::no_such_ref)
            return std::unexpected(
                Halt{.kind = Halt::Kind::failed, .reason = report::base_gone(assignment.base_branch)});
        return std::unexpected(halt(head.error(), fmt::format(sentence::fetching, assignment.base_branch)));
    }
    if (job.replaces()) assignment.base_commit = shop.ledger.stand_on(lease, *head);

    auto read = read_recipe(**mirror, assignment);
    if (!read) return std::unexpected(read.error());

    const auto wanted = assignment.profile.empty() ? read->recipe.agent : assignment.profile;
    const auto* profile = config::find_profile(shop.settings, wanted);
    if (profile == nullptr)
        return std::unexpected(Halt{.kind = Halt::Kind::failed,
                                    .reason = report::no_such_profile(wanted, shop.settings.profiles)});

    auto images = resolve_all(shop, read->recipe, *profile, control);
    if (!images) return std::unexpected(images.error());

    Groundwork ground{.mirror = *mirror,
                      .recipe = std::move(read->recipe),
                      .assumptions = std::move(read->assumptions),
                      .profile = *profile,
                      .image = std::move(images->checks),
                      .agent_image = std::move(images->agent),
                      .refusals = std::make_unique<Refusals>()};
    ground.limits = config::effective_limits(ground.recipe, shop.settings.sandbox.ceiling);
    ground.baseline_key =
        digest(assignment.issue.repo.forge + "\n" + assignment.issue.repo.id + "\n" + assignment.base_commit +
               "\n" + ground.image.id + "\n" + config::canonical(ground.recipe) +
               fmt::format("\n{} {} {}", ground.limits.memory_bytes, ground.limits.cpus, ground.limits.pids));

    auto pristine = pristine_layer(shop, ground, assignment);
    if (!pristine) return std::unexpected(pristine.error());
    ground.layers.push_back(std::move(*pristine));

    ground.earlier = shop.ledger.job_before(job);
    if (!ground.recipe.setup.empty()) {
        shop.ledger.phase(lease, "setup");
        auto setup = setup_layer(shop, ground, assignment, control);
        if (!setup) return std::unexpected(setup.error());
        ground.layers.push_back(std::move(*setup));
    }
    if (job.changes_proposal()) {
        auto refinement = lay_refinement(shop, job, lease, ground);
        if (!refinement) return std::unexpected(refinement.error());
        ground.refinement = std::move(*refinement);
    }
    return ground;
}

}  // namespace bot
