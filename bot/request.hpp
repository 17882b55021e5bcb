#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/settings.hpp"
#include "integrations/event.hpp"

namespace bot {

// What somebody seems to ask for: by a label, a comment, a review, or by what became of an issue.
struct AskStart {
    integrations::ThreadRef issue;  ///< or the pull request that it was asked on
    integrations::Person by;
    std::string profile;  ///< empty: not named
    std::string guidance;
    std::optional<std::string> comment_id;  ///< asked by a comment; none: by the label
    std::string label;                      ///< the label as it was set; empty: asked by a comment
    bool again = false;                     ///< `retry`: also while a pull request is open
    std::vector<std::string> profiles;      ///< all that were named
    int tries = 1;                          ///< side by side
    integrations::Moment at = {};           ///< when it was asked
    std::string label_event = {};           ///< as of LabelSet
    bool revived = false;  ///< refused once, as other work went on: its label is off by our own hand
};
struct AskStop {
    integrations::ThreadRef thread;  ///< issue or pull request
    integrations::Person by;
    std::optional<std::string> comment_id;
    integrations::Moment at = {};  ///< when it was said
};
struct AskStatus {
    integrations::ThreadRef thread;
    integrations::Person by;
    std::string comment_id;
};
struct AskWhy {
    integrations::ThreadRef thread;
    integrations::Person by;
    std::string comment_id;
};
struct AskHelp {
    integrations::ThreadRef thread;
    integrations::Person by;
    std::string comment_id;
    std::string about;  ///< the word that was not understood; empty: plain help
};
struct AskPick {  ///< another of the tries that competed
    integrations::ThreadRef thread;
    integrations::Person by;
    std::string comment_id;
    int number = 0;  ///< 0: no number was given
};
struct AskResume {
    integrations::ThreadRef thread;
    integrations::Person by;
    std::string comment_id;
    std::string words;                ///< the answer; may be empty
    std::uint64_t micro_dollars = 0;  ///< to be added to the job's budget
    bool by_command = false;  ///< else it is a comment without one, and may be meant for somebody else
    std::string fault;        ///< what is wrong with the amount; empty when nothing is
};
struct AskRefine {  ///< a change to the open pull request
    integrations::ThreadRef thread;
    integrations::Person by;
    std::string words;
    std::optional<std::string> comment_id;  ///< of the command, or
    std::string review_id;                  ///< of the review
};
struct IssueOver {  ///< closed, deleted, transferred, locked, or the trigger label was taken off
    integrations::ThreadRef issue;
    std::string how;  ///< words for the reason: "the issue was closed"
    integrations::Person by;
    bool closed = false;     ///< an issue that is open by now has been reopened since
    bool locked = false;     ///< its conversation
    std::string label = {};  ///< that was taken off; one that is on by now was set again since
    integrations::Moment at = {};
};
struct ProposalOver {
    integrations::ThreadRef pull_request;
    bool merged = false;
    integrations::Moment at = {};
};
struct ChecksRed {  ///< the forge's own CI has something against a commit
    integrations::RepoRef repo;
    std::string head_sha;
};
struct BaseMoved {  ///< or any other branch
    integrations::RepoRef repo;
    std::string branch;
};
struct Renamed {
    integrations::RepoRef repo;  ///< as it is called now
};
struct AccessOver {
    integrations::AccessEnded what;
};
struct Nothing {
    std::string why;
};
using Request = std::variant<AskStart, AskStop, AskRefine, AskPick, AskResume, AskStatus, AskWhy, AskHelp,
                             IssueOver, ProposalOver, ChecksRed, BaseMoved, Renamed, AccessOver, Nothing>;

/// Pure. `self`: our own login on that forge (own events and those of bots ask for nothing). A comment may
/// hold several commands, so there may be several requests; never none (Nothing says why).
[[nodiscard]] std::vector<Request> recognise(const integrations::Event& event,
                                             const config::Settings& settings, std::string_view self);

}  // namespace bot
