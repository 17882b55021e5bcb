#include <fmt/format.h>

#include <array>
#include <charconv>
#include <pugixml.hpp>
#include <set>
#include <unordered_map>

#include "bot/evidence.hpp"
#include "bot/sentences.hpp"
#include "bot/visible_text.hpp"

// JUnit XML has no standard. What is relied on here: `testcase` elements at any depth, with `name` and mostly
// `classname`; a child `failure` or `error` for a failure, `skipped` for a skip. `flakyFailure`,
// `rerunFailure` and the like of Surefire do not count: the runner itself gave the last word. Document types
// are skipped unread and entities are not resolved (pugixml knows the five built-in ones only), so nothing
// grows and nothing is fetched.

namespace bot {

namespace {

using fmt::literals::operator""_a;

constexpr std::size_t longest_report = 32ULL << 20;
constexpr std::size_t most_cases = 200'000;
constexpr std::size_t longest_message = 2'000;
constexpr std::size_t longest_id = 500;

std::string_view attribute(const pugi::xml_node& node, const char* name) {
    return node.attribute(name).value();
}

std::string cleaned(std::string_view text, std::size_t most) {
    // Cut first: a failure may carry megabytes, and scrubbing never makes text longer than thrice.
    auto clean = scrub(text.substr(0, most * 4), LoneReturn::line_break).text;
    if (clean.size() <= most) return clean;
    while (most > 0 && (static_cast<unsigned char>(clean[most]) & 0xC0U) == 0x80U) --most;
    clean.resize(most);
    return clean;
}

std::string one_line(std::string_view text, std::size_t most) {
    auto clean = cleaned(text, most);
    for (auto& c : clean)
        if (c == '\n' || c == '\t') c = ' ';
    return clean;
}

bool is_path_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-./+@").contains(c);
}

bool is_source_file(std::string_view path) {
    static constexpr std::array<std::string_view, 25> endings{
        ".c",   ".cc",  ".cpp",   ".cxx",   ".h",  ".hpp",  ".py", ".js", ".jsx",
        ".ts",  ".tsx", ".mjs",   ".go",    ".rs", ".java", ".kt", ".rb", ".cs",
        ".php", ".sh",  ".swift", ".scala", ".ex", ".exs",  ".m"};
    for (const auto ending : endings)
        if (path.size() > ending.size() && path.ends_with(ending)) return true;
    return false;
}

/// Paths as the repository has them; the sandbox shows it at /workspace.
std::string repository_path(std::string_view path) {
    constexpr std::string_view inside = "/workspace/";
    if (path.starts_with(inside)) path.remove_prefix(inside.size());
    while (path.starts_with("./")) path.remove_prefix(2);
    return one_line(path, 500);
}

int to_line(std::string_view digits) {
    int line = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), line);
    return error == std::errc() && line > 0 ? line : 0;
}

/// The first `path:line` or `path(line)` that a failure names.
void find_place(std::string_view text, TestCase& test) {
    for (std::size_t at = text.find_first_of(":("); at != std::string_view::npos;
         at = text.find_first_of(":(", at + 1)) {
        auto begin = at;
        while (begin > 0 && is_path_character(text[begin - 1])) --begin;
        const auto path = text.substr(begin, at - begin);
        const auto line = to_line(text.substr(at + 1, 7));
        if (line == 0 || !is_source_file(path)) continue;
        test.file = repository_path(path);
        test.line = line;
        return;
    }
}

std::string id_of(const pugi::xml_node& node) {
    const auto name = attribute(node, "name");
    auto owner = attribute(node, "classname");
    if (owner.empty()) owner = attribute(node.parent(), "name");
    const bool said_already =
        owner.empty() || name == owner || (name.starts_with(owner) && name.size() > owner.size());
    return one_line(said_already ? std::string(name) : std::string(owner) + "::" + std::string(name),
                    longest_id);
}

TestCase read_case(const pugi::xml_node& node) {
    TestCase test{.id = id_of(node)};
    test.file = repository_path(attribute(node, "file"));
    test.line = to_line(attribute(node, "line"));
    std::string details;
    for (const auto& child : node.children()) {
        const std::string_view name = child.name();
        if (name == "failure" || name == "error") {
            test.outcome = TestCase::Outcome::failed;
            const auto head = attribute(child, "message");
            const std::string_view text = child.text().get();
            if (details.size() > longest_message * 4) continue;
            if (!details.empty()) details += '\n';
            details += head.substr(0, longest_message);
            if (!text.empty() && (head.empty() || !text.starts_with(head))) {
                if (!head.empty()) details += '\n';
                details += text.substr(0, longest_message * 2);
            } else if (!text.empty()) {
                details.resize(details.size() - std::min(head.size(), longest_message));
                details += text.substr(0, longest_message * 2);
            }
        } else if (name == "skipped" && test.outcome == TestCase::Outcome::passed) {
            test.outcome = TestCase::Outcome::skipped;
        }
    }
    // googletest: status="notrun"; CTest: "notrun", "disabled", "fail".
    const auto status = attribute(node, "status");
    if (test.outcome == TestCase::Outcome::passed) {
        if (status == "notrun" || status == "disabled" || status == "skipped")
            test.outcome = TestCase::Outcome::skipped;
        if (status == "fail" || status == "failed") test.outcome = TestCase::Outcome::failed;
    }
    if (test.outcome != TestCase::Outcome::failed) return test;
    if (details.empty())
        details = std::string(std::string_view(node.child("system-out").text().get()).substr(0, 8000));
    if (test.file.empty()) find_place(details, test);
    // doctest names the file as the class.
    if (test.file.empty() && is_source_file(attribute(node, "classname")))
        test.file = repository_path(attribute(node, "classname"));
    test.message = cleaned(details, longest_message);
    return test;
}

/// The next node in document order, without recursion: depth is the sender's choice.
pugi::xml_node next(pugi::xml_node node, bool enter) {
    if (enter && node.first_child()) return node.first_child();
    while (node && !node.next_sibling()) node = node.parent();
    return node ? node.next_sibling() : node;
}

}  // namespace

std::expected<std::vector<TestCase>, std::string> parse_junit(std::string_view xml) {
    if (xml.size() > longest_report) return std::unexpected(std::string(sentence::junit_too_large));
    if (xml.empty()) return std::unexpected(std::string(sentence::junit_empty));
    pugi::xml_document document;
    const auto parsed = document.load_buffer(xml.data(), xml.size(),
                                             pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol);
    if (!parsed)
        return std::unexpected(fmt::format(sentence::junit_not_xml, "fault"_a = parsed.description(),
                                           "offset"_a = parsed.offset));
    const std::string_view root = document.document_element().name();
    if (root != "testsuites" && root != "testsuite")
        return std::unexpected(std::string(sentence::junit_other_root));

    std::vector<TestCase> cases;
    std::unordered_map<std::string, int> seen;
    std::set<std::string> taken;
    for (auto node = document.document_element(); node;) {
        const bool is_case = std::string_view(node.name()) == "testcase";
        if (is_case) {
            if (cases.size() == most_cases) return std::unexpected(std::string(sentence::junit_too_many));
            auto test = read_case(node);
            auto id = test.id;
            while (!taken.insert(id).second)
                id = test.id + "#" + std::to_string(++seen.try_emplace(test.id, 1).first->second);
            test.id = std::move(id);
            cases.push_back(std::move(test));
        }
        node = next(node, !is_case);
    }
    return cases;
}

}  // namespace bot
