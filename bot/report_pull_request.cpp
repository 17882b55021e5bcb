#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/same_word.hpp"
#include "bot/sentences.hpp"
#include "bot/visible_text.hpp"

namespace bot::report {

namespace {

using fmt::literals::operator""_a;

constexpr std::size_t longest_body = 60'000;  ///< code points; GitHub takes 65,536
constexpr std::size_t longest_summary = 10'000;
constexpr std::size_t longest_title = 200;    ///< code points; GitHub takes 256
constexpr std::size_t most_annotations = 50;  ///< of one request, https://docs.github.com/en/rest/checks/runs

/// A title becomes the message of a squashed commit, and there these words turn the forge's own checks off:
/// https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
std::string without_skip_words(std::string text) {
    static constexpr std::array<std::string_view, 5> words{"[skip ci]", "[ci skip]", "[no ci]",
                                                           "[skip actions]", "[actions skip]"};
    for (const auto word : words)
        for (auto found = std::ranges::search(text, word, {}, lower_letter); !found.empty();
             found = std::ranges::search(text, word, {}, lower_letter)) {
            found.front() = '(';
            found.back() = ')';
        }
    return text;
}

/// Sections in order of worth: what no longer fits is left out and said so.
class Body {
 public:
    void add(std::string_view heading, std::string_view text) {
        if (text.empty()) return;
        std::string section;
        if (!heading.empty()) section = fmt::format("## {}\n\n", heading);
        section += text;
        while (!section.empty() && section.back() == '\n') section.pop_back();
        section += "\n\n";
        const auto size = code_points(section);
        if (size_ + size > longest_body) {
            shortened_ = true;
            return;
        }
        size_ += size;
        text_ += section;
    }
    [[nodiscard]] std::string take() {
        if (shortened_) text_.append(sentence::parts_left_out);
        while (!text_.empty() && text_.back() == '\n') text_.pop_back();
        return std::move(text_) + "\n";
    }

 private:
    std::string text_;
    std::size_t size_ = 0;
    bool shortened_ = false;
};

std::string draft_note(const Evidence& evidence) {
    if (evidence.green()) return {};
    return fmt::format(sentence::draft_warning, evidence_headline(evidence));
}

std::string evidence_section(const Evidence& evidence) {
    if (evidence.checks.empty()) return evidence_table(evidence);
    return fmt::format(sentence::evidence, "headline"_a = evidence_headline(evidence),
                       "base"_a = commit(evidence.base_commit), "head"_a = commit(evidence.head_commit),
                       "table"_a = evidence_table(evidence), "details"_a = evidence_details(evidence));
}

std::string assumptions_section(const Verdict& verdict) {
    if (verdict.assumptions.empty()) return {};
    std::string list;
    for (std::size_t i = 0; i < verdict.assumptions.size() && i < 20; ++i)
        list += item(foreign(one_line(verdict.assumptions[i], 400), 600));
    auto text = fmt::format(sentence::assumed, list);
    if (!verdict.proposed_recipe.empty())
        text += "\n" + fmt::format(sentence::make_it_certain, fenced(verdict.proposed_recipe, 4000)) + "\n";
    return text;
}

std::string cost_section(const Job& job, const Verdict& verdict) {
    auto text = fmt::format(sentence::cost, "who"_a = code(job.assignment.requested_by.login),
                            "profile"_a = code(verdict.profile), "rounds"_a = number(verdict.rounds),
                            "time"_a = duration(std::chrono::milliseconds(verdict.agent_ms)));
    if (verdict.input_tokens + verdict.cached_tokens + verdict.output_tokens > 0)
        text +=
            fmt::format(sentence::cost_tokens, "in"_a = Number{verdict.input_tokens},
                        "cached"_a = Number{verdict.cached_tokens}, "out"_a = Number{verdict.output_tokens});
    if (verdict.cost_usd) text += fmt::format(sentence::cost_money, dollars(*verdict.cost_usd));
    if (const auto pieces = number(job.assignment.hidden_stripped); pieces.value > 0)
        text += "\n\n" + fmt::format(sentence::hidden_text, pieces);
    return text;
}

std::string refused_section(const Verdict& verdict) {
    constexpr std::size_t most = 30;
    const auto& hosts = verdict.refused_hosts;
    if (hosts.empty()) return {};
    std::string text(sentence::hosts_refused);
    for (std::size_t i = 0; i < hosts.size() && i < most; ++i)
        text += fmt::format("| {} | {} | {} | {} |\n", cell(hosts[i].name, 100), hosts[i].step,
                            hosts[i].times, cell(hosts[i].why, 200));
    if (hosts.size() > most)
        text += "\n" + fmt::format(sentence::more_hosts, Number{hosts.size() - most}) + "\n";
    return text;
}

std::string answer_section(const Job& job, std::string_view trigger_label) {
    return fmt::format(sentence::how_to_answer, "label"_a = code(trigger_label),
                       "issue"_a = job.assignment.issue.number);
}

std::string footer(const Job& job, const Verdict& verdict) {
    auto text =
        fmt::format(sentence::footer, "job"_a = job.id.value, "base"_a = commit(verdict.evidence.base_commit),
                    "head"_a = commit(verdict.evidence.head_commit));
    if (!verdict.image.empty()) text += fmt::format(sentence::footer_image, code(verdict.image));
    if (!verdict.image_id.empty() && verdict.image_id != verdict.image) text += " " + code(verdict.image_id);
    return fmt::format("---\n<sub>{}</sub>\n", text);
}

/// Plain words for a place where no Markdown is read. Trailers are ours alone.
std::string plain_summary(std::string_view summary, std::size_t limit) {
    std::string text;
    const auto clean = first_code_points(visible_text(summary).text, limit);
    for (std::size_t at = 0; at < clean.size();) {
        const auto end = std::min(clean.find('\n', at), clean.size());
        auto line = one_line(std::string_view(clean).substr(at, end - at), limit);
        at = end + 1;
        if (line.starts_with('#')) line.erase(0, line.find_first_not_of("# "));  // a heading's words
        const auto colon = line.find(':');
        std::string key(line.substr(0, std::min(colon, line.size())));
        std::ranges::transform(key, key.begin(), lower_letter);
        if (colon != std::string::npos && (key.ends_with("-by") || key == "skip-checks")) continue;
        if (line.empty() && (text.empty() || text.ends_with("\n\n"))) continue;
        text += line + "\n";
    }
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

std::string co_author(const integrations::Person& person, const MailOf& mail_of) {
    const auto is_plain = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    };
    if (person.login.empty() || !std::ranges::all_of(person.login, is_plain) ||
        !std::ranges::all_of(person.id, is_plain))
        return {};
    const auto mail = mail_of(person);
    return mail.empty() ? std::string() : fmt::format("Co-authored-by: {} <{}>\n", person.login, mail);
}

bool is_repository_path(std::string_view path) {
    return !path.empty() && path.front() != '/' && path.find("..") == std::string_view::npos &&
           path.find('\\') == std::string_view::npos && path.find(':') == std::string_view::npos;
}

bool is_among(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

std::string pull_request_title(const Job& job) {
    auto title = without_skip_words(one_line(job.assignment.title, longest_title));
    return title.empty() ? fmt::format(sentence::title_of_an_issue_without, job.assignment.issue.number)
                         : title;
}

std::string pull_request_body(const Job& job, const Verdict& verdict, std::string_view trigger_label) {
    const auto& evidence = verdict.evidence;
    Body body;
    body.add({}, fmt::format(sentence::fixes, job.assignment.issue.number));
    body.add({}, draft_note(evidence));
    body.add(sentence::heading_summary, summary_words(verdict, longest_summary));
    body.add(sentence::heading_evidence, evidence_section(evidence));
    body.add(sentence::heading_tests, tests_touched(evidence));
    body.add(sentence::heading_tries, rivals_table(verdict.rivals));
    body.add(sentence::heading_assumed, assumptions_section(verdict));
    body.add(sentence::heading_refused, refused_section(verdict));
    body.add(sentence::heading_cost, cost_section(job, verdict));
    body.add(sentence::heading_answer, answer_section(job, trigger_label));
    body.add({}, footer(job, verdict));
    return body.take();
}

std::string commit_message(const Job& job, const Verdict& verdict, const MailOf& mail_of,
                           const std::vector<Ask>& asks) {
    auto title = first_code_points(one_line(job.assignment.title, 200), 72);
    if (title.empty()) title = fmt::format(sentence::title_of_an_issue_without, job.assignment.issue.number);
    if (!asks.empty()) title = first_code_points(fmt::format(sentence::commit_of_a_change, title), 72);
    const auto summary = plain_summary(verdict.summary, 2000);
    auto text = title + "\n\n";
    if (!summary.empty()) text += summary + "\n\n";
    text = without_skip_words(text) + fmt::format(sentence::commit_refers_to, job.assignment.issue.number) +
           "\n";
    std::vector<std::string> trailers;
    for (const auto& ask : asks) trailers.push_back(co_author(ask.by, mail_of));
    if (asks.empty()) trailers.push_back(co_author(job.assignment.requested_by, mail_of));
    std::ranges::sort(trailers);
    const auto repeated = std::ranges::unique(trailers);
    trailers.erase(repeated.begin(), repeated.end());
    std::erase(trailers, "");
    return trailers.empty() ? text : text + fmt::format("\n{}", fmt::join(trailers, ""));
}

integrations::CheckReport check_report(const Job& job, const Verdict& verdict) {
    using Conclusion = integrations::CheckReport::Conclusion;
    const auto& evidence = verdict.evidence;
    const bool proven = std::ranges::any_of(
        evidence.checks, [](const auto& each) { return each.gate == config::Gate::required; });
    integrations::CheckReport report{.name = "shopfloor",
                                     .head_sha = evidence.head_commit,
                                     .external_id = fmt::format("shopfloor-job-{}", job.id.value),
                                     .conclusion = !evidence.green() ? Conclusion::failure
                                                   : proven          ? Conclusion::success
                                                                     : Conclusion::neutral,
                                     .title = evidence_headline(evidence)};
    Body summary;
    summary.add({}, evidence_section(evidence));
    summary.add(sentence::heading_tests, tests_touched(evidence));
    report.summary = summary.take();
    for (const auto& each : evidence.checks) {
        if (!each.head.tests) continue;
        for (const auto& test : *each.head.tests) {
            if (test.outcome != TestCase::Outcome::failed || test.line < 1 || !is_repository_path(test.file))
                continue;
            if (report.annotations.size() == most_annotations) return report;
            using Level = integrations::Annotation::Level;
            report.annotations.push_back(
                {.path = test.file,
                 .line = test.line,
                 .level = is_among(each.tests_still_failing, test.id) ? Level::warning : Level::failure,
                 .title = one_line(
                     fmt::format(sentence::annotation_title, "check"_a = each.check, "test"_a = test.id),
                     200),
                 .message =
                     first_code_points(plain_output(test.message.empty() ? sentence::annotation_without_words
                                                                         : std::string_view(test.message)),
                                       1000)});
        }
    }
    return report;
}

}  // namespace bot::report
