#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "config/recipe.hpp"

using config::matches_any;

TEST_CASE("a pattern without a slash matches at any depth") {
    CHECK(matches_any("CODEOWNERS", {"CODEOWNERS"}));
    CHECK(matches_any("docs/CODEOWNERS", {"CODEOWNERS"}));
    CHECK(matches_any("a/b/schema.sql", {"*.sql"}));
    CHECK_FALSE(matches_any("a/b/schema.sqlx", {"*.sql"}));
    CHECK_FALSE(matches_any("CODEOWNERS.md", {"CODEOWNERS"}));
}

TEST_CASE("a pattern with a slash begins at the root, and a star stays within a segment") {
    CHECK(matches_any("src/a.c", {"src/*.c"}));
    CHECK(matches_any("src/a.c", {"/src/*.c"}));
    CHECK_FALSE(matches_any("lib/src/a.c", {"src/*.c"}));
    CHECK_FALSE(matches_any("src/x/a.c", {"src/*.c"}));
    CHECK(matches_any("a.c", {"/a.c"}));
    CHECK_FALSE(matches_any("x/a.c", {"/a.c"}));
}

TEST_CASE("two stars cross folders") {
    CHECK(matches_any("src/a.c", {"src/**/*.c"}));
    CHECK(matches_any("src/x/y/a.c", {"src/**/*.c"}));
    CHECK(matches_any("x/y/build/z", {"**/build/**"}));
    CHECK(matches_any("a/b/c/d/e", {"a/**/c/**/e"}));
    CHECK_FALSE(matches_any("a/b/d/e", {"a/**/c/**/e"}));
    CHECK(matches_any("anything/at/all", {"**"}));
}

TEST_CASE("a folder takes everything in it along, and what stands in its place") {
    CHECK(matches_any("deploy/a/b", {"deploy/"}));
    CHECK(matches_any("x/deploy/a", {"deploy/"}));
    CHECK(matches_any("deploy/a/b", {"deploy"}));
    CHECK(matches_any(".github/workflows", {".github/workflows/"}));  // a link put where the folder was
    CHECK_FALSE(matches_any("deployment/a", {"deploy/"}));
    CHECK_FALSE(matches_any("x/docs/api/a", {"docs/api/"}));
}

TEST_CASE("case does not matter, since some checkouts fold it") {
    CHECK(matches_any(".GitHub/Workflows/CI.yml", {".github/workflows/**"}));
    CHECK(matches_any("codeowners", {"CODEOWNERS"}));
    CHECK(matches_any("FILE.c", {"[a-f]ile.c"}));
}

TEST_CASE("question marks, sets and escapes work as in a shell") {
    CHECK(matches_any("a1.c", {"a?.c"}));
    CHECK_FALSE(matches_any("a/.c", {"a?.c"}));
    CHECK(matches_any("a5", {"a[0-9]"}));
    CHECK_FALSE(matches_any("ab", {"a[0-9]"}));
    CHECK(matches_any("ab", {"a[!0-9]"}));
    CHECK(matches_any("a]", {"a[]]"}));
    CHECK(matches_any("a-", {"a[x-]"}));
    CHECK(matches_any("a[", {"a["}));
    CHECK(matches_any("a*b", {"a\\*b"}));
    CHECK_FALSE(matches_any("axb", {"a\\*b"}));
}

TEST_CASE("no pattern matches nothing, and an empty path is nothing") {
    CHECK_FALSE(matches_any("a", {}));
    CHECK_FALSE(matches_any("a", {""}));
    CHECK_FALSE(matches_any("", {"a"}));
}

TEST_CASE("hostile patterns are answered at once") {
    const auto start = std::chrono::steady_clock::now();
    std::string stars, deep, path;
    for (int i = 0; i < 100; ++i) {
        stars += "a*";
        deep += "**/a/";
        path += "a/";
    }
    CHECK_FALSE(matches_any(std::string(4000, 'a') + "c", {stars + "b"}));
    CHECK_FALSE(matches_any(path + path + path + "c", {deep + "b"}));
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(1));
}

TEST_CASE("what runs in CI, decides reviews or steers git is protected everywhere") {
    const auto& paths = config::built_in_protected_paths();
    for (const char* path : {".github/workflows/ci.yml",
                             ".github/workflows/deep/er.yml",
                             ".github/actions/x/action.yml",
                             ".github/dependabot.yml",
                             ".github/CODEOWNERS",
                             "CODEOWNERS",
                             "docs/CODEOWNERS",
                             ".gitlab/CODEOWNERS",
                             ".gitlab-ci.yml",
                             ".gitlab-ci-deploy.yml",
                             ".gitea/workflows/a.yaml",
                             ".forgejo/workflows/a.yaml",
                             ".circleci/config.yml",
                             "Jenkinsfile",
                             "Jenkinsfile.release",
                             "azure-pipelines.yml",
                             "azure-pipelines-nightly.yaml",
                             ".shopfloor.yml",
                             ".SHOPFLOOR.YML",
                             ".gitmodules",
                             ".gitattributes",
                             "sub/.gitattributes",
                             ".travis.yml",
                             ".github",
                             ".github/workflows",
                             ".woodpecker.yaml",
                             "bitbucket-pipelines.yml",
                             ".vscode/tasks.json",
                             ".husky/pre-commit",
                             "AGENTS.md",
                             ".claude/settings.json",
                             ".npmrc"}) {
        CAPTURE(path);
        CHECK(matches_any(path, paths));
    }
    for (const char* path :
         {"src/main.cpp", "README.md", "package.json", "CMakeLists.txt", ".gitignore", "docs/github.md",
          "src/workflows/engine.py", "Makefile", "examples/.shopfloor.yml"}) {
        CAPTURE(path);
        CHECK_FALSE(matches_any(path, paths));
    }
}

TEST_CASE("test files are known by the usual names") {
    const auto& paths = config::usual_test_paths();
    for (const char* path :
         {"tests/a.cpp", "src/test/java/AppTest.java", "pkg/server_test.go", "test_app.py", "app/test_app.py",
          "src/a.test.ts", "src/__tests__/a.js", "spec/a_spec.rb", "conftest.py"}) {
        CAPTURE(path);
        CHECK(matches_any(path, paths));
    }
    for (const char* path :
         {"src/main.cpp", "latest/a.py", "src/contest.py", "attest.go", "src/protest/a.c"}) {
        CAPTURE(path);
        CHECK_FALSE(matches_any(path, paths));
    }
}
