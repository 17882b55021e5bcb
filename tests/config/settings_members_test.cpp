// Forges, profiles and their secrets.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/config/said.hpp"
#include "tests/config/settings_text.hpp"

using config::parse_settings;

TEST_CASE("a forge needs a name, a webhook secret, repositories and one kind of credentials") {
    const std::string nothing = complaint(with_forge("kind: github"));
    for (const char* key : {"forges[0].name: is missing", "forges[0].webhook_secrets: is missing",
                            "forges[0].repositories: is missing", "forges[0]: has no credentials"}) {
        CAPTURE(nothing);
        CHECK(contains(nothing, key));
    }
    const std::string both =
        std::string(basics) + ", token: {env: TEST_TOKEN}, app: {app_id: 1, private_key: {env: TEST_PEM}}";
    CHECK(contains(complaint(with_forge(both)), "keep one of `app` and `token`"));
    CHECK(with_forge(std::string(basics) + ", app: {app_id: 1, private_key: {env: TEST_PEM}}").has_value());
    CHECK(contains(
        complaint(with_forge(std::string(basics) + ", app: {app_id: 1, private_key: {env: TEST_HOOK}}")),
        "is not a PEM private key"));
    CHECK(contains(
        complaint(with_forge("name: a, webhook_secrets: [], repositories: [], token: {env: TEST_TOKEN}")),
        "repositories: is empty"));
    CHECK(contains(complaint(with_forge(
                       "name: a/b, webhook_secrets: [{env: TEST_HOOK}], repositories: [a/b], token: {env: "
                       "TEST_TOKEN}")),
                   "forges[0].name: `a/b` is not a name"));
    CHECK(contains(complaint(with_forge(std::string(basics) +
                                        ", token: {env: TEST_TOKEN}, api_url: http://api.github.com")),
                   "without TLS"));
}

TEST_CASE("a key with a passphrase is refused, since nobody is there to type it") {
    const Variable key("TEST_ENCRYPTED",
                       "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----\n");
    CHECK(contains(
        complaint(with_forge(std::string(basics) + ", app: {app_id: 1, private_key: {env: TEST_ENCRYPTED}}")),
        "a private key with a passphrase"));
}

TEST_CASE("repositories are named as the forge names them") {
    for (const char* name :
         {"a", "a/", "/a", "*/a", "a/*/b", "a b/c", "a/..", "https://github.com/a/b", "**"}) {
        CAPTURE(name);
        CHECK(contains(
            complaint(with_forge("name: a, webhook_secrets: [{env: TEST_HOOK}], token: {env: TEST_TOKEN}, "
                                 "repositories: ['" +
                                 std::string(name) + "']")),
            "is not a repository"));
    }
}

TEST_CASE("two forges or two profiles of one name are refused") {
    const std::string one = std::string("{") + basics + ", token: {env: TEST_TOKEN}}";
    const Variable hook("TEST_HOOK", "hook-secret"), token("TEST_TOKEN", "token-secret");
    CHECK(contains(complaint(parse_settings("forges: [" + one + ", " + one + "]\n" + profile, "s.yaml")),
                   "forges[1]: another of them is named `a`"));
    CHECK(contains(complaint(parse_settings(
                       forge + "profiles: [{name: p, command: [a]}, {name: p, command: [b]}]\n", "s.yaml")),
                   "profiles[1]: another of them is named `p`"));
}

TEST_CASE("a profile is complete and shows no credential to the agent") {
    struct Case {
        const char *text, *said;
    };
    for (const auto& [text, wanted] : {
             Case{"name: a", "has no `command`"},
             Case{"name: a, command: []", "command: is empty"},
             Case{"name: a, command: /bin/true", "command: a list is needed"},
             Case{"command: [a]", "name: is missing"},
             Case{"name: 'a b', command: [a]", "is not a name"},
             Case{"name: a, command: [a], environment: {1X: y}", "not the name of an environment variable"},
             Case{"name: a, command: [a], environment: {'A=B': y}",
                  "not the name of an environment variable"},
             Case{"name: a, command: [a], environment: {KEY: ghp_0123456789abcdef}", "looks like a secret"},
             Case{"name: a, command: [a], environment: {KEY: {env: X}}", "is a map of keys, text is needed"},
             Case{"name: a, command: [a], mounts: {opt: /srv}", "not a plain absolute path"},
             Case{"name: a, command: [a], mounts: {/: /srv}", "not a plain absolute path"},
             Case{"name: a, command: [a], mounts: {/opt/../etc: /srv}", "not a plain absolute path"},
             Case{"name: a, command: [a], image: 'A B'", "not an image name"},
         }) {
        CAPTURE(text);
        const std::string answer = complaint(with_profile(text));
        CAPTURE(answer);
        CHECK(contains(answer, wanted));
        CHECK_FALSE(contains(answer, "ghp_"));
    }
}

TEST_CASE("a secret written in the file is refused, and not repeated") {
    const auto settings =
        with_forge("name: a, webhook_secrets: [hunter2], repositories: [a/b], token: hunter3");
    const std::string answer = complaint(settings);
    CHECK(contains(answer,
                   "forges[0].webhook_secrets[0]: a secret is not written in this file; write {env: NAME} or "
                   "{file: PATH}"));
    CHECK(contains(answer, "forges[0].token: a secret is not written in this file"));
    CHECK_FALSE(contains(answer, "hunter"));
}

TEST_CASE("a secret that cannot be had is an error that says why") {
    Folder folder;
    folder.write("empty", "\n");
    folder.write("open", "secret", 0644);
    folder.write("big", std::string(70'000, 'x'));
    std::filesystem::create_directory(folder.path("folder"));
    REQUIRE(mkfifo(folder.path("fifo").c_str(), 0600) == 0);
    struct Case {
        const char *source, *said;
    };
    const Variable blank("TEST_BLANK", "");
    for (const auto& [source, wanted] : {
             Case{"{env: TEST_NOT_SET_ANYWHERE}",
                  "the environment variable `TEST_NOT_SET_ANYWHERE` is not set"},
             Case{"{env: TEST_BLANK}", "the environment variable `TEST_BLANK` is empty"},
             Case{"{file: missing}", "cannot be read: No such file"},
             Case{"{file: empty}", "is empty; write the secret into it"},
             Case{"{file: open}", "is readable by everybody; run `chmod o-r "},
             Case{"{file: folder}", "is not a plain file"},
             Case{"{file: fifo}", "is not a plain file"},
             Case{"{file: big}", "longer than 64 KiB"},
             Case{"{}", "needs one source"},
             Case{"{env: A, file: b}", "needs one source"},
             Case{"{vault: a}", "known here: env, file"},
         }) {
        CAPTURE(source);
        const std::string text = "forges: [{name: a, webhook_secrets: [" + std::string(source) +
                                 "], repositories: [a/b], token: {env: HOME}}]\n" + profile;
        const std::string answer = complaint(parse_settings(text, folder.path("s.yaml")));
        CAPTURE(answer);
        CHECK(contains(answer, wanted));
    }
}

TEST_CASE("what has the shape of a known key is refused wherever it stands, and never repeated") {
    const std::string marks = "0123456789abcdefABCDEF0123456789abcdef";
    for (const std::string& key :
         {"ghp_" + marks, "github_pat_" + marks, "ghs_" + marks, "sk-ant-api03-" + marks, "sk-" + marks,
          "xoxb-1234-" + marks, "glpat-" + marks, std::string("-----BEGIN RSA PRIVATE KEY-----")}) {
        const std::string wanted =
            "looks like a secret, which does not belong in this file; take it out (where a secret is wanted, "
            "write {env: NAME} or {file: PATH}";
        const auto profile_of = [&](const std::string& fields) {
            return complaint(with_profile("name: a, command: [run], " + fields));
        };
        for (const std::string& answer :
             {complaint(with_profile("name: a, command: [run, --key, '" + key + "']")),
              complaint(with_profile("name: a, command: [sh, -c, 'TOKEN=" + key + " run']")),
              profile_of("environment: {HEADER: 'Bearer " + key + "'}"), profile_of("model: '" + key + "'"),
              profile_of("environment: {'" + key + "': x}"),
              complaint(with_forge("name: a, webhook_secrets: ['" + key + "'], repositories: [a/b]")),
              complaint(with_forge("name: a, webhook_secrets: [{env: '" + key + "'}], repositories: [a/b]")),
              complaint(with_forge("name: a, webhook_secrets: [{file: '" + key + "'}], repositories: [a/b]")),
              complaint(with_forge("name: a, api_url: '" + key + "', repositories: [a/b]"))}) {
            CAPTURE(answer);
            CHECK(contains(answer, wanted));
            CHECK_FALSE(contains(answer, key));
        }
    }
    CHECK(contains(complaint(with_profile("name: a, command: [run, ghp_0123456789abcdef]")),
                   "shopfloor.yaml:6: profiles[0].command[1]: looks like a secret"));
}

TEST_CASE("words that only begin like a key are no secrets") {
    for (const char* word : {"task-runner-for-everything", "sk-learn", "npm_config_registry", "ghp_short",
                             "/opt/desk-antique/run", "AKIA"}) {
        CAPTURE(word);
        CHECK(with_profile("name: a, command: [" + std::string(word) + "]").has_value());
    }
}
