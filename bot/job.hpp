#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bot/job_state.hpp"
#include "integrations/agents.hpp"
#include "integrations/event.hpp"

namespace bot {

using Time = std::chrono::system_clock::time_point;

struct JobId {
    std::int64_t value = 0;
    friend auto operator<=>(const JobId&, const JobId&) = default;
};

struct RunId {
    std::int64_t value = 0;
    friend auto operator<=>(const RunId&, const RunId&) = default;
};

/// What the agent is asked to do, fixed when the job was decided: later edits of the issue do not reach it.
struct Assignment {
    integrations::ThreadRef issue;
    integrations::Person requested_by;
    std::string title;        ///< hidden text stripped
    std::string body;         ///< hidden text stripped
    int hidden_stripped = 0;  ///< how many hidden pieces were taken out
    std::string base_branch;
    std::string base_commit;  ///< 40 hex digits
    std::string profile;      ///< empty: recipe, then operator's default
    bool priority = false;
    std::string guidance;  ///< words of the person who asked for a retry; may be empty
    friend bool operator==(const Assignment&, const Assignment&) = default;
};

/// What a job in state `waiting` waits for.
enum class WaitsFor {
    nothing,
    answer,      ///< to the agent's question
    run_budget,  ///< of one pass of the agent: going on begins another pass
    job_budget,  ///< of the whole job: somebody must add to it
};
[[nodiscard]] std::string_view name(WaitsFor what);

/// What a job is about once its pull request is open, until that is as it should be again.
enum class Cycle {
    refine,  ///< on top of its branch: what people asked for, or what CI found
    retry,   ///< anew from the present base commit; what was there is kept under a name of its own
    rebase,  ///< the same change on the present base commit, which it conflicts with
    pick,    ///< another one of the tries that competed, whose result is known
};
[[nodiscard]] std::string_view name(Cycle what);
[[nodiscard]] std::optional<Cycle> cycle_of(std::string_view name);

/// One issue's way to one pull request.
struct Job {
    JobId id;
    Assignment assignment;
    JobState state = JobState::queued;
    bool ending = false;  ///< people ended it, and who works on it has not heard yet
    std::string reason;   ///< why it is where it is, one sentence
    std::string phase;    ///< while working: `workspace`, `setup`, `agent`, `checks`, …
    Time created_at{};
    Time state_since{};
    std::optional<Time> started_at;  ///< first claim
    std::optional<Time> ended_at;
    std::optional<Time> retry_at;  ///< not claimed before
    int infra_attempts = 0;        ///< faults of ours or of the forge's; never the agent's
    std::string branch;            ///< `agent/issue-N-slug`, set when publishing begins
    std::string head_commit;
    std::string verdict;  ///< JSON of bot/evidence, stored on entering `publishing`
    std::int64_t pull_request = 0;
    std::string pull_request_url;
    WaitsFor waits_for = WaitsFor::nothing;
    std::string question;            ///< while waiting: what stands on the issue, Markdown of the bot's
    std::string answer;              ///< questions and what people answered, for the agent
    std::optional<Time> resumed_at;  ///< the last time
    std::uint64_t budget_added = 0;  ///< millionths of a dollar, by people, to the job's budget
    int cycle = 1;  ///< the way to the pull request is the first; then one for each time it is changed
    Cycle cycle_is = Cycle::refine;  ///< of the later ones
    bool shared =
        false;  ///< commits of people are on its branch: it is never replaced or taken away any more
    std::optional<JobId> contest;  ///< it is one of the tries for this job
    int try_number = 0;            ///< of those, from 1
    /// Whether it is about changing a pull request that is open already.
    [[nodiscard]] bool changes_proposal() const { return cycle > 1; }
    /// Whether that gets commits in the place of those it has.
    [[nodiscard]] bool replaces() const { return cycle > 1 && cycle_is != Cycle::refine; }
};

/// The job's pull request; `repo` may know a newer name of the repository.
[[nodiscard]] inline integrations::ThreadRef pull_request_of(const Job& job,
                                                             const integrations::RepoRef& repo) {
    return {.repo = repo, .number = job.pull_request, .kind = integrations::ThreadRef::Kind::pull_request};
}

/// One thing that somebody asks of a job: most of all, what is to be changed in its pull request.
struct Ask {
    enum class What {
        wish,      ///< of a reviewer
        checks,    ///< the forge's own CI found it; `words` is its output
        conflict,  ///< with the base branch
        retry,     ///< another try; its words are the assignment's guidance
        pick,      ///< one of the tries that competed; its words are its number
        start,     ///< the comment that the job began with
        stop,
    };
    std::int64_t id = 0;
    std::string key;  ///< of the comment or review it came with: it asks once
    integrations::Person by;
    std::string words;
    std::string comment_id;  ///< of the comment that was a command; else empty
    std::string inline_id;   ///< of what stands beside a line; else empty, like the next three
    std::string path;
    int line = 0;
    std::string diff_hunk;
    What what = What::wish;
    friend bool operator==(const Ask&, const Ask&) = default;
};

[[nodiscard]] std::string_view name(Ask::What what);

/// One pass of one agent for a job.
struct Run {
    enum class Kind { first, repair, retry, refine };
    RunId id;
    JobId job;
    int number = 1;  ///< within the job
    int cycle = 1;   ///< of the job's
    Kind kind = Kind::first;
    std::string profile;
    Time started_at{};
    std::optional<Time> ended_at;
    std::string outcome;  ///< `done`, `failed`, `timeout`, …; empty while it goes
    integrations::Usage usage;
    std::string log_file;
};

}  // namespace bot
