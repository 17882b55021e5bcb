#include "tests/scenarios/random_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

#include "tests/scenarios/hostile.hpp"

namespace scenarios {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view heads = "refs/heads/";
constexpr std::string_view record = "practice-moves";

/// Each phase of each transaction: phase, process, who pushes, the new commit, the reference. `prepared` is
/// said while the references are locked, so that its order is theirs.
void record_moves(const fs::path& git) {
    const auto hook = git / "hooks" / "reference-transaction";
    fs::create_directories(hook.parent_path());
    std::ofstream(hook) << fmt::format(
        "#!/bin/sh\nwhile read -r old new ref; do\n    case $ref in refs/*) echo \"$1 $PPID "
        "${{REMOTE_USER:--}} $new $ref\" >> '{}';; esac\ndone\nexit 0\n",
        (git / record).string());
    fs::permissions(hook, fs::perms::owner_all);
}

struct Line {
    std::string phase, process, who, after, ref;
};

std::vector<Line> lines_of(const fs::path& file, std::size_t skip) {
    std::vector<Line> lines;
    std::istringstream text(bytes_of(file));
    for (Line line; text >> line.phase >> line.process >> line.who >> line.after >> line.ref;)
        if (skip > 0)
            --skip;
        else
            lines.push_back(line);
    return lines;
}

std::string short_id(const std::string& commit) { return commit.empty() ? "nothing" : commit.substr(0, 10); }

}  // namespace

std::optional<std::int64_t> issue_of_branch(std::string_view branch) {
    constexpr std::string_view begin = "agent/issue-";
    std::int64_t number = 0;
    if (!branch.starts_with(begin)) return std::nullopt;
    branch.remove_prefix(begin.size());
    const auto [end, error] = std::from_chars(branch.data(), branch.data() + branch.size(), number);
    const bool whole = end == branch.data() + branch.size() || *end == '-';
    return error == std::errc() && whole ? std::optional(number) : std::nullopt;
}

Watch::Watch(const practice_forge::PracticeForge& forge, std::string watched, std::string bot)
    : forge_(forge),
      repository_(std::move(watched)),
      bot_(std::move(bot)),
      git_(forge.git_directory(repository_)) {
    record_moves(git_);
    std::vector<std::string> none;
    for (const auto& [ref, commit] : refs_of(git_))
        if (ref.starts_with("refs/")) follow({.who = "-", .after = commit, .ref = ref}, none);
}

/// As they became valid. One whose transaction goes on is left for the next time, with all after it.
std::vector<Watch::Move> Watch::new_moves() {
    const auto lines = lines_of(git_ / record, lines_read_);
    std::vector<Move> moves;
    for (std::size_t i = 0; i < lines.size(); ++i, ++lines_read_) {
        const auto& line = lines[i];
        if (line.phase != "prepared") continue;
        const auto outcome = std::find_if(
            lines.begin() + static_cast<std::ptrdiff_t>(i) + 1, lines.end(), [&](const Line& later) {
                return later.process == line.process && later.ref == line.ref && later.phase != "prepared";
            });
        if (outcome == lines.end()) break;
        if (outcome->phase != "committed") continue;
        const bool gone = line.after.find_first_not_of('0') == std::string::npos;
        moves.push_back({.who = line.who, .after = gone ? std::string() : line.after, .ref = line.ref});
    }
    return moves;
}

std::set<std::string> Watch::commits(const std::string& range) const {
    std::set<std::string> found;
    std::istringstream ids(in_repository(git_, "git rev-list " + range));
    for (std::string id; ids >> id;) found.insert(id);
    return found;
}

void Watch::judge(const Move& move, const std::string& before, std::vector<std::string>& wrong) const {
    const auto what = fmt::format("{} from {} to {}", move.ref, short_id(before), short_id(move.after));
    if (theirs_now_.contains(move.ref)) wrong.push_back("the bot moved a branch that people began: " + what);
    const bool in_its_place =
        move.ref.starts_with("refs/shopfloor/") ||
        (move.ref.starts_with(heads) && issue_of_branch(move.ref.substr(heads.size())).has_value());
    if (!in_its_place) wrong.push_back("the bot moved a reference that is none of its own: " + what);
    if (before.empty()) return;
    // What is on the default branch is not lost with a branch that is deleted.
    const auto kept = move.after.empty() ? at_.at("refs/heads/main") : move.after;
    for (const auto& lost : commits(before + " ^" + kept))
        if (by_people_.contains(lost))
            wrong.push_back(fmt::format("the bot dropped a person's commit {}: {}", short_id(lost), what));
}

void Watch::follow(const Move& move, std::vector<std::string>& wrong) {
    const auto found = at_.find(move.ref);
    const auto before = found == at_.end() ? std::string() : found->second;
    const bool by_bot = move.who == bot_;
    if (before == move.after) return;
    if (by_bot) judge(move, before, wrong);
    if (move.after.empty()) {
        at_.erase(move.ref);
        theirs_now_.erase(move.ref);
        return;
    }
    at_[move.ref] = move.after;
    if (before.empty() && by_bot) begun_by_bot_.insert(move.ref);
    if (before.empty() && !by_bot) theirs_now_.insert(move.ref);
    for (const auto& commit : commits(move.after))
        if (known_.insert(commit).second && !by_bot) by_people_.insert(commit);
}

void Watch::judge_proposals(const std::vector<practice_forge::PullRequest>& all,
                            std::vector<std::string>& wrong) const {
    std::map<std::int64_t, std::int64_t> open;  // issue -> pull request
    for (const auto& each : all) {
        if (each.author != bot_) continue;
        const auto issue = issue_of_branch(each.head_branch);
        if (!issue || !begun_by_bot_.contains(std::string(heads) + each.head_branch))
            wrong.push_back(fmt::format("pull request {} proposes {}, which the bot did not begin",
                                        each.number, each.head_branch));
        if (!issue || !each.open || theirs_.contains(each.number)) continue;
        const auto [other, alone] = open.emplace(*issue, each.number);
        if (!alone)
            wrong.push_back(fmt::format("issue {} has two pull requests open: {} and {}", *issue,
                                        other->second, each.number));
    }
}

std::vector<std::string> Watch::look() {
    std::vector<std::string> wrong;
    const auto proposed = forge_.pull_requests(repository_);  // before the moves: they came first
    for (const auto& move : new_moves()) follow(move, wrong);
    judge_proposals(proposed, wrong);
    std::erase_if(wrong, [&](const auto& words) { return !told_.insert(words).second; });
    return wrong;
}

std::vector<std::string> Watch::unexplained() const {
    std::vector<std::string> wrong;
    auto there = refs_of(git_);
    std::erase_if(there, [](const auto& each) { return !each.first.starts_with("refs/"); });
    for (const auto& [ref, commit] : there)
        if (const auto known = at_.find(ref); known == at_.end() || known->second != commit)
            wrong.push_back(fmt::format("{} is at {}, and nobody moved it there", ref, short_id(commit)));
    for (const auto& [ref, commit] : at_)
        if (!there.contains(ref)) wrong.push_back(fmt::format("{} is gone, and nobody deleted it", ref));
    return wrong;
}

std::vector<std::string> Watch::begun_for(std::int64_t issue) const {
    std::vector<std::string> found;
    for (const auto& [ref, commit] : at_)
        if (begun_by_bot_.contains(ref) && !theirs_now_.contains(ref) && ref.starts_with(heads) &&
            issue_of_branch(ref.substr(heads.size())) == issue)
            found.push_back(ref.substr(heads.size()));
    return found;
}

std::vector<practice_forge::PullRequest> Watch::proposals(std::int64_t issue) const {
    auto all = forge_.pull_requests(repository_);
    std::erase_if(all, [&](const auto& each) {
        return each.author != bot_ || issue_of_branch(each.head_branch) != issue;
    });
    std::ranges::sort(all, {}, &practice_forge::PullRequest::number);
    return all;
}

}  // namespace scenarios
