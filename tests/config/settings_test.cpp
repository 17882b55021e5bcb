#include "config/settings.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/config/said.hpp"
#include "tests/config/settings_text.hpp"

using config::parse_settings;

TEST_CASE("the shortest settings stand on the defaults") {
    const auto settings = with("");
    REQUIRE_MESSAGE(settings.has_value(), said(settings.error()));
    CHECK(settings->listen_host == "127.0.0.1");
    CHECK(settings->listen_port == 8080);
    CHECK(settings->max_parallel == 10);
    CHECK(settings->forges.at(0).api_url == "https://api.github.com");
    CHECK(settings->forges.at(0).webhook_secrets.at(0).expose() == "hook-secret");
    CHECK(settings->forges.at(0).token->expose() == "token-secret");
    CHECK_FALSE(settings->forges.at(0).app.has_value());
    CHECK(settings->sandbox.ceiling == config::Limits{});
    CHECK(settings->labels.trigger == "agent");
}

TEST_CASE("every key reaches its setting") {
    Folder folder;
    folder.write("app.pem", pem);
    folder.write("old", "old-secret\n");
    std::filesystem::create_directory(folder.path("root"));
    const Variable hook("TEST_HOOK", "hook-secret");
    const auto settings = parse_settings(R"(
listen: "[::1]:0"
state_dir: state
log_level: debug
max_parallel: 4
max_parallel_per_repository: 2
max_jobs_per_issue_per_day: 3
retry_pause: 5s
remind_after: 2h
max_tries: 7
ci_repairs: 4
command_prefix: "!bot"
min_free: 3GiB
cache: 5GiB
default_profile: second
bot_name: Bot
bot_email: bot@example.org
forges:
  - name: ghe
    kind: github
    api_url: https://ghe.example.org/api/v3/
    webhook_secrets: [{env: TEST_HOOK}, {file: old}]
    app: {app_id: 123456, private_key: {file: app.pem}}
    repositories: [acme/tool, acme-labs/*, "*"]
profiles:
  - name: first
    command: [/bin/sh, -c, "echo hi"]
  - name: second
    adapter: other
    model: big
    environment: {LC_ALL: C.UTF-8, EMPTY: "", COUNT: 5}
    mounts: {/opt/agent: agents/second}
    image: example/agent:1
sandbox:
  backend: bubblewrap
  docker_host: tcp://127.0.0.1:2375
  default_image: example/base
  pull_images: false
  allow_weak_limits: true
  roots: {"*": root, "debian:12": root}
  ceiling: {memory: 1GiB, cpus: 0.5, pids: 64, disk: 2GiB, inodes: 1000, tmp: 3MiB, log: 4KiB, total: 5m, idle: 6s}
labels: {trigger: go, priority: now, state_prefix: "go is "}
)",
                                         folder.path("shopfloor.yaml"));
    REQUIRE_MESSAGE(settings.has_value(), said(settings.error()));
    CHECK(settings->listen_host == "::1");
    CHECK(settings->listen_port == 0);
    CHECK(settings->state_dir == folder.path("state"));
    CHECK(settings->log_level == "debug");
    CHECK(settings->max_parallel == 4);
    CHECK(settings->max_parallel_per_repository == 2);
    CHECK(settings->max_jobs_per_issue_per_day == 3);
    CHECK(settings->retry_pause == std::chrono::seconds(5));
    CHECK(settings->remind_after == std::chrono::hours(2));
    CHECK(settings->max_tries == 7);
    CHECK(settings->ci_repairs == 4);
    CHECK(settings->command_prefix == "!bot");
    CHECK(settings->min_free_bytes == 3ULL << 30);
    CHECK(settings->cache_bytes == 5ULL << 30);
    CHECK(settings->bot_name == "Bot");
    CHECK(settings->bot_email == "bot@example.org");
    const config::ForgeSettings& ghe = settings->forges.at(0);
    CHECK(ghe.name == "ghe");
    CHECK(ghe.kind == "github");
    CHECK(ghe.api_url == "https://ghe.example.org/api/v3");
    REQUIRE(ghe.webhook_secrets.size() == 2);
    CHECK(ghe.webhook_secrets[1].expose() == "old-secret");
    REQUIRE(ghe.app.has_value());
    CHECK(ghe.app->app_id == "123456");
    CHECK(contains(ghe.app->private_key.expose(), "BEGIN RSA PRIVATE KEY"));
    CHECK(ghe.repositories == std::vector<std::string>{"acme/tool", "acme-labs/*", "*"});
    const config::AgentProfile* second = find_profile(*settings, "");
    REQUIRE(second != nullptr);
    CHECK(second->name == "second");
    CHECK(second->adapter == "other");
    CHECK(second->model == "big");
    CHECK(second->environment ==
          std::map<std::string, std::string>{{"LC_ALL", "C.UTF-8"}, {"EMPTY", ""}, {"COUNT", "5"}});
    CHECK(second->mounts.at("/opt/agent") == folder.path("agents/second"));
    CHECK(second->image == "example/agent:1");
    CHECK(find_profile(*settings, "first")->command == std::vector<std::string>{"/bin/sh", "-c", "echo hi"});
    CHECK(find_profile(*settings, "third") == nullptr);
    CHECK(settings->sandbox.backend == "bubblewrap");
    CHECK(settings->sandbox.docker_host == "tcp://127.0.0.1:2375");
    CHECK(settings->sandbox.default_image == "example/base");
    CHECK_FALSE(settings->sandbox.pull_images);
    CHECK(settings->sandbox.allow_weak_limits);
    CHECK(settings->sandbox.roots.at("*") == folder.path("root"));
    CHECK(settings->sandbox.roots.at("debian:12") == folder.path("root"));
    CHECK(settings->sandbox.ceiling == config::Limits{.memory_bytes = 1ULL << 30,
                                                      .cpus = 0.5,
                                                      .pids = 64,
                                                      .disk_bytes = 2ULL << 30,
                                                      .disk_inodes = 1000,
                                                      .tmp_bytes = 3ULL << 20,
                                                      .log_bytes = 4ULL << 10,
                                                      .total = std::chrono::minutes(5),
                                                      .idle = std::chrono::seconds(6)});
    CHECK(settings->labels.trigger == "go");
    CHECK(settings->labels.priority == "now");
    CHECK(settings->labels.state_prefix == "go is ");
}

TEST_CASE("settings without forges and profiles say both") {
    CHECK(complaint(parse_settings("", "s.yaml")) ==
          "s.yaml:1: forges: is missing; add at least one, see config/shopfloor.example.yaml\n"
          "s.yaml:1: profiles: is missing; add at least one, see config/shopfloor.example.yaml\n");
    CHECK(contains(complaint(parse_settings("forges: []\nprofiles: []\n", "s.yaml")),
                   "s.yaml:2: profiles: is empty"));
}

TEST_CASE("an error names the file, the line, the key and the mend") {
    CHECK(
        complaint(with("max_paralel: 3\n")) ==
        "/etc/shopfloor/shopfloor.yaml:9: max_paralel: there is no such key; did you mean `max_parallel`?\n");
    CHECK(complaint(with("sandbox:\n  ceiling:\n    memory: lots\n")) ==
          "/etc/shopfloor/shopfloor.yaml:11: sandbox.ceiling.memory: `lots` is not such a size; write a size "
          "from 16MiB to "
          "1024TiB, like 512MiB or 4GiB\n");
}

TEST_CASE("the address of a forge's API is https, or http on this machine") {
    struct Case {
        const char *url, *said;
    };
    const auto with_url = [](const char* url) {
        return std::string(basics) + ", token: {env: TEST_TOKEN}, api_url: '" + url + "'";
    };
    for (const auto& [url, wanted] : {
             Case{"http://shop.example.org", "without TLS"},
             Case{"ftp://shop.example.org", "https://"},
             Case{"https://user:pw@shop.example.org", "user name"},
             Case{"https://", "without a host"},
             Case{"http://127.0.0.1.example.org", "without TLS"},
             Case{"https://host:port/", "port"},
             Case{"https://host/?a=b", "query"},
         }) {
        CAPTURE(url);
        const std::string answer = complaint(with_forge(with_url(url)));
        CAPTURE(answer);
        CHECK(contains(answer, wanted));
    }
    for (const char* url : {"http://localhost:8080", "http://127.0.0.9:8080/", "http://[::1]:8080/"}) {
        CAPTURE(url);
        const auto settings = with_forge(with_url(url));
        REQUIRE_MESSAGE(settings.has_value(), said(settings.error()));
        CHECK_FALSE(settings->forges.front().api_url.ends_with('/'));
    }
}

TEST_CASE("values out of range or of the wrong kind are refused") {
    struct Case {
        const char *text, *said;
    };
    for (const auto& [text, wanted] : {
             Case{"max_parallel: 0", "from 1 to 200"},
             Case{"max_parallel: 201", "from 1 to 200"},
             Case{"max_jobs_per_issue_per_day: 0", "from 1 to 1000"},
             Case{"ci_repairs: 11", "from 0 to 10"},
             Case{"command_prefix: agent", "like `/agent`"},
             Case{"command_prefix: /my bot", "like `/agent`"},
             Case{"listen: 8080", "HOST:PORT"},
             Case{"listen: host:99999", "HOST:PORT"},
             Case{"listen: '::1:80'", "HOST:PORT"},
             Case{"listen: ':80'", "HOST:PORT"},
             Case{"log_level: verbose", "write one of: trace, debug, info, warn, error"},
             Case{"log_level: inof", "did you mean `info`?"},
             Case{"cache: big", "like 512MiB"},
             Case{"default_profile: dem", "did you mean `demo`?"},
             Case{"bot_email: nobody", "not a mail address"},
             Case{"bot_name: 'A <b>'", "`<` or `>`"},
             Case{"sandbox: {backend: podman}", "auto, docker, bubblewrap"},
             Case{"sandbox: {docker_host: http://x}", "not an engine's address"},
             Case{"sandbox: {docker_host: tcp://x}", "not an engine's address"},
             Case{"sandbox: {docker_host: unix://relative}", "not an engine's address"},
             Case{"sandbox: {roots: {a: /nowhere/at/all}}", "is not a folder"},
             Case{"sandbox: {pull_images: 'true'}", "without quotes"},
             Case{"sandbox: {ceiling: {cpus: 0}}", "from 0.1 to 1024"},
             Case{"sandbox: {ceiling: {memory: 1KiB}}", "from 16MiB"},
             Case{"labels: {trigger: ''}", "labels.trigger: is empty"},
             Case{"labels: {priority: agent}", "is the trigger label too"},
             Case{"labels: {state_prefix: 'agent:'}", "would start a job"},
             Case{"labels: {colour: red}", "known here: trigger, priority, state_prefix"},
         }) {
        CAPTURE(text);
        const std::string answer = complaint(with(text));
        CAPTURE(answer);
        CHECK(contains(answer, wanted));
    }
}

TEST_CASE("an idle limit never passes the total one") {
    const auto settings = with("sandbox: {ceiling: {total: 1m}}");
    REQUIRE(settings.has_value());
    CHECK(settings->sandbox.ceiling.idle == std::chrono::minutes(1));
}

TEST_CASE("a settings file that is not there, or is a folder, is said so") {
    Folder folder;
    CHECK(contains(complaint(config::load_settings(folder.path("none.yaml"))),
                   "none.yaml: there is no such file"));
    std::filesystem::create_directory(folder.path("dir.yaml"));
    CHECK(contains(complaint(config::load_settings(folder.path("dir.yaml"))), "not a plain file"));
    folder.write("empty.yaml", "");
    CHECK(contains(complaint(config::load_settings(folder.path("empty.yaml"))), "forges: is missing"));
}

TEST_CASE("broken YAML is told with its line") {
    CHECK(contains(complaint(parse_settings("listen: a:1\nlog_level: [\n", "s.yaml")), "not valid YAML"));
    CHECK(contains(complaint(parse_settings("a: b\n  c: d\n", "s.yaml")), "s.yaml:2: not valid YAML"));
}

TEST_CASE("the example of settings loads as it is") {
    const Variable hook("SHOPFLOOR_WEBHOOK_SECRET", "hook-secret"), key("SHOPFLOOR_APP_KEY", pem),
        model_key("ANTHROPIC_API_KEY", "model-secret");
    const auto settings = config::load_settings(SHOPFLOOR_SOURCE_DIR "/config/shopfloor.example.yaml");
    REQUIRE_MESSAGE(settings.has_value(), said(settings.error()));
    // What it shows as defaults are the defaults.
    const config::Settings defaults;
    CHECK(settings->listen_host == defaults.listen_host);
    CHECK(settings->listen_port == defaults.listen_port);
    CHECK(settings->state_dir == defaults.state_dir);
    CHECK(settings->log_level == defaults.log_level);
    CHECK(settings->max_parallel == defaults.max_parallel);
    CHECK(settings->max_parallel_per_repository == defaults.max_parallel_per_repository);
    CHECK(settings->max_jobs_per_issue_per_day == defaults.max_jobs_per_issue_per_day);
    CHECK(settings->retry_pause == defaults.retry_pause);
    CHECK(settings->remind_after == defaults.remind_after);
    CHECK(settings->max_tries == defaults.max_tries);
    CHECK(settings->ci_repairs == defaults.ci_repairs);
    CHECK(settings->command_prefix == defaults.command_prefix);
    CHECK(settings->min_free_bytes == defaults.min_free_bytes);
    CHECK(settings->cache_bytes == defaults.cache_bytes);
    CHECK(settings->bot_name == defaults.bot_name);
    CHECK(settings->bot_email == defaults.bot_email);
    CHECK(settings->forges.at(0).kind == config::ForgeSettings{}.kind);
    CHECK(settings->forges.at(0).api_url == config::ForgeSettings{}.api_url);
    CHECK(settings->sandbox.backend == defaults.sandbox.backend);
    CHECK(settings->sandbox.default_image == defaults.sandbox.default_image);
    CHECK(settings->sandbox.pull_images == defaults.sandbox.pull_images);
    CHECK(settings->sandbox.allow_weak_limits == defaults.sandbox.allow_weak_limits);
    CHECK(settings->sandbox.ceiling == defaults.sandbox.ceiling);
    CHECK(settings->sandbox.egress == defaults.sandbox.egress);
    CHECK(settings->models.run == defaults.models.run);
    CHECK(settings->models.job == defaults.models.job);
    CHECK(settings->models.day == defaults.models.day);
    CHECK(settings->models.providers.at(0).models.at(0).max_output == config::Model{}.max_output);
    CHECK(settings->models.providers.at(0).models.at(0).context == config::Model{}.context);
    CHECK(settings->labels.trigger == defaults.labels.trigger);
    CHECK(settings->labels.priority == defaults.labels.priority);
    CHECK(settings->labels.state_prefix == defaults.labels.state_prefix);
}
