#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bot/rendered.hpp"

// Every golden file as readers of a forge meet it: rendered as GitHub does, raw HTML let through.

namespace {

namespace fs = std::filesystem;
using rendered::has_before;
using rendered::html;
using rendered::without_code;

/// Our own tags beside those of plain Markdown: headings, what is folded away, and boxes to tick.
std::string without_our_own(std::string page) {
    for (const std::string_view tag : {"<h2>", "</h2>", "<h3>", "</h3>", "<details>", "</details>",
                                       "<summary>", "</summary>", "<input type=\"checkbox\" disabled=\"\" />",
                                       "<input type=\"checkbox\" checked=\"\" disabled=\"\" />"})
        for (auto at = page.find(tag); at != std::string::npos; at = page.find(tag, at))
            page.erase(at, tag.size());
    return page;
}

bool is_name(char c) { return rendered::is_letter(c) || rendered::is_digit(c) || c == '-' || c == '_'; }

/// Bars that part cells.
std::ptrdiff_t bars(std::string_view line) {
    std::ptrdiff_t found = 0;
    for (std::size_t at = 0; at < line.size(); ++at)
        if (line[at] == '|' && (at == 0 || line[at - 1] != '\\')) ++found;
    return found;
}

bool has_uneven_table(std::string_view markdown) {
    std::ptrdiff_t columns = 0;
    bool fenced = false;
    while (!markdown.empty()) {
        const auto line = markdown.substr(0, markdown.find('\n'));
        markdown.remove_prefix(std::min(line.size() + 1, markdown.size()));
        if (line.starts_with("```")) fenced = !fenced;
        const bool row = !fenced && line.starts_with('|');
        if (row && columns > 0 && bars(line) != columns) return true;
        columns = row ? bars(line) : 0;
    }
    return false;
}

/// What is wrong with it on a page; empty: nothing.
std::string fault_of(const std::string& markdown) {
    const auto live = without_our_own(without_code(html(markdown)));
    if (has_before(live, "@", is_name)) return "mentions somebody";
    if (rendered::has_strange_tag(live)) return "has a link, an image or other HTML";
    for (const auto* sign : {"://", "www.", "mailto:", "src=", "href=", "style="})
        if (live.find(sign) != std::string::npos) return std::string("has ") + sign;
    if (live.find('|') != std::string::npos || has_uneven_table(markdown)) return "has a broken table";
    if (live.find_first_of("{}[]") != std::string::npos && live.find("[!WARNING]") == std::string::npos)
        return "has a place that was not filled in, or a link that is none";
    for (const auto* slip : {"**", "``", " . ", " .<", " ,", "..", "<p></p>", "<li></li>", "()"})
        if (live.find(slip) != std::string::npos) return std::string("reads badly: `") + slip + "`";
    return {};
}

struct File {
    std::string name, text;
};

std::vector<File> golden() {
    std::vector<File> all;
    for (const auto& entry : fs::directory_iterator(fs::path(SHOPFLOOR_SOURCE_DIR) / "tests/bot/golden")) {
        std::ifstream in(entry.path(), std::ios::binary);
        all.push_back({entry.path().filename().string(), {std::istreambuf_iterator<char>(in), {}}});
    }
    REQUIRE(all.size() > 60);
    return all;
}

/// Not rendered by anybody: commit messages, and what the agent is told of CI.
bool is_plain(const File& file) {
    return file.name.starts_with("commit_message") || file.name.starts_with("ci_words");
}

}  // namespace

TEST_CASE("whatever the bot says mentions nobody, loads nothing and reads well as a forge shows it") {
    for (const auto& file : golden())
        if (!is_plain(file))
            CHECK_MESSAGE(fault_of(file.text).empty(), file.name << " " << fault_of(file.text));
}

TEST_CASE("a commit message mentions nobody: an at sign stands in addresses of co-authors only") {
    int messages = 0;
    for (const auto& file : golden()) {
        if (!file.name.starts_with("commit_message")) continue;
        ++messages;
        for (auto at = file.text.find('@'); at != std::string::npos; at = file.text.find('@', at + 1)) {
            if (at + 1 == file.text.size() || !is_name(file.text[at + 1])) continue;
            const auto line = file.text.rfind('\n', at) + 1;
            CHECK(file.text.substr(line).starts_with("Co-authored-by: "));
            CHECK(file.text.substr(at).starts_with("@users.noreply.github.com>\n"));
        }
    }
    CHECK(messages >= 2);
}

TEST_CASE("each of these faults is found") {
    for (const auto* bad :
         {"Thanks @bob.", "&#64;bob", "![pixel](https://evil.example/p.png)", "<img src=\"p.png\">",
          "[a](https://evil.example)", "[](x)", "www.evil.example", "<h2 style=\"x\">a</h2>",
          "| a | b |\n| c | d |", "| a | b |\n| --- | --- |\n| c | d | e |",
          "| a | b |\n| --- | --- |\n| c |", "the branch {}", "**not bold", "the end..", "nothing .", "- "}) {
        CAPTURE(bad);
        CHECK_FALSE(fault_of(bad).empty());
    }
    for (const auto* good : {"`@bob` and `www.evil.example`", "## a\n\n- [x] b\n- [ ] c",
                             "| a | `b\\|c` |\n| --- | --- |\n| d | e |", "```text\n| a\n@bob\n```",
                             "> [!WARNING]\n> **1 of 2 is red.** A draft."}) {
        CAPTURE(good);
        CAPTURE(fault_of(good));
        CHECK(fault_of(good).empty());
    }
}
