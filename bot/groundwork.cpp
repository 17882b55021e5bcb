#include "bot/groundwork.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "bot/digest.hpp"
#include "bot/log_tail.hpp"
#include "bot/report.hpp"

namespace bot {

namespace {

constexpr std::size_t recipe_cap = 64 * 1024;
constexpr std::size_t lock_file_cap = 16 * 1024 * 1024;

struct ReadRecipe {
    config::Recipe recipe;
    std::vector<std::string> assumptions;
};

Step<ReadRecipe> read_recipe(integrations::Mirror& mirror, const std::string& commit) {
    auto text = mirror.file(commit, std::string(config::recipe_file_name), recipe_cap);
    if (text) {
        auto recipe = config::parse_recipe(*text);
        if (!recipe) return std::unexpected(Halt{.kind = Halt::Kind::failed, .reason = report::recipe_errors(recipe.error())});
        return ReadRecipe{.recipe = std::move(*recipe)};
    }
    if (text.error().kind != integrations::GitError::Kind::no_such_ref)
        return std::unexpected(halt(text.error(), "reading the recipe"));
    const auto names = mirror.root_files(commit);
    if (!names) return std::unexpected(halt(names.error(), "reading the repository"));
    const auto package = mirror.file(commit, "package.json", recipe_cap);
    auto proposed = config::propose_recipe(*names, package ? *package : std::string());
    return ReadRecipe{.recipe = std::move(proposed.recipe), .assumptions = std::move(proposed.assumptions)};
}

/// Setup runs again when one of these changes: what package managers pin their world with.
std::string lock_files(integrations::Mirror& mirror, const std::string& commit) {
    static const std::vector<std::string> names{"package-lock.json", "npm-shrinkwrap.json", "yarn.lock",   "pnpm-lock.yaml",
                                                "Cargo.lock",        "go.sum",              "poetry.lock", "uv.lock",
                                                "requirements.txt",  "pyproject.toml",      "pom.xml",     "package.json"};
    std::string all;
    for (const auto& name : names)
        if (const auto text = mirror.file(commit, name, lock_file_cap)) all += name + "\n" + digest(*text) + "\n";
    return all;
}

Step<sandbox::Image> resolve(Shop& shop, const std::string& image, const sandbox::Control& control) {
    auto found = shop.sandbox.resolve(image, control.cancel);
    if (found) return *found;
    if (found.error().kind == sandbox::Error::Kind::no_image)
        return std::unexpected(Halt{.kind = Halt::Kind::failed, .reason = report::no_image(image, found.error().message)});
    return std::unexpected(halt(found.error(), "looking for the image"));
}

/// Carries a Halt out of a layer's making, whose own errors are the sandbox's.
struct SetupRun {
    std::optional<Halt> halt;
    std::expected<void, sandbox::Error> broken(Halt why) {
        halt = std::move(why);
        return std::unexpected(sandbox::Error{.kind = sandbox::Error::Kind::refused, .message = halt->reason});
    }
};

Step<std::shared_ptr<const sandbox::LayerUse>> setup_layer(Shop& shop, const Groundwork& ground,
                                                           const Assignment& assignment, const sandbox::Control& control) {
    // Made once per image, setup text and lock files: a commit that changes none of them uses the layer again, over
    // its own pristine checkout. Never shared between repositories.
    const auto& repo = assignment.issue.repo;
    const auto key = "setup\n" + repo.forge + "\n" + repo.id + "\n" + ground.image.id + "\n" + ground.recipe.setup + "\n" +
                     lock_files(ground.mirror, assignment.base_commit);
    const auto log = shop.log_dir / "setup" / (digest(key).substr(0, 16) + ".log");
    std::filesystem::create_directories(log.parent_path());
    SetupRun setup;
    auto layer = shop.workspaces.layer_from_run(
        key, ground.layers, ground.limits, [&](sandbox::Workspace& workspace) -> std::expected<void, sandbox::Error> {
            auto limits = ground.limits;
            limits.total = limits.idle = std::min(ground.recipe.setup_timeout, shop.settings.sandbox.ceiling.total);
            const sandbox::RunSpec spec{.name = "shopfloor-" + shop.instance + "-setup-" +
                                                digest(key + "\n" + assignment.base_commit).substr(0, 12),
                                        .image = ground.image.id,
                                        .argv = {"/bin/sh", "-c", ground.recipe.setup},
                                        .limits = limits,
                                        .log_file = log};
            auto outcome = shop.sandbox.run(spec, workspace, {.cancel = control.cancel, .detach = control.detach});
            if (!outcome) return setup.broken(halt(outcome.error(), "running setup"));
            if (outcome->end == sandbox::RunOutcome::End::cancelled)
                return setup.broken({.kind = Halt::Kind::stopped, .reason = "stopped during setup"});
            if (!outcome->ok())
                return setup.broken({.kind = Halt::Kind::failed,
                                     .reason = report::setup_failed(how_it_ended(*outcome), log_tail(log))});
            return {};
        });
    if (layer) return std::move(*layer);
    if (setup.halt) return std::unexpected(*setup.halt);
    return std::unexpected(halt(layer.error(), "making the setup layer"));
}

}  // namespace

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

Step<Groundwork> lay_groundwork(Shop& shop, const Job& job, const Lease& lease, const sandbox::Control& control) {
    const auto& assignment = job.assignment;
    shop.ledger.phase(lease, "workspace");

    auto mirror = shop.mirrors.of(assignment.issue.repo);
    if (!mirror) return std::unexpected(halt(mirror.error(), "opening the mirror"));
    if (const auto head = (*mirror)->fetch(assignment.base_branch); !head) {
        if (head.error().kind == integrations::GitError::Kind::no_such_ref)
            return std::unexpected(Halt{.kind = Halt::Kind::failed, .reason = report::base_gone(assignment.base_branch)});
        return std::unexpected(halt(head.error(), "fetching " + assignment.base_branch));
    }

    auto read = read_recipe(**mirror, assignment.base_commit);
    if (!read) return std::unexpected(read.error());

    const auto wanted = assignment.profile.empty() ? read->recipe.agent : assignment.profile;
    const auto* profile = config::find_profile(shop.settings, wanted);
    if (profile == nullptr)
        return std::unexpected(Halt{.kind = Halt::Kind::failed, .reason = report::no_such_profile(wanted, shop.settings.profiles)});

    const auto image = resolve(shop, read->recipe.image.value_or(shop.settings.sandbox.default_image), control);
    if (!image) return std::unexpected(image.error());
    const auto agent_image = profile->image ? resolve(shop, *profile->image, control) : image;
    if (!agent_image) return std::unexpected(agent_image.error());

    Groundwork ground{.mirror = **mirror,
                      .recipe = std::move(read->recipe),
                      .assumptions = std::move(read->assumptions),
                      .profile = *profile,
                      .image = *image,
                      .agent_image = *agent_image};
    ground.limits = config::effective_limits(ground.recipe, shop.settings.sandbox.ceiling);
    ground.baseline_key =
        digest(assignment.issue.repo.forge + "\n" + assignment.issue.repo.id + "\n" + assignment.base_commit + "\n" +
               ground.image.id + "\n" + config::canonical(ground.recipe) +
               fmt::format("\n{} {} {}", ground.limits.memory_bytes, ground.limits.cpus, ground.limits.pids));

    std::optional<integrations::GitError> checkout_error;
    auto pristine = shop.workspaces.layer(
        "checkout\n" + assignment.issue.repo.forge + "\n" + assignment.issue.repo.id + "\n" + assignment.base_commit,
        [&](const std::filesystem::path& directory) -> std::expected<void, sandbox::Error> {
            auto done = ground.mirror.checkout(assignment.base_commit, directory, sandbox::sandbox_uid());
            if (done) return {};
            checkout_error = done.error();
            return std::unexpected(sandbox::Error{.message = done.error().message});
        });
    if (!pristine)
        return std::unexpected(checkout_error ? halt(*checkout_error, "checking out the base commit")
                                              : halt(pristine.error(), "checking out the base commit"));
    ground.layers.push_back(std::move(*pristine));

    if (!ground.recipe.setup.empty()) {
        shop.ledger.phase(lease, "setup");
        auto setup = setup_layer(shop, ground, assignment, control);
        if (!setup) return std::unexpected(setup.error());
        ground.layers.push_back(std::move(*setup));
    }
    return ground;
}

}  // namespace bot
