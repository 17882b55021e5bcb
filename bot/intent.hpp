#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bot/facts.hpp"
#include "bot/job.hpp"
#include "bot/request.hpp"
#include "bot/said.hpp"
#include "config/settings.hpp"
#include "integrations/event.hpp"
#include "integrations/proposal.hpp"

namespace bot {

// What the bot decided, with the reason.
struct Start {
    Assignment assignment;
    std::vector<std::string> tries;  ///< their profiles, when there are to be several side by side
    std::string reason;
    std::optional<std::string> comment_id;  ///< gets the reactions instead of the issue
    std::string label;                      ///< taken off, once: set again it is another request
    std::optional<integrations::ThreadRef> asked_on = std::nullopt;  ///< the pull request; none: the issue
    std::optional<Word> asked = std::nullopt;  ///< said before stop, it is stopped as it begins
    std::optional<LabelSet> label_set = std::nullopt;
};
struct Answer {  ///< status, help: a comment
    integrations::ThreadRef thread;
    std::string answer;
    std::string marker;
    std::optional<std::string> comment_id;
    std::string reason;
    std::optional<Word> stop = std::nullopt;  ///< it answers one: ends what began since it was decided
    integrations::ThreadRef issue = {};       ///< that `stop` is about
};
struct Stop {
    JobId job;
    std::string reason;  ///< a sentence for the status comment
    std::optional<std::string> comment_id;
    integrations::ThreadRef thread;
    std::optional<Word> said = std::nullopt;        ///< by people, in a comment
    std::optional<Word> when = std::nullopt;        ///< likewise, or what was done to the issue
    std::optional<Answer> too_late = std::nullopt;  ///< when the job has ended by itself meanwhile
};
struct Refine {  ///< begins another cycle of the job, or adds to the next one
    JobId job;
    std::vector<Ask> asks;
    Cycle cycle = Cycle::refine;
    bool may_wait = false;  ///< for the end of what the job is about now; else only an idle pull request
    std::string too_late;   ///< answers the comment when that is not so any more
    struct Renewed {
        std::string title, body;
        int hidden_stripped = 0;
        std::string profile, guidance;
    };
    std::optional<Renewed> renewed;  ///< of a retry: what it has instead of the first assignment's
    std::string reason;
    std::optional<std::string> comment_id;
    integrations::ThreadRef thread;
};
struct Resume {
    JobId job;
    std::string answer;  ///< question and answer, for the agent; empty: none was given
    std::uint64_t micro_dollars = 0;
    std::string reason;
    std::optional<std::string> comment_id;
    integrations::ThreadRef thread;
};
struct Refuse {
    integrations::ThreadRef thread;
    std::string answer;  ///< one comment, says why and what would work
    std::string reason;  ///< for the log
    std::string marker;
    std::optional<std::string> comment_id;  ///< gets 👎
    bool take_label_off = false;
    std::string label;
    std::optional<LabelSet> label_set = std::nullopt;
    std::optional<Word> asked = std::nullopt;  ///< for work, while other work goes on: it is kept
    integrations::ThreadRef issue = {};        ///< that `asked` and `label_set` are about
};
struct EndReview {
    JobId job;
    bool merged = false;
    std::string reason;
};
struct Abandon {  ///< jobs of repositories in which nothing can be done any more
    std::string forge, installation;
    std::vector<std::string> repositories;  ///< ids; none: all of the installation
    std::vector<std::string> spared;        ///< ids of those where it was undone since
    std::string reason;
};
struct Rename {
    integrations::RepoRef repo;
    std::string reason;
};
struct Over {  ///< what was asked for before is over, though nothing of it goes on
    integrations::ThreadRef issue;
    Word when;
    bool lasts = false;  ///< the forge does not tell it of the issue: it is to be remembered
    std::string reason;
};
struct Wait {  ///< until this job has ended, which is ending
    JobId job;
    std::string reason;
};
struct LookAgain {  ///< at the open pull requests on this branch: they may conflict with it
    integrations::RepoRef repo;
    std::string branch;
    std::string reason;
};
struct Ignore {
    std::string reason;
};
using Intent = std::variant<Start, Stop, Refine, Resume, Refuse, Answer, EndReview, Abandon, Rename, Over,
                            Wait, LookAgain, Ignore>;

/// Pure; fails closed: what is not known is not allowed. Every intent carries its reason. The tests, in this
/// order, the first that says no decides:
///   start   our repository, issue seen, the label still on it and not heard yet (when a label asks that was
///           not refused before), permission write, an issue or a pull request of ours, no active job (one
///           that is ending is waited for), issue open, no other pull request that closes it, fewer jobs
///           today than the limit, profile known, base commit known
///   retry   the same; while a pull request is open, that one is made anew
///   stop    our repository, permission write or asked for by the job's own requester, active job that was
///           not asked for after it
///   refine  our repository, permission write, a job whose pull request is open, something said
///   pick    our repository, permission write, an idle pull request that came of several tries, one of these
///   resume  our repository, a job that waits, permission write, and what it waits for
///   status, why, help   our repository, permission read
///   checks red   our repository, open pull request at that commit, green by our own evidence, red by a check
///           that neither failed on the base commit nor has passed on this one, fewer repairs than the limit
///   issue over     active job without a pull request (merging that closes its issue) that was not asked for
///           after it, and it is over still
[[nodiscard]] Intent decide(const Request& request, const Facts& facts, const config::Settings& settings);

[[nodiscard]] std::string reason(const Intent& intent);

}  // namespace bot
