#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bot/report.hpp"
#include "integrations/forge.hpp"
#include "tests/bot/rendered.hpp"
#include "tests/bot/report_samples.hpp"

// bot/sentences.hpp read as text, and tests/bot/golden read as people read it. The other tests of reports
// hold that the golden files are what the bot says.

namespace {

namespace fs = std::filesystem;

const fs::path root = SHOPFLOOR_SOURCE_DIR;

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct File {
    std::string name, text;
};

std::vector<File> files(const fs::path& folder, std::string_view ending) {
    std::vector<File> all;
    for (const auto& entry : fs::directory_iterator(root / folder))
        if (entry.path().string().ends_with(ending))
            all.push_back({entry.path().filename().string(), text_of(entry.path())});
    REQUIRE(!all.empty());
    return all;
}

/// Its words between what is filled in, as they are said where the golden files are; a number's place has its
/// two forms.
struct Sentence {
    std::string name, literal;
    std::vector<std::vector<std::string>> parts;
};

void add_words(Sentence& sentence, const std::string& words) {
    if (!words.empty()) sentence.parts.push_back({words});
}

Sentence sentence_of(std::string name, const std::string& written) {
    Sentence sentence{.name = std::move(name), .literal = written, .parts = {}};
    const auto literal = bot::report::spoken(written, "/agent", *integrations::find_forge_kind("github"));
    std::size_t at = 0;
    while (at < literal.size()) {
        const auto open = std::min(literal.find('{', at), literal.size());
        add_words(sentence, literal.substr(at, open - at));
        if (open == literal.size()) break;
        const auto close = literal.find('}', open);
        REQUIRE(close != std::string::npos);
        const auto colon = literal.find(':', open), bar = literal.find('|', open);
        if (colon < bar && bar < close)
            sentence.parts.push_back(
                {literal.substr(colon + 1, bar - colon - 1), literal.substr(bar + 1, close - bar - 1)});
        at = close + 1;
    }
    return sentence;
}

/// The literals up to the semicolon, put together.
std::string literal_at(std::string_view source, std::size_t at) {
    std::string text;
    bool inside = false;
    for (; at < source.size() && (inside || source[at] != ';'); ++at) {
        if (source[at] == '"') {
            inside = !inside;
        } else if (inside && source[at] == '\\') {
            ++at;
            text += source[at] == 'n' ? '\n' : source[at];
        } else if (inside) {
            text += source[at];
        }
    }
    return text;
}

std::vector<Sentence> sentences_in(std::string_view source) {
    constexpr std::string_view sign = "inline constexpr std::string_view ";
    std::vector<Sentence> all;
    for (auto at = source.find(sign); at != std::string_view::npos; at = source.find(sign, at)) {
        at += sign.size();
        const auto end = source.find_first_of(" =", at);
        all.push_back(
            sentence_of(std::string(source.substr(at, end - at)), literal_at(source, source.find('=', at))));
    }
    return all;
}

const std::vector<Sentence>& sentences() {
    static const auto all = sentences_in(text_of(root / "bot/sentences.hpp"));
    REQUIRE(all.size() > 200);
    return all;
}

const std::vector<File>& golden() {
    static const auto all = files("tests/bot/golden", ".md");
    return all;
}

/// One after the other, whatever is filled in between: at most so many characters.
bool stands(const std::string& text, std::size_t from, const std::vector<std::vector<std::string>>& parts,
            std::size_t first = 0) {
    constexpr std::size_t longest_filling = 4000;
    if (first == parts.size()) return true;
    return std::ranges::any_of(parts[first], [&](std::string words) {
        const auto number = words.find('#');  // a number stands there
        if (number != std::string::npos) words.erase(0, number + 1);
        for (auto at = text.find(words, from); at != std::string::npos; at = text.find(words, at + 1)) {
            if (first > 0 && at - from > longest_filling) return false;
            if (stands(text, at + words.size(), parts, first + 1)) return true;
        }
        return false;
    });
}

/// Said elsewhere, nothing of what one forge calls a proposal is left in it.
bool is_for_every_forge(const Sentence& sentence) {
    auto there = bot::report::spoken(sentence.literal, "/agent", samples::of_merge_requests());
    std::ranges::transform(there, there.begin(), [](unsigned char c) { return std::tolower(c); });
    return std::ranges::none_of(std::vector<std::string>{"pull request", "#{", "«", "»"},
                                [&](const auto& left) { return there.find(left) != std::string::npos; });
}

}  // namespace

TEST_CASE("every sentence that the bot can say stands in a golden file") {
    for (const auto& sentence : sentences()) {
        const auto said = std::ranges::any_of(
            golden(), [&](const File& file) { return stands(file.text, 0, sentence.parts); });
        CHECK_MESSAGE(said, sentence.name << " stands in no golden file: add a sample of it");
    }
}

TEST_CASE("both forms of every number stand in a golden file") {
    for (const auto& sentence : sentences())
        for (const auto& part : sentence.parts) {
            if (part.size() < 2) continue;
            for (const auto& form : part) {
                const auto words = form.substr(form.find('#') == std::string::npos ? 0 : form.find('#') + 1);
                auto one = sentence.parts;
                std::ranges::replace(one, part, std::vector<std::string>{words});
                const auto said = std::ranges::any_of(
                    golden(), [&](const File& file) { return stands(file.text, 0, one); });
                CHECK_MESSAGE(said, sentence.name << ": `" << form << "` stands in no golden file");
            }
        }
}

TEST_CASE("no sentence has a word or a sign that another forge has another one for") {
    // An issue's number has one sign everywhere.
    const std::set<std::string> of_issues{"fixes", "commit_refers_to"};
    for (const auto& sentence : sentences())
        CHECK_MESSAGE((is_for_every_forge(sentence) || of_issues.contains(sentence.name)),
                      sentence.name << ": write «pull request» and «#»");
}

TEST_CASE("no sentence stands there that nobody says") {
    const auto sources = files("bot", ".cpp");
    for (const auto& sentence : sentences()) {
        const auto word = "sentence::" + sentence.name;
        const auto said = std::ranges::any_of(sources, [&](const File& file) {
            for (auto at = file.text.find(word); at != std::string::npos; at = file.text.find(word, at + 1)) {
                const auto next = static_cast<unsigned char>(file.text[at + word.size()]);
                if (std::isalnum(next) == 0 && next != '_') return true;
            }
            return false;
        });
        CHECK_MESSAGE(said, sentence.name << " is said nowhere");
    }
}

TEST_CASE("the proof of the golden files can fail") {
    const auto two = sentences_in(
        "inline constexpr std::string_view one = \"{who} has {:# cat|# cats}\\n\"\n    \"and a dog.\";\n"
        "inline constexpr std::string_view two = \"\\\"Hm\\\"\";\n");
    REQUIRE(two.size() == 2);
    CHECK(two[0].name == "one");
    CHECK(two[1].parts == std::vector<std::vector<std::string>>{{"\"Hm\""}});
    CHECK(stands("Ann has 2 cats\nand a dog.", 0, two[0].parts));
    CHECK(stands("Ann has 1 cat\nand a dog.", 0, two[0].parts));
    CHECK_FALSE(stands("Ann has 2 dogs\nand a dog.", 0, two[0].parts));
    CHECK_FALSE(stands("and a dog. Ann has 2 cats\n", 0, two[0].parts));
    CHECK(is_for_every_forge(sentence_of("good", "«Pull request» «#»{}; no second «pull request»")));
    for (const auto* bad : {"Pull request {}", "no pull request", "#{} is open", "the «proposal»"})
        CHECK_FALSE(is_for_every_forge(sentence_of("bad", bad)));
}
