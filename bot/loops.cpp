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

#include "bot/halt.hpp"
#include "bot/intake.hpp"
#include "bot/loops_inside.hpp"
#include "bot/pipeline.hpp"
#include "bot/report.hpp"
#include "integrations/forge_asked.hpp"

namespace bot::loops {

namespace {

using integrations::ForgeError;
using namespace std::chrono_literals;

/// When to ask a forge again that did not answer.
Time next_try(const ForgeError& error, std::chrono::system_clock::duration pause) {
    const auto now = std::chrono::system_clock::now();
    return error.retry_at ? std::max(*error.retry_at, now + 1s) : now + pause;
}

/// Soon at first, every five minutes at last; where an operator must act first, every half hour. A delivery's
/// attempts are not counted while it is put off: its age tells.
std::chrono::system_clock::duration pause_by_age(Time received_at, ForgeError::Kind kind) {
    using Pause = std::chrono::system_clock::duration;
    const Pause longest = kind == ForgeError::Kind::forbidden ? 30min : 5min;
    return std::clamp<Pause>((std::chrono::system_clock::now() - received_at) / 4, 2s, longest);
}

std::chrono::system_clock::duration pause_by_attempts(int attempts) {
    return std::min<std::chrono::seconds>(300s, 2s * (1 << std::min(attempts, 8)));
}

/// Whether the label that is to be taken off was taken off by people, and set again: another request, which
/// is still to be heard. Asked when the wish is old; in its first moments people do not do that.
integrations::ForgeResult<bool> is_set_again(Shop& shop, integrations::Forge& forge, const Report& report) {
    if (report.attempts <= 1 && std::chrono::system_clock::now() - report.created_at < 10s) return false;
    const auto said = shop.ledger.said(report.thread);
    const auto* heard = said.heard(report.body);
    if (heard == nullptr) return false;
    const auto record = if_seen(forge.label_events(report.thread, report.body));
    if (!record) return std::unexpected(record.error());
    const auto* last = *record ? integrations::last_set(**record) : nullptr;
    return last != nullptr && last->at && LabelSet{.at = *last->at, .event = last->id}.after(*heard);
}

/// What the forge is to be told, from the job as it is now.
integrations::ForgeResult<std::string> post(Shop& shop, const Forges::Entry& entry, const Report& report) {
    auto& forge = *entry.forge;
    const auto job = report.job ? shop.ledger.job(*report.job) : std::nullopt;
    switch (report.kind) {
        case Report::Kind::status: {
            if (!job) return report.remote_id;
            const auto text = report::status(*job, shop.ledger.history(job->id),
                                             shop.ledger.position(job->id), std::chrono::system_clock::now(),
                                             shop.disk.shortage() ? report::short_of_disk() : "",
                                             shop.ledger.tries(job->id));
            return forge.say(report.thread, report.marker, spoken(shop, entry, text), report.remote_id);
        }
        case Report::Kind::labels: {
            const auto& labels = shop.settings.labels;
            const auto shown = job ? report::state_label(job->state, labels) : std::string();
            std::vector<std::string> off, on;
            if (!report.body.empty()) {
                // Nothing else: by now the issue may have another job, whose state label is its own report's.
                const auto again = is_set_again(shop, forge, report);
                if (!again) return std::unexpected(again.error());
                if (*again) return std::string();
                off.push_back(report.body);
            } else {
                off = report::all_state_labels(labels);
                std::erase(off, shown);
                if (!shown.empty()) on.push_back(shown);
            }
            const auto done = forge.relabel(report.thread, off, on);
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
                                   spoken(shop, entry, report.body));
            return forge.say(report.thread, report.marker, spoken(shop, entry, report.body),
                             report.remote_id);
    }
    return std::string();
}

/// What is said about a pull request of ours names this thread; else nothing.
struct AboutProposal {
    const integrations::ThreadRef* operator()(const AskStart& ask) const { return &ask.issue; }
    const integrations::ThreadRef* operator()(const AskStop& ask) const { return &ask.thread; }
    const integrations::ThreadRef* operator()(const AskRefine& ask) const { return &ask.thread; }
    const integrations::ThreadRef* operator()(const AskPick& ask) const { return &ask.thread; }
    const integrations::ThreadRef* operator()(const auto&) const { return nullptr; }
};

/// The job whose open pull request the request is about.
std::optional<Job> job_with_proposal(const Shop& shop, const Request& request) {
    const auto* thread = std::visit(AboutProposal{}, request);
    if (thread == nullptr) return std::nullopt;
    auto job = shop.ledger.active_job(*thread);
    if (!job) job = shop.ledger.job_of_pull_request(*thread);
    return job && is_active(job->state) && job->pull_request > 0 ? job : std::nullopt;
}

/// What people say about a pull request is said about it as it is: its end is ours too, also when they have
/// told us of something else first. What cannot be seen now stays as we know it.
void look_at_proposal(Shop& shop, const Request& request) {
    const auto job = job_with_proposal(shop, request);
    const auto* entry = job ? shop.forges.find(job->assignment.issue.repo.forge) : nullptr;
    if (entry == nullptr) return;
    const auto now = entry->forge->pull_request(job->assignment.issue.repo, job->pull_request);
    if (!now || now->open) return;
    const Intent end =
        EndReview{.job = job->id, .merged = now->merged, .reason = report::proposal_over(now->merged)};
    spdlog::info("job {}: {}", job->id.value, spoken(shop, *entry, reason(end)));
    (void)shop.ledger.carry_out(end);
    after(shop, end);
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

/// Where an event happened that leaves out what counts; null: it is whole.
const integrations::RepoRef* left_out(const integrations::Event& event) {
    if (const auto* changed = std::get_if<integrations::LabelsChanged>(&event)) return &changed->issue.repo;
    if (const auto* renamed = std::get_if<integrations::RepositoryRenamed>(&event))
        return renamed->repo.clone_url.empty() ? &renamed->repo : nullptr;
    const auto* review = std::get_if<integrations::ChangesRequested>(&event);
    return review != nullptr && review->review_id.empty() ? &review->pull_request.repo : nullptr;
}

/// The forge did not answer what must be known to decide.
void try_later(Shop& shop, const StoredDelivery& stored, const ForgeError& error) {
    const auto& delivery = stored.delivery;
    spdlog::warn("delivery {}: later: {}", delivery.delivery_id(), error.message);
    shop.forges.failed(delivery.forge(), error);
    shop.ledger.postpone(stored.id, next_try(error, pause_by_age(stored.received_at, error.kind)),
                         error.message);
}

}  // namespace

integrations::ForgeResult<std::vector<Request>> requests_of(Shop& shop, const integrations::Event& event,
                                                            const std::string& forge) {
    const auto self = shop.forges.self(forge);
    if (!self) return std::unexpected(self.error());
    const auto* repo = left_out(event);
    const auto* entry = shop.forges.find(forge);
    if (repo == nullptr || entry == nullptr || !repository_allowed(entry->settings, repo->full_name))
        return recognise(event, shop.settings, *self);
    const auto events = if_seen(entry->forge->completed(event));
    if (!events) return std::unexpected(events.error());
    std::vector<Request> requests;
    for (const auto& whole : events->value_or(std::vector<integrations::Event>{}))
        std::ranges::move(recognise(whole, shop.settings, *self), std::back_inserter(requests));
    if (requests.empty()) requests.emplace_back(Nothing{"nothing of it is for us"});
    return requests;
}

integrations::ForgeResult<Intent> understand(Shop& shop, Request request, Time heard_at) {
    if (const auto looked = look_at_label(shop, request); !looked) return std::unexpected(looked.error());
    look_at_proposal(shop, request);
    const auto facts = gather_facts(shop, request, heard_at);
    if (!facts) return std::unexpected(facts.error());
    return decide(request, *facts, shop.settings);
}

integrations::ForgeResult<Intent> understand(Shop& shop, const integrations::Event& event,
                                             const std::string& forge) {
    auto requests = requests_of(shop, event, forge);
    if (!requests) return std::unexpected(requests.error());
    return understand(shop, std::move(requests->front()), std::chrono::system_clock::now());
}

void after(Shop& shop, const Intent& intent) {
    if (std::holds_alternative<Start>(intent) || std::holds_alternative<Resume>(intent) ||
        std::holds_alternative<Refine>(intent)) {
        shop.work_bell.ring();
        shop.ledger.refresh_positions();
    }
    if (std::holds_alternative<Stop>(intent) || std::holds_alternative<EndReview>(intent) ||
        std::holds_alternative<Abandon>(intent)) {
        shop.heartbeat.tick();
        shop.sweep_bell.ring();  // their branches go
    }
    if (const auto* look = std::get_if<LookAgain>(&intent)) {
        shop.moved_bases.add({look->repo, look->branch, std::chrono::system_clock::now()});
        shop.moved_bell.ring();
        shop.sweep_bell.ring();  // and, once, at what else waits for people
    }
    if (!std::holds_alternative<Ignore>(intent)) shop.report_bells.ring();
}

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
    const auto event = integrations::event_of(*entry->kind, delivery);
    const auto* comment = std::get_if<integrations::CommentCreated>(&event);
    if (comment != nullptr && stored->carried_out == 0 && !stored->revived &&
        shop.ledger.heard(comment->thread, comment->comment_id)) {
        (void)shop.ledger.settle(stored->id,
                                 Ignore{"that comment was heard already: another hook told of it"});
        return true;
    }
    const auto later = [&](const ForgeError& error) {
        try_later(shop, *stored, error);
        return true;
    };
    auto requests = requests_of(shop, event, delivery.forge());
    if (!requests) return later(requests.error());
    if (static_cast<std::size_t>(stored->carried_out) >=
        requests->size()) {  // the prefix was another one then
        (void)shop.ledger.settle(stored->id, Ignore{"nothing of it is left to be carried out"});
        return true;
    }
    if (auto* again = std::get_if<AskStart>(&(*requests)[static_cast<std::size_t>(stored->carried_out)]))
        again->revived = stored->revived;
    // One after the other: what the first changes the second is decided on. The last one closes the delivery.
    for (auto i = static_cast<std::size_t>(stored->carried_out); i < requests->size(); ++i) {
        const auto intent = understand(shop, (*requests)[i], stored->received_at);
        if (!intent) return later(intent.error());
        if (const auto* wait = std::get_if<Wait>(&*intent)) {
            shop.ledger.wait_for_end(stored->id, wait->job, wait->reason);
            return true;
        }
        spdlog::info("delivery {} ({}): {}", delivery.delivery_id(), delivery.event_name(),
                     spoken(shop, delivery.forge(), reason(*intent)));
        if (!std::holds_alternative<Ignore>(*intent) && !std::holds_alternative<Over>(*intent))
            shop.forges.answered(delivery.forge());
        if (i + 1 < requests->size())
            (void)shop.ledger.carry_out(stored->id, *intent);
        else
            (void)shop.ledger.settle(stored->id, *intent);
        after(shop, *intent);
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
    const auto posted = post(shop, *entry, *wish);
    if (posted) {
        shop.forges.answered(forge);
        shop.ledger.posted(*wish, *posted);
        return true;
    }
    const auto& error = posted.error();
    shop.forges.failed(forge, error);
    const bool on_issue = wish->thread.kind == integrations::ThreadRef::Kind::issue;
    const auto where = fmt::format("{}{}{}", wish->thread.repo.full_name,
                                   on_issue ? '#' : entry->kind->proposal_sign, wish->thread.number);
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

}  // namespace bot::loops
