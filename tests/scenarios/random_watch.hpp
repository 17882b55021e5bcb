#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"

/// What must hold of a repository whatever happens, told from the forge's side alone.
namespace scenarios {

/// Looks over one repository from when it is made. Git itself records each move of a reference, in order and
/// with who pushed it (https://git-scm.com/docs/githooks#_reference_transaction): a push over HTTP has its
/// sender's name, all else is people's.
class Watch {
 public:
    Watch(const practice_forge::PracticeForge& forge, std::string repository, std::string bot);

    /// What is wrong that was not told before: the bot moved or deleted a branch that people began, dropped
    /// a commit of theirs from a branch, deleted a branch with one, began a branch that is none of its own,
    /// proposed a branch of theirs, or has two pull requests open for one issue.
    [[nodiscard]] std::vector<std::string> look();
    /// Once nobody pushes any more: references that are not where the moves that were seen have left them.
    [[nodiscard]] std::vector<std::string> unexplained() const;
    /// By a person: from then on it is open because they want it.
    void reopened(std::int64_t pull_request) { theirs_.insert(pull_request); }
    /// What `look` has seen so far: branches of an issue that the bot began and that are there.
    [[nodiscard]] std::vector<std::string> begun_for(std::int64_t issue) const;
    [[nodiscard]] std::vector<practice_forge::PullRequest> proposals(std::int64_t issue) const;

 private:
    struct Move {
        std::string who, after, ref;  ///< `after` is empty: deleted
    };
    [[nodiscard]] std::vector<Move> new_moves();
    [[nodiscard]] std::set<std::string> commits(const std::string& range) const;
    void follow(const Move& move, std::vector<std::string>& wrong);
    void judge(const Move& move, const std::string& before, std::vector<std::string>& wrong) const;
    void judge_proposals(const std::vector<practice_forge::PullRequest>& all,
                         std::vector<std::string>& wrong) const;

    const practice_forge::PracticeForge& forge_;
    std::string repository_, bot_;
    std::filesystem::path git_;
    std::size_t lines_read_ = 0;
    std::map<std::string, std::string> at_;    ///< each reference, as the moves say
    std::set<std::string> theirs_now_;         ///< references that people began and that are there
    std::set<std::string> begun_by_bot_;       ///< ever
    std::set<std::string> known_, by_people_;  ///< commits
    std::set<std::int64_t> theirs_;            ///< pull requests
    std::set<std::string> told_;
};

/// The issue that a branch is named after as the bot names them.
[[nodiscard]] std::optional<std::int64_t> issue_of_branch(std::string_view branch);

}  // namespace scenarios
