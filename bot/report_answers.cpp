#include <fmt/format.h>

#include <algorithm>

#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/sentences.hpp"

// Each answer says what happened and what to do next. They also stand in the status comment as a job's
// reason, where `foreign` reads them: so no headings, links, HTML or mentions of our own here.

namespace bot::report {

namespace {

using fmt::literals::operator""_a;

/// With whose words they are before it; empty when there are none.
std::string quoted(fmt::format_string<std::string> sentence, std::string_view words, std::size_t limit) {
    return words.empty() ? std::string() : fmt::format(sentence, fenced(words, limit));
}

std::string recipe_error(const config::Error& error) {
    std::string text;
    if (error.line > 0) text += fmt::format(sentence::recipe_error_in_line, error.line);
    if (!error.key.empty()) text += code(error.key, 100) + " ";
    text += foreign(one_line(error.message, 300), 500);
    if (!error.mend.empty()) text += "; " + foreign(one_line(error.mend, 300), 500);
    return text;
}

}  // namespace

std::string nothing_to_change(std::string_view agent_summary) {
    const auto words = foreign(agent_summary, 8000);
    if (words.empty()) return std::string(sentence::nothing_to_change_and_no_words);
    return fmt::format(sentence::nothing_to_change, words);
}

std::string question(std::string_view agent_question) {
    const auto words = foreign(agent_question, 8000);
    if (words.empty()) return std::string(sentence::question_without_words);
    return fmt::format(sentence::question, words);
}

std::string budget_spent(std::uint64_t micro_dollars, bool whole_job) {
    const auto spent = dollars(static_cast<double>(micro_dollars) / 1e6);
    return whole_job ? fmt::format(sentence::budget_of_a_job_spent, spent)
                     : fmt::format(sentence::budget_of_a_pass_spent, spent);
}

std::string reminder(const Job& job) {
    return std::string(job.waits_for == WaitsFor::answer ? sentence::reminder_of_a_question
                                                         : sentence::reminder_of_a_budget);
}

std::string nothing_waits() { return std::string(sentence::nothing_waits); }

std::string not_an_amount(std::string_view words) {
    return fmt::format(sentence::not_an_amount, code(words, 40));
}

std::string answer_wanted() { return std::string(sentence::answer_wanted); }

std::string amount_wanted() { return std::string(sentence::amount_wanted); }

std::string day_budget_spent() { return std::string(sentence::day_budget_spent); }

std::string service_parked(std::string_view provider) {
    return fmt::format(sentence::service_parked, code(provider, 60));
}

std::string secret_found(const std::vector<std::string>& where) {
    return fmt::format(sentence::secret_found, path_list(where));
}

std::string recipe_errors(const std::vector<config::Error>& errors) {
    constexpr std::size_t most = 20;
    std::string list;
    for (std::size_t i = 0; i < errors.size() && i < most; ++i) list += item(recipe_error(errors[i]));
    if (errors.size() > most)
        list += item(fmt::format(sentence::lines_and_more, Number{errors.size() - most}));
    return fmt::format(sentence::recipe_errors, list);
}

std::string no_such_profile(std::string_view name, const std::vector<config::AgentProfile>& profiles) {
    return fmt::format(sentence::no_such_profile, "name"_a = code(name, 60),
                       "number"_a = Number{profiles.size()}, "profiles"_a = profile_names(profiles));
}

std::string no_image(std::string_view image, std::string_view engine_words) {
    return fmt::format(sentence::no_image, "image"_a = code(image),
                       "engine_says"_a = quoted(sentence::engine_says, engine_words, 1000));
}

std::string setup_failed(std::string_view how, std::string_view log_tail) {
    return fmt::format(sentence::setup_failed, "how_it_ended"_a = one_line(how, 200),
                       "output"_a = quoted(sentence::end_of_its_output, log_tail, 4000));
}

std::string agent_failed(std::string_view how, std::string_view detail) {
    return fmt::format(sentence::agent_failed, "how_it_ended"_a = one_line(how, 200),
                       "output"_a = quoted(sentence::last_it_had_to_say, detail, 4000));
}

std::string change_rejected(std::string_view path, std::string_view why) {
    return fmt::format(sentence::change_rejected, "path"_a = code(path, 300),
                       "why"_a = foreign(one_line(why, 600), 900));  // a reason begins with the path again
}

std::string protected_paths(const std::vector<std::string>& paths) {
    return fmt::format(sentence::protected_paths, path_list(paths));
}

std::string push_refused(std::string_view forge_words) {
    return fmt::format(sentence::push_refused, fenced(forge_words, 1500));
}

std::string base_gone(std::string_view branch) {
    if (branch.empty()) return std::string(sentence::base_unreadable);
    return fmt::format(sentence::base_gone, code(branch, 200));
}

std::string base_rewritten(std::string_view branch, std::string_view commit_id) {
    return fmt::format(sentence::base_rewritten, "commit"_a = commit(commit_id),
                       "branch"_a = code(branch, 200));
}

std::string infrastructure(std::string_view what, int attempts) {
    const auto fault = fenced(what, 1500);
    if (attempts <= 1) return fmt::format(sentence::infrastructure, fault);
    return fmt::format(sentence::infrastructure_after, "attempts"_a = attempts, "fault"_a = fault);
}

std::string not_permitted(std::string_view login) {
    return fmt::format(sentence::not_permitted, code(login, 60));
}

std::string already_active(const Job& job) {
    return job.state == JobState::review ? fmt::format(sentence::already_in_review, job.pull_request)
                                         : fmt::format(sentence::already_active, job.id.value);
}

std::string heard_after_all() { return std::string(sentence::heard_after_all); }

std::string already_proposed(const std::vector<integrations::PullRequest>& pull_requests) {
    std::vector<std::string> numbers;
    for (const auto& each : pull_requests)
        numbers.push_back(fmt::format(sentence::proposal_number, each.number));
    if (numbers.size() > 10) numbers.resize(10);
    return fmt::format(sentence::already_proposed, "numbers"_a = fmt::join(numbers, ", "),
                       "open"_a = Number{pull_requests.size()});
}

std::string too_many_jobs(int most) { return fmt::format(sentence::too_many_jobs, number(most)); }

std::string issue_not_open() { return std::string(sentence::issue_not_open); }

std::string label_of_nobody(std::string_view label) {
    return fmt::format(sentence::label_of_nobody, code(label, 60));
}

std::string stopped_by(std::string_view login) {
    return fmt::format(sentence::reason_stopped_by, code(login, 60));
}

std::string no_active_job() { return std::string(sentence::no_active_job); }

std::string stop_said_before() { return std::string(sentence::stop_said_before); }

std::string proposal_over(bool merged) {
    return std::string(merged ? sentence::reason_merged : sentence::reason_closed);
}

std::string proposal_gone() { return std::string(sentence::reason_proposal_gone); }

std::string stopped_since(std::string_view what) { return fmt::format(sentence::reason_stopped_since, what); }

std::string ask_on_the_issue() { return std::string(sentence::ask_on_the_issue); }

}  // namespace bot::report
