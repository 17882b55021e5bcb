#include "bot/change.hpp"

#include <doctest/doctest.h>

#include <string>

using Kind = sandbox::Change::Kind;

TEST_CASE("what a harvest does not look at stays in the pull request as people made it, gone or there") {
    const sandbox::Changes proposed{{.path = "AGENTS.md", .kind = Kind::file, .content = "theirs"},
                                    {.path = "CLAUDE.md", .kind = Kind::removed, .content = {}},
                                    {.path = "out/report.xml", .kind = Kind::file, .content = "r"},
                                    {.path = "words", .kind = Kind::file, .content = "one"}};
    sandbox::Changes seen{{.path = "words", .kind = Kind::file, .content = "two"}};
    bot::keep_unseen(seen, proposed,
                     [](const std::string& path) { return path == "out/" || bot::instructs_agents(path); });
    REQUIRE(seen.size() == 4);
    CHECK(seen[0].content == "theirs");
    CHECK(seen[1].kind == Kind::removed);
    CHECK(seen[2].path == "out/report.xml");
    CHECK(seen[3].content == "two");  // what the agent made of what it saw

    const auto laid_out = bot::without_instructions(proposed);
    REQUIRE(laid_out.size() == 2);
    CHECK(laid_out[0].path == "out/report.xml");
}

TEST_CASE("agents are instructed by files of these names in any folder, and by what is in their own") {
    for (const auto* path :
         {"AGENTS.md", "lib/AGENTS.md", "CLAUDE.md", ".claude/skills/x/SKILL.md", ".codex/config"})
        CHECK(bot::instructs_agents(path));
    for (const auto* path : {"README.md", "agents.py", "docs/claude/notes.md"})
        CHECK_FALSE(bot::instructs_agents(path));
}
