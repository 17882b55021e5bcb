#include "tests/scenarios/tested_forge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "bot/report.hpp"
#include "integrations/forge.hpp"

namespace scenarios {

namespace {

using practice_forge::Dialect;

const std::map<Ability, Without>& all_without() {
    static const std::map<Ability, Without> table{
        {Ability::tell_lines_around_a_remark, {"the lines around a remark", {Dialect::gitlab}}},
        {Ability::annotate_its_ci,
         {"what failed there", {Dialect::gitlab, Dialect::gitea, Dialect::forgejo}}},
        {Ability::tell_reviews_apart, {"a review that asks for changes is told", {Dialect::gitlab}}},
        {Ability::tell_of_locks, {"a locked conversation", {Dialect::gitea, Dialect::forgejo}}},
        {Ability::tell_of_deleted_comments, {"a deleted comment", {Dialect::gitlab}}},
        {Ability::tell_of_deleted_issues,
         {"a deleted issue", {Dialect::gitlab, Dialect::gitea, Dialect::forgejo}}},
        {Ability::tell_of_moved_repositories,
         {"a renamed or transferred repository", {Dialect::gitea, Dialect::forgejo}}},
        {Ability::tell_of_lost_access,
         {"access that is taken from the bot", {Dialect::gitlab, Dialect::gitea, Dialect::forgejo}}},
        {Ability::tell_of_archived_repositories,
         {"an archived repository", {Dialect::gitlab, Dialect::gitea, Dialect::forgejo}}},
        {Ability::tell_of_deleted_repositories,
         {"a deleted repository", {Dialect::gitlab, Dialect::gitea, Dialect::forgejo}}},
        {Ability::move_issues, {"an issue moved to another repository", {Dialect::gitea, Dialect::forgejo}}},
        {Ability::tell_its_ci_log, {"what failed there", {Dialect::gitea, Dialect::forgejo}}},
        {Ability::refuse_unrelated_histories,
         {"a base branch that became another history", {Dialect::gitlab, Dialect::gitea, Dialect::forgejo}}},
        {Ability::tell_what_failed, {"what else a failed delivery told", {Dialect::gitea, Dialect::forgejo}}},
        {Ability::sign_deliveries, {"a delivery is signed in", {Dialect::gitlab}}},
        {Ability::install_apps, {"acts as", {Dialect::gitlab, Dialect::gitea, Dialect::forgejo}}},
    };
    return table;
}

struct Place {
    std::string_view method, path;
};

Place place_of(Asked asked) {
    static const std::map<Asked, Place> at_github{
        {Asked::anything, {"*", "/repos/*"}},
        {Asked::push, {"POST", "*/git-receive-pack"}},
        {Asked::open_pull_request, {"POST", "/repos/*/pulls"}},
        {Asked::change_pull_request, {"PATCH", "/repos/*/pulls/*"}},
        {Asked::labels, {"*", "/repos/*/issues/*/labels*"}},
        {Asked::change, {"PATCH", "/repos/*"}},
        {Asked::comment, {"POST", "/repos/*/issues/*/comments"}},
        {Asked::evidence, {"POST", "/repos/*/check-runs"}},
        {Asked::reviews, {"GET", "/repos/*/pulls/*/reviews"}},
        {Asked::pull_request, {"GET", "/repos/*/pulls/*"}},
        {Asked::permission, {"GET", "/repos/*/collaborators/*/permission"}},
        {Asked::what_was_said, {"GET", "/repos/*/issues/comments"}},
    };
    static const std::map<Asked, Place> at_gitlab{
        {Asked::anything, {"*", "/projects/*"}},
        {Asked::push, {"POST", "*/git-receive-pack"}},
        {Asked::open_pull_request, {"POST", "/projects/*/merge_requests"}},
        {Asked::change_pull_request, {"PUT", "/projects/*/merge_requests/*"}},
        {Asked::labels, {"PUT", "/projects/*/issues/*"}},
        {Asked::change, {"PUT", "/projects/*"}},
        {Asked::comment, {"POST", "/projects/*/issues/*/notes"}},
        {Asked::evidence, {"POST", "/projects/*/statuses/*"}},
        {Asked::reviews, {"GET", "/projects/*/merge_requests/*/discussions"}},
        {Asked::pull_request, {"GET", "/projects/*/merge_requests/*"}},
        {Asked::permission, {"GET", "/projects/*/members/all/*"}},
        {Asked::what_was_said, {"GET", "/projects/*/events"}},
    };
    const bool statuses = tested_forge() == Dialect::gitea || tested_forge() == Dialect::forgejo;
    if (asked == Asked::evidence && statuses) return {"POST", "/repos/*/statuses/*"};
    return (tested_forge() == Dialect::gitlab ? at_gitlab : at_github).at(asked);
}

}  // namespace

Dialect tested_forge() {
    const char* name = std::getenv("SHOPFLOOR_TEST_FORGE");
    return name == nullptr ? Dialect::github : practice_forge::dialect_named(name);
}

const integrations::ForgeKind& tested_kind() {
    static const auto names = practice_forge::dialect_names();
    return *integrations::find_forge_kind(names.at(static_cast<std::size_t>(tested_forge())));
}

bool can(Ability ability) { return !all_without().at(ability).forges.contains(tested_forge()); }

std::vector<Without> abilities_missing() {
    std::vector<Without> all;
    for (const auto& [ability, without] : all_without()) all.push_back(without);
    return all;
}

practice_forge::Fault at(Asked asked, practice_forge::Fault fault) {
    const auto place = place_of(asked);
    fault.method = place.method;
    fault.path = place.path;
    return fault;
}

practice_forge::Fault at_label_off(practice_forge::PracticeForge& forge, std::string_view repository,
                                   std::string_view label, practice_forge::Fault fault, std::int64_t issue) {
    const auto number = issue == 0 ? "*" : std::to_string(issue);
    if (tested_forge() == Dialect::gitlab) {
        fault.method = "PUT";
        fault.path = fmt::format("/projects/{}/issues/{}", forge.repository_id(repository), number);
        fault.words = fmt::format(R"("remove_labels":["{}"])", label);
        return fault;
    }
    auto name = std::string(label);
    if (!on_github()) name = std::to_string(forge.label_id(repository, label));
    if (const auto colon = name.find(':'); colon != std::string::npos) name.replace(colon, 1, "%3A");
    fault.method = "DELETE";
    fault.path = fmt::format("/repos/{}/issues/{}/labels/{}", repository, number, name);
    return fault;
}

bool asked_for_permission_of(const practice_forge::PracticeForge& forge, std::string_view repository,
                             std::string_view person) {
    const auto path = tested_forge() == Dialect::gitlab
                          ? fmt::format("/projects/{}/members/all/{}", forge.repository_id(repository),
                                        forge.user_id(person))
                          : fmt::format("/repos/{}/collaborators/{}/permission", repository, person);
    return std::ranges::any_of(forge.requests(), [&](const auto& one) { return one.path == path; });
}

std::string login_of_another_bot() {
    return tested_forge() == Dialect::gitlab ? "project_7_bot_renovate" : "renovate[bot]";
}

std::string as_read(std::string_view sentence) {
    return bot::report::spoken(std::string(sentence), "/agent", tested_kind());
}

std::string reference(const practice_forge::PullRequest& proposal) {
    return fmt::format("{}{}", tested_kind().proposal_sign, proposal.number);
}

}  // namespace scenarios
