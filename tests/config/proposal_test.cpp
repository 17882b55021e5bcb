#include <doctest/doctest.h>

#include <string>

#include "config/recipe.hpp"
#include "tests/config/said.hpp"

using config::propose_recipe;

namespace {

std::string told(const config::ProposedRecipe& proposed) {
    std::string text;
    for (const std::string& sentence : proposed.assumptions) text += sentence + "\n";
    return text;
}

std::string commands(const config::ProposedRecipe& proposed) {
    std::string text;
    for (const config::Check& check : proposed.recipe.checks)
        text += check.name + ": " + check.command + "\n";
    return text;
}

}  // namespace

TEST_CASE("each known kind of project gets checks and says what was assumed") {
    struct Case {
        const char *file, *command, *word;
    };
    for (const auto& [file, command, word] :
         {Case{"CMakeLists.txt", "ctest --test-dir build", "CMake"},
          Case{"Cargo.toml", "cargo test", "Cargo"}, Case{"go.mod", "go test ./...", "Go"},
          Case{"pom.xml", "mvn ", "Maven"}, Case{"pyproject.toml", "pytest", "Python"},
          Case{"Makefile", "make test", "Makefile"}, Case{"package.json", "npm test", "npm"}}) {
        CAPTURE(file);
        const auto proposed =
            propose_recipe({"README.md", file, "src"}, R"({"scripts": {"test": "vitest"}})");
        CHECK(contains(commands(proposed), command));
        CHECK(contains(told(proposed), word));
        for (const std::string& sentence : proposed.assumptions) CHECK(sentence.ends_with('.'));
        const auto read = config::parse_recipe(canonical(proposed.recipe));
        REQUIRE_MESSAGE(read.has_value(), said(read.error()));
        CHECK(*read == proposed.recipe);
    }
}

TEST_CASE("CTest and pytest results are read from the files they write") {
    CHECK(propose_recipe({"CMakeLists.txt"}, "").recipe.checks.at(1).junit == "build/junit.xml");
    CHECK(propose_recipe({"setup.py"}, "").recipe.checks.at(0).junit == "pytest-junit.xml");
}

TEST_CASE("npm tests are run only when package.json has a real test script") {
    CHECK(contains(
        commands(propose_recipe({"package.json"}, R"({"scripts": {"test": "jest", "build": "tsc"}})")),
        "build: npm run build\ntests: npm test\n"));
    for (const char* text : {"{}", R"({"scripts": {}})", R"({"scripts": []})", R"({"scripts": {"test": 5}})",
                             R"({"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}})"}) {
        CAPTURE(text);
        const auto proposed = propose_recipe({"package.json"}, text);
        CHECK(proposed.recipe.checks.empty());
        CHECK(contains(told(proposed), "has no script `test`"));
    }
}

TEST_CASE("a package.json that is not JSON is said so") {
    for (const std::string& text : {std::string(), std::string("{"), std::string("[]"),
                                    std::string("\xFF\xFE"), std::string(100'000, '[')}) {
        const auto proposed = propose_recipe({"package.json"}, text);
        CHECK(proposed.recipe.checks.empty());
        CHECK(contains(told(proposed), "could not be read as JSON"));
    }
}

TEST_CASE("of two kinds of project one is used, and the other is named") {
    const auto proposed = propose_recipe({"Makefile", "package.json", "CMakeLists.txt"}, "{}");
    CHECK(contains(commands(proposed), "cmake"));
    CHECK(contains(told(proposed), "also looks like a project of npm"));
    CHECK_FALSE(contains(commands(proposed), "npm"));
}

TEST_CASE("a Makefile beside another kind of project is only a shortcut") {
    CHECK(contains(commands(propose_recipe({"Makefile", "go.mod"}, "")), "go test"));
}

TEST_CASE("an unknown kind of project gets no checks, and says so") {
    const auto proposed = propose_recipe({"README.md"}, "");
    CHECK(proposed.recipe == config::Recipe{});
    CHECK(contains(told(proposed), "no checks are run"));
}
