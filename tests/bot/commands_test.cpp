#include <doctest/doctest.h>

#include <string>

#include "bot/commands.hpp"

using bot::Command;
using bot::parse_commands;
using Commands = std::vector<Command>;

namespace {
Commands read(std::string_view markdown) { return parse_commands(markdown, "/agent"); }
}  // namespace

TEST_CASE("a command stands at the beginning of a line") {
    CHECK(read("/agent stop") == Commands{{.verb = "stop", .argument = ""}});
    CHECK(read("Please look.\n\n  /agent retry codex be brief  \nThanks") ==
          Commands{{.verb = "retry", .argument = "codex be brief"}});
    CHECK(read("we could /agent stop here").empty());
    CHECK(read("/agentic stop").empty());
    CHECK(read("/agent") == Commands{{.verb = "", .argument = ""}});
}

TEST_CASE("a verb is read without case and closing punctuation") {
    CHECK(read("/Agent STOP!") == Commands{{.verb = "stop", .argument = ""}});
}

TEST_CASE("a command in a list item counts") {
    CHECK(read("- /agent status\n- and more") == Commands{{.verb = "status", .argument = ""}});
}

TEST_CASE("what is quoted, code, a heading, a link or hidden is no command") {
    CHECK(read("> /agent stop").empty());
    CHECK(read("    /agent stop").empty());
    CHECK(read("```\n/agent stop\n```").empty());
    CHECK(read("`/agent stop`").empty());
    CHECK(read("/agent `stop`").empty());
    CHECK(read("# /agent stop").empty());
    CHECK(read("[/agent stop](https://example.org)").empty());
    CHECK(read("![/agent stop](x.png)").empty());
    CHECK(read("<!-- \n/agent stop\n-->").empty());
    CHECK(read("<div>\n/agent stop\n</div>").empty());
    CHECK(read("/ag*ent* stop").empty());
}

TEST_CASE("an argument may hold code and emphasis") {
    CHECK(read("/agent retry use `foo()` *please*") ==
          Commands{{.verb = "retry", .argument = "use `foo()` please"}});
}

TEST_CASE("one comment gives at most five commands, in their order") {
    std::string text;
    for (int i = 0; i < 9; ++i) text += "/agent v" + std::to_string(i) + "\n";
    const auto commands = read(text);
    REQUIRE(commands.size() == 5);
    CHECK(commands[0].verb == "v0");
    CHECK(commands[4].verb == "v4");
}

TEST_CASE("the bot's own name works as a prefix too") {
    const auto commands =
        parse_commands("@Shopfloor status\n/agent stop", std::vector<std::string>{"/agent", "@shopfloor"});
    CHECK(commands == Commands{{.verb = "status", .argument = "", .prefix = 1},
                               {.verb = "stop", .argument = "", .prefix = 0}});
}

TEST_CASE("a comment of a megabyte and deep nesting are read in bounded time") {
    CHECK(read(std::string(1 << 20, '>')).empty());
    CHECK(read(std::string(1 << 20, '[')).empty());
    CHECK(read(std::string(1 << 20, '*')).empty());
}
