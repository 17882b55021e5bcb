#include "bot/loops.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "bot/groundwork.hpp"
#include "bot/intake.hpp"
#include "bot/pipeline.hpp"
#include "bot/report.hpp"

namespace bot::loops {

namespace {

using integrations::ForgeError;
using namespace std::chrono_literals;

/// When to ask a forge again that did not answer: soon at first, every five minutes at last.
Time next_try(const ForgeError& error, int attempts) {
    const auto now = std::chrono::system_clock::now();
    if (error.retry_at) return std::max(*error.retry_at, now + 1s);
    return now + std::min<std::chrono::seconds>(300s, 2s * (1 << std::min(attempts, 8)));
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
    if (std::holds_alternative<Start>(intent)) {
        shop.work_bell.ring();
        shop.ledger.refresh_positions();
    }
    if (std::holds_alternative<Stop>(intent)) shop.heartbeat.tick();
    if (!std::holds_alternative<Ignore>(intent)) shop.report_bell.ring();
}

/// What the forge is to be told, from the job as it is now.
integrations::ForgeResult<std::string> post(Shop& shop, integrations::Forge& forge, const Report& report) {
    const auto job = report.job ? shop.ledger.job(*report.job) : std::nullopt;
    switch (report.kind) {
        case Report::Kind::status: {
            if (!job) return report.remote_id;
            const auto text = report::status(*job, shop.ledger.runs(job->id), shop.ledger.position(job->id),
                                             std::chrono::system_clock::now());
            return forge.say(report.thread, report.marker, text, report.remote_id);
        }
        case Report::Kind::labels: {
            const auto& labels = shop.settings.labels;
            const auto shown = job ? report::state_label(job->state, labels) : std::string();
            auto off = report::all_state_labels(labels);
            std::erase(off, shown);
            off.push_back(labels.trigger);
            for (const auto& profile : shop.settings.profiles) off.push_back(labels.trigger + ":" + profile.name);
            if (!report.body.empty()) off.push_back(report.body);
            const auto done = forge.relabel(report.thread, off, shown.empty() ? std::vector<std::string>{} : std::vector{shown});
            if (!done) return std::unexpected(done.error());
            return std::string();
        }
        case Report::Kind::reaction: {
            const auto reaction = report.body == "thumbs_down" ? integrations::Reaction::thumbs_down
                                  : report.body == "rocket"    ? integrations::Reaction::rocket
                                  : report.body == "confused"  ? integrations::Reaction::confused
                                                               : integrations::Reaction::eyes;
            const auto done = forge.react(report.thread,
                                          report.comment_id.empty() ? std::nullopt : std::optional(report.comment_id), reaction);
            if (!done) return std::unexpected(done.error());
            return std::string();
        }
        case Report::Kind::answer: return forge.say(report.thread, report.marker, report.body, report.remote_id);
    }
    return std::string();
}

/// A label whose event never arrived is decided on as if it had, by the same rules.
void sweep_labels(Shop& shop, const std::string& name, integrations::Forge& forge) {
    const auto found = forge.labelled(shop.settings.labels.trigger);
    if (!found) {
        spdlog::warn("sweep: {}: {}", name, found.error().message);
        return;
    }
    for (const auto& labelled : *found) {
        if (shop.ledger.active_job(labelled.issue)) continue;
        const auto intents = understand(shop, labelled, name);
        if (!intents) {
            spdlog::warn("sweep: {}: {}", name, intents.error().message);
            return;
        }
        for (const auto& intent : *intents) {
            if (std::holds_alternative<Ignore>(intent)) continue;
            spdlog::info("sweep: {}#{}: {}", labelled.issue.repo.full_name, labelled.issue.number, reason(intent));
            (void)shop.ledger.carry_out(intent);
            after(shop, intent);
        }
    }
}

}  // namespace

bool intake(Shop& shop) {
    const auto stored = shop.ledger.next_delivery();
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
        shop.ledger.postpone(stored->id, next_try(intents.error(), stored->attempts), intents.error().message);
        return true;
    }
    // All but the last are carried out first; the last one closes the delivery. Each is idempotent.
    for (std::size_t i = 0; i < intents->size(); ++i) {
        const auto& intent = (*intents)[i];
        spdlog::info("delivery {} ({}): {}", delivery.delivery_id(), delivery.event_name(), reason(intent));
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
                                    .max_per_repository = shop.settings.max_parallel_per_repository});
    if (!claim) return false;
    shop.work_bell.ring();  // there may be more, for the other workers
    shop.ledger.refresh_positions();
    const auto& assignment = claim->job.assignment;
    spdlog::info("job {}: {}#{} at {}", claim->job.id.value, assignment.issue.repo.full_name, assignment.issue.number,
                 assignment.base_commit.substr(0, 12));
    try {
        bot::work(shop, *claim, detach);
    } catch (const LeaseLost&) {
        spdlog::warn("job {}: another worker has it now", claim->job.id.value);
    }
    return true;
}

bool report(Shop& shop) {
    const auto wish = shop.ledger.next_report();
    if (!wish) return false;
    const auto* entry = shop.forges.find(wish->thread.repo.forge);
    if (entry == nullptr) {
        shop.ledger.give_up(*wish, "the forge is not configured any more");
        return true;
    }
    const auto posted = post(shop, *entry->forge, *wish);
    if (posted) {
        shop.ledger.posted(*wish, *posted);
        return true;
    }
    const auto& error = posted.error();
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
            shop.ledger.postpone(*wish, next_try(error, wish->attempts), error.message);
            break;
    }
    return true;
}

void sweep(Shop& shop) {
    for (const auto job : shop.ledger.expire_leases()) {
        spdlog::warn("job {}: its worker is gone, back to the queue", job.value);
        shop.work_bell.ring();
    }
    for (const auto& [name, entry] : shop.forges.all()) sweep_labels(shop, name, *entry.forge);
}

void clear_leftovers(Shop& shop) {
    const auto wanted = [&shop](std::string_view name) {
        const auto id = job_of_run_name(name);
        const auto job = id ? shop.ledger.job(*id) : std::nullopt;
        return job && is_active(job->state) && job->state != JobState::review;
    };
    const auto ended = shop.sandbox.sweep(wanted);
    if (!ended) spdlog::warn("leftover sandboxes: {}", ended.error().message);
    if (ended && !ended->empty()) spdlog::info("{} leftover sandboxes removed", ended->size());
    if (const auto gone = shop.workspaces.sweep(wanted); !gone.empty()) spdlog::info("{} leftover workspaces removed", gone.size());
}

}  // namespace bot::loops
