#include <doctest/doctest.h>

#include <string>

#include "bot/commands.hpp"

using bot::Command;
using bot::parse_commands;
using Commands = std::vector<Command>;

namespace {
Commands commands_in(std::string_view markdown) { return parse_commands(markdown, "/agent"); }
}  // namespace

TEST_CASE("a command stands at the beginning of a line") {
    CHECK(commands_in("/agent stop") == Commands{{.verb = "stop", .argument = ""}});
    CHECK(commands_in("Please look.\n\n  /agent retry codex be brief  \nThanks") ==
          Commands{{.verb = "retry", .argument = "codex be brief"}});
    CHECK(commands_in("we could /agent stop here").empty());
    CHECK(commands_in("/agentic stop").empty());
    CHECK(commands_in("/agent") == Commands{{.verb = "", .argument = ""}});
}

TEST_CASE("a verb is read without case and closing punctuation") {
    CHECK(commands_in("/Agent STOP!") == Commands{{.verb = "stop", .argument = ""}});
}

TEST_CASE("a command in a list item counts") {
    CHECK(commands_in("- /agent status\n- and more") == Commands{{.verb = "status", .argument = ""}});
}

TEST_CASE("what is quoted, code, a heading, a link or hidden is no command") {
    CHECK(commands_in("> /agent stop").empty());
    CHECK(commands_in("    /agent stop").empty());
    CHECK(commands_in("```\n/agent stop\n```").empty());
    CHECK(commands_in("`/agent stop`").empty());
    CHECK(commands_in("/agent `stop`").empty());
    CHECK(commands_in("# /agent stop").empty());
    CHECK(commands_in("[/agent stop](https://example.org)").empty());
    CHECK(commands_in("![/agent stop](x.png)").empty());
    CHECK(commands_in("<!-- \n/agent stop\n-->").empty());
    CHECK(commands_in("<div>\n/agent stop\n</div>").empty());
    CHECK(commands_in("/ag*ent* stop").empty());
}

TEST_CASE("an argument may hold code and emphasis") {
    CHECK(commands_in("/agent retry use `foo()` *please*") ==
          Commands{{.verb = "retry", .argument = "use `foo()` please"}});
}

TEST_CASE("one comment gives at most five commands, in their order") {
    std::string text;
    for (int i = 0; i < 9; ++i) text += "/agent v" + std::to_string(i) + "\n";
    const auto commands = commands_in(text);
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
    CHECK(commands_in(std::string(1 << 20, '>')).empty());
    CHECK(commands_in(std::string(1 << 20, '[')).empty());
    CHECK(commands_in(std::string(1 << 20, '*')).empty());
}
