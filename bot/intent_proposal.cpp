// What is decided about a pull request of ours: asked by people, or found by the forge's own CI.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "bot/evidence.hpp"
#include "bot/intent_deciding.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"
#include "bot/visible_text.hpp"

namespace bot::deciding {

namespace {

Refuse refuse_refine(const AskRefine& ask, std::string answer, std::string reason) {
    return {.thread = ask.thread,
            .answer = std::move(answer),
            .reason = std::move(reason),
            .marker = marker("refusal", ask.thread, "comment=" + ask.comment_id.value_or("none")),
            .comment_id = ask.comment_id};
}

/// Whole lines of the end of a hunk, where the comment stands.
std::string last_lines(std::string text) {
    constexpr std::size_t longest = 4096;
    if (text.size() <= longest) return text;
    text.erase(0, text.size() - longest);
    return text.substr(std::min(text.find('\n') + 1, text.size()));
}

std::vector<Ask> asks_of(const AskRefine& ask, const Facts& facts) {
    const auto is_blank = [](std::string_view text) {
        return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
    };
    const auto key = ask.comment_id ? "comment=" + *ask.comment_id : "review=" + ask.review_id;
    std::vector<Ask> asks;
    if (auto words = visible_text(ask.words).text; !is_blank(words))
        asks.push_back(
            {.key = key, .by = ask.by, .words = std::move(words), .comment_id = ask.comment_id.value_or("")});
    for (const auto& comment : facts.beside_lines) {
        auto words = visible_text(comment.body).text;
        if (is_blank(words)) continue;
        asks.push_back({.key = key + " beside=" + comment.id,
                        .by = ask.by,
                        .words = std::move(words),
                        .inline_id = comment.id,
                        .path = comment.path,
                        .line = std::max(comment.line, 0),
                        .diff_hunk = last_lines(visible_text(comment.diff_hunk).text)});
    }
    return asks;
}

/// Repairs of what CI found since a person last asked for something.
int repairs_in_a_row(const std::vector<Ask>& asks) {
    std::set<std::string> repairs;
    for (const auto& ask : asks) {
        if (ask.what == Ask::What::wish || ask.what == Ask::What::retry) repairs.clear();
        if (ask.what == Ask::What::checks) repairs.insert(ask.key.substr(0, ask.key.find(" check=")));
    }
    return static_cast<int>(repairs.size());
}

Answer tell(const Job& job, const ChecksRed& red, std::string words, std::string reason) {
    const auto thread = pull_request_of(job, red.repo);
    return {.thread = thread,
            .answer = std::move(words),
            .marker = marker("ci", thread, "commit=" + red.head_sha),
            .comment_id = {},
            .reason = std::move(reason)};
}

bool green_by_our_own_evidence(const Job& job) {
    const auto verdict = verdict_from_json(job.verdict);
    return verdict && verdict->evidence.green();
}

}  // namespace

Intent refine(const AskRefine& ask, const Facts& facts) {
    if (!facts.repository_allowed) return Ignore{"the repository is not one of ours"};
    const bool ours = facts.active_job && facts.active_job->pull_request > 0;
    const bool by_review = !ask.comment_id;
    // Anybody may review anything: only what is said to us is answered.
    if (by_review && !ours) return Ignore{"a review of a pull request that is not ours"};
    if (!may_write(facts)) {
        if (by_review) return Ignore{fmt::format("{} has no write access", ask.by.login)};
        auto no = refuse_refine(ask, not_permitted(facts, ask.by),
                                fmt::format("{} has no write access", ask.by.login));
        no.marker = stranger_marker(ask.thread, ask.by);
        return no;
    }
    if (!ours || !is_active(facts.active_job->state)) {
        if (by_review) return Ignore{"the job is over"};
        return refuse_refine(ask, report::nothing_to_refine(), "no pull request is open");
    }
    auto asks = asks_of(ask, facts);
    if (asks.empty()) {
        if (by_review) return Ignore{"a review that says nothing"};
        return refuse_refine(ask, report::wish_wanted(), "nothing said");
    }
    return Refine{.job = facts.active_job->id,
                  .asks = std::move(asks),
                  .may_wait = true,
                  .too_late = report::nothing_to_refine(),
                  .renewed = {},
                  .reason = fmt::format(sentence::reason_changes, ask.by.login),
                  .comment_id = ask.comment_id,
                  .thread = ask.thread};
}

Intent again(const AskStart& ask, const Facts& facts) {
    const auto& job = *facts.active_job;
    const auto title = visible_text(facts.issue->title);
    const auto body = visible_text(facts.issue->body);
    const auto guidance = visible_text(ask.guidance).text;
    const auto comment = ask.comment_id.value_or("");
    return Refine{
        .job = job.id,
        .asks = {{.key = "comment=" + comment,
                  .by = ask.by,
                  .words = guidance,
                  .comment_id = comment,
                  .what = Ask::What::retry}},
        .cycle = Cycle::retry,
        .too_late = report::already_active(job),
        .renewed = Refine::Renewed{.title = title.text,
                                   .body = body.text,
                                   .hidden_stripped = title.stripped + body.stripped,
                                   .profile = ask.profile.empty() ? job.assignment.profile : ask.profile,
                                   .guidance = guidance},
        .reason = fmt::format(sentence::reason_another_try, ask.by.login),
        .comment_id = ask.comment_id,
        .thread = ask.issue};
}

Intent pick(const AskPick& ask, const Facts& facts) {
    if (!facts.repository_allowed) return Ignore{"the repository is not one of ours"};
    const auto refuse = [&](std::string answer, std::string reason) {
        return Refuse{.thread = ask.thread,
                      .answer = std::move(answer),
                      .reason = std::move(reason),
                      .marker = marker("refusal", ask.thread, "comment=" + ask.comment_id),
                      .comment_id = ask.comment_id};
    };
    if (!may_write(facts)) {
        auto no = refuse(not_permitted(facts, ask.by), ask.by.login + " has no write access");
        no.marker = stranger_marker(ask.thread, ask.by);
        return no;
    }
    if (!facts.active_job || !is_active(facts.active_job->state) || facts.active_job->pull_request == 0)
        return refuse(report::nothing_to_pick(), "no pull request is open");
    const auto& job = *facts.active_job;
    const auto verdict = verdict_from_json(job.verdict);
    if (!verdict || verdict->rivals.empty())
        return refuse(report::nothing_to_pick(), "there was one try only");
    const auto found = std::ranges::find(verdict->rivals, ask.number, &Rival::number);
    if (found == verdict->rivals.end() || found->head_commit.empty())
        return refuse(report::no_such_try(verdict->rivals), "no such try");
    if (found->chosen) return refuse(report::picked_already(found->number), "that try is published");
    if (job.state != JobState::review) return refuse(report::already_active(job), "the job is at work");
    return Refine{.job = job.id,
                  .asks = {{.key = "comment=" + ask.comment_id,
                            .by = ask.by,
                            .words = std::to_string(ask.number),
                            .comment_id = ask.comment_id,
                            .what = Ask::What::pick}},
                  .cycle = Cycle::pick,
                  .too_late = report::already_active(job),
                  .renewed = {},
                  .reason = fmt::format(sentence::reason_picked, ask.by.login, ask.number),
                  .comment_id = ask.comment_id,
                  .thread = ask.thread};
}

Intent checks_red(const ChecksRed& red, const Facts& facts, const config::Settings& settings) {
    if (!facts.repository_allowed) return Ignore{"the repository is not one of ours"};
    if (!facts.active_job || facts.active_job->state != JobState::review ||
        facts.active_job->head_commit != red.head_sha)
        return Ignore{"CI is red on a commit that is no pull request's of ours"};
    const auto& job = *facts.active_job;
    if (!green_by_our_own_evidence(job)) return Ignore{"CI is red, as our own checks are"};
    std::vector<integrations::FailedCheck> ours, flaky, on_base;
    for (const auto& failed : facts.failed) {
        const bool before = std::ranges::find(facts.failed_on_base, failed.name,
                                              &integrations::FailedCheck::name) != facts.failed_on_base.end();
        (before ? on_base : failed.flaky ? flaky : ours).push_back(failed);
    }
    if (ours.empty() && flaky.empty() && on_base.empty()) return Ignore{"CI is not red any more"};
    if (ours.empty())
        return tell(job, red, report::ci_not_ours(flaky, on_base), "CI is red by chance, or on the base too");
    if (const int repairs = repairs_in_a_row(facts.asks); repairs >= settings.ci_repairs)
        return tell(job, red, report::ci_left_alone(ours, repairs),
                    fmt::format("CI is red after {} repairs", repairs));
    Refine repair{.job = job.id,
                  .renewed = {},
                  .reason = std::string(sentence::reason_ci),
                  .comment_id = {},
                  .thread = pull_request_of(job, red.repo)};
    for (const auto& failed : ours)
        repair.asks.push_back({.key = fmt::format("ci={} check={}", red.head_sha, failed.name),
                               .by = {},
                               .words = report::ci_words(failed),
                               .comment_id = {},
                               .path = failed.name,
                               .what = Ask::What::checks});
    return repair;
}

}  // namespace bot::deciding
