// What no event tells, and what is left lying.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bot/groundwork.hpp"
#include "bot/loops.hpp"
#include "bot/loops_inside.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"
#include "integrations/forge_asked.hpp"

namespace bot::loops {

namespace {

using integrations::ForgeError;
using namespace std::chrono_literals;

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
        const auto intent = understand(shop, labelled, name);
        if (!intent) {
            spdlog::warn("sweep: {}#{}: {}", labelled.issue.repo.full_name, labelled.issue.number,
                         intent.error().message);
            continue;
        }
        if (std::holds_alternative<Ignore>(*intent) || std::holds_alternative<Wait>(*intent)) continue;
        // Another job has begun meanwhile: it is looked at when that is over.
        if (const auto* no = std::get_if<Refuse>(&*intent); no != nullptr && no->asked) continue;
        // Nothing begins when its event has been heard meanwhile.
        if (!shop.ledger.carry_out(*intent) && std::holds_alternative<Start>(*intent)) continue;
        spdlog::info("sweep: {}#{}: {}", labelled.issue.repo.full_name, labelled.issue.number,
                     spoken(shop, name, reason(*intent)));
        after(shop, *intent);
    }
}

/// How far back is looked for what was said and not told, and how long a webhook is waited for.
constexpr auto look_back = std::chrono::hours(1);
constexpr auto on_its_way = std::chrono::minutes(2);

/// Whether the comment asks for something that nobody has heard. Talk does when a job has a question since
/// before it: what was said earlier is no answer.
bool is_unheard(const Shop& shop, const integrations::CommentCreated& comment,
                const std::vector<Request>& requests) {
    if (shop.ledger.heard(comment.thread, comment.comment_id)) return false;
    return std::ranges::any_of(requests, [&](const Request& request) {
        const auto* words = std::get_if<AskResume>(&request);
        if (words == nullptr || words->by_command) return !std::holds_alternative<Nothing>(request);
        auto job = shop.ledger.active_job(comment.thread);
        if (!job) job = shop.ledger.job_of_pull_request(comment.thread);
        return job && job->state == JobState::waiting && comment.at && *comment.at > job->state_since;
    });
}

/// Most tell whole seconds.
Time as_forges_count(Time time) { return std::chrono::floor<std::chrono::seconds>(time); }

/// Since when comments there may have been told to nobody. The first process that works for a forge has
/// missed nothing.
Time unheard_since(Shop& shop, const std::string& name, Time now) {
    const auto served = shop.ledger.served_since(name);
    const bool is_first = served >= std::chrono::floor<std::chrono::milliseconds>(shop.started);
    const Time since = now - shop.started < look_back ? shop.told_until : now - look_back;
    return std::max<Time>(since, is_first ? shop.started : as_forges_count(served));
}

/// A comment whose event never arrived goes into the inbox as if it had.
void sweep_comments(Shop& shop, const std::string& name, integrations::Forge& forge) {
    const auto now = std::chrono::system_clock::now();
    const auto found = forge.comments_since(unheard_since(shop, name, now));
    if (!found) {
        spdlog::warn("sweep: {}: {}", name, found.error().message);
        shop.forges.failed(name, found.error());
        return;
    }
    for (const auto& comment : *found) {
        const bool may_come = !comment.at || (*comment.at >= shop.started && now - *comment.at < on_its_way);
        if (may_come) continue;
        const auto requests = requests_of(shop, comment, name);
        if (!requests || !is_unheard(shop, comment, *requests)) continue;
        if (shop.ledger.record(integrations::as_delivery(comment)) == Ledger::Recorded::duplicate) continue;
        spdlog::info("sweep: {}#{}: a comment by {} that no delivery told of", comment.thread.repo.full_name,
                     comment.thread.number, comment.by.login);
        shop.intake_bell.ring();
    }
}

/// For so long forges keep account of what they sent, and its ids are known here.
constexpr auto deliveries_told = std::chrono::hours(24 * 3);

/// What a forge could not hand over goes into the inbox as if it had come. What happened before anything was
/// ever heard here asks nobody.
void sweep_undelivered(Shop& shop, const std::string& name, integrations::Forge& forge) {
    if (shop.disk.shortage()) return;  // which may be why
    const auto oldest = std::chrono::system_clock::now() - deliveries_told;
    const auto found =
        forge.undelivered(std::max<Time>(oldest, as_forges_count(shop.ledger.served_since(name))),
                          [&](const std::string& id) { return shop.ledger.received(name, id); });
    if (!found) {
        spdlog::warn("sweep: {}: {}", name, found.error().message);
        shop.forges.failed(name, found.error());
        return;
    }
    for (const auto& delivery : *found) {
        if (shop.ledger.record(delivery) == Ledger::Recorded::duplicate) continue;
        spdlog::info("sweep: {}: delivery {} ({}) could not be handed over", name, delivery.delivery_id(),
                     delivery.event_name());
        shop.intake_bell.ring();
    }
}

/// That a pull request was closed may not be known everywhere at the forge.
constexpr auto closing_settles = 5min;
/// How long the branch of a job that is over waits for a credential that may take it away.
constexpr auto access_patience = 24h * 7;

void remind(Shop& shop) {
    for (const auto& job :
         shop.ledger.unanswered(std::chrono::system_clock::now() - shop.settings.remind_after)) {
        shop.ledger.remind(job.id, report::reminder(job));
        shop.report_bells.ring();
    }
}

/// Why a branch is not taken away.
struct Stays {
    enum class Until { ever, next_time, repository_reachable };
    std::string why;
    Until until = Until::ever;
};

/// A credential is refused for a while, or for good: then nobody asks for ever.
bool may_be_let_in_again(const Job& job) {
    return std::chrono::system_clock::now() - job.ended_at.value_or(Time{}) < access_patience;
}

Stays because_of(const integrations::GitError& error, const Job& job) {
    using Kind = integrations::GitError::Kind;
    const bool later = error.kind == Kind::unreachable || error.kind == Kind::storage ||
                       (error.kind == Kind::unauthorized && may_be_let_in_again(job));
    return {error.message, later ? Stays::Until::repository_reachable : Stays::Until::ever};
}
Stays because_of(const ForgeError& error, const Job& job) {
    using Kind = ForgeError::Kind;
    if (error.kind == Kind::unreachable || error.kind == Kind::rate_limited)
        return {error.message, Stays::Until::repository_reachable};
    return {error.message, may_be_let_in_again(job) ? Stays::Until::next_time : Stays::Until::ever};
}

/// Who opens a pull request again wants its branch: without it the forge would close the pull request. One
/// that was closed just now may not be known as closed everywhere at the forge.
std::optional<Stays> wanted_again(integrations::Forge& forge, const Job& job) {
    if (job.pull_request == 0) return std::nullopt;
    const auto found = forge.pull_request(job.assignment.issue.repo, job.pull_request);
    if (found && found->open) {
        const bool young = std::chrono::system_clock::now() - job.ended_at.value_or(Time{}) < closing_settles;
        return Stays{"its pull request is open", young ? Stays::Until::next_time : Stays::Until::ever};
    }
    if (found || found.error().kind == ForgeError::Kind::gone) return std::nullopt;
    return because_of(found.error(), job);
}

/// One that people pushed to, or whose pull request they opened again, is theirs.
std::optional<Stays> take_branch_away(Shop& shop, integrations::Forge& forge,
                                      const Ledger::LeftBranch& left) {
    const auto& job = left.job;
    if (auto stays = wanted_again(forge, job)) return stays;
    const auto mirror = shop.mirrors.of(job.assignment.issue.repo);
    if (!mirror) return Stays{mirror.error().message, Stays::Until::next_time};
    integrations::GitResult<void> gone;
    for (const auto& commit : left.ours) {
        gone = (*mirror)->drop(job.branch, commit);
        if (gone || gone.error().kind != integrations::GitError::Kind::exists) break;
    }
    if (gone) return std::nullopt;
    return because_of(gone.error(), job);
}

/// The branches of jobs that are over.
void clean_branches(Shop& shop) {
    static std::atomic<std::int64_t> last_cleaned{0};      // what cannot go yet hides nothing behind it
    std::set<std::pair<std::string, std::string>> closed;  // repositories where nothing can be done now
    for (const auto& left : shop.ledger.branches_to_clean(JobId{last_cleaned.load()})) {
        last_cleaned = left.job.id.value;
        const auto& repo = left.job.assignment.issue.repo;
        const auto* entry = shop.forges.find(repo.forge);
        if (entry == nullptr || shop.forges.quiet().contains(repo.forge)) continue;
        if (closed.contains({repo.forge, repo.id})) continue;
        const auto stays = take_branch_away(shop, *entry->forge, left);
        if (stays)
            spdlog::info("sweep: job {}: {} stays: {}", left.job.id.value, left.job.branch, stays->why);
        if (!stays || stays->until == Stays::Until::ever)
            shop.ledger.branch_cleaned(left.job.id);
        else if (stays->until == Stays::Until::repository_reachable)
            closed.emplace(repo.forge, repo.id);
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

}  // namespace

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
    step("what waits for people", [&] { look_at_waiting(shop); });
    step("reminders", [&] { remind(shop); });
    step("branches", [&] { clean_branches(shop); });
    for (const auto& [name, entry] : shop.forges.all())
        if (!shop.forges.quiet().contains(name))
            step(name, [&] {
                sweep_labels(shop, name, *entry.forge);
                sweep_comments(shop, name, *entry.forge);
                sweep_undelivered(shop, name, *entry.forge);
            });
    for (const auto& [name, entry] : shop.forges.all())
        step(name, [&] {
            for (const auto& warning : shop.forges.warnings(name))
                spdlog::warn("forge {}: {}", name, warning);
        });
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
