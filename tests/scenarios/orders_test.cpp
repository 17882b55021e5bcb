// What people did in one order is told in every order, each told twice at once and once more by another hook:
// the end is what the forge is then, as the bot asks it when it decides.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/post_office.hpp"

using practice_forge::PracticeForge;
using practice_forge::PullRequest;
using practice_forge::Which;
using scenarios::Ability;
using scenarios::can;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::PostOffice;
using scenarios::repository;

namespace {

using Deliveries = std::vector<std::int64_t>;

/// Every pass makes a file of its own, so that no two pull requests are in each other's way.
Plan plan_of_many() {
    const std::string works = "mktemp ./words-XXXXXXXX";
    // Until somebody ends it; where nobody hears of a lock that is not it.
    const std::string until_locked = can(Ability::tell_of_locks) ? "sleep 3000" : works;
    return {.files = {{.path = "tests/run.sh", .content = "true\n"}},
            .agents = {{"worker", works},
                       {"zz-sleeper", "sleep 3000"},
                       {"zz-open", until_locked},
                       {"zz-asker", "if grep -q 'in euros'; then " + until_locked +
                                        "; else echo 'QUESTION: Which currency?'; fi"}},
            .change = [](config::Settings& settings) { settings.max_parallel = 8; }};
}

/// Where a story begins: an issue that nobody asked for yet, a long work on it, its open pull request, or its
/// question.
enum class From { issue, work, review, question };

struct Story {
    const char* name;
    From from;
    /// What people do, in this order; what the forge tells of it.
    std::function<Deliveries(PracticeForge&, const PostOffice&, std::int64_t issue,
                             const PullRequest& proposal)>
        happens;
    std::string end;
    std::size_t events = 2;  ///< that are told
    /// The end where the lock that is among the events is not told; empty: there is no such event.
    std::string end_unlocked = {};
};

bool hears_of_all(const Story& story) { return story.end_unlocked.empty() || can(Ability::tell_of_locks); }

/// The forge's clock tells no two events of one second apart.
void the_next_second() { std::this_thread::sleep_for(std::chrono::milliseconds(1100)); }

std::int64_t says(PracticeForge& forge, const PostOffice& post, const Which& thread, const std::string& words,
                  std::string_view who = maintainer) {
    forge.comment(repository, thread, words, who);
    return post.told("issue_comment.created", thread, words);
}

std::int64_t labels(PracticeForge& forge, const PostOffice& post, std::int64_t issue,
                    std::string_view label = "agent") {
    forge.add_label(repository, issue, std::string(label), maintainer);
    return post.told("issues.labeled", issue);
}

/// Off again before a sweep that saw it on can have asked about it: nobody works for it unless told in time.
Deliveries and_labels_for_a_moment(Deliveries deliveries, PracticeForge& forge, const PostOffice& post,
                                   std::int64_t issue, const std::string& label = "agent") {
    forge.add_label(repository, issue, label, maintainer);
    forge.remove_label(repository, issue, label, maintainer);
    for (const auto* what : {"issues.labeled", "issues.unlabeled"})
        deliveries.push_back(post.told(what, issue));
    return deliveries;
}

/// What is told besides of the lock: perhaps nothing.
Deliveries and_locks(Deliveries deliveries, PracticeForge& forge, const PostOffice& post,
                     std::int64_t issue) {
    forge.lock(repository, issue, maintainer);
    if (can(Ability::tell_of_locks)) deliveries.push_back(post.told("issues.locked", issue));
    return deliveries;
}

// The end of each, whatever comes first, because:
//   the label is off       so nobody asks
//   the issue is closed    so nothing is begun
//   the issue is open      so an end of it that was undone is none
//   it is merged, closed   so what is said of it afterwards is about a pull request that is over
//   it is open             so all that was wished is one change
//   the words are stop     and nothing goes on after them that was asked for before (a slow agent: the
//                          sweep may have begun before any of it is told)
//   `*`                    an answer more where stop was heard before what it stops: none was at work then;
//                          or where what was asked for after it was heard before it: work was in its way
const std::vector<Story> stories{
    {"the label, and taken off again", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         return and_labels_for_a_moment({}, forge, post, issue);
     },
     "no job | nothing proposed | 0 answers | no label"},
    {"run, and the issue closed", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         const auto run = says(forge, post, issue, "/agent run");
         forge.close(repository, issue, maintainer);
         return Deliveries{run, post.told("issues.closed", issue)};
     },
     "no job | nothing proposed | 1 answers | no label"},
    {"the issue closed, reopened, and labelled", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         forge.close(repository, issue, maintainer);
         forge.reopen(repository, issue, maintainer);
         return Deliveries{labels(forge, post, issue), post.told("issues.closed", issue),
                           post.told("issues.reopened", issue)};
     },
     "review | open pull request of 1 commit | 0 answers | agent-state: review", 3},
    {"a wish, and the pull request merged", From::review,
     [](auto& forge, const auto& post, auto issue, const auto& proposal) {
         const auto wish = says(forge, post, proposal, "/agent refine say more");
         forge.merge(repository, proposal.number, maintainer);
         return Deliveries{wish, post.told("pull_request.closed", proposal),
                           post.told("issues.closed", issue)};
     },
     "merged | merged pull request of 1 commit | 1 answers | agent-state: done", 3},
    {"a review, and a wish", From::review,
     [](auto& forge, const auto& post, auto, const auto& proposal) {
         forge.review(repository, proposal.number, "changes_requested", "Too few words.",
                      {{.path = "README.md", .line = 1, .body = "Here."},
                       {.path = "README.md", .line = 1, .body = "And here."}},
                      maintainer);
         return Deliveries{post.told("pull_request_review.submitted", proposal),
                           says(forge, post, proposal, "/agent refine and louder")};
     },
     "review | open pull request of 2 commits | 1 answers | agent-state: review"},
    {"another try, and the pull request closed", From::review,
     [](auto& forge, const auto& post, auto issue, const auto& proposal) {
         const auto again = says(forge, post, issue, "/agent retry");
         forge.close(repository, proposal, maintainer);
         return Deliveries{again, post.told("pull_request.closed", proposal)};
     },
     "closed review | closed pull request of 1 commit, open pull request of 1 commit | 0 answers | "
     "agent-state: review"},
    {"the pull request closed, and the label", From::review,
     [](auto& forge, const auto& post, auto issue, const auto& proposal) {
         forge.close(repository, proposal, maintainer);
         const auto closed = post.told("pull_request.closed", proposal);
         return Deliveries{closed, labels(forge, post, issue)};
     },
     "closed review | closed pull request of 1 commit, open pull request of 1 commit | 0 answers | "
     "agent-state: review"},
    {"the pull request closed, and run", From::review,
     [](auto& forge, const auto& post, auto issue, const auto& proposal) {
         forge.close(repository, proposal, maintainer);
         const auto closed = post.told("pull_request.closed", proposal);
         return Deliveries{closed, says(forge, post, issue, "/agent run")};
     },
     "closed review | closed pull request of 1 commit, open pull request of 1 commit | 0 answers | "
     "agent-state: review"},
    {"the pull request merged, and stop", From::review,
     [](auto& forge, const auto& post, auto issue, const auto& proposal) {
         forge.merge(repository, proposal.number, maintainer);
         return Deliveries{says(forge, post, issue, "/agent stop"),
                           post.told("pull_request.closed", proposal)};
     },
     "merged | merged pull request of 1 commit | 1 answers | agent-state: done"},
    {"an answer, and the conversation locked", From::question,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         return and_locks({says(forge, post, issue, "Please count in euros.")}, forge, post, issue);
     },
     "stopped | nothing proposed | 1 answers | no label", 2,
     "review | open pull request of 1 commit | 1 answers | agent-state: review"},
    {"the label, and stop", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         const auto on = labels(forge, post, issue, "agent:zz-sleeper");
         return Deliveries{on, says(forge, post, issue, "/agent stop")};
     },
     "stopped | nothing proposed | * answers | no label"},
    {"run, and stop", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         const auto run = says(forge, post, issue, "/agent run zz-sleeper");
         return Deliveries{run, says(forge, post, issue, "/agent stop")};
     },
     "stopped | nothing proposed | * answers | no label"},
    {"stop, and the label set after it", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         const auto stop = says(forge, post, issue, "/agent stop");
         the_next_second();
         return Deliveries{stop, labels(forge, post, issue)};
     },
     "review | open pull request of 1 commit | 1 answers | agent-state: review"},
    {"run, and the conversation locked", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         const auto run = says(forge, post, issue, "/agent run zz-open");
         the_next_second();
         return and_locks({run}, forge, post, issue);
     },
     "stopped | nothing proposed | 0 answers | no label", 2,
     "review | open pull request of 1 commit | 0 answers | agent-state: review"},
    {"run, the label, and the label taken off", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         return and_labels_for_a_moment({says(forge, post, issue, "/agent run zz-sleeper")}, forge, post,
                                        issue, "agent:zz-sleeper");
     },
     "stopped | nothing proposed | * answers | no label", 3},
    {"run, stop, and run again", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         const auto run = says(forge, post, issue, "/agent run zz-sleeper");
         const auto stop = says(forge, post, issue, "/agent stop");
         return Deliveries{run, stop, says(forge, post, issue, "/agent run worker")};
     },
     "* review | open pull request of 1 commit | * answers | agent-state: review", 3},
    {"stop, and run after it", From::work,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         const auto stop = says(forge, post, issue, "/agent stop");
         return Deliveries{stop, says(forge, post, issue, "/agent run")};
     },
     "stopped review | open pull request of 1 commit | * answers | agent-state: review"},
    {"stop, and the label after it", From::work,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         const auto stop = says(forge, post, issue, "/agent stop");
         the_next_second();
         return Deliveries{stop, labels(forge, post, issue)};
     },
     "stopped review | open pull request of 1 commit | * answers | agent-state: review"},
    {"the label, and run", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         const auto on = labels(forge, post, issue);
         return Deliveries{on, says(forge, post, issue, "/agent run")};
     },
     "review | open pull request of 1 commit | * answers | agent-state: review"},
    {"the label, taken off, and set again", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         auto deliveries = and_labels_for_a_moment({}, forge, post, issue);
         deliveries.push_back(labels(forge, post, issue));
         return deliveries;
     },
     "* review | open pull request of 1 commit | * answers | agent-state: review", 3},
    {"the conversation locked, and run", From::issue,
     [](auto& forge, const auto& post, auto issue, const auto&) {
         auto deliveries = and_locks({}, forge, post, issue);
         the_next_second();
         deliveries.push_back(says(forge, post, issue, "/agent run"));
         return deliveries;
     },
     "review | open pull request of 1 commit | 0 answers | agent-state: review", 2,
     "review | open pull request of 1 commit | 0 answers | agent-state: review"},
};

/// The end, with `*` for the number of answers, and for jobs before the last one, where the story has one.
std::string as_told(std::string end, std::string_view story) {
    if (const auto jobs = end.find(" |"); story.starts_with("* ")) {
        const auto last = end.rfind(' ', jobs - 1);
        end.replace(0, last < jobs ? last + 1 : 0, "* ");
    }
    if (const auto answers = end.find(" answers"); contains(story, "* answers"))
        end.replace(answers - 1, 1, "*");
    return end;
}

/// An issue in which a story is told in one order.
struct Telling {
    const Story* story;
    std::vector<std::size_t> order;
    std::int64_t issue = 0;
    PullRequest proposal = {};
    bool copies_at_once = false;
};

/// Each story in each of its orders: two of them, six of three.
std::vector<Telling> all_tellings() {
    std::vector<Telling> tellings;
    for (const auto& story : stories) {
        std::vector<std::size_t> order(story.events - (hears_of_all(story) ? 0 : 1));
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        do tellings.push_back({.story = &story, .order = order, .copies_at_once = tellings.size() % 2 == 0});
        while (std::ranges::next_permutation(order).found);
    }
    return tellings;
}

void begin(Factory& factory, const PostOffice& post, std::vector<Telling>& tellings) {
    auto& forge = factory.forge;
    const auto label_and_tell = [&](std::int64_t issue, std::string_view label) {
        forge.add_label(repository, issue, std::string(label), maintainer);
        post.hand_over(post.told("issues.labeled", issue));
    };
    for (auto& each : tellings) {
        each.issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
        if (each.story->from == From::review) label_and_tell(each.issue, "agent");
        if (each.story->from == From::question) label_and_tell(each.issue, "agent:zz-asker");
    }
    REQUIRE(scenarios::comes_to_rest(factory));
    for (auto& each : tellings) {
        if (each.story->from == From::review) {
            REQUIRE(scenarios::states_of(factory, each.issue) == "review");
            each.proposal = factory.pull_request_of(each.issue).value();
        }
        if (each.story->from == From::question)
            REQUIRE(scenarios::states_of(factory, each.issue) == "waiting");
        if (each.story->from == From::work) label_and_tell(each.issue, "agent:zz-sleeper");
    }
    for (const auto& each : tellings)
        REQUIRE(PracticeForge::eventually(
            [&] {
                return each.story->from != From::work ||
                       scenarios::states_of(factory, each.issue) == "working";
            },
            std::chrono::seconds(180)));
}

}  // namespace

TEST_CASE("what happened in one order and is told in any, many times over, comes to the same end") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_of_many());
    const PostOffice post(factory);
    auto tellings = all_tellings();
    begin(factory, post, tellings);
    for (const auto& each : tellings) {
        const auto deliveries = each.story->happens(factory.forge, post, each.issue, each.proposal);
        REQUIRE(deliveries.size() == each.order.size());
        for (const auto next : each.order) {
            post.hand_over(deliveries[next]);
            if (each.copies_at_once) post.hand_over_of_another_hook(deliveries[next]);
        }
        if (each.copies_at_once) continue;
        for (const auto next : each.order) post.hand_over_of_another_hook(deliveries[next]);
    }
    REQUIRE(scenarios::comes_to_rest(factory));
    for (const auto& each : tellings) {
        INFO(each.story->name);
        CAPTURE(each.copies_at_once);
        CAPTURE(fmt::format("{}", fmt::join(each.order, ", ")));
        CAPTURE(factory.status(each.issue));
        const auto& end = hears_of_all(*each.story) ? each.story->end : each.story->end_unlocked;
        CHECK(as_told(scenarios::end_of(factory, each.issue), end) == end);
    }
    CHECK(factory.leftovers().empty());
}

TEST_CASE("an edited comment is no command, and what was said when it was made counts, edited or gone") {
    if (!can_run("bubblewrap")) return;
    auto plan = plan_of_many();
    plan.agents.emplace("zz-slow",
                        "touch ready; until test -e go; do sleep 0.05; done; rm ready; mv go words");
    Factory factory(std::move(plan));
    auto& forge = factory.forge;
    const PostOffice post(factory);
    const auto says_and_edits = [&](std::int64_t issue, const char* first, const char* then) {
        const auto comment = forge.comment(repository, issue, first, maintainer);
        forge.edit_comment(repository, comment, then, maintainer);
        const auto edited = post.told("issue_comment.edited", issue);
        const auto created = post.told("issue_comment.created", issue);
        post.hand_over(edited);  // the edit comes first
        post.hand_over(created);
        post.hand_over(edited);
    };
    const auto new_issue = [&] {
        return forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    };
    const auto started = new_issue();
    says_and_edits(started, "/agent run zz-slow", "/agent run zz-slow please");
    const auto tree = scenarios::workspace_with(factory, "ready");
    says_and_edits(started, "It is about the words.", "/agent stop");
    const auto talk = new_issue();
    says_and_edits(talk, "Somebody should do this.", "/agent run");
    const auto thought_again = new_issue();
    says_and_edits(thought_again, "/agent run", "Never mind.");
    const auto deleted = new_issue();
    forge.delete_comment(repository, forge.comment(repository, deleted, "/agent run", maintainer),
                         maintainer);
    if (can(Ability::tell_of_deleted_comments)) post.hand_over(post.told("issue_comment.deleted", deleted));
    post.hand_over(post.told("issue_comment.created", deleted));
    REQUIRE(PracticeForge::eventually([&] { return scenarios::states_of(factory, deleted) == "review"; },
                                      std::chrono::seconds(180)));
    CHECK(scenarios::states_of(factory, started) == "working");  // all has been decided on by now
    std::ofstream(tree / "go") << "go";
    REQUIRE(scenarios::comes_to_rest(factory));
    const std::string done = "review | open pull request of 1 commit | 0 answers | agent-state: review";
    CHECK(scenarios::end_of(factory, started) == done);
    CHECK(scenarios::end_of(factory, talk) == "no job | nothing proposed | 0 answers | no label");
    CHECK(scenarios::end_of(factory, thought_again) == done);
    CHECK(scenarios::end_of(factory, deleted) == done);
}
