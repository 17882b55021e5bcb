#pragma once

#include <array>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

/// Every event at every state of a job, and where that brings the job. One table for two proofs: what is
/// decided and what the ledger makes of it (tests/bot/lifecycle_table_test.cpp), and the whole way from a
/// signed webhook to what people see (tests/scenarios/lifecycle_table_test.cpp).
namespace lifecycle {

inline constexpr std::array<std::string_view, 25> events{
    "label",     "unlabel", "run",     "retry",    "refine", "review",  "pick",       "resume",  "words",
    "stop",      "status",  "why",     "help",     "closed", "locked",  "moved",      "deleted", "merged",
    "closed_pr", "red_ci",  "renamed", "archived", "erased", "removed", "uninstalled"};

struct Row {
    std::string_view state;
    std::string_view ends;
};

/// `.`: the job goes its way as if nothing had been said. `+`: another job begins. `-`: cannot be told of
/// such a job, which has no pull request yet; were it told, it would change nothing. Else the state that the
/// job is brought to; where somebody works on it, when that one has let go of it.
inline constexpr std::array table{
    // A label or a command to a job that is at work changes nothing; the end of the issue ends it.
    Row{"queued",
        "label=. unlabel=stopped run=. retry=. refine=. review=- pick=. resume=. words=. stop=stopped "
        "status=. why=. help=. closed=stopped locked=stopped moved=stopped deleted=stopped merged=- "
        "closed_pr=- red_ci=- renamed=. archived=stopped erased=stopped removed=stopped uninstalled=stopped"},
    Row{"working",
        "label=. unlabel=stopped run=. retry=. refine=. review=- pick=. resume=. words=. stop=stopped "
        "status=. why=. help=. closed=stopped locked=stopped moved=stopped deleted=stopped merged=- "
        "closed_pr=- red_ci=- renamed=. archived=stopped erased=stopped removed=stopped uninstalled=stopped"},
    Row{"publishing",
        "label=. unlabel=stopped run=. retry=. refine=. review=- pick=. resume=. words=. stop=stopped "
        "status=. why=. help=. closed=stopped locked=stopped moved=stopped deleted=stopped merged=- "
        "closed_pr=- red_ci=- renamed=. archived=stopped erased=stopped removed=stopped uninstalled=stopped"},
    Row{"competing",
        "label=. unlabel=stopped run=. retry=. refine=. review=- pick=. resume=. words=. stop=stopped "
        "status=. why=. help=. closed=stopped locked=stopped moved=stopped deleted=stopped merged=- "
        "closed_pr=- red_ci=- renamed=. archived=stopped erased=stopped removed=stopped uninstalled=stopped"},
    Row{"waiting",
        "label=. unlabel=stopped run=. retry=. refine=. review=- pick=. resume=queued words=queued "
        "stop=stopped status=. why=. help=. closed=stopped locked=stopped moved=stopped deleted=stopped "
        "merged=- closed_pr=- red_ci=- renamed=. archived=stopped erased=stopped removed=stopped "
        "uninstalled=stopped"},
    // An open pull request outlives its issue; merging it closes that.
    Row{"review",
        "label=. unlabel=. run=. retry=queued refine=queued review=queued pick=. resume=. words=. "
        "stop=stopped status=. why=. help=. closed=. locked=. moved=. deleted=. merged=merged "
        "closed_pr=closed red_ci=queued renamed=. archived=stopped erased=stopped removed=stopped "
        "uninstalled=stopped"},
    // An open pull request that is being changed: what is wished for meanwhile is the next change.
    Row{"changing",
        "label=. unlabel=. run=. retry=. refine=. review=. pick=. resume=. words=. stop=stopped status=. "
        "why=. help=. closed=. locked=. moved=. deleted=. merged=merged closed_pr=closed red_ci=. renamed=. "
        "archived=stopped erased=stopped removed=stopped uninstalled=stopped"},
    // What is over stays so: the label or a command begins another job.
    Row{"over",
        "label=+ unlabel=. run=+ retry=+ refine=. review=. pick=. resume=. words=. stop=. status=. why=. "
        "help=. closed=. locked=. moved=. deleted=. merged=. closed_pr=. red_ci=. renamed=. archived=. "
        "erased=. removed=. uninstalled=."},
};

/// What the table says. Throws when it says nothing: it is complete.
inline std::string expected(std::string_view state, std::string_view event) {
    for (const auto& row : table) {
        if (row.state != state) continue;
        std::istringstream words{std::string(row.ends)};
        for (std::string word; words >> word;)
            if (const auto sign = word.find('='); word.substr(0, sign) == event) return word.substr(sign + 1);
    }
    throw std::logic_error("not in the table: " + std::string(event) + " at " + std::string(state));
}

}  // namespace lifecycle
