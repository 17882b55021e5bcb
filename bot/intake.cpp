#include "bot/intake.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "bot/report.hpp"
#include "bot/same_word.hpp"
#include "integrations/forge_words.hpp"

namespace bot {

namespace {

using integrations::ForgeError;
using integrations::ForgeResult;

struct Subject {
    const integrations::ThreadRef* thread = nullptr;
    const integrations::RepoRef* repo = nullptr;  ///< where it is about no thread
    const integrations::Person* by = nullptr;     ///< null: nobody asks, the thread itself ended
    bool starts = false;                          ///< needs all that a new job needs
};

Subject subject_of(const Request& request) {
    struct Reader {
        Subject operator()(const AskStart& ask) const {
            return {.thread = &ask.issue, .by = &ask.by, .starts = true};
        }
        Subject operator()(const AskStop& ask) const { return {.thread = &ask.thread, .by = &ask.by}; }
        Subject operator()(const AskRefine& ask) const { return {.thread = &ask.thread, .by = &ask.by}; }
        Subject operator()(const AskPick& ask) const { return {.thread = &ask.thread, .by = &ask.by}; }
        Subject operator()(const AskResume& ask) const { return {.thread = &ask.thread, .by = &ask.by}; }
        Subject operator()(const AskStatus& ask) const { return {.thread = &ask.thread, .by = &ask.by}; }
        Subject operator()(const AskWhy& ask) const { return {.thread = &ask.thread, .by = &ask.by}; }
        Subject operator()(const AskHelp& ask) const { return {.thread = &ask.thread, .by = &ask.by}; }
        Subject operator()(const IssueOver& over) const { return {.thread = &over.issue}; }
        Subject operator()(const ProposalOver& over) const { return {.thread = &over.pull_request}; }
        Subject operator()(const ChecksRed& red) const { return {.repo = &red.repo}; }
        Subject operator()(const BaseMoved& moved) const { return {.repo = &moved.repo}; }
        Subject operator()(const Renamed& renamed) const { return {.repo = &renamed.repo}; }
        Subject operator()(const AccessOver&) const { return {}; }
        Subject operator()(const Nothing&) const { return {}; }
    };
    return std::visit(Reader{}, request);
}

ForgeResult<void> gather_for_start(Shop& shop, const Forges::Entry& entry,
                                   const integrations::ThreadRef& issue, Facts& facts) {
    auto& forge = *entry.forge;
    auto now = if_seen(forge.repository(issue.repo));
    if (!now) return std::unexpected(now.error());
    // It may have been renamed or moved out of what we serve since the event was sent.
    if (*now && !repository_allowed(entry.settings, (*now)->repo.full_name)) {
        facts.repository_allowed = false;
        return {};
    }
    if (*now && !(*now)->archived) {
        facts.repository = (*now)->repo;
        facts.base_branch = (*now)->repo.default_branch;
        facts.base_commit = (*now)->head_commit;
    }
    auto closing = if_seen(forge.closing(issue));
    if (!closing) return std::unexpected(closing.error());
    if (!*closing) {  // nothing known of other proposals: nothing to stand on either
        facts.repository.reset();
        facts.base_branch.clear();
        facts.base_commit.clear();
        return {};
    }
    facts.closing = std::move(**closing);
    facts.jobs_today =
        shop.ledger.jobs_since(issue, std::chrono::system_clock::now() - std::chrono::hours(24));
    return {};
}

void gather_of_job(const Shop& shop, const Job& job, Facts& facts) {
    facts.runs = shop.ledger.history(job.id);
    facts.tries = shop.ledger.tries(job.id);
    facts.asks = shop.ledger.asks(job.id);
    facts.position = shop.ledger.position(job.id);
    if (shop.disk.shortage()) facts.held_up = report::short_of_disk();
}

/// When who took the label off did so, to the number of its event: it may have been set again since.
ForgeResult<void> gather_label_off(integrations::Forge& forge, const IssueOver& over, Facts& facts) {
    if (over.label.empty()) return {};
    if (over.at) facts.label_off = LabelSet{.at = *over.at};
    const auto record = if_seen(forge.label_events(over.issue, over.label));
    if (!record) return std::unexpected(record.error());
    if (!*record) return {};
    for (const auto& event : **record)
        if (!event.set && event.by.id == over.by.id && event.at)
            facts.label_off = LabelSet{.at = *event.at, .event = event.id};
    return {};
}

/// Whether the label is gone by our own hand alone, for what it had asked before: its last setting was not
/// heard, an earlier one was.
ForgeResult<void> gather_taken_off(Shop& shop, const Forges::Entry& entry, const AskStart* ask,
                                   Facts& facts) {
    if (ask == nullptr || ask->comment_id || ask->label_event.empty() || !facts.issue) return {};
    if (carries(*facts.issue, ask->label) || !ask->at) return {};
    constexpr auto moment = std::chrono::seconds(10);  // where the record was behind when it was heard
    const auto* heard = facts.said.heard(ask->label);
    if (heard == nullptr || (heard->event.empty() && *ask->at - heard->at < moment)) return {};
    if (!LabelSet{.at = *ask->at, .event = ask->label_event}.after(*heard)) return {};
    const auto self = shop.forges.self(ask->issue.repo.forge);
    if (!self) return std::unexpected(self.error());
    const auto record = if_seen(entry.forge->label_events(ask->issue, ask->label));
    if (!record) return std::unexpected(record.error());
    facts.label_taken_off = *record && taken_off_by(*self, ask->label_event, **record);
    return {};
}

/// What is red on the head of a pull request of ours, and what was before it.
ForgeResult<void> gather_for_checks(Shop& shop, integrations::Forge& forge, const ChecksRed& red,
                                    Facts& facts) {
    facts.active_job = shop.ledger.job_of_head(red.repo, red.head_sha);
    if (!facts.active_job || facts.active_job->state != JobState::review) return {};
    facts.asks = shop.ledger.asks(facts.active_job->id);
    auto failed = if_seen(forge.failed_checks(red.repo, red.head_sha));
    if (!failed) return std::unexpected(failed.error());
    if (!*failed || (*failed)->empty()) return {};
    facts.failed = std::move(**failed);
    auto before = if_seen(forge.failed_checks(red.repo, facts.active_job->assignment.base_commit));
    if (!before) return std::unexpected(before.error());
    if (*before) facts.failed_on_base = std::move(**before);
    return {};
}

/// What was asked for where we are not told who may do what waits so long for the operator.
constexpr auto waits_for_permission = std::chrono::hours(24 * 3);

/// That we are not told is no answer about the person.
ForgeResult<void> gather_permission(integrations::Forge& forge, const integrations::RepoRef& repo,
                                    const integrations::Person& person, Time heard_at, Facts& facts) {
    auto found = forge.permission(repo, person);
    facts.permission_hidden = !found && found.error().kind == ForgeError::Kind::forbidden;
    if (facts.permission_hidden && facts.now - heard_at < waits_for_permission)
        return std::unexpected(found.error());
    const auto seen = if_seen(std::move(found));
    if (!seen) return std::unexpected(seen.error());
    facts.permission = seen->value_or(integrations::Permission::none);
    return {};
}

// An end may be told late, when people have thought again.

/// For so long the forge may not know everywhere what it told just now.
constexpr auto known_everywhere = std::chrono::seconds(20);

/// What was told at that time is not so when the forge is asked: to be asked again, unless it is long ago.
ForgeResult<void> undone(integrations::Moment told_at, const Facts& facts) {
    if (!told_at || facts.now - *told_at > known_everywhere) return {};
    return std::unexpected(ForgeError{.kind = ForgeError::Kind::gone,
                                      .message = "what was told just now is not so when it is asked"});
}

/// Whether the issue of a job without a pull request is still so, and its label still off.
ForgeResult<void> gather_issue_over(integrations::Forge& forge, const IssueOver& over, Facts& facts) {
    if (auto gathered = gather_label_off(forge, over, facts); !gathered) return gathered;
    if (!facts.active_job || !is_active(facts.active_job->state) || facts.active_job->pull_request > 0)
        return {};
    auto now = if_seen(forge.issue(over.issue));
    if (!now) return std::unexpected(now.error());
    facts.issue = std::move(*now);
    if (over.locked && facts.issue && !facts.issue->locked) return undone(over.at, facts);
    return {};
}

ForgeResult<void> gather_proposal_over(integrations::Forge& forge, const ProposalOver& over, Facts& facts) {
    if (!facts.active_job || !is_active(facts.active_job->state)) return {};
    auto now = if_seen(forge.pull_request(over.pull_request.repo, over.pull_request.number));
    if (!now) return std::unexpected(now.error());
    facts.proposal = std::move(*now);
    return facts.proposal && facts.proposal->open ? undone(over.at, facts) : ForgeResult<void>();
}

/// As it is called now, or as was told where it is not to be seen; none: another one bears that name by now.
ForgeResult<std::optional<integrations::RepoRef>> renamed_since(integrations::Forge& forge,
                                                                const Renamed& renamed) {
    auto now = if_seen(forge.repository(renamed.repo));
    if (!now) return std::unexpected(now.error());
    if (!*now) return renamed.repo;
    if ((*now)->repo.id != renamed.repo.id) return std::nullopt;
    return std::move((*now)->repo);
}

/// What was taken out of an App's hands can be read all the same where everybody may read it.
bool can_be_asked(integrations::AccessEnded::How how) {
    using How = integrations::AccessEnded::How;
    return how == How::deleted || how == How::archived;
}

/// An account may have been the repository's own, and gone with it.
bool is_out_of_reach(const ForgeError& error) {
    return error.kind != ForgeError::Kind::unreachable && error.kind != ForgeError::Kind::rate_limited;
}

ForgeResult<Facts> gather_access_over(Shop& shop, const integrations::AccessEnded& what) {
    Facts facts;
    const auto* entry = shop.forges.find(what.forge);
    if (entry == nullptr || !can_be_asked(what.how)) return facts;
    for (const auto& repo : shop.ledger.shut(what)) {
        const auto now = entry->forge->repository(repo);
        if (!now && is_out_of_reach(now.error())) continue;
        if (!now) return std::unexpected(now.error());
        if (now->repo.id == repo.id && !now->archived) facts.reachable.push_back(repo.id);
    }
    return facts;
}

/// Events that name no thread.
ForgeResult<Facts> gather_of_repository(Shop& shop, const Request& request,
                                        const integrations::RepoRef& repo) {
    Facts facts;
    const auto* entry = shop.forges.find(repo.forge);
    if (entry == nullptr) return facts;
    facts.repository = repo;
    if (const auto* renamed = std::get_if<Renamed>(&request)) {
        auto now = renamed_since(*entry->forge, *renamed);
        if (!now) return std::unexpected(now.error());
        facts.repository = *std::move(now);
    }
    const auto& name = facts.repository ? facts.repository->full_name : repo.full_name;
    facts.repository_allowed = repository_allowed(entry->settings, name);
    if (!facts.repository_allowed) return facts;
    if (const auto* moved = std::get_if<BaseMoved>(&request))
        facts.is_base = !shop.ledger.on_base(moved->repo, moved->branch).empty();
    if (const auto* red = std::get_if<ChecksRed>(&request))
        if (const auto gathered = gather_for_checks(shop, *entry->forge, *red, facts); !gathered)
            return std::unexpected(gathered.error());
    return facts;
}

}  // namespace

bool repository_allowed(const config::ForgeSettings& forge, std::string_view full_name) {
    return std::ranges::any_of(forge.repositories, [&](std::string_view allowed) {
        return integrations::matches(allowed, full_name);
    });
}

void as_recorded(AskStart& ask, const std::vector<integrations::LabelEvent>& record) {
    const auto* last = integrations::last_set(record);
    if (last == nullptr || last->by.bot || !last->at) return;
    // An event tells when the issue was changed last: a moment later it is the same one all the same. Else
    // the record is behind, and tells of another time that the label was set.
    constexpr auto moment = std::chrono::seconds(10);
    const bool of_this = last->by.id == ask.by.id && ask.at && *ask.at - *last->at <= moment;
    if (ask.at && *last->at < *ask.at && !of_this) return;
    ask.by = last->by;
    ask.at = last->at;
    ask.label_event = last->id;
}

bool taken_off_by(std::string_view self, const std::string& label_event,
                  const std::vector<integrations::LabelEvent>& record) {
    const auto set = std::ranges::find(record, label_event, &integrations::LabelEvent::id);
    if (set == record.end() || std::next(set) == record.end()) return false;
    return std::all_of(std::next(set), record.end(), [&](const integrations::LabelEvent& off) {
        return !off.set && same_word(off.by.login, self);
    });
}

ForgeResult<void> look_at_label(Shop& shop, Request& request) {
    auto* ask = std::get_if<AskStart>(&request);
    if (ask == nullptr || ask->comment_id || !ask->label_event.empty()) return {};
    const auto* entry = shop.forges.find(ask->issue.repo.forge);
    if (entry == nullptr || !repository_allowed(entry->settings, ask->issue.repo.full_name)) return {};
    const auto record = if_seen(entry->forge->label_events(ask->issue, ask->label));
    if (!record) return std::unexpected(record.error());
    if (*record) as_recorded(*ask, **record);
    return {};
}

ForgeResult<Facts> gather_facts(Shop& shop, const Request& request, Time heard_at) {
    Facts facts;
    const auto subject = subject_of(request);
    if (subject.repo != nullptr) return gather_of_repository(shop, request, *subject.repo);
    if (const auto* over = std::get_if<AccessOver>(&request)) return gather_access_over(shop, over->what);
    if (subject.thread == nullptr) return facts;
    const auto& thread = *subject.thread;
    const auto* entry = shop.forges.find(thread.repo.forge);
    if (entry == nullptr) return facts;
    facts.repository_allowed = repository_allowed(entry->settings, thread.repo.full_name);
    if (!facts.repository_allowed) return facts;

    facts.active_job = shop.ledger.active_job(thread);
    if (!facts.active_job) facts.active_job = shop.ledger.job_of_pull_request(thread);
    // A retry on the pull request of a job that is over: another job of the same issue may be active.
    if (subject.starts && facts.active_job && !is_active(facts.active_job->state))
        if (auto other = shop.ledger.active_job(facts.active_job->assignment.issue))
            facts.active_job = std::move(other);
    facts.said = shop.ledger.said(facts.active_job ? facts.active_job->assignment.issue : thread);
    facts.now = std::chrono::system_clock::now();
    if (facts.active_job) gather_of_job(shop, *facts.active_job, facts);
    ForgeResult<void> gathered;
    if (const auto* over = std::get_if<IssueOver>(&request))
        gathered = gather_issue_over(*entry->forge, *over, facts);
    if (const auto* over = std::get_if<ProposalOver>(&request))
        gathered = gather_proposal_over(*entry->forge, *over, facts);
    if (!gathered) return std::unexpected(gathered.error());
    if (subject.by == nullptr) return facts;
    // Most comments are talk: the forge is asked about none of them but those that may be an answer.
    if (const auto* resume = std::get_if<AskResume>(&request); resume != nullptr && !resume->by_command)
        if (!facts.active_job || facts.active_job->waits_for != WaitsFor::answer) return facts;

    if (!subject.by->login.empty()) {
        // A stop cannot wait; and who asked for a job may stop it, whatever else they may do.
        const auto since = std::holds_alternative<AskStop>(request) ? Time{} : heard_at;
        const auto asked = gather_permission(*entry->forge, thread.repo, *subject.by, since, facts);
        if (!asked) return std::unexpected(asked.error());
    }
    if (const auto* refine = std::get_if<AskRefine>(&request);
        refine != nullptr && !refine->review_id.empty() && facts.active_job) {
        auto comments = if_seen(entry->forge->review_comments(thread, refine->review_id));
        if (!comments) return std::unexpected(comments.error());
        if (*comments) facts.beside_lines = std::move(**comments);
    }
    if (!subject.starts) return facts;

    // A retry asked for on a pull request is about the issue of its job; of any other one nothing begins.
    if (!facts.active_job && thread.kind == integrations::ThreadRef::Kind::pull_request) return facts;
    const auto issue = facts.active_job ? facts.active_job->assignment.issue : thread;
    auto snapshot = if_seen(entry->forge->issue(issue));
    if (!snapshot) return std::unexpected(snapshot.error());
    facts.issue = std::move(*snapshot);
    gathered = gather_taken_off(shop, *entry, std::get_if<AskStart>(&request), facts);
    if (gathered) gathered = gather_for_start(shop, *entry, issue, facts);
    if (!gathered) return std::unexpected(gathered.error());
    return facts;
}

}  // namespace bot
