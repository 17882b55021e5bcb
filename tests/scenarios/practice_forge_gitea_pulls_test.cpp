#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/scenarios/practice_yard.hpp"

/// The practice forge speaks Gitea's dialect, and Forgejo's: pull requests, reviews, commit statuses, and the
/// webhooks that tell of deeds.
using nlohmann::json;
using practice_forge::Dialect;
using practice_forge::Permission;
using practice_yard::Caller;
using practice_yard::expected_signature;
using practice_yard::header;
using practice_yard::kRepository;
using practice_yard::Listener;
using practice_yard::malformed;
using practice_yard::repo;
using practice_yard::Yard;

namespace {

/// A yard in Gitea's dialect that somebody listens to.
struct Post : Yard {
    Listener listener;
    std::string head;

    explicit Post(Dialect dialect = Dialect::gitea) : Yard(dialect) {
        forge.add_token("robot", "token-of-robot");
        forge.add_collaborator(kRepository, "robot", Permission::admin);
        head = forge.commit_files(kRepository, "b", {{"src/a.txt", "three\n"}}, "Three", "maria");
        forge.set_hook({.url = listener.url(), .secret = "s"});
    }
    std::vector<Listener::Heard> heard() {
        REQUIRE(forge.hooks_sent());
        return listener.heard();
    }
    /// `event type action` of each.
    std::vector<std::string> told() {
        std::vector<std::string> all;
        for (const auto& one : heard())
            all.push_back(fmt::format("{} {} {}", header(one.headers, "X-Gitea-Event"),
                                      header(one.headers, "X-Gitea-Event-Type"),
                                      json::parse(one.body).value("action", "-")));
        return all;
    }
    json last() { return json::parse(heard().back().body); }
    std::vector<std::string> what() {
        REQUIRE(forge.hooks_sent());
        std::vector<std::string> all;
        for (const auto& delivery : forge.deliveries())
            all.push_back(fmt::format("{} {}", delivery.what, delivery.thread));
        return all;
    }
    json propose(const std::string& branch, const std::string& title, int status = 201) {
        const auto answer =
            Caller(forge, "token-of-robot")
                .send("POST", repo("/pulls"),
                      {{"head", branch}, {"base", "main"}, {"title", title}, {"body", "It."}});
        CHECK(answer.status == status);
        return answer.body;
    }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("Gitea: a pull request is opened once, and a draft is one by its title") {
    Post post;
    Caller robot(post.forge, "token-of-robot");
    const auto opened = post.propose("b", "WIP: Mend it");
    CHECK(opened["draft"] == true);
    CHECK(robot.send("GET", repo("/pulls/1")).body["mergeable"] == false);  // as of every draft
    CHECK(opened["head"]["ref"] == "b");
    CHECK(opened["head"]["label"] == "b");
    CHECK(opened["head"]["sha"] == post.head);
    CHECK(opened["url"] == opened["html_url"]);
    CHECK(opened["url"] == fmt::format("{}/{}/pulls/1", post.forge.url(), kRepository));
    CHECK(post.forge.pull_requests(kRepository).at(0).draft);
    const auto again = post.propose("b", "Again", 409);
    CHECK(again["message"].get<std::string>().starts_with("pull request already exists for these targets"));
    post.propose("none", "None", 404);
    post.propose("main", "Itself", 422);
    CHECK(robot.send("POST", repo("/pulls"), {{"head", "b"}, {"base", "main"}}).body["message"] ==
          "[Title]: Required");

    const auto ready = robot.send("PATCH", repo("/pulls/1"), {{"title", "Mend it"}});
    CHECK(ready.status == 201);
    CHECK(ready.body["draft"] == false);
    CHECK(robot.send("GET", repo("/pulls/1")).body["mergeable"] == true);
    CHECK(robot.send("GET", repo("/pulls/main/b")).body["number"] == 1);
    CHECK(robot.send("GET", repo("/pulls/main/acme:b")).body["number"] == 1);
    CHECK(robot.send("GET", repo("/pulls/main/none")).status == 404);
    CHECK(robot.send("GET", repo("/pulls?state=closed")).body == json::array());
    CHECK(robot.send("GET", repo("/issues/1")).body["pull_request"]["draft"] == false);

    post.forge.commit_files(kRepository, "main", {{"src/a.txt", "four\n"}}, "Four", "maria");
    CHECK(robot.send("GET", repo("/pulls/1")).body["mergeable"] == false);
    post.forge.commit_files(kRepository, "c", {{"c", "c\n"}}, "C", "maria");
    post.propose("c", "[WIP] C");
    post.forge.merge(kRepository, 2, "maria");
    const auto merged = robot.send("GET", repo("/pulls/2")).body;
    CHECK(merged["merged"] == true);
    CHECK(merged["merge_commit_sha"] == post.forge.branches(kRepository).at("main"));
    CHECK(robot.send("PATCH", repo("/pulls/2"), {{"state", "open"}}).status == 412);
}

TEST_CASE("Gitea: deleting its branch closes a pull request") {
    Post post;
    Caller robot(post.forge, "token-of-robot");
    post.propose("b", "Mend it");
    post.forge.delete_branch(kRepository, "b");
    const auto closed = robot.send("GET", repo("/pulls/1")).body;
    CHECK(closed["state"] == "closed");
    CHECK(closed["head"]["ref"] == "refs/pull/1/head");
    CHECK(closed["head"]["sha"] == post.head);
    CHECK(post.told() ==
          Lines{"pull_request pull_request opened", "delete delete -", "pull_request pull_request closed"});
}

TEST_CASE("Gitea: a review is told without its id, and an answer beside a line is a review of its own") {
    Post post;
    Caller robot(post.forge, "token-of-robot");
    Caller maria(post.forge, "token-of-maria");
    post.propose("b", "Mend it");
    const auto id = post.forge.review(kRepository, 1, "changes_requested", "Not yet.",
                                      {{.path = "src/a.txt", .line = 1, .body = "Why three?"}}, "maria");
    const auto told = post.last();
    CHECK(post.told().back() == "pull_request_rejected pull_request_review_rejected reviewed");
    CHECK(told["review"] == json{{"type", "pull_request_review_rejected"}, {"content", "Not yet."}});
    CHECK(told["sender"]["login"] == "maria");
    const auto reviews = robot.send("GET", repo("/pulls/1/reviews"));
    REQUIRE(reviews.body.size() == 1);
    CHECK(header(reviews.headers, "X-Total-Count") == "1");
    CHECK(reviews.body[0]["id"] == id);
    CHECK(reviews.body[0]["state"] == "REQUEST_CHANGES");
    CHECK(reviews.body[0]["commit_id"] == post.head);
    CHECK(reviews.body[0]["comments_count"] == 1);
    const auto beside = robot.send("GET", repo(fmt::format("/pulls/1/reviews/{}/comments", id))).body;
    REQUIRE(beside.size() == 1);
    CHECK(beside[0]["position"] == 1);
    CHECK(beside[0]["pull_request_review_id"] == id);

    const json answer = {
        {"event", "COMMENT"},
        {"comments", json::array({{{"path", "src/a.txt"}, {"new_position", 1}, {"body", "So."}}})}};
    CHECK(robot.send("POST", repo("/pulls/1/reviews"), answer).status == 200);
    CHECK(post.told().back() == "pull_request_comment pull_request_review_comment reviewed");
    const auto all = post.forge.review_comments(kRepository, 1);
    REQUIRE(all.size() == 2);
    CHECK(all[1].in_reply_to == all[0].id);
    CHECK(robot.send("POST", repo("/pulls/1/reviews"), {{"event", "COMMENT"}}).status == 422);
    CHECK(robot.send("POST", repo("/pulls/1/reviews"), {{"event", "APPROVED"}}).status == 422);
    CHECK(maria.send("POST", repo("/pulls/1/reviews"), {{"event", "APPROVED"}}).status == 200);
    CHECK(post.told().back() == "pull_request_approved pull_request_review_approved reviewed");
    CHECK(post.what().back() == "pull_request_review.submitted 1");
    // What stands beside lines is counted in the pages of the record, and is not shown.
    CHECK(robot.send("GET", repo("/issues/1/timeline?limit=4")).body.size() == 2);
    CHECK(robot.send("GET", repo("/pulls/2/reviews")).status == 404);
}

TEST_CASE("Gitea: commit statuses are all that CI says, and the newest second comes first") {
    Post post;
    Caller robot(post.forge, "token-of-robot");
    const auto statuses = repo("/statuses/" + post.head);
    CHECK(robot.send("GET", repo("/commits/" + post.head + "/status")).body["statuses"].is_null());
    post.forge.begin_check(kRepository, post.head, "test");
    post.forge.finish_check(kRepository, post.head, "test", "timed_out", {}, "a log");
    const json report = {{"state", "success"},
                         {"context", "shopfloor"},
                         {"description", "fine"},
                         {"target_url", "http://bot/1"}};
    CHECK(Caller(post.forge, "token-of-reader").send("POST", statuses, report).status == 403);
    const auto said = robot.send("POST", statuses, report);
    CHECK(said.status == 201);
    CHECK(said.body["status"] == "success");
    CHECK(robot.send("POST", statuses, {{"state", "green"}}).status == 422);
    CHECK(robot.send("POST", repo("/statuses/" + std::string(40, '1')), report).status == 404);
    const auto listed = robot.send("GET", repo("/commits/b/statuses")).body;
    REQUIRE(listed.size() == 3);
    CHECK(listed == robot.send("GET", statuses).body);
    CHECK(robot.send("GET", repo("/commits/b/statuses?state=pending")).body.size() == 1);
    const auto combined = robot.send("GET", repo("/commits/" + post.head + "/status")).body;
    CHECK(combined["state"] == "failure");
    CHECK(combined["total_count"] == 2);

    const auto checks = post.forge.check_runs(kRepository);
    REQUIRE(checks.size() == 2);
    CHECK(checks[0].name == "test");
    CHECK(checks[0].conclusion == "failure");
    CHECK(checks[1].name == "shopfloor");
    CHECK(checks[1].details_url == "http://bot/1");
    CHECK(post.told() == Lines(3, "status status -"));
    CHECK(json::parse(post.heard()[0].body)["sender"]["login"] == "gitea-actions");
    CHECK(json::parse(post.heard()[0].body)["target_url"].get<std::string>().starts_with(post.forge.url()));
    CHECK(robot.send("GET", repo("/check-runs/1"), nullptr, malformed()).status == 404);

    Post quiet(Dialect::forgejo);
    quiet.forge.finish_check(kRepository, quiet.head, "test", "success");
    quiet.forge.set_status(kRepository, quiet.head, "ci", "pending", "");
    CHECK(quiet.told().empty());
    CHECK(quiet.forge.check_runs(kRepository)[0].conclusion == "success");
}

TEST_CASE("Gitea: webhooks bear every family's headers and are signed, Forgejo's has one family more") {
    for (const auto dialect : {Dialect::gitea, Dialect::forgejo}) {
        Post post(dialect);
        post.forge.create_issue(kRepository, "<b> & c", "", "maria");
        const auto one = post.heard().at(0);
        const auto hex = expected_signature("s", one.body).substr(7);
        std::vector<std::string> families = {"Gitea", "Gogs"};
        if (dialect == Dialect::forgejo) families.emplace_back("Forgejo");
        for (const auto& family : families) CHECK(header(one.headers, "X-" + family + "-Signature") == hex);
        families.emplace_back("GitHub");
        for (const auto& family : families) {
            CHECK(header(one.headers, "X-" + family + "-Delivery").size() == 36);
            CHECK(header(one.headers, "X-" + family + "-Event") == "issues");
            CHECK(header(one.headers, "X-" + family + "-Event-Type") == "issues");
        }
        CHECK(header(one.headers, "X-Hub-Signature-256") == "sha256=" + hex);
        CHECK(header(one.headers, "X-Hub-Signature").size() == 5 + 40);
        CHECK(header(one.headers, "X-Forgejo-Event").empty() == (dialect == Dialect::gitea));
        CHECK(header(one.headers, "X-GitHub-Hook-ID").empty());
        CHECK(one.body.starts_with("{\n  \"action\": \"opened\","));
        CHECK(one.body.find("\\u003cb\\u003e \\u0026 c") != std::string::npos);
        const auto born = json::parse(one.body)["issue"]["created_at"].get<std::string>();
        CHECK(born.ends_with(dialect == Dialect::gitea ? "Z" : "+02:00"));
    }
}

TEST_CASE("Gitea: labels are told as what is set now, and an issue is opened with those that it has") {
    Post post;
    const auto issue = post.forge.create_issue(kRepository, "One", "", "maria", {"agent", "bug"});
    CHECK(post.told() == Lines{"issues issues opened", "issues issue_label label_updated"});
    CHECK(json::parse(post.heard()[0].body)["issue"]["labels"].size() == 2);
    post.forge.remove_label(kRepository, issue, "bug", "maria");
    post.forge.remove_label(kRepository, issue, "agent", "maria");
    CHECK(post.told().back() == "issues issue_label label_updated");
    CHECK(post.last()["issue"]["labels"] == json::array());
    CHECK_FALSE(post.last().contains("changes"));
    CHECK_FALSE(post.last().contains("label"));
    post.forge.add_label(kRepository, issue, "agent", "maria");
    Caller robot(post.forge, "token-of-robot");
    CHECK(robot.send("DELETE", repo(fmt::format("/issues/{}/labels", issue))).status == 204);
    CHECK(post.told().back() == "issues issue_label label_cleared");
    CHECK(post.what() == Lines{"issues.opened 1", "issues.labeled 1", "issues.unlabeled 1",
                               "issues.unlabeled 1", "issues.labeled 1", "issues.unlabeled 1"});
    post.propose("b", "Two");
    post.forge.add_label(kRepository, 2, "bug", "maria");
    CHECK(post.told().back() == "pull_request pull_request_label label_updated");
}

TEST_CASE(
    "Gitea: edits, comments, closing, pushes and the end of a repository are told; locks and names not") {
    Post post;
    const auto issue = post.forge.create_issue(kRepository, "One", "", "maria");
    post.forge.edit_issue(kRepository, issue, "Two", std::nullopt, "maria");
    CHECK(post.last()["changes"]["title"]["from"] == "One");
    const auto comment = post.forge.comment(kRepository, issue, "hi", "maria");
    CHECK(post.last()["is_pull"] == false);
    post.forge.edit_comment(kRepository, comment, "ho", "maria");
    CHECK(post.last()["changes"]["body"]["from"] == "hi");
    post.forge.delete_comment(kRepository, comment, "maria");
    post.forge.close(kRepository, issue, "maria");
    post.forge.reopen(kRepository, issue, "maria");
    post.forge.lock(kRepository, issue, "maria");
    post.propose("b", "Three");
    post.forge.comment(kRepository, 2, "hi", "maria");
    CHECK(post.last()["is_pull"] == true);
    post.forge.commit_files(kRepository, "b", {{"b", "b\n"}}, "B", "maria");
    const auto sync = post.last();
    CHECK(sync["action"] == "synchronized");
    CHECK(sync["pull_request"]["head"]["sha"] == post.forge.branches(kRepository).at("b"));
    post.forge.commit_files(kRepository, "n", {{"n", "n\n"}}, "N", "maria");
    CHECK(post.last()["before"] == std::string(40, '0'));
    CHECK(post.last()["commits"][0]["message"] == "N\n");
    post.forge.merge(kRepository, 2, "maria");
    post.forge.rename_repository(kRepository, "acme/gadgets");
    post.forge.archive_repository("acme/gadgets");
    post.forge.delete_issue("acme/gadgets", issue, "maria");
    post.forge.ping();
    post.forge.delete_repository("acme/gadgets");
    CHECK(post.told() == Lines{"issues issues opened", "issues issues edited",
                               "issue_comment issue_comment created", "issue_comment issue_comment edited",
                               "issue_comment issue_comment deleted", "issues issues closed",
                               "issues issues reopened", "pull_request pull_request opened",
                               "issue_comment pull_request_comment created", "push push -",
                               "pull_request pull_request_sync synchronized", "create create -",
                               "push push -", "pull_request pull_request closed", "push push -",
                               "push push -", "repository repository deleted"});
    CHECK(json::parse(post.heard()[13].body)["pull_request"]["merged"] == true);
    CHECK(post.what()[15] == "ping 0");
    // Somebody presses the button once more; a second hook tells the same with another guid.
    const auto first = post.forge.deliveries().at(0);
    post.forge.redeliver(first.id);
    CHECK(header(post.heard().back().headers, "X-Gitea-Delivery") == first.guid);
    CHECK(post.forge.deliver(first.id, "of-another-hook") == 202);
    CHECK(header(post.heard().back().headers, "X-Gitea-Delivery") == "of-another-hook");
}

TEST_CASE("Gitea: pages for people are where its addresses lead") {
    Post post;
    const auto opened = post.propose("b", "Mend <it>");
    post.forge.finish_check(kRepository, post.head, "test", "failure");
    httplib::Client browser(post.forge.url());
    const auto page = browser.Get(fmt::format("/{}/pulls/1", kRepository));
    REQUIRE(page);
    CHECK(page->status == 200);
    CHECK(page->body.find("Mend &lt;it&gt;") != std::string::npos);
    CHECK(page->body.find("Failing after 1s") != std::string::npos);
    const auto list = browser.Get(fmt::format("/{}/pulls", kRepository));
    CHECK(list->body.find(fmt::format("href=\"/{}/pulls/1\"", kRepository)) != std::string::npos);
    const auto control = browser.Get(fmt::format("/practice/repositories/{}/check-runs", kRepository));
    CHECK(json::parse(control->body)[0]["conclusion"] == "failure");
}
