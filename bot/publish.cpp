#include "bot/publish.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "bot/branch_name.hpp"
#include "bot/contest.hpp"
#include "bot/intent.hpp"
#include "bot/missed.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

constexpr int most_branches = 50;

Halt stopped() {
    return {.kind = Halt::Kind::stopped, .reason = std::string(sentence::stopped_before_publishing)};
}

/// An earlier attempt brought our commit there, whose answer was lost. What people have put on top of it
/// since is theirs.
Step<bool> is_there(integrations::Mirror& mirror, const std::string& head, const std::string& branch) {
    const auto there = mirror.holds(branch, head);
    if (there) return *there;
    using Kind = integrations::GitError::Kind;
    if (there.error().kind == Kind::no_such_ref || there.error().kind == Kind::invalid) return false;
    return std::unexpected(halt(there.error(), fmt::format(sentence::fetching, branch)));
}

/// Pushes to the job's branch; a branch of that name with something else on it is left alone and the next
/// name is taken. `lease`: of the job whose branch it shall be, and is noted before; none: the commit is only
/// kept there.
Step<std::string> push(Shop& shop, const Job& job, const Lease* lease, const std::string& head,
                       const std::stop_token& cancel) {
    const auto& assignment = job.assignment;
    auto mirror = shop.mirrors.of(assignment.issue.repo);
    if (!mirror) return std::unexpected(halt(mirror.error(), sentence::opening_the_mirror));
    for (int attempt = 1; attempt <= most_branches; ++attempt) {
        if (cancel.stop_requested()) return std::unexpected(stopped());
        auto branch = branch_name(assignment.issue.number, assignment.title, attempt);
        if (lease != nullptr) shop.ledger.store_push(*lease, head, branch);
        const auto pushed = (*mirror)->push_new(head, branch);
        if (pushed) return branch;
        if (pushed.error().kind != integrations::GitError::Kind::exists)
            return std::unexpected(halt(pushed.error(), fmt::format(sentence::pushing, branch)));
        const auto there = is_there(**mirror, head, branch);
        if (!there) return std::unexpected(there.error());
        if (*there) return branch;
        spdlog::info("job {}: {} is taken", job.id.value, branch);
    }
    return std::unexpected(
        Halt{.kind = Halt::Kind::failed, .reason = report::push_refused(sentence::branch_names_taken)});
}

/// On top of what the cycle began with, or in its place. What somebody pushed meanwhile is theirs: then our
/// commit is kept under a name of its own, and people are told.
Step<std::string> push_on(Shop& shop, const Job& job, const Lease& lease, const Verdict& verdict,
                          const std::stop_token& cancel) {
    auto mirror = shop.mirrors.of(job.assignment.issue.repo);
    if (!mirror) return std::unexpected(halt(mirror.error(), sentence::opening_the_mirror));
    const auto& head = verdict.evidence.head_commit;
    if (!verdict.kept_as.empty()) {  // before anything is taken away
        const auto safe = (*mirror)->keep(verdict.onto, verdict.kept_as);
        if (!safe) return std::unexpected(halt(safe.error(), sentence::keeping_the_earlier_try));
    }
    if (cancel.stop_requested()) return std::unexpected(stopped());
    shop.ledger.store_push(lease, head, job.branch);
    const auto pushed = verdict.kept_as.empty() ? (*mirror)->push_on(head, job.branch, verdict.onto)
                                                : (*mirror)->replace(head, job.branch, verdict.onto);
    if (pushed) return job.branch;
    if (pushed.error().kind != integrations::GitError::Kind::exists)
        return std::unexpected(halt(pushed.error(), fmt::format(sentence::pushing, job.branch)));
    const auto there = is_there(**mirror, head, job.branch);
    if (!there) return std::unexpected(there.error());
    if (*there) return job.branch;
    auto kept = push(shop, job, nullptr, head, cancel);
    if (!kept) return kept;
    return std::unexpected(
        Halt{.kind = Halt::Kind::failed, .reason = report::branch_moved(job.branch, *kept)});
}

/// The other tries stay where people can fetch them, and `pick` can.
Step<void> keep_rivals(Shop& shop, const Job& job, const Verdict& verdict) {
    if (verdict.rivals.empty() || !verdict.onto.empty()) return {};
    auto mirror = shop.mirrors.of(job.assignment.issue.repo);
    if (!mirror) return std::unexpected(halt(mirror.error(), sentence::opening_the_mirror));
    for (const auto& rival : verdict.rivals) {
        if (rival.head_commit.empty()) continue;
        const auto kept =
            (*mirror)->keep(rival.head_commit, rival_ref(job.id, rival.number, rival.head_commit));
        if (!kept) return std::unexpected(halt(kept.error(), sentence::keeping_the_other_tries));
    }
    return {};
}

/// What nobody told us ends it before anything is to be seen of it.
Step<void> look_around(Shop& shop, const Forges::Entry& entry, const Job& job, bool pushed) {
    auto missed = missed_of_repository(entry, job.assignment.issue.repo, shop.settings);
    if (!missed && job.pull_request == 0) missed = missed_of_issue(*entry.forge, job, pushed);
    if (!missed) return {};
    spdlog::info("job {}: {}", job.id.value, reason(*missed));
    (void)shop.ledger.carry_out(*missed);
    if (std::holds_alternative<Rename>(*missed)) return {};
    return std::unexpected(stopped());
}

}  // namespace

Step<integrations::PullRequest> publish(Shop& shop, const Job& job, const Lease& lease,
                                        const Verdict& verdict, const std::stop_token& cancel) {
    const auto& repo = job.assignment.issue.repo;
    const auto* entry = shop.forges.find(repo.forge);
    if (entry == nullptr)
        return std::unexpected(Halt{.kind = Halt::Kind::failed,
                                    .reason = report::infrastructure(sentence::forge_not_configured, 1)});
    const auto& head = verdict.evidence.head_commit;
    // Pushed by an earlier attempt: what people have put on top since is theirs.
    const bool pushed = job.head_commit == head && !job.branch.empty();
    if (const auto looked = look_around(shop, *entry, job, pushed); !looked)
        return std::unexpected(looked.error());
    if (job.changes_proposal()) {  // people may have merged or closed it: then its branch is left alone
        auto now = entry->forge->pull_request(repo, job.pull_request);
        if (!now) return std::unexpected(halt(now.error(), sentence::looking_at_the_pull_request));
        if (!now->open) return std::move(*now);
    }
    if (const auto kept = keep_rivals(shop, job, verdict); !kept) return std::unexpected(kept.error());
    const auto branch = pushed                 ? Step<std::string>(job.branch)
                        : verdict.onto.empty() ? push(shop, job, &lease, head, cancel)
                                               : push_on(shop, job, lease, verdict, cancel);
    if (!branch) return std::unexpected(branch.error());
    shop.ledger.store_head(lease, head, *branch);

    // Bound to the commit, so it comes first and the pull request is the last word. A credential that may not
    // write checks costs the check run only.
    auto check = report::check_report(job, verdict);
    check.title = spoken(shop, *entry, check.title);
    check.summary = spoken(shop, *entry, check.summary);
    for (auto& annotation : check.annotations)
        annotation.message = shop.secrets.redacted(std::move(annotation.message));
    if (const auto checked = entry->forge->report_check(repo, check); !checked) {
        auto why = halt(checked.error(), sentence::writing_the_check_run);
        if (why.kind == Halt::Kind::infrastructure) return std::unexpected(std::move(why));
        spdlog::warn("job {}: no check run: {}", job.id.value, checked.error().message);
    }
    if (cancel.stop_requested()) return std::unexpected(stopped());
    auto proposed = entry->forge->propose(
        {.repo = repo,
         .number = job.pull_request,
         .head_branch = *branch,
         .head_sha = head,
         .base_branch = job.assignment.base_branch,
         .title = report::pull_request_title(job),
         .body = spoken(shop, *entry, report::pull_request_body(job, verdict, shop.settings.labels.trigger)),
         .draft = !verdict.evidence.green(),
         .marker = fmt::format("proposal job={} commit={}", job.id.value, head)});
    if (!proposed) return std::unexpected(halt(proposed.error(), sentence::opening_the_pull_request));

    return proposed.value();
}

}  // namespace bot
