#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/practice_forge/credentials.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/model_plan.hpp"

/// Each place for a secret holds one that exists nowhere else. After a job with an agent that looked for
/// them, they are where they belong and in no other place.

using practice_model::PracticeModel;
using scenarios::bytes_of;
using scenarios::contains;
using scenarios::Factory;
using scenarios::in_repository;
using scenarios::repository;

namespace {

namespace fs = std::filesystem;

/// Only ours may know these: the first stands in the daemon's environment, the second in a file.
const std::vector<std::string> model_keys{"canary-of-the-model-4f19c0d2e7a86b35",
                                          "canary-of-the-model-b07e5d31f2c498a6"};

/// Takes what it can find into the tree, to be published: also what it made the model service say.
const std::string thief =
    "{ perl call.pl; perl call.pl stream; perl call.pl; } > answers; cat answers; touch ready-agent; until "
    "test -e go-agent; do sleep 0.1; done; rm -f ready-agent go-agent; "
    "{ env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; cat /proc/*/maps | head -200; "
    "ls -laR /home /run /tmp /workspace/.git; find /run/door -type f -exec cat '{}' +; cat answers; cat "
    ".git/config .git/FETCH_HEAD $HOME/.git-credentials; "
    "find / -xdev -type f '(' -name '*.pem' -o -name token -o -name '*secret*' -o -name 'shopfloor*' -o "
    "-name 'ledger*' ')' -size -64k -not -path '/usr/*' -not -path '/etc/ssl/*' -exec cat '{}' + ; "
    "} 2>/dev/null | tr -cd '\\11\\12\\40-\\176' | head -c 1000000 > loot; env; cat loot | head -c 100000; "
    "echo; echo done";

bool is_for_credentials(const std::string& header) {
    return header == "authorization" || header == "private-token";
}

/// What signed the requests that reached the forge: minted tokens and the App's own.
std::set<std::string> credentials_of(const std::vector<practice_forge::Request>& requests) {
    std::set<std::string> found;
    for (const auto& request : requests)
        for (const auto& [name, value] : request.headers) {
            if (!is_for_credentials(name)) continue;
            const auto credential = value.substr(value.find(' ') + 1);  // where there is none, all of it
            found.insert(credential);
            if (!value.starts_with("Basic ")) continue;
            const auto pair = practice_forge::decode_base64(credential);
            found.insert(pair.substr(pair.find(':') + 1));
        }
    return found;
}

/// Lines from the middle of a key: whoever has the key has them.
std::set<std::string> lines_of(const std::string& pem) {
    std::set<std::string> lines;
    std::istringstream in(pem);
    for (std::string line; std::getline(in, line);)
        if (line.size() == 64) lines.insert(line);
    return lines;
}

std::string environments_inside(const Factory& factory) {
    std::string all;
    for (const int process : scenarios::processes_inside(factory))
        all += bytes_of(fmt::format("/proc/{}/environ", process));
    return all;
}

std::string command_lines() {
    std::error_code error;
    std::string all;
    for (const auto& process : fs::directory_iterator("/proc", error))
        all += bytes_of(process.path() / "cmdline");
    return all;
}

/// But of daemons and of what traces them, whose environment holds what the operator put there.
std::string environments_outside() {
    std::error_code error;
    std::string all;
    for (const auto& process : fs::directory_iterator("/proc", error))
        if (!contains(bytes_of(process.path() / "cmdline"), "shopfloor.yaml"))
            all += bytes_of(process.path() / "environ");
    return all;
}

/// The service tells each key that it got, in the body and in a header. The first one is refused with that.
void tell_keys(PracticeModel& model) {
    scenarios::answer_all(model, 50, model_keys);
    model.fail({.status = 401, .echo_key = true});
    model.fail({.status = 400, .echo_key = true});
    model.fail({.status = 500, .echo_key = true});
}

/// The keys reached the service, both, and it told them; what was heard of it inside is clean, but there.
void keys_were_told(const PracticeModel& model, const std::string& heard) {
    const auto requests = model.requests();
    REQUIRE(requests.size() == 4);
    for (std::size_t i = 0; i < requests.size(); ++i) {
        CHECK(requests[i].status == std::array{401, 400, 500, 200}[i]);
        CHECK(requests[i].key == model_keys[i == 0 ? 0 : 1]);
    }
    INFO(heard);
    CHECK(contains(heard, "HTTP/1.1 400"));
    CHECK(contains(heard, "HTTP/1.1 500"));
    CHECK(contains(heard, "HTTP/1.1 200"));
    CHECK(contains(heard, "the key was " + std::string(model_keys.front().size(), '*')));
    CHECK_FALSE(contains(heard, "x-received-key"));
}

/// All that the forge was told, but for the credentials in their own header.
std::string told_in(const std::vector<practice_forge::Request>& requests) {
    std::string all;
    for (const auto& request : requests) {
        all += request.path + "\n" + request.query + "\n" + request.body + "\n";
        for (const auto& [name, value] : request.headers)
            if (!is_for_credentials(name)) all += name + ": " + value + "\n";
    }
    return all;
}

/// Every object of a repository, unpacked.
std::string objects_of(const fs::path& bare) {
    return in_repository(bare, "git cat-file --batch --batch-all-objects");
}

/// Programs that were started and what they were given; but the daemon itself, whose environment holds what
/// the operator put there.
std::string started(const fs::path& trace) {
    std::istringstream lines(bytes_of(trace));
    std::string all;
    for (std::string line; std::getline(lines, line);)
        if (!contains(line.substr(0, line.find("\", [")), "/shopfloor")) all += line + "\n";
    return all;
}

struct Places {
    std::map<std::string, std::string> texts;
    void hold(const std::set<std::string>& secrets) const {
        for (const auto& [place, text] : texts) {
            CAPTURE(place);
            for (const auto& secret : secrets) CHECK_FALSE(contains(text, secret));
        }
    }
};

void no_secret_strays(const std::string& backend, bool app) {
    if (!scenarios::can_trace()) return;
    CAPTURE(app);
    const auto folder = Factory::fresh_folder();
    const auto trace = folder / "trace";
    {
        PracticeModel model;
        tell_keys(model);
        auto plan = scenarios::with_model(model, thief, backend, model_keys);
        plan.recipe =
            "checks:\n  - name: tests\n    run: env; cat /proc/*/environ; test -f loot\n"
            "max_change: 2MiB\n";
        plan.app = app;
        plan.process = true;
        plan.wrapper = scenarios::tracing_to(trace);
        Factory factory(std::move(plan));
        std::set<std::string> secrets{std::string(scenarios::hook_secret)};
        secrets.insert(model_keys.begin(), model_keys.end());
        if (app)
            secrets.merge(lines_of(factory.settings().forges.front().app->private_key.expose()));
        else
            secrets.insert(std::string(scenarios::bot_token));
        const auto issue = factory.ask("A control-canary title");
        const auto tree = scenarios::workspace_with(factory, "ready-agent");
        Places places;
        places.texts["environment inside"] = environments_inside(factory);
        places.texts["environment outside"] = environments_outside();
        places.texts["command lines"] = command_lines();
        CHECK(contains(places.texts["environment inside"], "HOME=/home/agent"));
        CHECK(contains(places.texts["environment outside"], "PATH="));
        CHECK(contains(places.texts["command lines"], "shopfloor.yaml"));
        std::ofstream(tree / "go-agent") << "";
        REQUIRE(factory.reaches(issue, "review"));

        const auto requests = factory.forge.requests();
        const auto minted = credentials_of(requests);
        CHECK(minted.size() >= (app ? 3U : 1U));
        secrets.insert(minted.begin(), minted.end());
        const auto bare = factory.forge.git_directory(repository);
        const auto proposal = factory.pull_request_of(issue);
        REQUIRE(proposal);
        places.texts["requests"] = told_in(requests);
        places.texts["objects of the forge"] = objects_of(bare);
        for (const auto& mirror : fs::directory_iterator(factory.state_dir() / "mirrors"))
            for (const auto& entry : fs::recursive_directory_iterator(mirror))
                if (entry.path().filename() == "objects")
                    places.texts["objects of " + mirror.path().filename().string()] =
                        objects_of(entry.path().parent_path());
        places.texts["loot"] = factory.forge.file(repository, proposal->head_sha, "loot");
        places.texts["pull request"] = proposal->body;
        places.texts["agent"] = factory.heard(issue);
        places.texts["calls"] = factory.log("job-1/agent-1.calls");
        places.texts["log"] = bytes_of(factory.directory() / "shopfloor.log");
        places.texts["programs"] = started(trace);
        places.texts["metrics"] =
            scenarios::exchange(factory.port(), "GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
        CHECK(places.texts.size() == 13);
        CHECK(contains(places.texts["calls"], "\"status\":400"));
        CHECK(fs::exists(factory.state_dir() / "logs/job-1/agent-1.door"));
        keys_were_told(model, places.texts["agent"]);
        keys_were_told(model, places.texts["loot"]);
        CHECK(contains(places.texts["loot"], "HOME=/home/agent"));
        CHECK(contains(places.texts["objects of the forge"], "HOME=/home/agent"));
        CHECK(contains(places.texts["programs"], "LC_ALL=C"));
        CHECK(contains(places.texts["requests"], "agent-state: review"));
        places.hold(secrets);

        // All bytes of the state folder: ledger with its log, logs, prompts, mirrors.
        CHECK_FALSE(scenarios::files_with(factory.state_dir(), {"control-canary"}).empty());
        for (const auto& file : scenarios::files_with(factory.state_dir(), secrets)) FAIL_CHECK(file);
    }
    fs::remove_all(folder);
}

}  // namespace

TEST_CASE("no secret strays: logs, ledger, programs, requests and commits hold none, signed in as an App") {
    if (!can(scenarios::Ability::install_apps)) {
        // Who configures one is told so.
        const config::ForgeSettings as_app{.app = config::AppCredentials{.app_id = "1", .private_key = {}}};
        const auto fault = scenarios::tested_kind().fault(as_app);
        REQUIRE(fault);
        CHECK(fault->key == "app");
        return;
    }
    scenarios::on_both([](const std::string& backend) { no_secret_strays(backend, true); });
}

TEST_CASE(
    "no secret strays: logs, ledger, programs, requests and commits hold none, signed in with a token") {
    scenarios::on_both([](const std::string& backend) { no_secret_strays(backend, false); });
}
