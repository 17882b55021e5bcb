#include "tests/scenarios/random_rest.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "bot/ledger.hpp"
#include "bot/report.hpp"
#include "tests/scenarios/hostile.hpp"

namespace scenarios {

namespace fs = std::filesystem;
using bot::JobState;

namespace {

/// The first column of each row.
std::vector<std::string> column(const fs::path& ledger, const std::string& sql) {
    const SQLite::Database database(ledger.string(), SQLite::OPEN_READONLY, 5000);
    SQLite::Statement rows(database, sql);
    std::vector<std::string> found;
    while (rows.executeStep()) found.push_back(rows.getColumn(0).getString());
    return found;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// Jobs that are an issue's, not one of several tries for it; the oldest first.
std::vector<bot::Job> jobs_of(const bot::Ledger& ledger, const fs::path& file) {
    std::vector<bot::Job> jobs;
    for (const auto& id : column(file, "SELECT id FROM jobs WHERE contest IS NULL ORDER BY id"))
        jobs.push_back(ledger.job({std::stoll(id)}).value());
    return jobs;
}

void judge_status(const practice_forge::Issue& issue, const bot::Job& job, const bot::Ledger& ledger,
                  std::vector<std::string>& wrong) {
    const auto mark = fmt::format(" job-{}-status -->", job.id.value);
    std::vector<std::string> found;
    for (const auto& comment : issue.comments)
        if (contains(comment.body, mark)) found.push_back(comment.body);
    if (found.size() != 1) {
        wrong.push_back(fmt::format("job {} has {} status comments", job.id.value, found.size()));
        return;
    }
    const auto* forge = integrations::find_forge_kind(job.assignment.issue.repo.forge);  // named as its kind
    const auto wanted = first_line(bot::report::spoken(
        bot::report::status(job, ledger.runs(job.id), 0, {}, {}, ledger.tries(job.id)), "/agent", *forge));
    if (first_line(found.front()) != wanted)
        wrong.push_back(fmt::format("job {} is said to be \"{}\", and is \"{}\"", job.id.value,
                                    first_line(found.front()), wanted));
}

void judge_labels(const practice_forge::Issue& issue, const bot::Job& latest,
                  const config::LabelSettings& labels, std::vector<std::string>& wrong) {
    std::vector<std::string> wanted;
    if (auto label = bot::report::state_label(latest.state, labels); !label.empty()) wanted.push_back(label);
    auto shown = issue.labels;
    std::erase_if(shown, [&](const auto& each) { return !each.starts_with(labels.state_prefix); });
    if (shown != wanted)
        wrong.push_back(fmt::format("issue {} is labelled \"{}\", and its job is {}", issue.number,
                                    fmt::join(shown, ", "), bot::name(latest.state)));
}

/// What the job makes of its pull request, and what that is.
void judge_proposal(const practice_forge::PullRequest& there, const std::vector<bot::Job>& jobs,
                    std::vector<std::string>& wrong) {
    std::vector<std::string> known_to;
    for (const auto& job : jobs) {
        if (job.pull_request != there.number) continue;
        known_to.push_back(std::to_string(job.id.value));
        const bool agree = job.state == JobState::merged   ? there.merged
                           : job.state == JobState::review ? there.open
                                                           : true;
        if (!agree)
            wrong.push_back(fmt::format("job {} is {}, and pull request {} is not", job.id.value,
                                        bot::name(job.state), there.number));
    }
    if (known_to.size() != 1)
        wrong.push_back(fmt::format("pull request {} of {} is known to {} jobs: {}", there.number,
                                    there.head_branch, known_to.size(), fmt::join(known_to, ", ")));
}

}  // namespace

std::vector<std::string> unrest(const fs::path& ledger) {
    return column(
        ledger,
        "SELECT 'a delivery waits: ' || why FROM inbox UNION ALL SELECT kind || ' ' || marker || ' is not "
        "posted: ' || trouble FROM reports WHERE version > posted_version AND given_up = 0 UNION ALL SELECT "
        "'job ' || id || ' is ' || state || ': ' || reason FROM jobs WHERE state IN ('queued', 'working', "
        "'publishing', 'competing')");
}

bool rests(const fs::path& ledger) { return unrest(ledger).empty(); }

std::vector<std::string> wrong_in_ledger(const fs::path& ledger) {
    std::vector<std::string> wrong;
    for (const auto& issue :
         column(ledger,
                "SELECT issue FROM jobs WHERE contest IS NULL AND ended_at IS NULL GROUP BY forge, repo_id, "
                "issue HAVING count(*) > 1"))
        wrong.push_back(fmt::format("issue {} has two jobs at once", issue));
    for (const auto& why : column(ledger, "SELECT reason FROM outcomes WHERE state = 'dead'"))
        wrong.push_back(fmt::format("a delivery was put aside: {}", why));
    for (const auto& what :
         column(ledger, "SELECT kind || ' ' || marker || ': ' || trouble FROM reports WHERE given_up"))
        wrong.push_back(fmt::format("a report was given up: {}", what));
    return wrong;
}

std::vector<std::string> wrong_at_rest(const Factory& factory, const Watch& watch, const Play& play) {
    const auto file = factory.state_dir() / "ledger.sqlite";
    auto wrong = watch.unexplained();
    for (const auto& line : column(file, "PRAGMA integrity_check"))
        if (line != "ok") wrong.push_back("the ledger is damaged: " + line);
    const bot::Ledger ledger(file, {});
    const auto jobs = jobs_of(ledger, file);
    std::map<std::int64_t, bot::Job> latest;
    for (const auto& job : jobs) {
        const auto number = job.assignment.issue.number;
        latest.insert_or_assign(number, job);
        judge_status(factory.forge.issue(repository, number), job, ledger, wrong);
    }
    const auto& labels = factory.settings().labels;
    for (const auto& [number, job] : latest)
        judge_labels(factory.forge.issue(repository, number), job, labels, wrong);
    for (const auto number : play.issues()) {
        for (const auto& label : factory.forge.issue(repository, number).labels)
            if (label == labels.trigger || label.starts_with(labels.trigger + ":"))
                wrong.push_back(fmt::format("issue {} has its label {} still", number, label));
        for (const auto& there : watch.proposals(number)) judge_proposal(there, jobs, wrong);
    }
    for (const auto number : play.labelled())
        if (!latest.contains(number) && factory.answers(number).empty())
            wrong.push_back(fmt::format("issue {} was labelled, and nobody answered", number));
    return wrong;
}

}  // namespace scenarios
