#include "tests/integrations/forge_contract.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using forge_tests::Contract;
using forge_tests::must;
using forge_tests::on_each;
using forge_tests::Way;

namespace {

void what_events_leave_out_is_found(const Way& way) {
    Contract world(way);
    auto& practice = world.practice;
    const auto forge = world.connect();
    const auto repo = must(forge->repository(world.repo)).repo;
    const integrations::ThreadRef issue{.repo = repo, .number = world.issue_number};
    practice.add_label("octo/app", issue.number, "agent:careful", "ann");
    practice.remove_label("octo/app", issue.number, "agent", "ann");
    const auto record = must(forge->label_events(issue, "agent:careful"));
    REQUIRE(record.size() == 1);
    CHECK(record[0].set);
    CHECK(record[0].by.login == "ann");
    CHECK(record[0].at.has_value());

    practice.commit_files("octo/app", "b", {{.path = "a.txt", .content = "x\ny\n"}}, "Change");
    const auto number = practice.open_pull_request("octo/app", "b", "main", "Change", "", "robot");
    const auto review = practice.review("octo/app", number, "changes_requested", "Mend it.",
                                        {{.path = "a.txt", .line = 2, .body = "Why y?"}}, "ann");
    const integrations::ThreadRef pull{
        .repo = repo, .number = number, .kind = integrations::ThreadRef::Kind::pull_request};
    integrations::ChangesRequested told{
        .pull_request = pull, .review_id = std::to_string(review), .body = "Mend it.", .by = record[0].by};
    if (!way.on_github()) told.review_id.clear();
    const auto whole = must(forge->completed(told));
    REQUIRE(whole.size() == 1);
    const auto& asked = std::get<integrations::ChangesRequested>(whole[0]);
    CHECK(asked.body == "Mend it.");
    // Elsewhere a review has no number: what stands for it leads to the same.
    CHECK((asked.review_id == std::to_string(review)) == !way.on_gitlab());
    CHECK_FALSE(asked.review_id.empty());
    CHECK(must(forge->review_comments(pull, asked.review_id)).size() == 1);
    if (way.on_github()) return;
    const auto labels = must(forge->completed(
        integrations::LabelsChanged{.issue = issue, .by = record[0].by, .at = record[0].at}));
    REQUIRE(labels.size() == 2);
    CHECK(std::get<integrations::IssueUnlabelled>(labels[0]).label == "agent");
    CHECK(std::get<integrations::IssueLabelled>(labels[1]).label == "agent:careful");
    CHECK(std::get<integrations::IssueLabelled>(labels[1]).event_id == record[0].id);
}

void a_review_is_read_and_answered(const Way& way) {
    Contract world(way);
    auto& practice = world.practice;
    const auto forge = world.connect();
    const auto repo = must(forge->repository(world.repo)).repo;
    practice.commit_files("octo/app", "b", {{.path = "a.txt", .content = "x\ny\n"}}, "Change");
    const auto number = practice.open_pull_request("octo/app", "b", "main", "Change", "", "robot");
    const integrations::ThreadRef pull{
        .repo = repo, .number = number, .kind = integrations::ThreadRef::Kind::pull_request};
    practice.comment("octo/app", practice_forge::pull_request(number), "Nearly.", "ann");
    const auto review = practice.review("octo/app", number, "changes_requested", "Mend it.",
                                        {{.path = "a.txt", .line = 2, .body = "Why y?"}}, "ann");
    const auto whole = must(forge->completed(
        integrations::ChangesRequested{.pull_request = pull,
                                       .review_id = way.on_gitlab() ? std::string() : std::to_string(review),
                                       .body = "Mend it.",
                                       .by = must(forge->conversation(pull)).remarks.at(0).by}));
    REQUIRE(whole.size() == 1);
    const auto beside =
        must(forge->review_comments(pull, std::get<integrations::ChangesRequested>(whole[0]).review_id));
    REQUIRE(beside.size() == 1);
    CHECK(beside[0].path == "a.txt");
    CHECK(beside[0].line == 2);
    CHECK(beside[0].by.login == "ann");
    CHECK(beside[0].body == "Why y?");

    const auto answer = must(forge->reply(pull, beside[0].id, "job=1 reply=1", "It is z now."));
    CHECK(must(forge->reply(pull, beside[0].id, "job=1 reply=1", "It is z now.")) == answer);
    const auto lines = practice.review_comments("octo/app", number);
    REQUIRE(lines.size() == 2);
    CHECK(lines[1].path == "a.txt");
    CHECK(lines[1].body.starts_with("It is z now."));

    const auto said = must(forge->conversation(pull));
    CHECK(said.whole);
    std::vector<std::string> words;
    for (const auto& remark : said.remarks) words.push_back(remark.body.substr(0, remark.body.find('\n')));
    // Within one second in the order in which the forge makes them.
    const std::size_t at_line = way.on_gitlab() ? 1 : 2, verdict = way.on_gitlab() ? 2 : 1;
    std::vector<std::string> in_order{"Nearly.", "Mend it.", "Why y?", "It is z now."};
    if (way.on_gitlab()) std::swap(in_order[1], in_order[2]);
    CHECK(words == in_order);
    CHECK(said.remarks[verdict].verdict == "changes_requested");
    CHECK(said.remarks[at_line].line == 2);
    CHECK(said.remarks[3].answers == beside[0].id);
}

/// An effect whose answer was lost is found by doing it again.
void what_was_done_unknowingly_is_found(const Way& way) {
    Contract world(way);
    auto& practice = world.practice;
    const auto forge = world.connect();
    const auto repo = must(forge->repository(world.repo)).repo;
    const integrations::ThreadRef issue{.repo = repo, .number = world.issue_number};
    const auto lose = [&](const char* method, const char* path) {
        practice.fail({.name = "lost",
                       .kind = practice_forge::Fault::Kind::reset,
                       .method = method,
                       .path = path,
                       .after_effect = true});
    };
    lose("POST", way.on_gitlab() ? "/projects/*/notes" : "/repos/*/comments");
    CHECK_FALSE(forge->say(issue, "job=1 kind=status", "Queued.", "").has_value());
    must(forge->say(issue, "job=1 kind=status", "Queued.", ""));
    CHECK(practice.issue("octo/app", issue.number).comments.size() == 1);

    const auto head =
        practice.commit_files("octo/app", "agent/issue-1", {{.path = "a", .content = "b\n"}}, "c");
    const integrations::Proposal proposal{.repo = repo,
                                          .head_branch = "agent/issue-1",
                                          .head_sha = head,
                                          .base_branch = "main",
                                          .title = "Mend it",
                                          .body = "Fixes it.",
                                          .draft = false,
                                          .marker = "job=1 proposal"};
    lose("POST", way.on_gitlab() ? "/projects/*/merge_requests" : "/repos/*/pulls");
    CHECK_FALSE(forge->propose(proposal).has_value());
    const auto found = must(forge->propose(proposal));
    CHECK(practice.pull_requests("octo/app").size() == 1);

    practice.close("octo/app", practice_forge::pull_request(found.number), "ann");
    const auto over = must(forge->propose(proposal));  // it is not opened again
    CHECK(over.number == found.number);
    CHECK_FALSE(over.open);
    CHECK(practice.pull_requests("octo/app").size() == 1);
}

/// What nobody told of, by asking what was said since.
void what_was_said_is_found(const Way& way) {
    Contract world(way);
    auto& practice = world.practice;
    const auto forge = world.connect();
    const auto before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    practice.commit_files("octo/app", "b", {{.path = "a.txt", .content = "x\n"}}, "Change");
    const auto number = practice.open_pull_request("octo/app", "b", "main", "Change", "", "ann");
    const auto on_issue = practice.comment("octo/app", world.issue_number, "/agent run", "ann");
    const auto on_pull = practice.comment("octo/app", practice_forge::pull_request(number), "Nice.", "rita");
    (void)practice.review("octo/app", number, "commented", "", {{.path = "a.txt", .line = 1, .body = "Why?"}},
                          "ann");
    const auto talk = practice.comment("octo/app", world.issue_number, "Let us see.", "ann");
    practice.shift_clock(std::chrono::seconds(5));
    practice.edit_comment("octo/app", talk, "/agent stop", "ann");  // an edit is no command
    practice.shift_clock(std::chrono::seconds(0));
    auto said = must(forge->comments_since(before));
    std::ranges::sort(said, {}, [](const auto& each) { return std::stoll(each.comment_id); });
    REQUIRE(said.size() == 2);  // what stands beside lines is its review's
    CHECK(said[0].thread.number == world.issue_number);
    CHECK(said[0].thread.kind == integrations::ThreadRef::Kind::issue);
    CHECK(said[0].thread.repo == must(forge->repository(world.repo)).repo);
    CHECK(said[0].comment_id == std::to_string(on_issue));
    CHECK(said[0].body == "/agent run");
    CHECK(said[0].by.login == "ann");
    REQUIRE(said[0].at.has_value());
    CHECK(*said[0].at >= before);
    CHECK(said[1].thread.number == number);
    CHECK(said[1].thread.kind == integrations::ThreadRef::Kind::pull_request);
    CHECK(said[1].comment_id == std::to_string(on_pull));
    CHECK(must(forge->comments_since(before + std::chrono::hours(1))).empty());
    practice.fail({.name = "down", .times = -1, .status = 503});
    CHECK_FALSE(forge->comments_since(before).has_value());
}

/// By the forge's own account of its deliveries, where it keeps one and shows it to us.
void what_failed_is_found(const Way& way) {
    Contract world(way);
    auto& practice = world.practice;
    practice.add_collaborator("octo/app", "robot", practice_forge::Permission::admin);
    const auto forge = world.connect();
    const auto before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    practice.set_hook({.url = "http://127.0.0.1:1/hooks/practice", .secret = "s"});  // nobody listens there
    for (const char* words : {"/agent run", "/agent stop", "/agent why"})
        (void)practice.comment("octo/app", world.issue_number, words, "ann");
    REQUIRE(practice.hooks_sent());
    const auto sent = practice.deliveries();
    REQUIRE(sent.size() == 3);
    const auto found = must(forge->undelivered(before, [&](const auto& id) { return id == sent[1].guid; }));
    if (!way.as_app && !way.on_gitlab()) {
        CHECK(found.empty());
        return;
    }
    const auto decode = integrations::find_forge_kind(way.on_gitlab() ? "gitlab" : "github")->decode;
    std::vector<std::string> ids, words;
    for (const auto& delivery : found) {
        const auto event = decode(delivery);
        REQUIRE(std::holds_alternative<integrations::CommentCreated>(event));
        const auto& said = std::get<integrations::CommentCreated>(event);
        CHECK(said.thread.number == world.issue_number);
        CHECK(said.by.login == "ann");
        words.push_back(said.body);
        ids.push_back(delivery.delivery_id());
        CHECK(delivery.forge() == "practice");
    }
    CHECK(words == std::vector<std::string>{"/agent run", "/agent why"});
    CHECK(ids == std::vector{sent[0].guid, sent[2].guid});
    const auto unknown = [](const std::string&) { return false; };
    CHECK(must(forge->undelivered(before + std::chrono::hours(1), unknown)).empty());
    practice.fail({.name = "down", .times = -1, .status = 503});
    CHECK_FALSE(forge->undelivered(before, unknown).has_value());
}

/// Though an old one that failed once more is the newest on the forge's list.
void what_failed_is_found_behind_what_is_old(const Way& way) {
    if (!way.as_app && !way.on_gitlab()) return;
    Contract world(way);
    auto& practice = world.practice;
    practice.add_collaborator("octo/app", "robot", practice_forge::Permission::admin);
    practice.set_hook({.url = "http://127.0.0.1:1/hooks/practice", .secret = "s"});
    (void)practice.comment("octo/app", world.issue_number, "/agent run", "ann");
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // the forge's clock counts seconds
    const auto since = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    (void)practice.comment("octo/app", world.issue_number, "/agent stop", "ann");
    REQUIRE(practice.hooks_sent());
    const auto sent = practice.deliveries();
    (void)practice.deliver(sent.front().id);
    const auto found = must(world.connect()->undelivered(since, [](const auto&) { return false; }));
    CHECK(std::ranges::count(found, sent.back().guid, &integrations::VerifiedDelivery::delivery_id) == 1);
}

}  // namespace

TEST_CASE("on every forge what was said is found by asking") { on_each(&what_was_said_is_found); }

TEST_CASE("what a forge could not hand over is found, where it keeps account of that") {
    on_each(&what_failed_is_found);
    on_each(&what_failed_is_found_behind_what_is_old);
}

TEST_CASE("on every forge it is found who set which label and which review asks for changes") {
    on_each(&what_events_leave_out_is_found);
}

TEST_CASE("on every forge a review is read with what stands beside lines, and answered once") {
    on_each(&a_review_is_read_and_answered);
}

TEST_CASE("on every forge what was done though its answer was lost is found, not done twice") {
    on_each(&what_was_done_unknowingly_is_found);
}
