#include "bot/loops.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bot/groundwork.hpp"
#include "bot/intake.hpp"
#include "bot/pipeline.hpp"
#include "bot/report.hpp"

namespace bot::loops {

namespace {

using integrations::ForgeError;
using namespace std::chrono_literals;

/// When to ask a forge again that did not answer.
Time next_try(const ForgeError& error, std::chrono::system_clock::duration pause) {
    const auto now = std::chrono::system_clock::now();
    return error.retry_at ? std::max(*error.retry_at, now + 1s) : now + pause;
}

/// Soon at first, every five minutes at last. A delivery's attempts are not counted while it is put off: its
/// age tells.
std::chrono::system_clock::duration pause_by_age(Time received_at) {
    using Pause = std::chrono::system_clock::duration;
    return std::clamp<Pause>((std::chrono::system_clock::now() - received_at) / 4, 2s, 300s);
}

std::chrono::system_clock::duration pause_by_attempts(int attempts) {
    return std::min<std::chrono::seconds>(300s, 2s * (1 << std::min(attempts, 8)));
}

integrations::ForgeResult<std::vector<Intent>> understand(Shop& shop, const integrations::Event& event,
                                                          const std::string& forge) {
    const auto self = shop.forges.self(forge);
    if (!self) return std::unexpected(self.error());
    std::vector<Intent> intents;
    for (const auto& request : recognise(event, shop.settings, *self)) {
        auto facts = gather_facts(shop, request);
        if (!facts) return std::unexpected(facts.error());
        intents.push_back(decide(request, *facts, shop.settings));
    }
    return intents;
}

void after(Shop& shop, const Intent& intent) {
    if (std::holds_alternative<Start>(intent) || std::holds_alternative<Resume>(intent) ||
        std::holds_alternative<Refine>(intent)) {
        shop.work_bell.ring();
        shop.ledger.refresh_positions();
    }
    if (std::holds_alternative<Stop>(intent) || std::holds_alternative<EndReview>(intent))
        shop.heartbeat.tick();
    if (!std::holds_alternative<Ignore>(intent)) shop.report_bells.ring();
}

/// What the forge is to be told, from the job as it is now.
integrations::ForgeResult<std::string> post(Shop& shop, integrations::Forge& forge, const Report& report) {
    const auto job = report.job ? shop.ledger.job(*report.job) : std::nullopt;
    switch (report.kind) {
        case Report::Kind::status: {
            if (!job) return report.remote_id;
            const auto text = report::status(*job, shop.ledger.runs(job->id), shop.ledger.position(job->id),
                                             std::chrono::system_clock::now(),
                                             shop.disk.shortage() ? report::short_of_disk() : "");
            return forge.say(report.thread, report.marker, shop.secrets.redacted(text), report.remote_id);
        }
        case Report::Kind::labels: {
            const auto& labels = shop.settings.labels;
            const auto shown = job ? report::state_label(job->state, labels) : std::string();
            auto off = report::all_state_labels(labels);
            std::erase(off, shown);
            // Never the trigger but for who set it: set again meanwhile, it is another request.
            if (!report.body.empty()) off.push_back(report.body);
            const auto done = forge.relabel(report.thread, off,
                                            shown.empty() ? std::vector<std::string>{} : std::vector{shown});
            if (!done) return std::unexpected(done.error());
            return std::string();
        }
        case Report::Kind::reaction: {
            const auto reaction = report.body == "thumbs_down" ? integrations::Reaction::thumbs_down
                                  : report.body == "rocket"    ? integrations::Reaction::rocket
                                  : report.body == "confused"  ? integrations::Reaction::confused
                                                               : integrations::Reaction::eyes;
            const auto done = forge.react(
                report.thread, report.comment_id.empty() ? std::nullopt : std::optional(report.comment_id),
                reaction);
            if (!done) return std::unexpected(done.error());
            return std::string();
        }
        case Report::Kind::answer:
            if (!report.comment_id.empty())
                return forge.reply(report.thread, report.comment_id, report.marker,
                                   shop.secrets.redacted(report.body));
            return forge.say(report.thread, report.marker, shop.secrets.redacted(report.body),
                             report.remote_id);
    }
    return std::string();
}

constexpr auto deliveries_kept = std::chrono::hours(24 * 7);
constexpr auto logs_kept = std::chrono::hours(24 * 30);

/// Deliveries are kept for a week after they were decided on, transcripts for a month.
void forget_old(Shop& shop) {
    (void)shop.ledger.prune(std::chrono::system_clock::now() - deliveries_kept);
    std::error_code error;
    const auto oldest = std::filesystem::file_time_type::clock::now() - logs_kept;
    for (const auto& folder : std::filesystem::directory_iterator(shop.log_dir, error))
        if (folder.path().filename().string().starts_with("job-") && folder.last_write_time(error) < oldest)
            std::filesystem::remove_all(folder.path(), error);
    for (const auto& log : std::filesystem::directory_iterator(shop.log_dir / "setup", error))
        if (log.last_write_time(error) < oldest) std::filesystem::remove(log.path(), error);
}

/// Whether a job that is not over may still take over what has this name.
std::function<bool(std::string_view)> waits_for(Shop& shop) {
    return [&shop](std::string_view name) {
        const auto id = job_of_run_name(name);
        const auto job = id ? shop.ledger.job(*id) : std::nullopt;
        return job && is_active(job->state) && job->state != JobState::review;
    };
}

void end_leftover_sandboxes(Shop& shop) {
    const auto ended = shop.sandbox.sweep(waits_for(shop));
    if (!ended) spdlog::warn("leftover sandboxes: {}", ended.error().message);
    if (ended && !ended->empty()) spdlog::info("{} leftover sandboxes removed", ended->size());
}

/// A label may still be on although it was heard: of a job that began meanwhile, or whose label cannot be
/// taken off yet. What was really lost is found by a later sweep.
bool heard_lately(Shop& shop, const integrations::ThreadRef& issue) {
    constexpr auto lately = 10min;
    return shop.ledger.jobs_since(issue, std::chrono::system_clock::now() - lately) > 0;
}

/// A label whose event never arrived is decided on as if it had, by the same rules.
void sweep_labels(Shop& shop, const std::string& name, integrations::Forge& forge) {
    const auto found = forge.labelled(shop.settings.labels.trigger);
    if (!found) {
        spdlog::warn("sweep: {}: {}", name, found.error().message);
        shop.forges.failed(name, found.error());
        return;
    }
    for (const auto& labelled : *found) {
        if (shop.ledger.active_job(labelled.issue)) continue;
        const auto intents = understand(shop, labelled, name);
        if (!intents) {
            spdlog::warn("sweep: {}#{}: {}", labelled.issue.repo.full_name, labelled.issue.number,
                         intents.error().message);
            continue;
        }
        if (heard_lately(shop, labelled.issue)) continue;  // after the forge was asked, which takes its time
        for (const auto& intent : *intents) {
            if (std::holds_alternative<Ignore>(intent)) continue;
            spdlog::info("sweep: {}#{}: {}", labelled.issue.repo.full_name, labelled.issue.number,
                         reason(intent));
            (void)shop.ledger.carry_out(intent);
            after(shop, intent);
        }
    }
}

constexpr std::size_t jobs_looked_through = 2000;
constexpr std::size_t reviews_per_sweep = 20;
/// A pull request just opened may not be known everywhere at the forge.
constexpr auto settling_time = 5min;

/// The jobs in review whose turn it is: after `last`, by age, and from the start again.
std::vector<Job> next_reviews(Shop& shop, JobId last) {
    auto jobs = shop.ledger.jobs(jobs_looked_through);
    std::erase_if(jobs,
                  [](const Job& job) { return job.state != JobState::review || job.pull_request == 0; });
    std::ranges::sort(jobs, [last](const Job& a, const Job& b) {
        return std::pair(a.id <= last, a.id) < std::pair(b.id <= last, b.id);
    });
    if (jobs.size() > reviews_per_sweep) jobs.erase(jobs.begin() + reviews_per_sweep, jobs.end());
    return jobs;
}

/// How a review ended whose event never arrived; nothing while it goes on or cannot be seen.
std::optional<EndReview> missed_end(integrations::Forge& forge, const Job& job) {
    const auto found = forge.pull_request(job.assignment.issue.repo, job.pull_request);
    if (found && found->open) return std::nullopt;
    if (found)
        return EndReview{.job = job.id,
                         .merged = found->merged,
                         .reason = found->merged ? "The pull request was merged."
                                                 : "The pull request was closed without merging."};
    const bool young = std::chrono::system_clock::now() - job.state_since < settling_time;
    if (found.error().kind == ForgeError::Kind::gone && !young)
        return EndReview{.job = job.id, .reason = "The pull request is not there any more."};
    spdlog::warn("sweep: job {}: {}", job.id.value, found.error().message);
    return std::nullopt;
}

/// Pull requests that ended while nobody told us.
void sweep_reviews(Shop& shop) {
    static std::atomic<std::int64_t> last_looked_at{0};  // after a restart the oldest come first again
    for (const auto& job : next_reviews(shop, JobId{last_looked_at.load()})) {
        last_looked_at = job.id.value;
        const auto* entry = shop.forges.find(job.assignment.issue.repo.forge);
        const auto end = entry == nullptr ? std::nullopt : missed_end(*entry->forge, job);
        if (!end) continue;
        spdlog::info("sweep: job {}: {}", job.id.value, end->reason);
        (void)shop.ledger.carry_out(*end);
        after(shop, *end);
    }
}

/// What fails does not keep the rest of a sweep from being done.
void step(std::string_view what, const std::function<void()>& doing) {
    try {
        doing();
    } catch (const std::exception& error) {
        spdlog::error("sweep: {}: {}", what, error.what());
    }
}

/// Back to the queue with an attempt charged, so that what breaks every time comes to an end.
void give_back(Shop& shop, const Lease& lease, const std::string& why) {
    spdlog::error("job {}: {}", lease.job().value, why);
    try {
        shop.ledger.give_back(lease, without_host_paths(why));
    } catch (const LeaseLost&) {
        spdlog::warn("job {}: another worker has it now", lease.job().value);
    } catch (const std::exception& error) {  // its lease runs out, then it is due again
        spdlog::error("job {}: cannot be given back: {}", lease.job().value, error.what());
    }
}

}  // namespace

bool intake(Shop& shop) {
    Ledger::Quiet quiet;
    for (const auto& [name, left] : shop.forges.quiet())
        quiet.emplace(name, std::chrono::system_clock::now() +
                                std::chrono::duration_cast<std::chrono::system_clock::duration>(left));
    if (quiet.size() == shop.forges.all().size()) return false;
    const auto stored = shop.ledger.next_delivery(quiet);
    if (!stored) return false;
    const auto& delivery = stored->delivery;
    const auto* entry = shop.forges.find(delivery.forge());
    if (entry == nullptr) {
        (void)shop.ledger.settle(stored->id, Ignore{.reason = "the forge is not configured any more"});
        return true;
    }
    const auto event = entry->kind->decode(delivery);
    const auto intents = understand(shop, event, delivery.forge());
    if (!intents) {
        spdlog::warn("delivery {}: later: {}", delivery.delivery_id(), intents.error().message);
        shop.forges.failed(delivery.forge(), intents.error());
        shop.ledger.postpone(stored->id, next_try(intents.error(), pause_by_age(stored->received_at)),
                             intents.error().message);
        return true;
    }
    // All but the last are carried out first; the last one closes the delivery. Each is idempotent.
    for (std::size_t i = 0; i < intents->size(); ++i) {
        const auto& intent = (*intents)[i];
        spdlog::info("delivery {} ({}): {}", delivery.delivery_id(), delivery.event_name(), reason(intent));
        if (!std::holds_alternative<Ignore>(intent)) shop.forges.answered(delivery.forge());
        if (i + 1 < intents->size())
            (void)shop.ledger.carry_out(intent);
        else
            (void)shop.ledger.settle(stored->id, intent);
        after(shop, intent);
    }
    return true;
}

bool work(Shop& shop, const std::stop_token& detach) {
    auto claim = shop.ledger.claim({.max_parallel = shop.settings.max_parallel,
                                    .max_per_repository = shop.settings.max_parallel_per_repository,
                                    .publishing_only = shop.disk.shortage().has_value()});
    if (!claim) return false;
    shop.work_bell.ring();  // there may be more, for the other workers
    shop.ledger.refresh_positions();
    const auto& assignment = claim->job.assignment;
    spdlog::info("job {}: {}#{} at {}", claim->job.id.value, assignment.issue.repo.full_name,
                 assignment.issue.number, assignment.base_commit.substr(0, 12));
    try {
        bot::work(shop, *claim, detach);
    } catch (const LeaseLost&) {
        spdlog::warn("job {}: another worker has it now", claim->job.id.value);
    } catch (const std::exception& error) {
        give_back(shop, claim->lease, error.what());
    }
    return true;
}

bool report(Shop& shop, const std::string& forge) {
    const auto* entry = shop.forges.find(forge);
    if (entry == nullptr || shop.forges.quiet().contains(forge)) return false;
    const auto wish = shop.ledger.next_report(forge);
    if (!wish) return false;
    const auto posted = post(shop, *entry->forge, *wish);
    if (posted) {
        shop.forges.answered(forge);
        shop.ledger.posted(*wish, *posted);
        return true;
    }
    const auto& error = posted.error();
    shop.forges.failed(forge, error);
    const auto where = wish->thread.repo.full_name + "#" + std::to_string(wish->thread.number);
    switch (error.kind) {
        case ForgeError::Kind::gone:
        case ForgeError::Kind::forbidden:
        case ForgeError::Kind::invalid:
            spdlog::warn("report to {} given up: {}", where, error.message);
            shop.ledger.give_up(*wish, error.message);
            break;
        case ForgeError::Kind::unreachable:
        case ForgeError::Kind::rate_limited:
        case ForgeError::Kind::unauthorized:
            spdlog::warn("report to {} later: {}", where, error.message);
            shop.ledger.postpone(*wish, next_try(error, pause_by_attempts(wish->attempts)), error.message);
            break;
    }
    return true;
}

void watch_disk(Shop& shop) {
    switch (shop.disk.look()) {
        case DiskReserve::Change::none:
            return;
        case DiskReserve::Change::too_little:
            spdlog::error("{}", shop.disk.shortage().value_or("the disk was nearly full for a moment"));
            break;
        case DiskReserve::Change::enough_again:
            spdlog::info("the disk has room again: jobs go on");
            shop.work_bell.ring();
            break;
    }
    shop.ledger.tell_queued();
    shop.report_bells.ring();
}

std::chrono::milliseconds sweep(Shop& shop) {
    // First, so that a job under work does not lose its lease to a sweep that was late.
    step("leases", [&] {
        shop.heartbeat.tick();
        for (const auto job : shop.ledger.expire_leases()) {
            spdlog::warn("job {}: its worker is gone, back to the queue", job.value);
            shop.work_bell.ring();
        }
    });
    // What was created without our knowing it, or could not be removed when its run ended.
    step("sandboxes", [&] { end_leftover_sandboxes(shop); });
    // Workspaces kept for a job that came to its end without another try.
    step("workspaces", [&] {
        if (const auto gone = shop.workspaces.sweep(waits_for(shop)); !gone.empty())
            spdlog::info("{} kept workspaces removed", gone.size());
    });
    step("mirrors", [&] {
        const auto evicted =
            shop.mirrors.evict(shop.settings.cache_bytes, [&] { return shop.ledger.busy_repositories(); });
        if (evicted > 0) spdlog::info("{} mirrors removed: their cache was over its limit", evicted);
    });
    step("what is old", [&] { forget_old(shop); });
    step("reports of forges that are gone", [&] {
        std::vector<std::string> names;
        for (const auto& [name, entry] : shop.forges.all()) names.push_back(name);
        if (const int count = shop.ledger.give_up_reports_beyond(names); count > 0)
            spdlog::warn("{} reports given up: their forge is not configured any more", count);
    });
    step("reviews", [&] { sweep_reviews(shop); });
    for (const auto& [name, entry] : shop.forges.all())
        if (!shop.forges.quiet().contains(name)) step(name, [&] { sweep_labels(shop, name, *entry.forge); });
    std::chrono::milliseconds next = 2min;
    for (const auto& [name, left] : shop.forges.quiet())
        next = std::min(next, std::chrono::ceil<std::chrono::milliseconds>(left));
    return next;
}

void clear_leftovers(Shop& shop) {
    end_leftover_sandboxes(shop);
    if (const auto gone = shop.workspaces.sweep(waits_for(shop)); !gone.empty())
        spdlog::info("{} leftover workspaces removed", gone.size());
    std::error_code error;
    const auto waits = waits_for(shop);
    for (const auto& folder : std::filesystem::directory_iterator(shop.door_dir, error))
        if (!waits(folder.path().filename().string())) std::filesystem::remove_all(folder.path(), error);
}

}  // namespace bot::loops
