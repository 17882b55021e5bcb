#include "config/recipe.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/config/said.hpp"

using config::parse_recipe;

namespace {

constexpr const char* whole = R"(version: 1
image: ghcr.io/acme/build:1.2
setup: |
  make deps
  make more
setup_timeout: 5m
checks:
  - name: build
    run: make
    timeout: 90s
  - {name: tests, run: make test, junit: ./build//junit.xml}
  - {name: lint, run: make lint, required: false}
agent: careful
rounds: 3
limits: {memory: 2GiB, disk: 512 MiB, cpus: 1.5, pids: 100, total: 1h30m, idle: 5m}
protected_paths: [deploy/, "*.sql"]
test_paths: [checks/**]
max_files: 20
max_change: 100KiB
)";

std::chrono::milliseconds time_of(const std::string& text) {
    const auto start = std::chrono::steady_clock::now();
    CHECK_FALSE(parse_recipe(text).has_value());
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

std::string repeated(std::string_view part, std::size_t bytes) {
    std::string text;
    while (text.size() + part.size() <= bytes) text += part;
    return text;
}

}  // namespace

TEST_CASE("a recipe with every key is read as it was meant") {
    const auto recipe = parse_recipe(whole);
    REQUIRE_MESSAGE(recipe.has_value(), said(recipe.error()));
    CHECK(recipe->image == "ghcr.io/acme/build:1.2");
    CHECK(recipe->setup == "make deps\nmake more\n");
    CHECK(recipe->setup_timeout == std::chrono::minutes(5));
    REQUIRE(recipe->checks.size() == 3);
    CHECK(recipe->checks[0] ==
          config::Check{.name = "build", .command = "make", .timeout = std::chrono::seconds(90)});
    CHECK(recipe->checks[1].junit == "build/junit.xml");
    CHECK(recipe->checks[1].gate == config::Gate::required);
    CHECK(recipe->checks[2].gate == config::Gate::advisory);
    CHECK(recipe->agent == "careful");
    CHECK(recipe->rounds == 3);
    CHECK(recipe->memory_bytes == 2ULL << 30);
    CHECK(recipe->disk_bytes == 512ULL << 20);
    CHECK(recipe->cpus == 1.5);
    CHECK(recipe->pids == 100);
    CHECK(recipe->total == std::chrono::minutes(90));
    CHECK(recipe->idle == std::chrono::minutes(5));
    CHECK(recipe->protected_paths == std::vector<std::string>{"deploy/", "*.sql"});
    CHECK(recipe->test_paths == std::vector<std::string>{"checks/**"});
    CHECK(recipe->max_files == 20);
    CHECK(recipe->max_change_bytes == 100ULL << 10);
}

TEST_CASE("an empty recipe means the defaults") {
    for (const char* text : {"", "# nothing yet\n", "{}", "---\n"}) {
        CAPTURE(text);
        const auto recipe = parse_recipe(text);
        REQUIRE(recipe.has_value());
        CHECK(*recipe == config::Recipe{});
    }
}

TEST_CASE("a command that YAML would take for something else stays a command") {
    const auto recipe = parse_recipe("checks: [{name: 1.0, run: true}]");
    REQUIRE(recipe.has_value());
    CHECK(recipe->checks[0].command == "true");
    CHECK(recipe->checks[0].name == "1.0");
}

TEST_CASE("a misspelt key is an error with its line and the key that was meant") {
    CHECK(complaint(parse_recipe("rounds: 1\nimgae: debian\n")) ==
          ".shopfloor.yml:2: imgae: there is no such key; did you mean `image`?\n");
    CHECK(contains(complaint(parse_recipe("protected-paths: []\n")), "did you mean `protected_paths`?"));
    CHECK(contains(complaint(parse_recipe("checks:\n- name: a\n  run: b\n  time_out: 5m\n")),
                   ".shopfloor.yml:4: checks[0].time_out: there is no such key; did you mean `timeout`?"));
}

TEST_CASE("a key that resembles nothing is answered with the keys there are") {
    const std::string text = complaint(parse_recipe("privileged: true"));
    CHECK(contains(text, "privileged: there is no such key; known here: version, image, setup,"));
}

TEST_CASE("walls of the sandbox cannot be asked down in a recipe") {
    for (const char* text :
         {"privileged: true", "mounts: {/: /host}", "environment: {LD_PRELOAD: x}", "network: host",
          "limits: {network: host}", "secrets: [A]", "checks: [{name: a, run: b, user: root}]"}) {
        CAPTURE(text);
        CHECK(contains(complaint(parse_recipe(text)), "there is no such key"));
    }
}

TEST_CASE("every error is told, in the order of the file") {
    const std::string text =
        complaint(parse_recipe("rounds: many\nchecks:\n  - run: x\nmax_files: 0\nwhat: 1\n"));
    CHECK(text ==
          ".shopfloor.yml:1: rounds: `many` is not such a number; write a whole number from 0 to 10, without "
          "quotes\n"
          ".shopfloor.yml:3: checks[0].name: is missing; add `name: tests`\n"
          ".shopfloor.yml:4: max_files: `0` is not such a number; write a whole number from 1 to 2000, "
          "without quotes\n"
          ".shopfloor.yml:5: what: there is no such key; known here: version, image, setup, setup_timeout, "
          "checks, agent, "
          "rounds, limits, egress, protected_paths, test_paths, max_files, max_change\n");
}

TEST_CASE("a value of the wrong kind is an error that says which kind is needed") {
    struct Case {
        const char *text, *said;
    };
    for (const auto& [text, wanted] : {
             Case{"[a, b]", "a map of keys is needed here"},
             Case{"just words", "a map of keys is needed here"},
             Case{"image: [a]", "image: is a list, text is needed"},
             Case{"setup: {a: b}", "setup: is a map of keys, text is needed"},
             Case{"agent:\nrounds: 1\n", ".shopfloor.yml:1: agent: has no value, text is needed"},
             Case{"checks: make", "checks: a list is needed"},
             Case{"checks: [make]", "checks[0]: a map of keys is needed here"},
             Case{"checks:", "checks: a list is needed"},
             Case{"limits: 5", "limits: a map of keys is needed here"},
             Case{"rounds: '2'", "without quotes"},
             Case{"rounds: 2.5", "whole number"},
             Case{"rounds: 99999999999999999999", "whole number"},
             Case{"limits: {cpus: nan}", "write a number from 0.1 to 1024"},
             Case{"limits: {cpus: -1}", "write a number from 0.1 to 1024"},
             Case{"limits: {memory: 4096}", "like 512MiB or 4GiB"},
             Case{"limits: {memory: 4GB}", "like 512MiB or 4GiB"},
             Case{"limits: {memory: 99999999999TiB}", "like 512MiB or 4GiB"},
             Case{"setup_timeout: 90", "like 90s, 45m or 2h"},
             Case{"setup_timeout: 5m1h", "like 90s, 45m or 2h"},
             Case{"setup_timeout: 0s", "from 1s to 4h"},
             Case{"setup_timeout: 5h", "from 1s to 4h"},
             Case{"version: 2", "version: `2`"},
             Case{"checks: [{name: a, run: b, required: yes}]", "true or false"},
             Case{"checks: [{name: a, run: ''}]", "checks[0].run: is empty"},
             Case{"checks: [{name: a, run: b}, {name: a, run: c}]", "another check is named `a`"},
             Case{"? [a, b]\n: 1\n", "a key must be a word"},
             Case{"image: UPPER/case", "image: `UPPER/case` is not an image name"},
             Case{"protected_paths: ['!a']", "takes paths out again"},
             Case{"test_paths: [../a]", "`.` or `..`"},
             Case{"agent: a b", "is not a name of letters"},
         }) {
        CAPTURE(text);
        const std::string answer = complaint(parse_recipe(text));
        CAPTURE(answer);
        CHECK(contains(answer, wanted));
    }
}

TEST_CASE("a result file is looked for inside the repository only") {
    for (const char* path :
         {"/etc/passwd", "../x.xml", "a/../../x.xml", "a/..", "~/x", "a\\..\\b", ".", "a/"}) {
        CAPTURE(path);
        CHECK_FALSE(
            parse_recipe("checks: [{name: a, run: b, junit: '" + std::string(path) + "'}]").has_value());
    }
}

TEST_CASE("image names are those of container registries") {
    const std::string digest = "@sha256:" + std::string(64, 'a');
    for (const std::string image :
         {"debian", "debian:bookworm-slim", "library/debian", "localhost/a", "localhost:5000/a/b:c",
          "registry.example.org/team/tool__x:1.0", "a.b-c/d", "gcr.io/a---b/c"}) {
        CAPTURE(image);
        CHECK(parse_recipe("image: '" + image + "'").has_value());
        CHECK(parse_recipe("image: '" + image + digest + "'").has_value());
    }
    for (const std::string image :
         {"Debian", "-debian", "a//b", "/a", "a/", "a:", "a:-x", "a b", "a@sha256:12", "a;b", "$(a)", "a..b",
          "a.-b", "host.:80/a", "host:99999/a", "a:b:c", "--privileged", "a___b"}) {
        CAPTURE(image);
        CHECK_FALSE(parse_recipe("image: '" + image + "'").has_value());
    }
    CHECK_FALSE(parse_recipe("image: " + std::string(256, 'a')).has_value());
}

TEST_CASE("aliases, anchors, tags, second documents and doubled keys are refused by name") {
    CHECK(contains(complaint(parse_recipe("image: &a debian")), ".shopfloor.yml:1: anchors"));
    CHECK(contains(complaint(parse_recipe("a: &a [x]\nb: *a\n")), "anchors"));
    CHECK(contains(complaint(parse_recipe("image: !!str debian")), "tags"));
    CHECK(contains(complaint(parse_recipe("image: !custom debian")), "tags"));
    CHECK(contains(complaint(parse_recipe("checks: !!python/object:os.system []")), "tags"));
    CHECK(contains(complaint(parse_recipe("rounds: 1\n---\nrounds: 2\n")),
                   ".shopfloor.yml:2: a second document"));
    CHECK(contains(complaint(parse_recipe("rounds: 1\nimage: a\nrounds: 2\n")),
                   ".shopfloor.yml:3: rounds: this key is written twice"));
    CHECK_FALSE(parse_recipe("image: *nowhere").has_value());
    CHECK_FALSE(parse_recipe("<<: {rounds: 1}").has_value());
}

TEST_CASE("text that would mislead its reader is refused") {
    struct Case {
        const char *text, *said;
    };
    for (const auto& [text, wanted] : {
             Case{"setup: \"a\\x1b[2Jb\"", "a control character"},
             Case{"setup: \"a\\0b\"", "a control character"},
             Case{"setup: \"a\\x9bb\"", "a control character"},
             Case{"setup: \"rm -rf / \\u202e # safe\"", "hides or reorders"},
             Case{"setup: \"a\\u200bb\"", "hides or reorders"},
             Case{"setup: \"a\\U000E0041b\"", "hides or reorders"},
             Case{"setup: \"\xEF\xBB\xBF\"", "hides or reorders"},
             Case{"checks: [{name: \"a\\nb\", run: c}]", "a line break"},
             Case{"checks: [{name: \"a\\rb\", run: c}]", "a control character"},
         }) {
        CAPTURE(text);
        CHECK(contains(complaint(parse_recipe(text)), wanted));
    }
    CHECK(contains(complaint(parse_recipe("setup: \xC0\xAF")), "not UTF-8"));
    CHECK(contains(complaint(parse_recipe("setup: \xED\xA0\x80")), "not UTF-8"));
    CHECK(contains(complaint(parse_recipe(std::string("a\0:\0 \0b\0", 8))), "not UTF-8"));
    CHECK(parse_recipe("checks: [{name: Prüfung ✓, run: 'echo naïve 日本'}]").has_value());
}

TEST_CASE("an error about hostile text is fit to be shown") {
    const auto recipe = parse_recipe("\"\\e[31m\\u202e" + std::string(500, 'x') + "\": 1");
    REQUIRE_FALSE(recipe.has_value());
    for (const config::Error& error : recipe.error()) {
        CHECK(error.key.size() < 100);
        for (const char c : to_string(error)) CHECK((c >= 0x20 && c < 0x7F));
    }
}

TEST_CASE("a bomb of aliases costs nothing") {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c <= 'z'; ++c) {
        const std::string before(1, static_cast<char>(c - 1));
        bomb +=
            std::string(1, c) + ": &" + c + " [" + repeated("*" + before + ", ", 40) + "*" + before + "]\n";
    }
    CHECK(time_of(bomb) < std::chrono::milliseconds(50));
}

TEST_CASE("whatever fills the size limit is answered within a second") {
    const std::size_t most = 64U << 10;
    for (const char* part : {"[",          "{",     "- ",        "? ",     "a: ",   "\"",    "'",
                             "&a ",        "*a ",   "!a ",       "!!",     "|\n ",  ">\n",   "#",
                             "\n",         "\t",    "[a,",       "{a: ",   "{a: {", "a:\n ", "- - - [",
                             "%TAG ! a\n", "---\n", "...\n",     "a: b\n", ": ",    "]",     "}",
                             "? [",        "a\n",   "\"\\u0041", ", ",     "{? ",   "[? ",   "- a: b\n  c:\n",
                             "\r",         "\r\n",  "<<: "}) {
        CAPTURE(part);
        const auto start = std::chrono::steady_clock::now();
        (void)parse_recipe(repeated(part, most)).has_value();
        (void)parse_recipe("checks: " + repeated(part, most - 8)).has_value();
        CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(2));
    }
}

TEST_CASE("a recipe past its bounds is refused") {
    CHECK(contains(complaint(parse_recipe(std::string((64U << 10) + 1, '#'))), "more than 64KiB"));
    CHECK(contains(complaint(parse_recipe("a: " + std::string(20, '[') + std::string(20, ']'))),
                   "nested deeper"));
    CHECK(contains(complaint(parse_recipe("a: [" + repeated("1,", 20'000) + "1]")), "more than 4000 values"));
    CHECK(contains(complaint(parse_recipe("checks: [" + repeated("{},", 300) + "{}]")),
                   "more than 50 members"));
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "key" + std::to_string(i) + ": 1\n";
    const auto recipe = parse_recipe(many);
    REQUIRE_FALSE(recipe.has_value());
    CHECK(recipe.error().size() == 101);
    CHECK(recipe.error().back().message == "and 900 more errors");
}

TEST_CASE("equal recipes give equal canonical text, whatever they look like") {
    const auto left =
        parse_recipe("rounds: 2\nchecks:\n- name: a\n  run: |\n    x\n    y\nlimits: {memory: 1024MiB}\n");
    const auto right = parse_recipe(
        "limits: {'memory': 1GiB}   # one\nchecks: [{run: \"x\\ny\\n\", required: true, name: 'a', timeout: "
        "900s}]");
    REQUIRE(left.has_value());
    REQUIRE(right.has_value());
    CHECK(*left == *right);
    CHECK(config::canonical(*left) == config::canonical(*right));
}

TEST_CASE("any difference between recipes shows in the canonical text") {
    std::vector<config::Recipe> recipes(20);
    recipes[1].image = "a";
    recipes[2].setup = "a";
    recipes[3].setup_timeout += std::chrono::seconds(1);
    recipes[4].checks = {{.name = "a", .command = "b"}};
    recipes[5].checks = {{.name = "a", .command = "b\n"}};
    recipes[6].checks = {{.name = "a", .command = "b", .timeout = std::chrono::seconds(1)}};
    recipes[7].checks = {{.name = "a", .command = "b", .junit = "c"}};
    recipes[8].checks = {{.name = "a", .command = "b", .gate = config::Gate::advisory}};
    recipes[9].agent = "a";
    recipes[10].rounds = 1;
    recipes[11].memory_bytes = 1;
    recipes[12].disk_bytes = 1;
    recipes[13].cpus = 1;
    recipes[14].pids = 1;
    recipes[15].total = std::chrono::seconds(1);
    recipes[16].idle = std::chrono::seconds(1);
    recipes[17].protected_paths = {"a"};
    recipes[18].test_paths = {"a"};
    recipes[19].max_change_bytes = 1;
    for (const auto& left : recipes) {
        for (const auto& right : recipes) CHECK((canonical(left) == canonical(right)) == (&left == &right));
    }
}

TEST_CASE("canonical text is itself a recipe, the same one") {
    for (const char* text :
         {whole, "{}", "setup: \"tab\\t quote\\\" back\\\\slash: # & * ! %\\n\\n\"",
          "checks: [{name: \"null\", run: \"~\"}, {name: '- a', run: 'é日本 😀'}]", "limits: {cpus: 0.3}"}) {
        CAPTURE(text);
        const auto recipe = parse_recipe(text);
        REQUIRE_MESSAGE(recipe.has_value(), said(recipe.error()));
        const auto again = parse_recipe(canonical(*recipe));
        REQUIRE_MESSAGE(again.has_value(), said(again.error()));
        CHECK(*again == *recipe);
        CHECK(canonical(*again) == canonical(*recipe));
    }
}

TEST_CASE("a recipe gets at most what the operator allows") {
    const config::Limits ceiling;
    CHECK(effective_limits({}, ceiling) == ceiling);
    config::Recipe modest;
    modest.memory_bytes = 1ULL << 20;
    modest.cpus = 0.5;
    modest.pids = 20;
    modest.disk_bytes = 1ULL << 21;
    modest.total = std::chrono::seconds(60);
    modest.idle = std::chrono::seconds(30);
    const config::Limits given = effective_limits(modest, ceiling);
    CHECK(given.memory_bytes == 1ULL << 20);
    CHECK(given.cpus == 0.5);
    CHECK(given.pids == 20);
    CHECK(given.disk_bytes == 1ULL << 21);
    CHECK(given.total == std::chrono::seconds(60));
    CHECK(given.idle == std::chrono::seconds(30));
    config::Recipe greedy;
    greedy.memory_bytes = greedy.disk_bytes = 1ULL << 50;
    greedy.cpus = 1024;
    greedy.pids = 1'000'000;
    greedy.total = greedy.idle = std::chrono::hours(24);
    CHECK(effective_limits(greedy, ceiling) == ceiling);
}
