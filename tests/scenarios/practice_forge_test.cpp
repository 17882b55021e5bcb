#include <doctest/doctest.h>
#include <fmt/format.h>
#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"
#include "tests/scenarios/practice_yard.hpp"

/// The practice forge is a tool of all other tests: these sentences prove the tool.
namespace fs = std::filesystem;
using nlohmann::json;
using practice_forge::Fault;
using practice_forge::HookFault;
using practice_forge::Permission;
using practice_yard::app_token;
using practice_yard::Caller;
using practice_yard::expected_signature;
using practice_yard::Folder;
using practice_yard::git;
using practice_yard::header;
using practice_yard::kRepository;
using practice_yard::Listener;
using practice_yard::malformed;
using practice_yard::repo;
using practice_yard::with_token;
using practice_yard::Yard;

TEST_CASE("a label set by a person arrives as a webhook that is signed over its exact bytes") {
    Yard yard;
    Listener listener;
    yard.forge.set_hook({.url = listener.url(), .secret = "s3cret", .id = 77});
    const auto issue = yard.forge.create_issue(kRepository, "It breaks", "Look", "maria");
    yard.forge.add_label(kRepository, issue, "agent", "maria");
    REQUIRE(yard.forge.hooks_sent());
    const auto heard = listener.heard();
    REQUIRE(heard.size() == 2);
    const auto& labelled = heard[1];
    const auto body = json::parse(labelled.body);
    CHECK(body["action"] == "labeled");
    CHECK(body["label"]["name"] == "agent");
    CHECK(body["sender"]["login"] == "maria");
    CHECK(body["repository"]["full_name"] == kRepository);
    CHECK(body["installation"]["id"] == 101);
    CHECK(header(labelled.headers, "X-GitHub-Event") == "issues");
    CHECK(header(labelled.headers, "X-GitHub-Hook-ID") == "77");
    CHECK(header(labelled.headers, "Content-Type") == "application/json");
    CHECK(header(labelled.headers, "User-Agent").starts_with("GitHub-Hookshot/"));
    CHECK(header(labelled.headers, "X-Hub-Signature-256") == expected_signature("s3cret", labelled.body));
    CHECK(header(labelled.headers, "X-GitHub-Delivery") == yard.forge.deliveries().back().guid);
}

TEST_CASE("webhooks can be lost, doubled, turned round and wrongly signed") {
    Yard yard;
    Listener listener;
    yard.forge.set_hook({.url = listener.url(), .secret = "s"});
    const auto issue = yard.forge.create_issue(kRepository, "One", "", "maria");
    REQUIRE(yard.forge.hooks_sent());

    yard.forge.script_hook({.kind = HookFault::Kind::lose});
    yard.forge.script_hook({.kind = HookFault::Kind::vanish});
    yard.forge.script_hook({.kind = HookFault::Kind::duplicate});
    yard.forge.script_hook({.kind = HookFault::Kind::reorder, .times = 2});
    yard.forge.script_hook({.kind = HookFault::Kind::bad_signature});
    for (const char* label : {"lost", "vanished", "doubled", "first", "second", "forged"}) {
        yard.forge.add_label(kRepository, issue, label, "maria");
    }
    REQUIRE(yard.forge.hooks_sent());
    std::vector<std::string> labels;
    for (const auto& one : listener.heard()) {
        const auto body = json::parse(one.body);
        if (body.contains("label")) labels.push_back(body["label"]["name"]);
    }
    CHECK(labels == std::vector<std::string>{"doubled", "doubled", "second", "first", "forged"});
    const auto heard = listener.heard();
    CHECK(header(heard[1].headers, "X-GitHub-Delivery") == header(heard[2].headers, "X-GitHub-Delivery"));
    CHECK(header(heard.back().headers, "X-Hub-Signature-256") != expected_signature("s", heard.back().body));
    CHECK(std::ranges::count(yard.forge.deliveries(), "OK", &practice_forge::Delivery::status) == 6);
    CHECK(yard.forge.deliveries().size() == 7);  // the lost one is listed, the vanished one is not
}

TEST_CASE("everything people do is told by webhook, with the sender who did it") {
    Yard yard;
    Listener listener;
    yard.forge.set_hook({.url = listener.url(), .secret = "s"});
    auto& forge = yard.forge;
    forge.ping();
    const auto issue = forge.create_issue(kRepository, "One", "", "maria", {"agent"});
    forge.edit_issue(kRepository, issue, "Two", "text", "reader");
    forge.remove_label(kRepository, issue, "agent", "maria");
    const auto comment = forge.comment(kRepository, issue, "hi", "reader");
    forge.edit_comment(kRepository, comment, "hello", "reader");
    forge.delete_comment(kRepository, comment, "reader");
    forge.close(kRepository, issue, "maria");
    forge.reopen(kRepository, issue, "maria");
    forge.commit_files(kRepository, "b", {{"x", "y"}}, "x");
    const auto pull = forge.open_pull_request(kRepository, "b", "main", "X", "", "shopfloor-practice[bot]");
    forge.comment(kRepository, pull, "/retry", "maria");
    forge.add_label(kRepository, pull, "agent", "maria");
    forge.edit_issue(kRepository, pull, "Y", std::nullopt, "maria");
    forge.close(kRepository, pull, "maria");
    forge.delete_issue(kRepository, issue, "maria");
    REQUIRE(forge.hooks_sent());
    CHECK(listener.actions() == std::vector<std::string>{"ping", "opened", "labeled", "edited", "unlabeled",
                                                         "created", "edited", "deleted", "closed", "reopened",
                                                         "push", "opened", "created", "labeled", "edited",
                                                         "closed", "deleted"});
    const auto heard = listener.heard();
    CHECK(json::parse(heard[3].body)["changes"]["title"]["from"] == "One");
    CHECK(json::parse(heard[3].body)["sender"]["login"] == "reader");
    CHECK(json::parse(heard[11].body)["sender"]["type"] == "Bot");
    CHECK(json::parse(heard[12].body)["issue"].contains("pull_request"));
    CHECK(header(heard[13].headers, "X-GitHub-Event") == "pull_request");
}

TEST_CASE("a listener that does not answer counts as failed and does not hold up the end") {
    httplib::Server silent;
    std::atomic<bool> free = false;
    silent.Post(".*", [&](const httplib::Request&, httplib::Response&) {
        while (!free) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    });
    const int port = silent.bind_to_any_port("127.0.0.1");
    std::thread listening([&] { silent.listen_after_bind(); });
    const std::string url = fmt::format("http://127.0.0.1:{}/hooks", port);
    auto yard = std::make_unique<Yard>();
    yard->forge.set_hook({.url = url, .secret = "s", .timeout = std::chrono::milliseconds(100)});
    yard->forge.create_issue(kRepository, "One", "", "maria");
    REQUIRE(yard->forge.hooks_sent());
    CHECK(yard->forge.deliveries().back().status == "timed out");
    CHECK(yard->forge.deliveries().back().status_code == 0);
    yard->forge.set_hook({.url = url, .secret = "s"});
    yard->forge.create_issue(kRepository, "Two", "", "maria");
    const auto begin = std::chrono::steady_clock::now();
    yard.reset();
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
    free = true;
    silent.stop();
    listening.join();
}

TEST_CASE("an app signs in with a key, sees its failed deliveries and asks for them again") {
    Yard yard;
    Listener listener;
    const auto keys = practice_forge::make_key_pair();
    yard.forge.set_app({.id = 7, .public_key = keys.public_pem});
    yard.forge.set_hook({.url = listener.url(), .secret = "s"});
    listener.status = 503;
    yard.forge.create_issue(kRepository, "One", "", "maria");
    REQUIRE(yard.forge.hooks_sent());
    listener.status = 202;

    const auto now = std::time(nullptr);
    Caller app(yard.forge, app_token(keys.private_pem, 7, now - 60, now + 540));
    CHECK(app.send("GET", "/app").body["slug"] == "shopfloor-practice");
    CHECK(app.send("GET", "/app/installations").body[0]["id"] == 101);
    CHECK(app.send("GET", repo("/installation")).body["id"] == 101);
    const auto deliveries = app.send("GET", "/app/hook/deliveries?per_page=100").body;
    REQUIRE(deliveries.size() == 1);
    CHECK(deliveries[0]["status_code"] == 503);
    const auto again =
        app.send("POST", fmt::format("/app/hook/deliveries/{}/attempts", deliveries[0]["id"].get<int>()));
    CHECK(again.status == 202);
    REQUIRE(yard.forge.hooks_sent());
    CHECK(listener.heard().size() == 2);
    CHECK(yard.forge.deliveries().back().guid == yard.forge.deliveries().front().guid);
    CHECK(yard.forge.deliveries().back().redelivery);
}

TEST_CASE("an app's token obeys GitHub's clock") {
    Yard yard;
    const auto keys = practice_forge::make_key_pair();
    yard.forge.set_app({.id = 7, .public_key = keys.public_pem});
    const auto now = std::time(nullptr);
    const auto status = [&](std::int64_t issued, std::int64_t expires, std::int64_t app = 7) {
        return Caller(yard.forge, app_token(keys.private_pem, app, issued, expires))
            .send("GET", "/app")
            .status;
    };
    CHECK(status(now - 60, now + 540) == 200);
    CHECK(status(now - 60, now + 700) == 401);
    CHECK(status(now + 120, now + 540) == 401);
    CHECK(status(now - 600, now - 10) == 401);
    CHECK(status(now - 60, now + 540, 8) == 404);
    const auto others = practice_forge::make_key_pair();
    CHECK(Caller(yard.forge, app_token(others.private_pem, 7, now - 60, now + 540))
              .send("GET", "/app")
              .status == 401);
    yard.forge.shift_clock(std::chrono::minutes(-15));
    CHECK(status(now - 60, now + 540) == 401);
    CHECK(status(now - 960, now - 960 + 600) == 200);
}

TEST_CASE("an installation token is narrow, expires, and works for git too") {
    Yard yard;
    yard.forge.create_repository({.full_name = "acme/other", .files = {{"a", "b"}}});
    const auto keys = practice_forge::make_key_pair();
    yard.forge.set_app({.id = 7, .public_key = keys.public_pem});
    const auto now = std::time(nullptr);
    Caller app(yard.forge, app_token(keys.private_pem, 7, now - 60, now + 540));
    const auto minted = app.send(
        "POST", "/app/installations/101/access_tokens",
        {{"repositories", {"widgets"}}, {"permissions", {{"contents", "write"}, {"issues", "read"}}}});
    REQUIRE(minted.status == 201);
    const std::string token = minted.body["token"];
    CHECK(token.starts_with("ghs_"));
    Caller bot(yard.forge, token);
    CHECK(bot.send("GET", repo("")).status == 200);
    CHECK(bot.send("GET", "/repos/acme/other").status == 404);
    const auto visible = bot.send("GET", "/installation/repositories").body;
    CHECK(visible["total_count"] == 1);
    const auto issue = yard.forge.create_issue(kRepository, "One", "", "maria");
    CHECK(bot.send("POST", repo(fmt::format("/issues/{}/comments", issue)), {{"body", "hi"}}).status == 403);
    CHECK(bot.send("GET", repo("/collaborators/maria/permission")).body["permission"] == "write");
    CHECK(bot.send("GET", "/user").status == 403);
    const Folder folder;
    CHECK(git(folder.path, "clone -q " + with_token(yard.forge, token) + " a"));
    yard.forge.expire_tokens();
    CHECK(bot.send("GET", repo("")).status == 401);
    CHECK_FALSE(git(folder.path, "clone -q " + with_token(yard.forge, token) + " b"));
}

TEST_CASE("git clones and pushes with a token, and not without") {
    Yard yard;
    const Folder folder;
    std::string said;
    CHECK_FALSE(git(folder.path, "clone -q " + yard.forge.clone_url(kRepository) + " none", &said));
    CHECK_FALSE(git(folder.path, "clone -q " + with_token(yard.forge, "wrong") + " wrong", &said));
    REQUIRE(git(folder.path, "clone -q " + with_token(yard.forge, "token-of-maria") + " work"));
    std::ofstream(folder.path / "work" / "big.txt") << std::string(3'000'000, 'x') << "\n";
    REQUIRE(git(folder.path / "work", "add big.txt"));
    REQUIRE(git(folder.path / "work", "commit -q -m big"));
    REQUIRE_MESSAGE(git(folder.path / "work", "push -q origin HEAD:refs/heads/agent/issue-1-big", &said),
                    said);
    CHECK(yard.forge.branches(kRepository).contains("agent/issue-1-big"));
    const auto commit =
        yard.forge.commit(kRepository, yard.forge.branches(kRepository).at("agent/issue-1-big"));
    CHECK(commit.message == "big");
    CHECK(commit.parents.size() == 1);

    REQUIRE(git(folder.path, "clone -q " + with_token(yard.forge, "token-of-reader") + " readers"));
    REQUIRE(git(folder.path / "readers", "commit -q --allow-empty -m x"));
    CHECK_FALSE(git(folder.path / "readers", "push -q origin HEAD:refs/heads/mine", &said));
    yard.forge.create_repository({.full_name = "acme/public", .files = {{"a", "b"}}, .is_private = false});
    CHECK(git(folder.path, "clone -q " + yard.forge.clone_url("acme/public") + " open"));
}

TEST_CASE("pushes to protected branches and to a repository that refuses are turned away with the reason") {
    Yard yard;
    const Folder folder;
    std::string said;
    REQUIRE(git(folder.path, "clone -q " + with_token(yard.forge, "token-of-maria") + " work"));
    REQUIRE(git(folder.path / "work", "commit -q --allow-empty -m x"));
    yard.forge.protect_branch(kRepository, "main");
    CHECK_FALSE(git(folder.path / "work", "push -q origin HEAD:main", &said));
    CHECK(said.find("Protected branch update failed") != std::string::npos);
    CHECK(git(folder.path / "work", "push -q origin HEAD:free"));
    yard.forge.refuse_pushes(kRepository, "The shop is closed today.");
    CHECK_FALSE(git(folder.path / "work", "push -q origin HEAD:other", &said));
    CHECK(said.find("The shop is closed today.") != std::string::npos);
    yard.forge.refuse_pushes(kRepository, "");
    CHECK(git(folder.path / "work", "push -q origin HEAD:other"));
}

TEST_CASE("a pull request is opened once, follows its branch and is merged for real") {
    Yard yard;
    Listener listener;
    yard.forge.set_hook({.url = listener.url(), .secret = "s"});
    const auto issue = yard.forge.create_issue(kRepository, "Say three", "", "maria");
    yard.forge.commit_files(kRepository, "agent/issue-1", {{"src/a.txt", "one\ntwo\nthree\n"}}, "Say three");
    Caller maria(yard.forge, "token-of-maria");
    const json proposal = {{"title", "Say three"},
                           {"head", "agent/issue-1"},
                           {"base", "main"},
                           {"body", fmt::format("Fixes #{}", issue)},
                           {"draft", true}};
    const auto made = maria.send("POST", repo("/pulls"), proposal);
    REQUIRE(made.status == 201);
    CHECK(made.body["draft"] == true);
    CHECK(made.body["additions"] == 1);
    const int number = made.body["number"];

    const auto again = maria.send("POST", repo("/pulls"), proposal);
    CHECK(again.status == 422);
    CHECK(again.body["errors"][0]["message"] == "A pull request already exists for acme:agent/issue-1.");
    const auto found = maria.send("GET", repo("/pulls?head=acme:agent/issue-1&state=all")).body;
    REQUIRE(found.size() == 1);
    CHECK(found[0]["number"] == number);
    const auto nothing =
        maria.send("POST", repo("/pulls"), {{"title", "x"}, {"head", "main"}, {"base", "main"}});
    CHECK(nothing.body["errors"][0]["message"] == "No commits between main and main");
    CHECK(maria.send("POST", repo("/pulls"), {{"title", "x"}, {"head", "nope"}, {"base", "main"}}).status ==
          422);

    const auto head = yard.forge.commit_files(kRepository, "agent/issue-1", {{"src/b.txt", "b\n"}}, "More");
    const auto now = maria.send("GET", repo(fmt::format("/pulls/{}", number))).body;
    CHECK(now["head"]["sha"] == head);
    CHECK(now["commits"] == 2);
    CHECK(now["mergeable"] == true);

    const auto merged = yard.forge.merge(kRepository, number, "maria");
    CHECK(yard.forge.branches(kRepository).at("main") == merged);
    CHECK(yard.forge.commit(kRepository, merged).parents.size() == 2);
    CHECK(yard.forge.file(kRepository, merged, "src/a.txt") == "one\ntwo\nthree\n");
    CHECK_FALSE(yard.forge.issue(kRepository, issue).open);
    CHECK(maria.send("GET", repo(fmt::format("/pulls/{}", number))).body["merged"] == true);
    REQUIRE(yard.forge.hooks_sent());
    CHECK(listener.actions() == std::vector<std::string>{"opened", "push", "opened", "push", "synchronize",
                                                         "closed", "push", "closed"});
    CHECK_THROWS(yard.forge.merge(kRepository, number, "maria"));
}

TEST_CASE("where drafts are not supported a draft is refused with GitHub's words") {
    Yard yard;
    yard.forge.set_draft_support(kRepository, false);
    yard.forge.commit_files(kRepository, "b", {{"x", "y"}}, "x");
    Caller maria(yard.forge, "token-of-maria");
    const auto refused = maria.send("POST", repo("/pulls"),
                                    {{"title", "x"}, {"head", "b"}, {"base", "main"}, {"draft", true}});
    CHECK(refused.status == 422);
    CHECK(refused.body["message"] == "Draft pull requests are not supported in this repository.");
    CHECK(maria.send("POST", repo("/pulls"), {{"title", "x"}, {"head", "b"}, {"base", "main"}}).status ==
          201);
}

TEST_CASE("a conflict cannot be merged and says so") {
    Yard yard;
    yard.forge.commit_files(kRepository, "b", {{"src/a.txt", "mine\n"}}, "mine");
    yard.forge.commit_files(kRepository, "main", {{"src/a.txt", "theirs\n"}}, "theirs");
    const auto number = yard.forge.open_pull_request(kRepository, "b", "main", "Mine", "", "maria");
    Caller maria(yard.forge, "token-of-maria");
    CHECK(maria.send("GET", repo(fmt::format("/pulls/{}", number))).body["mergeable_state"] == "dirty");
    CHECK_THROWS_WITH(yard.forge.merge(kRepository, number, "maria"), "Pull Request is not mergeable");
}

TEST_CASE("issues, labels, comments and reactions behave as GitHub's") {
    Yard yard;
    Caller maria(yard.forge, "token-of-maria");
    Caller reader(yard.forge, "token-of-reader");
    const auto made = reader.send("POST", repo("/issues"), {{"title", "It breaks"}, {"body", "Look"}});
    REQUIRE(made.status == 201);
    const std::string issue = repo(fmt::format("/issues/{}", made.body["number"].get<int>()));
    CHECK(reader.send("POST", issue + "/labels", {{"labels", {"agent"}}}).status == 403);
    CHECK(maria.send("POST", issue + "/labels", {{"labels", {"agent", "agent-state: working"}}}).status ==
          200);
    CHECK(maria.send("GET", repo("/issues?labels=agent&state=open")).body.size() == 1);
    CHECK(maria.send("DELETE", issue + "/labels/agent-state%3A%20working").body.size() == 1);
    CHECK(maria.send("DELETE", issue + "/labels/agent-state%3A%20working").status == 404);
    CHECK(maria.send("POST", repo("/labels"), {{"name", "new"}, {"color", "ff0000"}}).status == 201);
    CHECK(maria.send("POST", repo("/labels"), {{"name", "New"}, {"color", "ff0000"}})
              .body["errors"][0]["code"] == "already_exists");

    CHECK(maria.send("POST", issue + "/reactions", {{"content", "eyes"}}).status == 201);
    CHECK(maria.send("POST", issue + "/reactions", {{"content", "eyes"}}).status == 200);
    CHECK(yard.forge.issue(kRepository, 1).reactions.size() == 1);
    const auto comment = maria.send("POST", issue + "/comments", {{"body", "on it"}});
    REQUIRE(comment.status == 201);
    const std::string one = repo(fmt::format("/issues/comments/{}", comment.body["id"].get<int>()));
    CHECK(maria.send("PATCH", one, {{"body", "done"}}).body["body"] == "done");
    CHECK(maria.send("POST", one + "/reactions", {{"content", "rocket"}}).status == 201);
    CHECK(maria.send("GET", one).status == 200);
    CHECK(maria.send("DELETE", one).status == 204);
    CHECK(maria.send("GET", one).status == 404);
    CHECK(maria.send("POST", issue + "/comments", {{"body", std::string(65'536, 'x')}}).status == 201);
    CHECK(maria.send("POST", issue + "/comments", {{"body", std::string(65'537, 'x')}}).status == 422);
    CHECK(maria.send("PATCH", issue, {{"state", "closed"}, {"state_reason", "not_planned"}}).body["state"] ==
          "closed");
    yard.forge.delete_issue(kRepository, 1, "maria");
    CHECK(maria.send("GET", issue).status == 410);
}

TEST_CASE("long lists come in pages with Link headers") {
    Yard yard;
    const auto issue = yard.forge.create_issue(kRepository, "Talk", "", "maria");
    for (int i = 0; i < 5; ++i) yard.forge.comment(kRepository, issue, fmt::format("number {}", i), "maria");
    Caller maria(yard.forge, "token-of-maria");
    const auto page = maria.send("GET", repo(fmt::format("/issues/{}/comments?per_page=2&page=2", issue)));
    REQUIRE(page.body.size() == 2);
    CHECK(page.body[0]["body"] == "number 2");
    const auto link = header(page.headers, "Link");
    CHECK(link.find("page=3>; rel=\"next\"") != std::string::npos);
    CHECK(link.find("page=1>; rel=\"prev\"") != std::string::npos);
    const auto last = maria.send("GET", repo(fmt::format("/issues/{}/comments?per_page=2&page=3", issue)));
    CHECK(header(last.headers, "Link").find("rel=\"next\"") == std::string::npos);
}

TEST_CASE("check runs belong to apps, hold fifty annotations at a time and show on their commit") {
    Yard yard;
    const auto keys = practice_forge::make_key_pair();
    yard.forge.set_app({.id = 7, .public_key = keys.public_pem});
    const auto now = std::time(nullptr);
    Caller app(yard.forge, app_token(keys.private_pem, 7, now - 60, now + 540));
    Caller bot(yard.forge, app.send("POST", "/app/installations/101/access_tokens").body["token"]);
    Caller maria(yard.forge, "token-of-maria");
    const auto sha = yard.forge.branches(kRepository).at("main");
    json annotations = json::array();
    for (int i = 0; i < 51; ++i) {
        annotations.push_back({{"path", "src/a.txt"},
                               {"start_line", 1},
                               {"end_line", 1},
                               {"annotation_level", "failure"},
                               {"message", "no"}});
    }
    json run = {
        {"name", "evidence"},
        {"head_sha", sha},
        {"external_id", "job-1"},
        {"conclusion", "failure"},
        {"status", "completed"},
        {"output", {{"title", "Red"}, {"summary", "| a |\n|---|\n| b |"}, {"annotations", annotations}}}};
    CHECK(maria.send("POST", repo("/check-runs"), {{"name", "x"}, {"head_sha", sha}}).status == 403);
    CHECK(bot.send("POST", repo("/check-runs"), run, malformed()).status == 422);
    run["output"]["annotations"].erase(50);
    const auto made = bot.send("POST", repo("/check-runs"), run);
    REQUIRE(made.status == 201);
    const json more = {
        {"output", {{"title", "Red"}, {"summary", "more"}, {"annotations", {annotations[0]}}}}};
    const auto changed =
        bot.send("PATCH", repo(fmt::format("/check-runs/{}", made.body["id"].get<int>())), more);
    CHECK(changed.body["output"]["annotations_count"] == 51);
    CHECK(bot.send("GET", repo("/commits/main/check-runs")).body["total_count"] == 1);
    CHECK(bot.send("POST", repo("/statuses/" + sha), {{"state", "success"}, {"context", "ci"}}).status ==
          201);
    CHECK(bot.send("GET", repo("/commits/" + sha + "/status")).body["state"] == "success");
    CHECK(bot.send("GET", repo("/git/ref/heads/main")).body["object"]["sha"] == sha);
    CHECK(bot.send("GET", repo("/branches/main")).body["commit"]["sha"] == sha);
    CHECK(bot.send("GET", repo("/branches/gone")).status == 404);
}

TEST_CASE("nobody, wrong tokens and strangers get 401, 403 and 404 where GitHub gives them") {
    Yard yard;
    yard.forge.add_token("stranger", "token-of-stranger");
    CHECK(Caller(yard.forge, "").send("GET", repo("")).status == 404);
    CHECK(Caller(yard.forge, "wrong").send("GET", repo("")).status == 401);
    CHECK(Caller(yard.forge, "token-of-stranger").send("GET", repo("")).status == 404);
    CHECK(Caller(yard.forge, "token-of-reader").send("PATCH", repo("/issues/1"), {{"title", "x"}}).status ==
          403);
    CHECK(Caller(yard.forge, "token-of-maria").send("GET", repo("/milestones")).status == 404);
    const auto me = Caller(yard.forge, "token-of-maria").send("GET", "/user");
    CHECK(me.body["login"] == "maria");
    CHECK(header(me.headers, "X-RateLimit-Remaining") != "");
    CHECK(header(me.headers, "Date") != "");
    const auto same = Caller(yard.forge, "token-of-maria")
                          .send("GET", "/user", nullptr, {{"If-None-Match", header(me.headers, "ETag")}});
    CHECK(same.status == 304);
}

TEST_CASE("a renamed repository redirects, a deleted one is gone") {
    Yard yard;
    Caller maria(yard.forge, "token-of-maria");
    const int id = maria.send("GET", repo("")).body["id"];
    yard.forge.rename_repository(kRepository, "acme/gadgets");
    const auto moved = maria.send("GET", repo("/issues"));
    CHECK(moved.status == 301);
    CHECK(header(moved.headers, "Location") ==
          fmt::format("{}/repositories/{}/issues", yard.forge.api_url(), id));
    CHECK(maria.send("GET", fmt::format("/repositories/{}/issues", id)).status == 200);
    const Folder folder;
    CHECK(git(folder.path, "clone -q " + with_token(yard.forge, "token-of-maria") + " work"));
    yard.forge.delete_repository("acme/gadgets");
    CHECK(maria.send("GET", "/repos/acme/gadgets").status == 404);
}

TEST_CASE("faults strike the requests they name, as often as they say") {
    Yard yard;
    Caller maria(yard.forge, "token-of-maria");
    yard.forge.fail({.name = "down", .path = "/repos/*", .times = 2, .status = 502});
    CHECK(maria.send("GET", "/user").status == 200);
    CHECK(maria.send("GET", repo("")).status == 502);
    CHECK(yard.forge.faults_left("down") == 1);
    CHECK(maria.send("GET", repo("")).status == 502);
    CHECK(maria.send("GET", repo("")).status == 200);

    yard.forge.fail(
        {.name = "limit", .kind = Fault::Kind::primary_limit, .retry_after = std::chrono::seconds(90)});
    const auto limited = maria.send("GET", repo(""));
    CHECK(limited.status == 403);
    CHECK(header(limited.headers, "X-RateLimit-Remaining") == "0");
    yard.forge.fail(
        {.name = "second", .kind = Fault::Kind::secondary_limit, .retry_after = std::chrono::seconds(5)});
    CHECK(header(maria.send("GET", repo("")).headers, "Retry-After") == "5");
    yard.forge.fail({.name = "broken", .kind = Fault::Kind::wrong_json});
    CHECK(maria.send("GET", repo("")).body.is_discarded());
    yard.forge.fail(
        {.name = "slow", .kind = Fault::Kind::latency, .latency = std::chrono::milliseconds(120)});
    const auto begin = std::chrono::steady_clock::now();
    CHECK(maria.send("GET", repo("")).status == 200);
    CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(120));
}

TEST_CASE("a reset after the effect loses the answer and keeps the effect") {
    Yard yard;
    const auto issue = yard.forge.create_issue(kRepository, "Talk", "", "maria");
    Caller maria(yard.forge, "token-of-maria");
    const std::string comments = repo(fmt::format("/issues/{}/comments", issue));
    yard.forge.fail({.name = "before", .kind = Fault::Kind::reset, .method = "POST"});
    CHECK(maria.send("POST", comments, {{"body", "unheard"}}).status == 0);
    CHECK(yard.forge.issue(kRepository, issue).comments.empty());
    yard.forge.fail({.name = "after", .kind = Fault::Kind::reset, .method = "POST", .after_effect = true});
    CHECK(maria.send("POST", comments, {{"body", "heard"}}).status == 0);
    CHECK(yard.forge.issue(kRepository, issue).comments.size() == 1);
    const auto requests = yard.forge.requests();
    REQUIRE(requests.size() == 2);
    CHECK(requests.back().status == 0);
    CHECK(requests.back().fault == "after");
    CHECK(requests.back().actor == "maria");

    const Folder folder;
    REQUIRE(git(folder.path, "clone -q " + with_token(yard.forge, "token-of-maria") + " work"));
    REQUIRE(git(folder.path / "work", "commit -q --allow-empty -m x"));
    yard.forge.fail({.name = "push",
                     .kind = Fault::Kind::reset,
                     .method = "POST",
                     .path = "*/git-receive-pack",
                     .after_effect = true});
    CHECK_FALSE(git(folder.path / "work", "push -q origin HEAD:refs/heads/there"));
    CHECK(yard.forge.branches(kRepository).contains("there"));
}

TEST_CASE("another process can do all of it over the control API") {
    Yard yard;
    httplib::Client control(yard.forge.url());
    const auto post = [&](const std::string& path, const json& body) {
        const auto result = control.Post("/practice/" + path, body.dump(), "application/json");
        REQUIRE(result);
        return std::pair(result->status, json::parse(result->body));
    };
    const Folder folder;
    fs::create_directories(folder.path / "src");
    std::ofstream(folder.path / "src" / "main.c") << "int main(void) { return 0; }\n";
    std::ofstream(folder.path / ".gitignore") << "build/\n";
    fs::create_directories(folder.path / "build");
    std::ofstream(folder.path / "build" / "junk") << "junk\n";
    CHECK(post("repositories", {{"full_name", "acme/from-folder"}, {"folder", folder.path.string()}}).first ==
          200);
    const auto main = yard.forge.branches("acme/from-folder").at("main");
    CHECK(yard.forge.file("acme/from-folder", main, "src/main.c").starts_with("int main"));
    CHECK_THROWS(yard.forge.file("acme/from-folder", main, "build/junk"));
    CHECK(post("repositories",
               {{"full_name", "acme/cloned"}, {"git", yard.forge.git_directory(kRepository).string()}})
              .first == 200);
    CHECK(yard.forge.branches("acme/cloned") == yard.forge.branches(kRepository));

    const std::string there = std::string("repositories/") + kRepository;
    CHECK(post(there + "/collaborators", {{"login", "zoe"}, {"permission", "admin"}}).first == 200);
    const auto issue =
        post(there + "/issues", {{"title", "One"}, {"author", "zoe"}}).second["number"].get<int>();
    CHECK(post(there + fmt::format("/issues/{}/labels", issue), {{"label", "agent"}, {"by", "zoe"}}).first ==
          200);
    CHECK(post(there + fmt::format("/issues/{}/comments", issue), {{"body", "hi"}, {"by", "zoe"}}).first ==
          200);
    const auto listed = json::parse(control.Get("/practice/" + there + "/issues")->body);
    CHECK(listed[0]["labels"][0] == "agent");
    CHECK(listed[0]["comments"][0]["user"] == "zoe");
    CHECK(post("faults", {{"name", "x"}, {"kind", "status"}}).first == 200);
    CHECK(yard.forge.faults_left("x") == 1);
    CHECK(control.Delete("/practice/faults")->status == 200);
    CHECK(post("nonsense", json::object()).first == 404);
}

TEST_CASE("pages for people show the work and let no hostile text through") {
    Yard yard;
    const auto issue =
        yard.forge.create_issue(kRepository, "<script>alert(1)</script>",
                                "**bold** <!-- hidden --> <img src=x onerror=alert(1)> "
                                "[x](javascript:alert(1))\n\n- [x] done\n\n| a |\n|---|\n| b |",
                                "maria", {"agent"});
    yard.forge.commit_files(kRepository, "b", {{"src/a.txt", "one\n<b>two</b>\n"}}, "Change <it>");
    const auto pull = yard.forge.open_pull_request(kRepository, "b", "main", "Change",
                                                   fmt::format("Fixes #{}", issue), "maria");
    httplib::Client browser(yard.forge.url());
    const auto page = [&](const std::string& path) {
        const auto result = browser.Get(path);
        REQUIRE(result);
        CHECK_MESSAGE(result->status == 200, path);
        CHECK(result->get_header_value("Content-Security-Policy").starts_with("default-src 'none'"));
        return result->body;
    };
    CHECK(page("/").find("acme/widgets") != std::string::npos);
    const auto shown = page(fmt::format("/{}/issues/{}", kRepository, issue));
    CHECK(shown.find("<strong>bold</strong>") != std::string::npos);
    CHECK(shown.find("<table>") != std::string::npos);
    CHECK(shown.find("type=\"checkbox\"") != std::string::npos);
    CHECK(shown.find("hidden") == std::string::npos);
    CHECK(shown.find("<script>") == std::string::npos);
    CHECK(shown.find("<img src=x") == std::string::npos);
    CHECK(shown.find("javascript:") == std::string::npos);
    const std::string address = fmt::format("/{}/pull/{}", kRepository, pull);
    CHECK(page(address).find(fmt::format("href=\"/{}/issues/{}\"", kRepository, issue)) != std::string::npos);
    CHECK(page(address + "/files").find("+&lt;b&gt;two&lt;/b&gt;") != std::string::npos);
    CHECK(page(address + "/commits").find("Change &lt;it&gt;") != std::string::npos);
    CHECK(page(fmt::format("/{}/issues", kRepository)).find("agent") != std::string::npos);
    CHECK(page("/practice/style.css").find("prefers-color-scheme") != std::string::npos);
    CHECK(browser.Get("/no/such/page/1")->status == 404);
}
