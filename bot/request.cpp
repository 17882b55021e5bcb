#include "bot/request.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <system_error>

#include "bot/commands.hpp"
#include "bot/same_word.hpp"
#include "bot/sentences.hpp"
#include "bot/visible_text.hpp"

namespace bot {

namespace {

using integrations::Person;

/// Forges ignore case in logins; an App's own login ends in `[bot]`.
bool is_ours(const Person& person, std::string_view self) {
    return person.bot || same_word(person.login, self);
}

/// `agent` -> "", `agent:codex` -> "codex", anything else -> nothing.
std::optional<std::string> profile_of_label(std::string_view label, const config::LabelSettings& labels) {
    if (same_word(label, labels.trigger)) return std::string();
    if (label.size() <= labels.trigger.size() + 1 || label[labels.trigger.size()] != ':') return std::nullopt;
    if (!same_word(label.substr(0, labels.trigger.size()), labels.trigger)) return std::nullopt;
    return std::string(label.substr(labels.trigger.size() + 1));
}

std::string mention_of(std::string_view self) {
    constexpr std::string_view app = "[bot]";
    if (self.ends_with(app)) self.remove_suffix(app.size());
    return self.empty() ? std::string() : "@" + std::string(self);
}

/// `x3`. Beyond twenty it means something else: "x86".
std::optional<int> tries_in(std::string_view word) {
    constexpr int most = 20;
    if (word.size() < 2 || word.size() > 3 || (word[0] != 'x' && word[0] != 'X')) return std::nullopt;
    int tries = 0;
    const auto [end, error] = std::from_chars(word.data() + 1, word.data() + word.size(), tries);
    if (error != std::errc() || end != word.data() + word.size() || tries < 1 || tries > most)
        return std::nullopt;
    return tries;
}

AskStart start_of(const integrations::CommentCreated& comment, const Command& command,
                  const config::Settings& settings) {
    AskStart ask{.issue = comment.thread,
                 .by = comment.by,
                 .comment_id = comment.comment_id,
                 .again = command.verb == "retry",
                 .at = comment.at};
    std::string_view rest = command.argument;
    bool counted = false;
    while (!rest.empty()) {  // profiles and how many tries, then words for the agent
        const auto word = rest.substr(0, rest.find_first_of(" \t"));
        if (const auto tries = counted ? std::nullopt : tries_in(word)) {
            ask.tries = *tries;
            counted = true;
        } else if (config::find_profile(settings, word) != nullptr) {
            ask.profiles.emplace_back(word);
        } else {
            break;
        }
        rest.remove_prefix(word.size());
        rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    }
    if (!ask.profiles.empty()) ask.profile = ask.profiles.front();
    ask.tries = std::max(ask.tries, static_cast<int>(ask.profiles.size()));
    ask.guidance = rest;
    return ask;
}

/// `+$5`, `$2.50`: at the beginning of what follows the command. Nothing: no amount.
struct Amount {
    std::optional<std::uint64_t> micro_dollars;
    bool broken = false;    ///< begins like an amount and is none
    std::string_view rest;  ///< what follows it
};

Amount amount_in(std::string_view words) {
    constexpr std::uint64_t most_dollars = 10'000;
    const auto word = words.substr(0, words.find_first_of(" \t"));
    auto digits = word;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    if (!digits.starts_with('$')) return {.rest = words};  // "+1 for the second" is an answer
    digits.remove_prefix(1);
    std::uint64_t dollars = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), dollars);
    auto cents = digits.substr(static_cast<std::size_t>(end - digits.data()));
    std::uint64_t micro = dollars * 1'000'000;
    bool good = error == std::errc() && dollars <= most_dollars;
    if (good && !cents.empty()) {
        good = cents.size() <= 3 && cents.size() > 1 && cents.front() == '.';
        std::uint64_t unit = 100'000;
        for (const char c : cents.substr(1)) {
            good = good && c >= '0' && c <= '9';
            micro += unit * static_cast<std::uint64_t>(c - '0');
            unit /= 10;
        }
    }
    if (!good || micro == 0) return {.broken = true};
    auto rest = words.substr(word.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    return {.micro_dollars = micro, .rest = rest};
}

AskResume resume_of(const integrations::CommentCreated& comment, const Command& command) {
    AskResume ask{
        .thread = comment.thread, .by = comment.by, .comment_id = comment.comment_id, .by_command = true};
    const auto amount = amount_in(command.argument);
    if (amount.broken) ask.fault = command.argument;
    ask.micro_dollars = amount.micro_dollars.value_or(0);
    ask.words = amount.rest;
    return ask;
}

/// All of the comment when the command's line says nothing itself, or goes on below.
std::string refine_words(const std::string& body, const Command& command) {
    const auto below = body.find('\n');
    const bool first_line = body.find(command.argument) < below && command.prefix == 0;
    if (below == std::string::npos || !first_line) return command.argument;
    return command.argument + body.substr(below);
}

std::optional<Request> request_of(const integrations::CommentCreated& comment, const Command& command,
                                  const config::Settings& settings) {
    const auto& verb = command.verb;
    const auto& thread = comment.thread;
    if (verb == "run" || verb == "retry") return start_of(comment, command, settings);
    if (verb == "resume" || verb == "answer") return resume_of(comment, command);
    if (verb == "refine" || verb == "change")
        return AskRefine{.thread = thread,
                         .by = comment.by,
                         .words = refine_words(comment.body, command),
                         .comment_id = comment.comment_id,
                         .review_id = {}};
    if (verb == "pick") {
        AskPick pick{.thread = thread, .by = comment.by, .comment_id = comment.comment_id};
        const auto& words = command.argument;
        (void)std::from_chars(words.data(), words.data() + words.size(), pick.number);
        return pick;
    }
    if (verb == "stop" || verb == "cancel")
        return AskStop{
            .thread = thread, .by = comment.by, .comment_id = comment.comment_id, .at = comment.at};
    if (verb == "status")
        return AskStatus{.thread = thread, .by = comment.by, .comment_id = comment.comment_id};
    if (verb == "why") return AskWhy{.thread = thread, .by = comment.by, .comment_id = comment.comment_id};
    if (verb == "help" || (verb.empty() && command.prefix == 0))
        return AskHelp{.thread = thread, .by = comment.by, .comment_id = comment.comment_id};
    if (command.prefix != 0) return std::nullopt;  // "@bot thanks" is talk, not a slip of the pen
    return AskHelp{.thread = thread, .by = comment.by, .comment_id = comment.comment_id, .about = verb};
}

std::vector<Request> recognise_comment(const integrations::CommentCreated& comment,
                                       const config::Settings& settings, std::string_view self) {
    if (is_ours(comment.by, self)) return {Nothing{"a comment by ourselves or another bot"}};
    std::vector<std::string> prefixes{settings.command_prefix};
    if (auto mention = mention_of(self); !mention.empty()) prefixes.push_back(std::move(mention));
    std::vector<Request> requests;
    for (const auto& command : parse_commands(visible_text(comment.body).text, prefixes))
        if (auto request = request_of(comment, command, settings)) requests.push_back(std::move(*request));
    // To a job that waits for an answer any words of somebody who may give one are it.
    if (requests.empty())
        requests.emplace_back(AskResume{.thread = comment.thread,
                                        .by = comment.by,
                                        .comment_id = comment.comment_id,
                                        .words = visible_text(comment.body).text});
    return requests;
}

Request recognise_label(const integrations::IssueLabelled& event, const config::Settings& settings,
                        std::string_view self) {
    const auto profile = profile_of_label(event.label, settings.labels);
    if (!profile) return Nothing{"not our label"};
    if (is_ours(event.by, self)) return Nothing{"labelled by ourselves or another bot"};
    return AskStart{.issue = event.issue,
                    .by = event.by,
                    .profile = *profile,
                    .label = event.label,
                    .at = event.at,
                    .label_event = event.event_id};
}

Request recognise_unlabel(const integrations::IssueUnlabelled& event, const config::Settings& settings,
                          std::string_view self) {
    if (!profile_of_label(event.label, settings.labels)) return Nothing{"not our label"};
    // We take the trigger label off ourselves when a job is picked up.
    if (is_ours(event.by, self)) return Nothing{"unlabelled by ourselves or another bot"};
    return IssueOver{.issue = event.issue,
                     .how = std::string(sentence::since_label_off),
                     .by = event.by,
                     .label = event.label,
                     .at = event.at};
}

std::string how_it_ended(integrations::IssueEnded::How how) {
    switch (how) {
        case integrations::IssueEnded::How::closed:
            return std::string(sentence::since_issue_closed);
        case integrations::IssueEnded::How::deleted:
            return std::string(sentence::since_issue_deleted);
        case integrations::IssueEnded::How::transferred:
            return std::string(sentence::since_issue_moved);
        case integrations::IssueEnded::How::locked:
            return std::string(sentence::since_issue_locked);
    }
    return {};
}

}  // namespace

std::vector<Request> recognise(const integrations::Event& event, const config::Settings& settings,
                               std::string_view self) {
    using One = std::vector<Request>;
    return std::visit(
        Match{
            [](const integrations::Pinged&) { return One{Nothing{"a ping"}}; },
            [&](const integrations::IssueLabelled& e) { return One{recognise_label(e, settings, self)}; },
            [&](const integrations::IssueUnlabelled& e) { return One{recognise_unlabel(e, settings, self)}; },
            [](const integrations::LabelsChanged&) { return One{Nothing{"labels, it is not known which"}}; },
            [](const integrations::IssueEnded& e) {
                return One{IssueOver{.issue = e.issue,
                                     .how = how_it_ended(e.how),
                                     .by = e.by,
                                     .closed = e.how == integrations::IssueEnded::How::closed,
                                     .locked = e.how == integrations::IssueEnded::How::locked,
                                     .label = {},
                                     .at = e.at}};
            },
            [&](const integrations::CommentCreated& e) { return recognise_comment(e, settings, self); },
            [&](const integrations::ChangesRequested& e) {
                if (is_ours(e.by, self)) return One{Nothing{"a review by ourselves or another bot"}};
                return One{AskRefine{.thread = e.pull_request,
                                     .by = e.by,
                                     .words = e.body,
                                     .comment_id = {},
                                     .review_id = e.review_id}};
            },
            [](const integrations::PullRequestEnded& e) {
                return One{ProposalOver{.pull_request = e.pull_request, .merged = e.merged, .at = e.at}};
            },
            [](const integrations::ChecksFailed& e) {
                return One{ChecksRed{.repo = e.repo, .head_sha = e.head_sha}};
            },
            [](const integrations::BranchPushed& e) {
                if (e.branch.starts_with("agent/")) return One{Nothing{"a push to a branch of ours"}};
                return One{BaseMoved{.repo = e.repo, .branch = e.branch}};
            },
            [](const integrations::RepositoryRenamed& e) { return One{Renamed{e.repo}}; },
            [](const integrations::AccessEnded& e) { return One{AccessOver{e}}; },
            [](const integrations::Ignored& e) { return One{Nothing{e.why}}; },
        },
        event);
}

}  // namespace bot
