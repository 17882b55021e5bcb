#include "integrations/github_words.hpp"

#include <doctest/doctest.h>

#include <string>

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

TEST_CASE("a repository is served when a pattern names it") {
    CHECK(matches("*", "octo/app"));
    CHECK(matches("octo/*", "Octo/app"));
    CHECK(matches("octo/app", "octo/App"));
    CHECK_FALSE(matches("octo/*", "octopus/app"));
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
