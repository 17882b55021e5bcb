// How pull requests are opened, weighed and merged.
#include <fmt/format.h>

#include <regex>
#include <utility>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/git.hpp"

namespace practice_forge {
namespace {

std::string merge_message(const Customs& customs, const Repository& repository, const Thread& thread) {
    const auto& pull = *thread.pull;
    return customs.counts_apart  // GitLab:
                                 // https://docs.gitlab.com/user/project/merge_requests/commit_templates/
               ? fmt::format("Merge branch '{}' into '{}'\n\n{}\n\nSee merge request {}!{}", pull.head_branch,
                             pull.base_branch, thread.title, repository.full_name(), thread.number)
               : fmt::format("Merge pull request #{} from {}/{}\n\n{}", thread.number, repository.owner,
                             pull.head_branch, thread.title);
}

}  // namespace

std::vector<std::int64_t> closed_by_words(const std::string& body) {
    static const std::regex pattern(R"(\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? +#(\d+))",
                                    std::regex::icase);
    std::vector<std::int64_t> numbers;
    for (std::sregex_iterator at(body.begin(), body.end(), pattern), end; at != end; ++at) {
        numbers.push_back(std::stoll((*at)[1]));
    }
    return numbers;
}

std::int64_t Deeds::open_pull(Repository& repository, const Proposed& proposed, const std::string& by) {
    const Git git(repository.git);
    std::string branch = proposed.head;
    if (const auto colon = branch.find(':'); colon != std::string::npos) {
        if (lower(branch.substr(0, colon)) != lower(repository.owner))
            throw invalid("PullRequest", "head", "invalid");
        branch = branch.substr(colon + 1);
    }
    const auto base = git.branch(proposed.base);
    if (!base) throw invalid("PullRequest", "base", "invalid");
    const auto head = git.branch(branch);
    if (!head) throw invalid("PullRequest", "head", "invalid");
    Pull pull{.head_branch = branch,
              .head_sha = *head,
              .base_branch = proposed.base,
              .base_sha = *base,
              .draft = proposed.draft};
    pull.commits = git.count(*base, *head);
    if (pull.commits == 0 && !proposed.may_be_empty) {
        throw invalid("PullRequest", "", "custom",
                      fmt::format("No commits between {} and {}", proposed.base, branch));
    }
    const bool related = git.related(*base, *head);
    if (!related && !proposed.may_be_empty)
        throw invalid("PullRequest", "", "custom",
                      fmt::format("The {} branch has no history in common with {}", branch, proposed.base));
    const auto size = related ? git.size(*base, *head) : Git::Size{};
    pull.additions = size.additions;
    pull.deletions = size.deletions;
    pull.changed_files = size.files;

    const auto lock = world_.lock();
    for (const auto& [number, other] : repository.threads) {
        if (other.pull && other.open && other.pull->head_branch == branch &&
            other.pull->base_branch == proposed.base) {
            throw invalid("PullRequest", "", "custom",
                          fmt::format("A pull request already exists for {}:{}.", repository.owner, branch));
        }
    }
    const auto number = world_.take_number(repository, true);
    const auto key = world_.key_of(number);
    const Time now = world_.now();
    world_.user(by);
    auto& thread = repository.threads[key];
    thread = {.id = world_.next_id(),
              .number = number.number,
              .key = key,
              .title = proposed.title,
              .body = proposed.body,
              .author = by,
              .created = now,
              .updated = now,
              .pull = std::move(pull)};
    herald_.begun(repository, thread);
    herald_.opened(repository, thread);
    return key;
}

void Deeds::weigh(Repository& repository, std::int64_t number) {
    std::string head, base_branch;
    {
        const auto lock = world_.lock();
        const auto& thread = world_.thread(repository, number);
        if (!thread.pull) throw not_found();
        if (!thread.open) return;
        head = thread.pull->head_sha;
        base_branch = thread.pull->base_branch;
        const auto base = Git(repository.git).branch(base_branch).value_or("");
        if (thread.pull->mergeable_for == base + " " + head) return;
    }
    const Git git(repository.git);
    const auto base = git.branch(base_branch);
    const bool mergeable = base && git.merge_tree(*base, head).has_value();
    const auto lock = world_.lock();
    auto& pull = *world_.thread(repository, number).pull;
    pull.mergeable = mergeable;
    pull.mergeable_for = base.value_or("") + " " + head;
}

std::string Deeds::merge(Repository& repository, std::int64_t number, const std::string& by) {
    Thread before;
    {
        const auto lock = world_.lock();
        before = world_.thread(repository, number);
    }
    if (!before.pull) throw not_found();
    if (!before.open) throw Problem(405, "Pull Request is not mergeable");
    const Git git(repository.git);
    const auto base = git.branch(before.pull->base_branch);
    const auto tree = base ? git.merge_tree(*base, before.pull->head_sha) : std::nullopt;
    if (!tree) throw Problem(405, "Pull Request is not mergeable");
    const auto message = merge_message(world_.customs, repository, before);
    const auto sha = git.merge(before.pull->base_branch, *base, before.pull->head_sha, *tree, message, by);
    {
        const auto lock = world_.lock();
        auto& thread = world_.thread(repository, number);
        thread.open = false;
        thread.updated = world_.now();
        thread.closed_at = thread.pull->merged_at = thread.updated;
        thread.closed_by = thread.pull->merged_by = by;
        thread.pull->merged = true;
        thread.pull->merge_commit = sha;
        herald_.closed(repository, thread, by);
    }
    pushed(repository, {.branch = before.pull->base_branch, .before = *base, .after = sha}, by);
    if (before.pull->base_branch == repository.default_branch) {
        for (const auto closed : closed_by_words(before.body)) {
            try {
                set_open(repository, closed, false, "completed", by);
            } catch (const Problem&) {
                continue;  // "Fixes #N" of an issue that is not there closes nothing
            }
        }
    }
    return sha;
}

}  // namespace practice_forge
