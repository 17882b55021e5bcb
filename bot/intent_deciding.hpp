#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bot/intent.hpp"

/// What the files of `decide` share.
namespace bot::deciding {

/// Write access is known.
[[nodiscard]] bool may_write(const Facts& facts);
/// The answer to one who may not, as far as we are told.
[[nodiscard]] std::string not_permitted(const Facts& facts, const integrations::Person& person);
/// `active_job` may be the ended job of the pull request that was asked on.
[[nodiscard]] bool is_busy(const Facts& facts);
[[nodiscard]] inline bool is_pull_request(const integrations::ThreadRef& thread) {
    return thread.kind == integrations::ThreadRef::Kind::pull_request;
}
/// What makes an answer one among those on the thread: said again, it finds itself.
[[nodiscard]] std::string marker(std::string_view what, const integrations::ThreadRef& thread,
                                 std::string_view rest);
/// When it was said; nothing where the forge does not say. `ends`: it ends the work that was asked for
/// before.
[[nodiscard]] std::optional<Word> word(integrations::Moment at, const integrations::Person& by,
                                       const std::optional<std::string>& comment,
                                       const std::string& event = {}, bool ends = false);
/// A person without write access has one answer an issue, however often they ask: strangers cannot make us
/// talk.
[[nodiscard]] std::string stranger_marker(const integrations::ThreadRef& thread,
                                          const integrations::Person& person);

// An open pull request (bot/intent_proposal.cpp).
[[nodiscard]] Intent refine(const AskRefine& ask, const Facts& facts);
/// Of a pull request that is open; `ask` is permitted otherwise.
[[nodiscard]] Intent again(const AskStart& ask, const Facts& facts);
[[nodiscard]] Intent pick(const AskPick& ask, const Facts& facts);
[[nodiscard]] Intent checks_red(const ChecksRed& red, const Facts& facts, const config::Settings& settings);

// Ends (bot/intent_ends.cpp).
[[nodiscard]] Intent issue_over(const IssueOver& over, const Facts& facts);
[[nodiscard]] Intent proposal_over(const ProposalOver& over, const Facts& facts);
[[nodiscard]] Intent renamed(const Renamed& renamed, const Facts& facts);
[[nodiscard]] Intent access_over(const AccessOver& over, const Facts& facts);

}  // namespace bot::deciding
