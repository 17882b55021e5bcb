#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "bot/intent.hpp"
#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/visible_text.hpp"

namespace bot::report {

namespace {

constexpr std::size_t longest_body = 60'000;  ///< code points; GitHub takes 65,536
constexpr std::size_t longest_summary = 10'000;
constexpr std::size_t longest_title = 200;    ///< code points; GitHub takes 256
constexpr std::size_t most_annotations = 50;  ///< of one request, https://docs.github.com/en/rest/checks/runs

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// A title becomes the message of a squashed commit, and there these words turn the forge's own checks off:
/// https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
std::string without_skip_words(std::string text) {
    static constexpr std::array<std::string_view, 5> words{"[skip ci]", "[ci skip]", "[no ci]",
                                                           "[skip actions]", "[actions skip]"};
    for (const auto word : words)
        for (auto found = std::ranges::search(text, word, {}, lower); !found.empty();
             found = std::ranges::search(text, word, {}, lower)) {
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
        if (shortened_)
            text_ += "Parts of this report are left out: it would be longer than the forge allows.\n";
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
    return "> [!WARNING]\n> **" + evidence_headline(evidence) +
           ".** This is a draft: the agent had all its rounds and the evidence below still says no.\n";
}

std::string evidence_section(const Evidence& evidence) {
    if (evidence.checks.empty()) return evidence_table(evidence);
    return fmt::format(
        "**{}.** Every check below was run by Shopfloor itself in a fresh sandbox without the agent, on the "
        "base commit {} and on this branch's commit {}.\n\n{}\n{}",
        evidence_headline(evidence), commit(evidence.base_commit), commit(evidence.head_commit),
        evidence_table(evidence), evidence_details(evidence));
}

std::string assumptions_section(const Verdict& verdict) {
    if (verdict.assumptions.empty()) return {};
    std::string text = "The repository has no `.shopfloor.yml` yet, so this was assumed from its files:\n\n";
    for (std::size_t i = 0; i < verdict.assumptions.size() && i < 20; ++i)
        text += "- " + foreign(one_line(verdict.assumptions[i], 400), 600) + "\n";
    if (!verdict.proposed_recipe.empty())
        text +=
            "\nTo make it certain, correct this and commit it as `.shopfloor.yml` on the default "
            "branch:\n\n" +
            fenced(verdict.proposed_recipe, 4000) + "\n";
    return text;
}

std::string cost_section(const Verdict& verdict) {
    auto text = fmt::format("Agent profile {}: {}, {}.", code(verdict.profile),
                            count(static_cast<std::uint64_t>(std::max(verdict.rounds, 0)), "round"),
                            duration(std::chrono::milliseconds(verdict.agent_ms)));
    if (verdict.input_tokens + verdict.cached_tokens + verdict.output_tokens > 0)
        text += fmt::format(" Tokens: {} in, {} in from cache, {} out.", grouped(verdict.input_tokens),
                            grouped(verdict.cached_tokens), grouped(verdict.output_tokens));
    if (verdict.cost_usd) text += fmt::format(" Cost: ${:.2f}.", *verdict.cost_usd);
    return text;
}

std::string refused_section(const Verdict& verdict) {
    if (verdict.refused_hosts.empty()) return {};
    std::string text =
        "Programs wanted to reach these hosts and could not. What a recipe may ask for under `egress` is the "
        "operator's choice.\n\n| Host | Wanted by | Times | Why not |\n| --- | --- | --- | --- |\n";
    for (std::size_t i = 0; i < verdict.refused_hosts.size() && i < 30; ++i) {
        const auto& host = verdict.refused_hosts[i];
        text += fmt::format("| {} | {} | {} | {} |\n", cell(host.name, 100), host.step, host.times,
                            cell(host.why, 200));
    }
    if (verdict.refused_hosts.size() > 30)
        text += fmt::format("\nAnd {} more.\n", verdict.refused_hosts.size() - 30);
    return text;
}

std::string answer_section(const Job& job, std::string_view trigger_label) {
    return fmt::format(
        "- Good as it is? Review it like anybody's work and merge it.\n"
        "- Something to change? Ask for changes in a review, with comments beside the lines, or comment "
        "`/agent refine` and what to change.\n"
        "- Not what was meant? Comment `/agent retry [profile] [guidance]`: it is made anew from the present "
        "base, and what is here is kept. The guidance reaches the agent word for word. Or close it; the "
        "label "
        "{1} on issue {0} begins again later.\n"
        "- `/agent status` tells where the job is, `/agent stop` ends it and leaves this pull request alone, "
        "`/agent help` "
        "lists the commands.\n",
        job.assignment.issue.number, code(trigger_label));
}

std::string footer(const Job& job, const Verdict& verdict) {
    auto text = fmt::format("---\n<sub>Shopfloor job {} · base {} · commit {}", job.id.value,
                            commit(verdict.evidence.base_commit), commit(verdict.evidence.head_commit));
    if (!verdict.image.empty()) text += " · image " + code(verdict.image);
    if (!verdict.image_id.empty() && verdict.image_id != verdict.image) text += " " + code(verdict.image_id);
    return text + "</sub>\n";
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
        std::ranges::transform(key, key.begin(), lower);
        if (colon != std::string::npos && (key.ends_with("-by") || key == "skip-checks")) continue;
        if (line.empty() && (text.empty() || text.ends_with("\n\n"))) continue;
        text += line + "\n";
    }
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

std::string co_author(const integrations::Person& person) {
    const auto is_plain = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.';
    };
    if (person.login.empty() || !std::ranges::all_of(person.login, is_plain) ||
        !std::ranges::all_of(person.id, is_plain))
        return {};
    const auto address = person.id.empty() ? person.login : person.id + "+" + person.login;
    return fmt::format("Co-authored-by: {} <{}@users.noreply.github.com>\n", person.login, address);
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
    return title.empty() ? fmt::format("Issue {}", job.assignment.issue.number) : title;
}

std::string pull_request_body(const Job& job, const Verdict& verdict, std::string_view trigger_label) {
    const auto& evidence = verdict.evidence;
    const auto& assignment = job.assignment;
    Body body;
    body.add({}, fmt::format("Fixes #{}", assignment.issue.number));
    body.add({}, draft_note(evidence));
    const auto summary = foreign(verdict.summary, longest_summary);
    body.add("What and why", summary.empty() ? "The agent left no words about its change." : summary);
    body.add("Evidence", evidence_section(evidence));
    body.add("Tests touched", tests_touched(evidence));
    body.add("Other tries", rivals_table(verdict.rivals));
    body.add("Assumed", assumptions_section(verdict));
    body.add("Hosts refused", refused_section(verdict));
    std::string cost = cost_section(verdict);
    if (assignment.hidden_stripped > 0)
        cost +=
            fmt::format("\n\n⚠️ {} that people do not see {} taken out of the issue before the agent read it.",
                        count(static_cast<std::uint64_t>(assignment.hidden_stripped), "piece") + " of text",
                        assignment.hidden_stripped == 1 ? "was" : "were");
    body.add("Cost and time", fmt::format("Asked for by {}. {}", code(assignment.requested_by.login), cost));
    body.add("How to answer", answer_section(job, trigger_label));
    body.add({}, footer(job, verdict));
    return body.take();
}

std::string commit_message(const Job& job, const Verdict& verdict, const std::vector<Ask>& asks) {
    auto title = first_code_points(one_line(job.assignment.title, 200), 72);
    if (title.empty()) title = fmt::format("Issue {}", job.assignment.issue.number);
    if (!asks.empty()) title = first_code_points("Address review: " + title, 72);
    const auto summary = plain_summary(verdict.summary, 2000);
    auto text = title + "\n\n";
    if (!summary.empty()) text += summary + "\n\n";
    text = without_skip_words(text) + fmt::format("Refs #{}\n", job.assignment.issue.number);
    std::vector<std::string> trailers;
    for (const auto& ask : asks) trailers.push_back(co_author(ask.by));
    if (asks.empty()) trailers.push_back(co_author(job.assignment.requested_by));
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
    summary.add("Tests touched", tests_touched(evidence));
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
                 .title = one_line(each.check + ": " + test.id, 200),
                 .message =
                     first_code_points(plain_output(test.message.empty() ? "failed" : test.message), 1000)});
        }
    }
    return report;
}

}  // namespace bot::report
