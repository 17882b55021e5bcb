#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/models/caller.hpp"
#include "tests/practice_model/calls.hpp"
#include "tests/practice_model/script_file.hpp"

/// A step of a script in the tools of each agent program, as its requests offered them.

using nlohmann::json;
using practice_model::Call;
using practice_model::Tool;

namespace {

const json text = {{"type", "string"}};

Tool tool(const std::string& name, const json& properties, std::vector<std::string> required = {}) {
    return {.name = name, .properties = properties, .required = std::move(required)};
}

const std::vector<Tool> claude{
    tool("Bash", {{"command", text}, {"description", text}}, {"command"}),
    tool("Edit",
         {{"file_path", text},
          {"old_string", text},
          {"new_string", text},
          {"replace_all", {{"type", "boolean"}}}},
         {"file_path", "old_string", "new_string"}),
    tool("Read", {{"file_path", text}, {"limit", {{"type", "number"}}}}, {"file_path"}),
    tool("Write", {{"file_path", text}, {"content", text}}, {"file_path", "content"})};

const std::vector<Tool> opencode{
    tool("bash", {{"command", text}, {"description", text}}, {"command", "description"}),
    tool("read", {{"filePath", text}}, {"filePath"}),
    tool("edit", {{"filePath", text}, {"oldString", text}, {"newString", text}}),
    tool("write", {{"filePath", text}, {"content", text}})};

const std::vector<Tool> pi{tool("bash", {{"command", text}}), tool("read", {{"path", text}}),
                           tool("edit", {{"path", text}, {"edits", {{"type", "array"}}}}),
                           tool("write", {{"path", text}, {"content", text}})};

const std::vector<Tool> gemini{
    tool("run_shell_command", {{"command", text}, {"is_background", {{"type", "boolean"}}}},
         {"command", "is_background"}),
    tool("read_file", {{"file_path", text}}),
    tool("replace", {{"file_path", text}, {"instruction", text}, {"old_string", text}, {"new_string", text}},
         {"instruction"}),
    tool("write_file", {{"file_path", text}, {"content", text}})};

Call call(const practice_model::Step& step, const std::vector<Tool>& tools) {
    const auto made = practice_model::call_of(step, tools, "/workspace");
    REQUIRE(made.has_value());
    return *made;
}

const auto editing = practice_model::edit("calc.py", "    return a - b", "    return a + b");
const auto writing = practice_model::write("NOTES.md", "It's done.\n");

}  // namespace

TEST_CASE("Claude Code is asked in its own tools") {
    CHECK(call(practice_model::shell("make"), claude).arguments == json{{"command", "make"}});
    CHECK(call(practice_model::read("a"), claude).arguments == json{{"file_path", "/workspace/a"}});
    CHECK(call(editing, claude).tool == "Edit");
    CHECK(call(editing, claude).arguments == json{{"file_path", "/workspace/calc.py"},
                                                  {"old_string", "    return a - b"},
                                                  {"new_string", "    return a + b"}});
    CHECK(call(writing, claude).arguments ==
          json{{"file_path", "/workspace/NOTES.md"}, {"content", "It's done.\n"}});
}

TEST_CASE("opencode, pi and gemini are asked in theirs") {
    CHECK(call(practice_model::shell("make"), opencode).arguments ==
          json{{"command", "make"}, {"description", "a step of the script"}});
    CHECK(call(editing, opencode).arguments == json{{"filePath", "/workspace/calc.py"},
                                                    {"oldString", "    return a - b"},
                                                    {"newString", "    return a + b"}});
    CHECK(call(editing, pi).arguments.at("edits") ==
          json::array({{{"oldText", "    return a - b"}, {"newText", "    return a + b"}}}));
    CHECK(call(writing, pi).arguments.at("path") == "/workspace/NOTES.md");
    CHECK(call(practice_model::shell("make"), gemini).arguments ==
          json{{"command", "make"}, {"is_background", false}});
    CHECK(call(editing, gemini).tool == "replace");
    CHECK(call(editing, gemini).arguments.at("instruction") == "a step of the script");
    CHECK(call(writing, gemini).tool == "write_file");
}

TEST_CASE("codex gets patches where it takes them") {
    const std::vector<Tool> codex{
        tool("shell", {{"command", {{"type", "array"}}}}),
        {.name = "apply_patch", .freeform = true, .properties = {}, .required = {}}};
    CHECK(call(practice_model::shell("make"), codex).arguments == json{{"command", {"bash", "-c", "make"}}});
    CHECK(call(editing, codex).freeform);
    CHECK(call(editing, codex).input ==
          "*** Begin Patch\n*** Update File: calc.py\n@@\n-    return a - b\n+    return a + b\n*** End "
          "Patch\n");
    CHECK(call(writing, codex).input ==
          "*** Begin Patch\n*** Add File: NOTES.md\n+It's done.\n*** End Patch\n");
}

TEST_CASE("who has only a shell is asked for everything in it") {
    const std::vector<Tool> codex{tool("exec_command", {{"cmd", text}, {"workdir", text}}, {"cmd"})};
    const auto folder =
        std::filesystem::temp_directory_path() / ("practice model's " + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "calc.py") << "def add(a, b):\n    return a - b\n";
    const auto obey = [&](const practice_model::Step& step) {
        const auto made = practice_model::call_of(step, codex, folder.string());
        REQUIRE(made.has_value());
        CHECK(made->tool == "exec_command");
        return std::system(("{ " + made->arguments.at("cmd").get<std::string>() + "; } 2>/dev/null").c_str());
    };
    const auto read = [&](const char* name) {
        std::ifstream in(folder / name);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    CHECK(obey(editing) == 0);
    CHECK(read("calc.py") == "def add(a, b):\n    return a + b\n");
    CHECK(obey(editing) != 0);  // the old lines are there no more
    CHECK(obey(practice_model::write("new/NOTES.md", "It's 100% \"done\".\n")) == 0);
    CHECK(read("new/NOTES.md") == "It's 100% \"done\".\n");
    std::filesystem::remove_all(folder);
}

TEST_CASE("who has no tool for a deed is not asked for it") {
    CHECK_FALSE(practice_model::call_of(editing, {tool("web_search", {{"query", text}})}, "/workspace"));
    CHECK_FALSE(practice_model::call_of(practice_model::say("Hello."), claude, "/workspace"));
}

TEST_CASE("a script can come from a file, and a wrong one is told with its name") {
    const auto file =
        std::filesystem::temp_directory_path() / ("practice-script-" + std::to_string(::getpid()) + ".json");
    const auto play = [&](const std::string& content) {
        std::ofstream(file) << content;
        auto model = std::make_unique<practice_model::PracticeModel>();
        practice_model::play_file(*model, file);
        return model;
    };
    const auto model = play(R"({"steps": [{"say": "First.", "shell": "make"}, {"ask": "Why?"}],
        "faults": [{"kind": "status", "status": 429, "times": 3, "retry_after": 1}], "keys": ["good"]})");
    CHECK(model->faults_left() == 3);
    const auto refused = models::Caller(*model, practice_model::Api::chat, false, "bad").raw();
    REQUIRE(refused);
    CHECK(refused->status == 401);
    const auto limited = models::Caller(*model, practice_model::Api::chat, false, "good").raw();
    REQUIRE(limited);
    CHECK(limited->status == 429);
    CHECK_THROWS_WITH_AS((void)play(R"({"steps": [], "faults": [{"kind": "sulk"}]})"),
                         (file.string() + ": no fault of the kind \"sulk\"").c_str(), std::runtime_error);
    std::filesystem::remove(file);
    CHECK_THROWS_AS(practice_model::play_file(*model, file), std::runtime_error);
}

TEST_CASE("the script that mends the sample is one") {
    practice_model::PracticeModel model;
    practice_model::play_file(model,
                              std::string(SHOPFLOOR_SOURCE_DIR) + "/tests/practice_model/fix_calc.json");
    CHECK(models::Caller(model, practice_model::Api::gemini, true).ask().arguments.at("command") ==
          "python3 -m unittest test_calc 2>&1 | tail -5");
}
