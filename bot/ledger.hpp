#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bot/intent.hpp"
#include "bot/job.hpp"
#include "bot/ledger_values.hpp"
#include "bot/said.hpp"
#include "config/models.hpp"
#include "integrations/delivery.hpp"
#include "integrations/event.hpp"
#include "sandbox/gateway.hpp"

namespace bot {

/// Permission to work on one job, for a time. Only `Ledger::claim` makes one; a verb called with a lease that
/// was lost meanwhile throws LeaseLost and changes nothing (the fencing token guards every write).
class Lease {
 public:
    [[nodiscard]] JobId job() const { return job_; }
    [[nodiscard]] std::int64_t token() const { return token_; }

 private:
    friend class Ledger;
    Lease(JobId job, std::int64_t token) : job_(job), token_(token) {}
    JobId job_;
    std::int64_t token_;
};

struct LeaseLost {
    JobId job;
};

struct Claim {
    Job job;
    Lease lease;
};

/// A sentence with the file, the fault and the mend.
class LedgerError : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

/// The durable book of deliveries, jobs, runs and reports. All SQL of the project is in ledger*.cpp and
/// schema.sql; every verb is one transaction; a transition that the table does not have throws
/// std::logic_error and changes nothing. Thread-safe. Damage, a full disk, a schema from the future: throws
/// LedgerError.
class Ledger {
 public:
    using Clock = std::function<Time()>;

    struct Options {
        std::chrono::seconds lease{60};
        int max_infra_attempts = 5;
        std::chrono::seconds first_pause{60};  ///< after a fault of ours; then four times as long each time
        int max_delivery_attempts = 3;
        std::chrono::seconds publishing_patience{
            72 * 3600};                       ///< publishing is tried this long, then the job fails
        std::chrono::seconds report_gap{15};  ///< between two edits that only tell progress
        std::chrono::seconds hold{
            120};     ///< a delivery or report handed out and never heard of again is due after it
        Clock clock;  ///< wall clock; default the system's
        /// What leases run out by: it neither jumps nor is set. Default the system's.
        std::function<std::chrono::steady_clock::time_point()> steady_clock;
    };

    /// Opens or creates, migrates to the newest schema, checks (`quick_check`). One process at a time opens a
    /// ledger to work with it (the daemon's folder is locked for that).
    Ledger(const std::filesystem::path& file, Options options);
    ~Ledger();
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;

    /// Once, when the daemon starts: nobody of the process before works any more. Its leases end at once (an
    /// attempt is charged: what breaks the daemon again and again must come to an end) and what it had in
    /// hand is due again. Returns the jobs that went back or ended.
    std::vector<JobId> take_over();
    /// Why the ledger cannot be written now, in words; none when it can. Tries at most once a second.
    [[nodiscard]] std::optional<std::string> trouble();
    /// Deliveries settled before, and baselines stored before, are forgotten. Returns how many deliveries.
    /// Their ids go with them: `before` must be older than any redelivery (GitHub keeps deliveries for 3
    /// days).
    int prune(Time before);

    // deliveries
    enum class Recorded { fresh, duplicate };
    /// On disk (WAL, synchronous=FULL) when it returns; deliveries of the same time share one commit.
    [[nodiscard]] Recorded record(const integrations::VerifiedDelivery& delivery);
    /// The same for several, in one commit, and without waiting: `done` is called once all are on disk, or
    /// could not be, with what became of each, by a thread of the ledger's. Quick things only; it must not
    /// throw.
    using Outcomes = std::vector<std::expected<Recorded, LedgerError>>;
    using Stored = std::move_only_function<void(const Outcomes&)>;
    void record(const std::vector<integrations::VerifiedDelivery>& deliveries, Stored done);
    /// The oldest delivery not yet settled whose time has come; its attempt is counted first. Those of
    /// `quiet` forges that come before it are put off until then, free of charge; those that broke us too
    /// often are put aside, and the log says so.
    using Quiet = std::map<std::string, Time>;
    [[nodiscard]] std::optional<StoredDelivery> next_delivery(const Quiet& quiet = {});
    [[nodiscard]] bool received(std::string_view forge, const std::string& delivery_id) const;
    /// When the newest of those that are kept came.
    [[nodiscard]] std::optional<Time> newest_delivery() const;
    /// When it was asked first of this forge.
    [[nodiscard]] Time served_since(const std::string& forge);
    /// When `record` was last called; the epoch before.
    [[nodiscard]] std::chrono::steady_clock::time_point last_recorded() const;
    /// Carries out what was decided, and closes the delivery: in one transaction. `Start` for an issue that
    /// already has an active job begins none. Returns the job that was started or touched. A delivery that
    /// was settled before changes nothing. What was refused as other work went on, and turns out to have been
    /// asked for after the end of that, is in the inbox again afterwards, with what follows it in its
    /// comment.
    std::optional<JobId> settle(std::int64_t delivery, const Intent& intent);
    /// Not before that job, which is ending, has ended. The attempt is not charged.
    void wait_for_end(std::int64_t delivery, JobId job, const std::string& why);
    /// Not now (forge down): again not before `at`. The attempt is not charged.
    void postpone(std::int64_t delivery, Time at, const std::string& why);
    /// One of several things that a delivery asks for, before the last one settles it. It is decided on again
    /// only when it was refused, as of `settle`.
    std::optional<JobId> carry_out(std::int64_t delivery, const Intent& intent);
    /// Without a delivery: what a sweep found. Same rules as settle.
    std::optional<JobId> carry_out(const Intent& intent);

    // jobs
    struct Turn {
        int max_parallel = 10;
        int max_per_repository = 10;
        bool publishing_only = false;  ///< begin nothing; what has its result may still go out
    };
    /// One statement: the job whose turn it is (publishing first, then priority, then fair between
    /// repositories, then oldest), leased. Nothing when nothing waits or the caps are reached.
    [[nodiscard]] std::optional<Claim> claim(const Turn& turn);
    /// Holds the lease for another period. False: it was lost, or a person said stop (`stop_requested`).
    enum class Renewal { held, lost, stop_requested };
    [[nodiscard]] Renewal renew(const Lease& lease);
    void phase(const Lease& lease, const std::string& phase);
    /// What this cycle of the job is about, oldest first; fixed by the first call.
    std::vector<Ask> take_asks(const Lease& lease);
    /// The commit of the branch that this cycle goes on from: this one, or the one that an earlier attempt
    /// began with. What people push meanwhile is theirs, and is found when the result is pushed.
    std::string go_on_from(const Lease& lease, const std::string& commit);
    /// The base commit of a cycle that begins anew: this one, or the one that an earlier attempt of it began
    /// with. When nothing comes of the cycle, the old one holds again.
    std::string stand_on(const Lease& lease, const std::string& base_commit);
    /// All that was ever asked of the job, oldest first.
    [[nodiscard]] std::vector<Ask> asks(JobId job) const;
    [[nodiscard]] Said said(const integrations::ThreadRef& issue) const;
    /// Whether a command in this comment was carried out, answered or refused: two hooks may tell of one.
    [[nodiscard]] bool heard(const integrations::ThreadRef& thread, const std::string& comment_id) const;
    /// Runs that are still open when their job changes hands or state are ended with it.
    RunId begin_run(const Lease& lease, Run::Kind kind, const std::string& profile,
                    const std::string& log_file);
    void end_run(const Lease& lease, RunId run, const std::string& outcome, const integrations::Usage& usage);
    /// working -> publishing. From here on only publishing is tried again.
    void store_verdict(const Lease& lease, const std::string& verdict_json, const std::string& branch);
    /// Before the job's branch is put to that commit: from now on it may be there.
    void store_push(const Lease& lease, const std::string& commit, const std::string& branch);
    /// It was put there.
    void store_head(const Lease& lease, const std::string& head_commit, const std::string& branch);
    /// When a person said stop meanwhile, or the pull request ended, that is the job's end, whatever the
    /// ending.
    void finish(const Lease& lease, const Ending& ending);
    /// Infrastructure fault: back to the queue with a growing pause (1, 4, 15, 15 minutes, a fifth less by
    /// chance), or failed after `max_infra_attempts` while working. Publishing costs nothing but time: it is
    /// tried after 5, 10, 20 seconds, at last every 5 minutes, for 72 hours. `at`: not before, when the forge
    /// said so; no attempt is charged then.
    void give_back(const Lease& lease, const std::string& why, std::optional<Time> at = std::nullopt);
    /// Shutting down: give the job back at once, no attempt charged.
    void release(const Lease& lease);
    /// Jobs whose lease ran out go back (sweep). Returns them. Time is what the steady clock says passed
    /// since the lease was given or renewed here: a wall clock that is set ends no lease, and keeps none.
    std::vector<JobId> expire_leases();

    [[nodiscard]] std::optional<Job> job(JobId id) const;
    [[nodiscard]] std::optional<Job> active_job(const integrations::ThreadRef& issue) const;
    /// The newest job with that pull request, whatever its state.
    [[nodiscard]] std::optional<Job> job_of_pull_request(const integrations::ThreadRef& pull_request) const;
    /// The newest job whose pull request is at this commit, as far as we put it there.
    [[nodiscard]] std::optional<Job> job_of_head(const integrations::RepoRef& repo,
                                                 const std::string& commit) const;
    [[nodiscard]] std::vector<Job> tries(JobId contest) const;  ///< that competed for the job, by number
    [[nodiscard]] std::optional<Job> job_before(const Job& job) const;  ///< of the same issue
    /// Those whose open pull request wants to be merged into that branch.
    [[nodiscard]] std::vector<Job> on_base(const integrations::RepoRef& repo, const std::string& base) const;
    /// Jobs in review or waiting for an answer: those after `after`, by age, and from the start again.
    [[nodiscard]] std::vector<Job> waiting_for_people(JobId after, std::size_t most) const;
    /// Jobs that have waited for a person since then, who were not reminded yet.
    [[nodiscard]] std::vector<Job> unanswered(Time since) const;
    void remind(JobId job, const std::string& words);  ///< once each time it waits
    /// A job that is over and whose branch may still be at the forge, with no open pull request.
    struct LeftBranch {
        Job job;
        std::vector<std::string> ours;  ///< commits that we put it to, or may have
    };
    /// Those after `after`, by age, and from the start again.
    [[nodiscard]] std::vector<LeftBranch> branches_to_clean(JobId after) const;
    void branch_cleaned(JobId job);
    [[nodiscard]] std::vector<Job> jobs(std::size_t most) const;  ///< newest first
    [[nodiscard]] std::vector<Run> runs(JobId job) const;
    [[nodiscard]] std::vector<Run> history(JobId job) const;  ///< its runs, and those of its tries
    /// Those of jobs that are not over in which, as the forge says, nothing can be done any more.
    [[nodiscard]] std::vector<integrations::RepoRef> shut(const integrations::AccessEnded& what) const;
    /// Forge and id of the repositories of jobs that wait, are worked on or being published.
    [[nodiscard]] std::set<std::pair<std::string, std::string>> busy_repositories() const;
    [[nodiscard]] int jobs_since(const integrations::ThreadRef& issue, Time since) const;
    /// 1-based place in the queue; 0 when it is not queued.
    [[nodiscard]] int position(JobId id) const;

    // money: what model calls come to
    /// Of all that is settled or reserved nothing passes a limit.
    struct Reserved {
        sandbox::Purse::Reservation reservation;
        enum class Limit { none, run, job, day };
        Limit limit = Limit::none;  ///< the one in the way
    };
    [[nodiscard]] Reserved reserve(RunId run, const sandbox::ModelUse& most,
                                   const config::ModelSettings& budgets);
    /// A reservation that is not there any more changes nothing. On disk with the next verb that writes;
    /// until then a power cut leaves it reserved.
    void settle_call(std::int64_t reservation, const sandbox::ModelUse& used);
    /// Of the job so far, what is reserved counted too; all tokens as input.
    [[nodiscard]] sandbox::ModelUse spent(JobId job) const;

    // baselines: what checks said on a base commit, by a key of commit, image and recipe
    [[nodiscard]] std::optional<std::string> baseline(const std::string& key) const;
    void store_baseline(const std::string& key, const std::string& results_json);

    // reports
    /// One that is due, of this forge (empty: of any): what answers a person first (a refused label goes with
    /// it), then what tells an end, then other news, progress last; in each the oldest, and of the same
    /// moment reactions, labels, status, answers in this order. It is handed out once until posted, postponed
    /// or given up. What only tells progress waits `report_gap` after the last edit.
    [[nodiscard]] std::optional<Report> next_report(std::string_view forge = {});
    /// Said, as of report.version; what was wished since then stays due.
    void posted(const Report& report, const std::string& remote_id);
    void postpone(const Report& report, Time at, const std::string& why);
    void give_up(const Report& report, const std::string& why);
    /// Those of forges that are not among `forges` (any more). Returns how many.
    int give_up_reports_beyond(const std::vector<std::string>& forges);
    /// What waits has moved: status comments of queued jobs are due again.
    void refresh_positions();
    /// What holds up all queued jobs has changed: their status comments are due again.
    void tell_queued();

    [[nodiscard]] QueueFigures figures() const;

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace bot
