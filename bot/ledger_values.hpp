#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bot/job.hpp"
#include "integrations/delivery.hpp"
#include "integrations/event.hpp"

// What goes into the ledger and comes out of it, besides jobs and runs.
namespace bot {

/// A delivery waiting to be understood.
struct StoredDelivery {
    std::int64_t id = 0;
    integrations::VerifiedDelivery delivery;
    int attempts = 0;      ///< counted before it is handled: what crashes us three times is put aside
    int carried_out = 0;   ///< of the things it asks for, the first ones
    bool revived = false;  ///< the next of them was refused once, as other work went on
    Time received_at{};
};

/// Something to be said on the forge: `status` and `labels` follow the job as it is when they are posted.
struct Report {
    enum class Kind {
        status,    ///< the job's one comment, edited in place
        labels,    ///< the job's state label on, the others off; with a `body`: that label off as well
        reaction,  ///< `body` is the reaction's name
        answer,    ///< a comment of its own, `body` as it is; `marker` makes it one. With a `comment_id`:
                   ///< below what stands beside a line
    };
    std::int64_t id = 0;
    Kind kind = Kind::status;
    std::optional<JobId> job;
    integrations::ThreadRef thread;
    std::string comment_id;  ///< of `reaction`: on this comment; empty: on the thread
    std::string marker;
    std::string body;
    std::string remote_id;     ///< what the forge called it the last time
    std::int64_t version = 0;  ///< of the wish; posting an older version leaves it waiting
    int attempts = 0;
    Time created_at{};
};

/// How a claimed job ends or pauses.
struct Ending {
    Signal signal = Signal::fail;  ///< nothing, fail, stop, ask, proposed, back
    std::string reason;
    std::int64_t pull_request = 0;  ///< of `proposed`
    std::string pull_request_url;
    WaitsFor waits_for = WaitsFor::nothing;  ///< of `ask`
    std::string question;                    ///< likewise
    /// Said on the pull request, of `proposed` and `back` when it was to be changed.
    std::string words;
    struct Reply {
        std::string inline_id;  ///< what it is an answer to
        std::string words;
    };
    std::vector<Reply> replies;
};

struct QueueFigures {
    std::map<JobState, int> jobs;
    int deliveries_waiting = 0;
    int deliveries_dead = 0;  ///< put aside: handling them broke off several times
    int reports_waiting = 0;
    std::optional<Time> oldest_queued;
    std::optional<Time> oldest_report;
};

}  // namespace bot
