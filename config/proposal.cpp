#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/recipe.hpp"

namespace config {

namespace {

using Files = std::vector<std::string>;

bool has(const Files& files, std::string_view name) { return std::ranges::find(files, name) != files.end(); }

bool has_any(const Files& files, std::initializer_list<std::string_view> names) {
    return std::ranges::any_of(names, [&](std::string_view name) { return has(files, name); });
}

struct Package {
    bool readable = false;
    bool tests = false;   ///< a `test` script other than the one that `npm init` leaves behind
    bool builds = false;  ///< a `build` script
    bool dependencies = false;
};

/// package.json comes from the repository: any shape is possible, and what does not fit counts as absent.
Package read_package(std::string_view text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return {};
    const auto script = [&](const char* name) -> std::string {
        const auto scripts = json.find("scripts");
        if (scripts == json.end() || !scripts->is_object()) return {};
        const auto found = scripts->find(name);
        return found != scripts->end() && found->is_string() ? found->get<std::string>() : std::string();
    };
    const auto lists = [&](const char* name) {
        const auto found = json.find(name);
        return found != json.end() && found->is_object() && !found->empty();
    };
    const std::string test = script("test");
    return {.readable = true,
            .tests = !test.empty() && test.find("no test specified") == std::string_view::npos,
            .builds = !script("build").empty(),
            .dependencies = lists("dependencies") || lists("devDependencies")};
}

void propose_cmake(ProposedRecipe& proposed) {
    const std::string build = "cmake -S . -B build && cmake --build build --parallel \"$(nproc)\"";
    proposed.recipe.checks = {
        {.name = "build", .command = build},
        {.name = "tests",
         // Configures and builds again, which costs nothing when `build` left its result.
         .command = build + " && ctest --test-dir build --output-on-failure --output-junit junit.xml",
         .junit = "build/junit.xml"}};
    proposed.assumptions = {
        "CMakeLists.txt is in the root, so the project is configured and built with CMake in `build`.",
        "Its tests are registered with CTest."};
}

void propose_npm(ProposedRecipe& proposed, std::string_view package_json) {
    const Package package = read_package(package_json);
    proposed.assumptions = {"package.json is in the root, so this is an npm project."};
    if (package.builds) proposed.recipe.checks.push_back({.name = "build", .command = "npm run build"});
    if (package.tests) {
        proposed.recipe.checks.push_back({.name = "tests", .command = "npm test"});
        proposed.assumptions.emplace_back("The script `test` of package.json runs the tests.");
    } else if (!package.readable) {
        proposed.assumptions.emplace_back(
            "package.json could not be read as JSON, so no script of it is used.");
    } else {
        proposed.assumptions.emplace_back("package.json has no script `test`, so no tests are run.");
    }
    if (package.dependencies) {
        proposed.assumptions.emplace_back(
            "The dependencies of package.json are installed in the image or in the repository.");
    }
}

void propose_cargo(ProposedRecipe& proposed) {
    proposed.recipe.checks = {{.name = "build", .command = "cargo build --workspace --all-targets --offline"},
                              {.name = "tests", .command = "cargo test --workspace --offline"}};
    proposed.assumptions = {
        "Cargo.toml is in the root, so this is a Cargo workspace, built and tested as a whole.",
        "Its crates are vendored or in the image."};
}

void propose_go(ProposedRecipe& proposed) {
    proposed.recipe.checks = {{.name = "build", .command = "go build ./..."},
                              {.name = "tests", .command = "go test ./..."}};
    proposed.assumptions = {"go.mod is in the root, so every package below it is built and tested with Go.",
                            "Its modules are vendored or in the image."};
}

void propose_maven(ProposedRecipe& proposed, const Files& files) {
    const std::string maven = has(files, "mvnw") ? "sh ./mvnw" : "mvn";
    proposed.recipe.checks = {{.name = "build", .command = maven + " --batch-mode --offline test-compile"},
                              {.name = "tests", .command = maven + " --batch-mode --offline test"}};
    proposed.assumptions = {"pom.xml is in the root, so this is a Maven project, tested by the phase `test`.",
                            "Its dependencies and plugins are in the image."};
}

void propose_python(ProposedRecipe& proposed) {
    proposed.recipe.checks = {{.name = "tests",
                               .command = "python3 -m pytest --junitxml=pytest-junit.xml",
                               .junit = "pytest-junit.xml"}};
    proposed.assumptions = {"The root holds Python project files, so its tests are run with pytest.",
                            "pytest and the project's dependencies are in the image."};
}

void propose_make(ProposedRecipe& proposed) {
    // Only the names of files are known here, so the target is looked up where the Makefile is.
    proposed.recipe.checks = {
        {.name = "build", .command = "make"},
        {.name = "tests", .command = "if make -n test >/dev/null 2>&1; then make test; else make check; fi"}};
    proposed.assumptions = {
        "A Makefile is in the root, so the project is built with `make`.",
        "Its tests are run by `make test`, or by `make check` where there is no such target."};
}

}  // namespace

ProposedRecipe propose_recipe(const std::vector<std::string>& root_files, std::string_view package_json) {
    struct Kind {
        std::string_view name;
        bool present;
    };
    // The first one present is used. Make comes last: a Makefile is often only a shortcut to one of the
    // others.
    const std::array kinds{Kind{"CMake", has(root_files, "CMakeLists.txt")},
                           Kind{"Cargo", has(root_files, "Cargo.toml")},
                           Kind{"Go", has(root_files, "go.mod")},
                           Kind{"Maven", has(root_files, "pom.xml")},
                           Kind{"npm", has(root_files, "package.json")},
                           Kind{"Python", has_any(root_files, {"pyproject.toml", "setup.py", "setup.cfg",
                                                               "pytest.ini", "tox.ini", "requirements.txt"})},
                           Kind{"Make", has_any(root_files, {"Makefile", "makefile", "GNUmakefile"})}};
    const auto* const first = std::ranges::find_if(kinds, &Kind::present);
    ProposedRecipe proposed;
    if (first == kinds.end()) {
        proposed.assumptions = {"No known kind of project was found in the root, so no checks are run."};
        return proposed;
    }
    if (first->name == "CMake") propose_cmake(proposed);
    if (first->name == "Cargo") propose_cargo(proposed);
    if (first->name == "Go") propose_go(proposed);
    if (first->name == "Maven") propose_maven(proposed, root_files);
    if (first->name == "npm") propose_npm(proposed, package_json);
    if (first->name == "Python") propose_python(proposed);
    if (first->name == "Make") propose_make(proposed);
    for (const auto* other = std::next(first); other != kinds.end(); ++other) {
        if (other->present && other->name != "Make") {
            proposed.assumptions.emplace_back("It also looks like a project of " + std::string(other->name) +
                                              ", whose checks are not run.");
        }
    }
    proposed.assumptions.emplace_back(
        "The tools that the checks need are in the default image; nothing is downloaded.");
    return proposed;
}

}  // namespace config
