#pragma once

#include <array>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// Every event at every state of a job, and where that brings the job. One table for two proofs: what is
/// decided and what the ledger makes of it (tests/bot/lifecycle_table_test.cpp), and the whole way from a
/// signed webhook to what people see (tests/scenarios/lifecycle_table_test.cpp).
namespace lifecycle {

/// `pick` names the try that is published, `picked` another one; `resume` brings words, `money` an amount;
/// what is `reopened`, `unlocked` or `reopened_pr` was closed or locked a moment ago; `conflict` is a base
/// that moved; `given_away`: the repository is another owner's, whom we do not serve.
inline constexpr std::array<std::string_view, 34> events{
    "label",      "unlabel",   "run",         "retry",   "refine",    "review",     "pick",
    "picked",     "resume",    "money",       "words",   "stop",      "status",     "why",
    "help",       "closed",    "reopened",    "locked",  "unlocked",  "moved",      "deleted",
    "merged",     "closed_pr", "reopened_pr", "red_ci",  "pushed",    "conflict",   "renamed",
    "given_away", "archived",  "erased",      "removed", "suspended", "uninstalled"};

/// States that have the same ends. `job_budget` waits for money, `waiting` for an answer; the states of a
/// `change` are those of a job whose pull request is open, at work being `changing`.
struct Row {
    std::string_view states;
    std::string_view ends;
};

/// `.`: the job goes its way as if nothing had been said. `+`: another job begins. `-`: cannot be told of
/// such a job, or not without an end of it; were it told, it would change nothing. Else the state that the
/// job is brought to; where somebody works on it, when that one has let go of it.
inline constexpr std::array table{
    // A label or a command to a job that is at work changes nothing; the end of the issue ends it.
    Row{"queued working competing",
        "label=. unlabel=stopped run=. retry=. refine=. review=- pick=. picked=- resume=. money=. words=. "
        "stop=stopped status=. why=. help=. closed=stopped reopened=- locked=stopped unlocked=- "
        "moved=stopped "
        "deleted=stopped merged=- closed_pr=- reopened_pr=- red_ci=- pushed=- conflict=. renamed=. "
        "given_away=stopped archived=stopped erased=stopped removed=stopped suspended=stopped "
        "uninstalled=stopped"},
    // Its branch is there.
    Row{"publishing",
        "label=. unlabel=stopped run=. retry=. refine=. review=- pick=. picked=- resume=. money=. words=. "
        "stop=stopped status=. why=. help=. closed=stopped reopened=- locked=stopped unlocked=- "
        "moved=stopped "
        "deleted=stopped merged=- closed_pr=- reopened_pr=- red_ci=- pushed=. conflict=. renamed=. "
        "given_away=stopped archived=stopped erased=stopped removed=stopped suspended=stopped "
        "uninstalled=stopped"},
    Row{"waiting",
        "label=. unlabel=stopped run=. retry=. refine=. review=- pick=. picked=- resume=queued money=. "
        "words=queued stop=stopped status=. why=. help=. closed=stopped reopened=- locked=stopped unlocked=- "
        "moved=stopped deleted=stopped merged=- closed_pr=- reopened_pr=- red_ci=- pushed=- conflict=. "
        "renamed=. given_away=stopped archived=stopped erased=stopped removed=stopped suspended=stopped "
        "uninstalled=stopped"},
    // Words are talk to it.
    Row{"job_budget",
        "label=. unlabel=stopped run=. retry=. refine=. review=- pick=. picked=- resume=. money=queued "
        "words=. stop=stopped status=. why=. help=. closed=stopped reopened=- locked=stopped unlocked=- "
        "moved=stopped deleted=stopped merged=- closed_pr=- reopened_pr=- red_ci=- pushed=- conflict=. "
        "renamed=. given_away=stopped archived=stopped erased=stopped removed=stopped suspended=stopped "
        "uninstalled=stopped"},
    // An open pull request outlives its issue; merging it closes that.
    Row{"review",
        "label=. unlabel=. run=. retry=queued refine=queued review=queued pick=. picked=queued resume=. "
        "money=. words=. stop=stopped status=. why=. help=. closed=. reopened=. locked=. unlocked=. moved=. "
        "deleted=. merged=merged closed_pr=closed reopened_pr=- red_ci=queued pushed=. conflict=queued "
        "renamed=. given_away=stopped archived=stopped erased=stopped removed=stopped suspended=stopped "
        "uninstalled=stopped"},
    // What is wished for meanwhile is the next change.
    Row{"change_queued changing change_publishing",
        "label=. unlabel=. run=. retry=. refine=. review=. pick=. picked=. resume=. money=. words=. "
        "stop=stopped status=. why=. help=. closed=. reopened=. locked=. unlocked=. moved=. deleted=. "
        "merged=merged closed_pr=closed reopened_pr=- red_ci=. pushed=. conflict=. renamed=. "
        "given_away=stopped archived=stopped erased=stopped removed=stopped suspended=stopped "
        "uninstalled=stopped"},
    Row{"change_waiting",
        "label=. unlabel=. run=. retry=. refine=. review=. pick=. picked=. resume=queued money=. "
        "words=queued stop=stopped status=. why=. help=. closed=. reopened=. locked=. unlocked=. moved=. "
        "deleted=. merged=merged closed_pr=closed reopened_pr=- red_ci=. pushed=. conflict=. renamed=. "
        "given_away=stopped archived=stopped erased=stopped removed=stopped suspended=stopped "
        "uninstalled=stopped"},
    // What is over stays so: the label or a command begins another job.
    Row{"answered failed",
        "label=+ unlabel=. run=+ retry=+ refine=. review=- pick=. picked=- resume=. money=. words=. stop=. "
        "status=. why=. help=. closed=. reopened=. locked=. unlocked=. moved=. deleted=. merged=- "
        "closed_pr=- reopened_pr=- red_ci=- pushed=- conflict=. renamed=. given_away=. archived=. erased=. "
        "removed=. suspended=. uninstalled=."},
    Row{"closed",
        "label=+ unlabel=. run=+ retry=+ refine=. review=. pick=. picked=. resume=. money=. words=. stop=. "
        "status=. why=. help=. closed=. reopened=. locked=. unlocked=. moved=. deleted=. merged=- "
        "closed_pr=- reopened_pr=. red_ci=. pushed=. conflict=. renamed=. given_away=. archived=. erased=. "
        "removed=. suspended=. uninstalled=."},
    // But not while a pull request is open that closes the issue,
    Row{"stopped",
        "label=. unlabel=. run=. retry=. refine=. review=. pick=. picked=. resume=. money=. words=. stop=. "
        "status=. why=. help=. closed=. reopened=. locked=. unlocked=. moved=. deleted=. merged=. "
        "closed_pr=. reopened_pr=- red_ci=. pushed=. conflict=. renamed=. given_away=. archived=. erased=. "
        "removed=. suspended=. uninstalled=."},
    // or the issue is closed.
    Row{"merged",
        "label=. unlabel=. run=. retry=. refine=. review=. pick=. picked=. resume=. money=. words=. stop=. "
        "status=. why=. help=. closed=- reopened=. locked=. unlocked=. moved=. deleted=. merged=- "
        "closed_pr=- reopened_pr=- red_ci=. pushed=. conflict=. renamed=. given_away=. archived=. erased=. "
        "removed=. suspended=. uninstalled=."},
};

inline std::vector<std::string> words_of(std::string_view text) {
    std::istringstream in{std::string(text)};
    std::vector<std::string> words;
    for (std::string word; in >> word;) words.push_back(word);
    return words;
}

inline std::vector<std::string> states() {
    std::vector<std::string> all;
    for (const auto& row : table)
        for (auto& state : words_of(row.states)) all.push_back(std::move(state));
    return all;
}

/// What the table says. Throws when it says nothing: it is complete.
inline std::string expected(std::string_view state, std::string_view event) {
    for (const auto& row : table)
        for (const auto& each : words_of(row.states)) {
            if (each != state) continue;
            for (const auto& word : words_of(row.ends))
                if (const auto sign = word.find('='); word.substr(0, sign) == event)
                    return word.substr(sign + 1);
        }
    throw std::logic_error("not in the table: " + std::string(event) + " at " + std::string(state));
}

}  // namespace lifecycle
