#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bot/report.hpp"
#include "bot/visible_text.hpp"
#include "tests/bot/rendered.hpp"

namespace report = bot::report;
using rendered::has_before;
using rendered::has_strange_tag;
using rendered::html;
using rendered::is_digit;
using rendered::is_letter;
using rendered::without_code;

namespace {

void check_harmless(const std::string& nasty) {
    const auto safe = report::foreign(nasty, 20'000);
    const auto page = html(safe);
    const auto live = without_code(page);
    INFO("in:   " << nasty);
    INFO("out:  " << safe);
    INFO("html: " << page);
    CHECK_FALSE(has_strange_tag(live));
    CHECK_FALSE(
        has_before(live, "@", [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; }));
    for (const auto* sign : {"#", "!", "gh-"}) CHECK_FALSE(has_before(live, sign, is_digit));
    CHECK_FALSE(has_before(live, "://", [](char) { return true; }));
    CHECK_FALSE(has_before(live, "www.", is_letter));
    CHECK(page.find("language-mermaid") == std::string::npos);
    for (std::size_t at = 0; at < safe.size();) {
        const auto point = bot::code_point_at(safe, at);
        CHECK((point.value != 0x202E && point.value != 0x200B && point.value != 0x1B));
        at += point.length;
    }
}

const std::vector<std::string>& corpus() {
    static const std::vector<std::string> texts{
        "Thanks @team and @alice.",
        "\\@team &#64;team &commat;team @\u200Bteam",
        "fixes #1, closes: #2; Resolves owner/repo#3 and GH-4, gh-5 and !6",
        "closes https://github.com/acme/shop/issues/1",
        "![pixel](https://evil.example/p.png) and ![](https://evil.example/q.png)",
        "[![badge](https://evil.example/b.svg)](https://evil.example)",
        "[click](javascript:alert(1)) [docs](https://evil.example \"title\") <https://evil.example> "
        "<me@evil.example>",
        "https://evil.example/a(b) www.evil.example me@evil.example ftp://evil.example",
        "[ref] and [words][ref]\n\n[ref]: https://evil.example 'x'",
        "<img src=https://evil.example/p.png> <script>alert(1)</script> <a href=x>y</a>",
        "<details><summary>@team</summary>\n\n#1\n\n</details>",
        "<!-- shopfloor job=1 --> text <!-- @team",
        "# Heading with @team\n\nSetext #1\n=====\n\n## **bold** heading ##",
        "```\nopen fence @team\n",
        "~~~ a`b\n@team\n~~~\n@team",
        "```mermaid\ngraph TD\n```",
        "````\n```\n@team\n```\n````\n@team",
        "| a | b |\n| - | - |\n| `x | @team` | #1 |\n",
        "foo\n:-:\n`@team | x`\n",
        "| `a\\|b` | c |\n|---|---|\n| @team `x` | y |",
        "a `code`@team`more` b",
        "``@team `#1` ``@team",
        "> quote @team\n> - list #1\n>   1. deep ![x](y)",
        "> [!NOTE]\n> @team",
        "- [ ] task @team\n- [x] done #1",
        "~~@team~~ *#1* **@team** _www.evil.example_ ***@a***",
        "word*@*team @*team* @**team** #*1* #**1**",
        "text[^1]\n\n[^1]: @team",
        "\x1b[31mred\x1b[0m \x07 \u202Egnp.exe\u202C",
        "line  \nbreak\\\n@team",
        "a\r@team\rb",
        "$$x @team$$ :tada: $`x`$",
        "* * *\n---\n***",
        "1. one\n2. two\n\n   ```\n   @team\n   ```\n",
        "    indented @team",
        "\\`@team\\`",
        "`unclosed @team",
        "`` ` `` @team ` @team",
        "@",
        "#",
        "@@@@team##1",
        "(@team) [@team] {@team} \"@team\" '@team' <@team>",
        "@team\n@team\n@team",
        "mailto:me@evil.example xmpp:me@evil.example",
        "&lt;img src=x&gt; &amp;#64;team",
        std::string(3000, '>') + " @team",
        std::string(3000, '*') + "@team" + std::string(3000, '*'),
        std::string(2000, '[') + "@team" + std::string(2000, ']') + "(x)",
        std::string(500, '`') + " @team",
        "\xFF\xFE@team",
    };
    return texts;
}

}  // namespace

TEST_CASE("foreign Markdown mentions nobody, links nothing, loads nothing and has no HTML") {
    for (const auto& nasty : corpus()) check_harmless(nasty);
}

TEST_CASE("the proof of harmlessness can fail: these checks find what is alive") {
    CHECK(has_strange_tag(html("<img src=x>")));
    CHECK(has_strange_tag(html("[a](b)")));
    CHECK(has_strange_tag(html("www.evil.example")));
    CHECK(has_before(html("&#64;team"), "@", is_letter));
    CHECK(has_before(html("GH-1"), "gh-", is_digit));
}

TEST_CASE("ordinary Markdown is made harmless, not fenced off") {
    std::size_t fenced = 0;
    for (const auto& nasty : corpus())
        if (report::foreign(nasty, 20'000).starts_with("```text\n")) ++fenced;
    INFO(fenced << " of " << corpus().size() << " are fenced");
    CHECK(fenced * 5 <= corpus().size());
}

TEST_CASE("foreign Markdown stays harmless when pieces meet by chance") {
    static const std::vector<std::string> pieces{"@team",
                                                 "#1",
                                                 "`",
                                                 "``",
                                                 "```\n",
                                                 "~~~\n",
                                                 "|",
                                                 "\n",
                                                 "\n\n",
                                                 "> ",
                                                 "- ",
                                                 "*",
                                                 "**",
                                                 "_",
                                                 "~~",
                                                 "[",
                                                 "]",
                                                 "(x)",
                                                 "![",
                                                 "<b>",
                                                 "<!--",
                                                 "-->",
                                                 "\\",
                                                 "&#64;",
                                                 ":-",
                                                 "| - | - |\n",
                                                 "a",
                                                 " ",
                                                 "# ",
                                                 "www.evil.example",
                                                 "https://e.example/",
                                                 "    ",
                                                 "1. ",
                                                 "\t",
                                                 "<div>\n",
                                                 "---\n",
                                                 "===\n"};
    std::mt19937 dice(20260101);
    std::uniform_int_distribution<std::size_t> pick(0, pieces.size() - 1);
    for (int round = 0; round < 3000; ++round) {
        std::string nasty;
        for (int i = 0; i < 14; ++i) nasty += pieces[pick(dice)];
        check_harmless(nasty);
    }
}

TEST_CASE("what is harmless reads as it was written") {
    CHECK(report::foreign("The **till** counts `cents` now.\n\n- one\n- two\n\n```cpp\nint a = 1;\n```",
                          1000) ==
          "The **till** counts `cents` now.\n\n  - one\n  - two\n\n\n\n``` cpp\nint a = 1;\n```");
    CHECK(report::foreign("# What\n\nThanks @team, see [the docs](https://example.org).", 1000) ==
          "**What**\n\nThanks `@team`, see the docs (`https://example.org`).");
    CHECK(report::foreign("| a | b |\n| --- | --- |\n| 1 | `x` |", 1000).find("| 1 | `x` |") !=
          std::string::npos);
    CHECK(report::foreign("", 1000).empty());
}

TEST_CASE("foreign text keeps its limit and its fences closed") {
    for (const auto& nasty : corpus())
        for (const std::size_t limit : {0U, 1U, 10U, 40U, 200U})
            CHECK(bot::code_points(report::foreign(nasty, limit)) <= limit);
    const auto cut = report::foreign("before\n\n```\n" + std::string(5000, 'x') + "\n```\nafter", 500);
    CHECK(bot::code_points(cut) <= 500);
    CHECK(cut.ends_with("```"));
}

TEST_CASE("foreign text that passes a second time stays harmless and keeps its words") {
    for (const auto& nasty : corpus()) check_harmless(report::foreign(nasty, 20'000));
    const std::string answer = "The agent gave up:\n\n```text\nno luck\n```\n\nThen comment `/agent retry`.";
    CHECK(report::foreign(answer, 5000).find("comment `/agent retry`.") != std::string::npos);
}

TEST_CASE("fenced text cannot leave its fence, and its end is kept") {
    const auto fence = report::fenced("a\n```\n@team\n~~~~\n````\nb", 1000);
    CHECK(without_code(html(fence)).find("team") == std::string::npos);
    const auto cut = report::fenced(std::string(500, 'x') + "the end", 60);
    CHECK(bot::code_points(cut) <= 60);
    CHECK(cut.find("the end") != std::string::npos);
    CHECK(report::fenced("\x1b[1mbold\x1b[0m\rnew", 100) == "```text\nnew\n```");
    CHECK(without_code(html(report::fenced(std::string(400, '`') + "\n@team", 1000))).find("team") ==
          std::string::npos);
}

TEST_CASE("a title is one line of plain words") {
    CHECK(report::one_line("  Fix\n#12 for\t@team\x07 \u202E", 100) == "Fix # 12 for @ team");
    CHECK(report::one_line("fixes GH-4", 100) == "fixes GH- 4");
    CHECK(report::one_line("closes https://forge.example/a/b/Issues/7 and /-/merge_requests/8", 100) ==
          "closes https://forge.example/a/b/Issues/ 7 and /-/merge_requests/ 8");
    CHECK(report::one_line("issues/12, /issues/x, a/1", 100) == "issues/12, /issues/x, a/1");
    CHECK(report::one_line(std::string(100, 'x'), 10) == std::string(9, 'x') + "…");
}

TEST_CASE("names in code spans cannot leave them") {
    CHECK(report::code("a`b\nc") == "`a'b c`");
    CHECK(report::code("") == "(no name)");
}

TEST_CASE("the marks of our own sentences bring nothing to life in foreign text") {
    for (const auto* kind : {"github", "gitlab"})
        for (const auto* text : {"Fixes «#»5", "Fixes «\\#»5", "Fixes «&#35;»5", "Fixes ««#»»5"}) {
            CAPTURE(text);
            const auto says = [&](std::string words) {
                return bot::report::spoken(std::move(words), "/agent", *integrations::find_forge_kind(kind));
            };
            for (const auto& said :
                 {says(bot::report::foreign(text, 100)), says(bot::report::one_line(text, 100))}) {
                CHECK(said.find("#5") == std::string::npos);
                CHECK(said.find("!5") == std::string::npos);
            }
        }
}
