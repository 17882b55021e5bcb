#include <doctest/doctest.h>

#include <string>

#include "integrations/forge.hpp"
#include "integrations/forge_clamp.hpp"

using integrations::clamp_text;

namespace {

std::size_t points(std::string_view text) {
    std::size_t count = 0;
    for (const char c : text) count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    return count;
}

std::string repeat(std::string_view piece, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += piece;
    return text;
}

}  // namespace

TEST_CASE("a text that fits is left as it is, counted in code points and not in bytes") {
    CHECK(clamp_text("short", 5, "cut") == "short");
    const auto umlauts = repeat("ü", 100);
    CHECK(clamp_text(umlauts, 100, "cut") == umlauts);
    CHECK(clamp_text("", 0, "cut").empty());
}

TEST_CASE("a text that is too long is cut between code points and says so") {
    const auto clamped = clamp_text(repeat("🛠", 50), 20, "cut");
    CHECK(clamped == repeat("🛠", 15) + "\n\ncut");
    CHECK(points(clamped) == 20);
    CHECK(clamp_text("abcdefghij", 4, "").substr(0, 4) == "abcd");
    CHECK(clamp_text("abcdefghij", 4, "a note longer than the limit") == "abcd");
    CHECK(clamp_text("abcdefghij", 0, "note").empty());
}

TEST_CASE("a code fence that the cut leaves open is closed") {
    const auto log = "result\n```text\n" + repeat("line\n", 100) + "```\nend";
    const auto clamped = clamp_text(log, 100, "cut");
    CHECK(points(clamped) <= 100);
    CHECK(clamped.ends_with("\n```\n\ncut"));

    const auto tildes = "~~~~\n``` is only text here\n" + repeat("x\n", 100);
    CHECK(clamp_text(tildes, 60, "cut").ends_with("\n~~~~\n\ncut"));

    const auto closed = "```\na\n```\n" + repeat("b ", 100);
    CHECK(clamp_text(closed, 60, "cut").find("```\n\ncut") == std::string::npos);
    CHECK(clamp_text(closed, 60, "cut").ends_with("\n\ncut"));

    const auto inline_code = "```not a fence``` " + repeat("b ", 100);
    CHECK(clamp_text(inline_code, 60, "cut").ends_with("b\n\ncut"));
}

TEST_CASE("no limit is exceeded wherever the cut falls, with fences of every length") {
    const auto text = repeat("````md\nä\n```\nb\n````\n~~~\n``\n~~~\n", 4);
    for (std::size_t limit = 0; limit < points(text); ++limit) {
        CAPTURE(limit);
        CHECK(points(clamp_text(text, limit, "…")) <= limit);
    }
}

TEST_CASE("forges are found by name, others are not") {
    const auto* github = integrations::find_forge_kind("github");
    REQUIRE(github != nullptr);
    CHECK(github->body_limit == 25U * 1024 * 1024);
    CHECK(github->text_limit == 65536);
    CHECK(integrations::find_forge_kind("sourceforge") == nullptr);
}
