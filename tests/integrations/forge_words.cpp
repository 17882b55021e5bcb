#include "integrations/forge_words.hpp"

#include <doctest/doctest.h>

#include <string>

#include "integrations/forge.hpp"
#include "integrations/forge_json.hpp"

using integrations::closes_issue;
using integrations::ends_with_marker;
using integrations::hidden_marker;
using integrations::is_branch_for;
using integrations::matches;
using integrations::one_line;
using integrations::url_encoded;

TEST_CASE("a pull request's words close an issue as GitHub reads them") {
    for (const auto* text : {"Fixes #12", "closes: #12", "This RESOLVED  #12.", "a\nclose #12, b", "fix\n#12",
                             "fixed octo/app#12", "resolves Octo/App#12", "closes GH-12", "(fixes #12)",
                             "fixes https://github.com/octo/app/issues/12", "fixes #1, fixes #12"}) {
        CAPTURE(text);
        CHECK(closes_issue(text, "octo/app", 12));
    }
    for (const auto* text :
         {"", "#12", "Fixes #123", "Fixes #1", "prefixes #12", "fixes#12", "fixes other/app#12", "see #12",
          "fixing #12", "fixes", "fixes: ", "fixes 12", "fixes #12a", "<!-- Fixes #12 -->",
          "<!-- unclosed fixes #12", "fixes https://github.com/octo/app/pull/12",
          "fixes https://github.com/octo/app/issues/123", "fixes the bug of #12"}) {
        CAPTURE(text);
        CHECK_FALSE(closes_issue(text, "octo/app", 12));
    }
    CHECK(closes_issue("closes" + std::string(1'000'000, ' ') + "#12", "octo/app", 12));  // no recursion
}

TEST_CASE("our branches name their issue") {
    CHECK(is_branch_for("agent/issue-12-fix-login", 12));
    CHECK(is_branch_for("agent/issue-12", 12));
    CHECK_FALSE(is_branch_for("agent/issue-123-x", 12));
    CHECK_FALSE(is_branch_for("x/agent/issue-12-x", 12));
}

TEST_CASE("a path of groups ends in a name and can stand in an address") {
    using integrations::is_full_path;
    for (const auto* path : {"octo/app", "octo/tools/deep.er/app_1-x"}) CHECK(is_full_path(path));
    for (const auto* path :
         {"", "app", "octo/", "/app", "octo//app", "octo/../app", "octo/a b", "octo/tools/"})
        CHECK_FALSE(is_full_path(path));
}

TEST_CASE("a repository is served when a pattern names it") {
    CHECK(matches("*", "octo/app"));
    CHECK(matches("octo/*", "Octo/app"));
    CHECK(matches("octo/app", "octo/App"));
    CHECK_FALSE(matches("octo/*", "octopus/app"));
    CHECK(matches("octo/*", "octo/tools/app"));
    CHECK(matches("octo/tools/*", "octo/Tools/deep/app"));
    CHECK_FALSE(matches("octo/tools/*", "octo/tool/app"));
    CHECK_FALSE(matches("octo/tools/*", "octo/tools"));
    CHECK_FALSE(matches("octo/app", "octo/app2"));
}

TEST_CASE("a marker counts at the end of a comment only, and cannot break out of its line") {
    const auto hidden = hidden_marker("job=7 kind=status");
    CHECK(hidden == "<!-- shopfloor:v1 job=7 kind=status -->");
    CHECK(ends_with_marker("text\n\n" + hidden + "\r\n", hidden));
    CHECK_FALSE(ends_with_marker(hidden + "\n\ntext", hidden));
    for (const auto* bad : {"", "a --> b", "a--b", "a\nb", "<x>", "\xc3\xbc"})
        CHECK(hidden_marker(bad).empty());
}

TEST_CASE("a title is one line of limited length") {
    CHECK(one_line("a\nb\tc", 10) == "a b c");
    CHECK(one_line("üüüü", 4) == "üüüü");
    CHECK(one_line("üüüüü", 4) == "üüü…");
    CHECK(url_encoded("agent: a/b ü") == "agent%3A%20a%2Fb%20%C3%BC");
}

TEST_CASE("people are credited by the address that hides theirs, of the forge where they are") {
    const integrations::Person ada{.login = "Ada", .id = "5"};
    const auto mail = [&](std::string_view kind, const std::string& url) {
        return integrations::find_forge_kind(kind)->mail_of({.api_url = url}, ada);
    };
    CHECK(mail("github", "https://api.github.com") == "5+Ada@users.noreply.github.com");
    CHECK(mail("github", "https://ghe.example:8443/api/v3") == "5+Ada@users.noreply.ghe.example");
    CHECK(mail("gitea", "https://git.example/api/v1") == "ada@noreply.git.example");
    CHECK(mail("forgejo", "http://127.0.0.1:3000/api/v1") == "ada@noreply.127.0.0.1");
}

TEST_CASE("every forge has a word and a sign for what is proposed there") {
    for (const auto& kind : integrations::forge_kinds()) {
        CHECK_MESSAGE(!kind.proposal_name.empty(), kind.name);
        CHECK_MESSAGE(kind.proposal_sign != 0, kind.name);
    }
}

TEST_CASE("times are read with their zone, and what is no time is none") {
    const auto utc = integrations::parse_timestamp("2026-03-01T14:03:20Z");
    REQUIRE(utc.has_value());
    CHECK(integrations::parse_timestamp("2026-03-01T15:03:20+01:00") == utc);
    CHECK(integrations::parse_timestamp("2026-03-01T10:33:20.125-03:30") == utc);
    CHECK(integrations::parse_timestamp("2026-03-01 14:03:20 UTC") == utc);
    for (const auto* text :
         {"", "2026-03-01", "2026-03-01T14:03:20", "2026-03-01T14:03:20+1:00", "2026-03-01T14:03:20+25:00",
          "2026-03-01T14:03:20+01:60", "2026-03-01T14:03:20Zx"}) {
        CAPTURE(text);
        CHECK_FALSE(integrations::parse_timestamp(text).has_value());
    }
}
