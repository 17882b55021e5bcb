#include <doctest/doctest.h>

#include <string>

#include "bot/evidence.hpp"

using bot::parse_junit;
using Outcome = bot::TestCase::Outcome;

namespace {
std::vector<bot::TestCase> read_junit(std::string_view xml) {
    const auto cases = parse_junit(xml);
    REQUIRE_MESSAGE(cases.has_value(), (cases ? "" : cases.error()));
    return *cases;
}
}  // namespace

TEST_CASE("pytest's report: failures with file and line, skips, errors") {
    const auto cases = read_junit(
        R"xml(<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="0" failures="1">
<testcase classname="tests.test_till" name="test_sum" time="0.001" />
<testcase classname="tests.test_till" name="test_tax[0.19]" time="0.001"><failure message="assert 3 == 4">def test_tax():
&gt;       assert total(1) == 4
E       assert 3 == 4

tests/test_till.py:12: AssertionError</failure></testcase>
<testcase classname="tests.test_till" name="test_later"><skipped type="pytest.skip" message="not now">x</skipped></testcase>
<testcase classname="tests.test_io" name="test_open"><error message="failed on setup">conftest.py:3: OSError</error></testcase>
</testsuite></testsuites>)xml");
    REQUIRE(cases.size() == 4);
    CHECK(cases[0] == bot::TestCase{.id = "tests.test_till::test_sum"});
    CHECK(cases[1].outcome == Outcome::failed);
    CHECK(cases[1].file == "tests/test_till.py");
    CHECK(cases[1].line == 12);
    CHECK(cases[1].message.starts_with("assert 3 == 4\n"));
    CHECK(cases[2].outcome == Outcome::skipped);
    CHECK(cases[3].file == "conftest.py");
}

TEST_CASE("CTest's report: classname is the name, status tells what did not run") {
    const auto cases = read_junit(R"xml(<testsuite name="(empty)" tests="3" failures="1" disabled="1">
<testcase name="unit" classname="unit" time="0.1" status="run"><system-out>ok</system-out></testcase>
<testcase name="scenario" classname="scenario" time="0.1" status="fail"><failure message=""/><system-out>/workspace/tests/scenario.cpp:44: boom</system-out></testcase>
<testcase name="slow" classname="slow" status="disabled"/></testsuite>)xml");
    REQUIRE(cases.size() == 3);
    CHECK(cases[0].id == "unit");
    CHECK(cases[1].outcome == Outcome::failed);
    CHECK(cases[1].file == "tests/scenario.cpp");
    CHECK(cases[1].line == 44);
    CHECK(cases[2].outcome == Outcome::skipped);
}

TEST_CASE("jest-junit's report: the name already holds the class") {
    const auto cases = read_junit(
        R"xml(<testsuites name="jest tests"><testsuite name="till"><testcase classname="till adds" name="till adds up"/>
<testcase classname="till" name="till" ><failure>Error: expect(received).toBe(expected)
    at Object.toBe (src/till.test.js:9:21)</failure></testcase></testsuite></testsuites>)xml");
    CHECK(cases[0].id == "till adds up");
    CHECK(cases[1].file == "src/till.test.js");
    CHECK(cases[1].line == 9);
}

TEST_CASE("Surefire's report: a test that passed when rerun is no failure") {
    const auto cases = read_junit(
        R"xml(<testsuite name="acme.TillTest"><testcase name="adds" classname="acme.TillTest"><flakyFailure message="once"/></testcase>
<testcase name="taxes" classname="acme.TillTest"><failure message="expected 4" type="AssertionError"><![CDATA[AssertionError: expected 4
	at acme.TillTest.taxes(TillTest.java:33)]]></failure><rerunFailure/></testcase></testsuite>)xml");
    CHECK(cases[0].outcome == Outcome::passed);
    CHECK(cases[1].id == "acme.TillTest::taxes");
    CHECK(cases[1].outcome == Outcome::failed);
}

TEST_CASE("go-junit-report, nextest and doctest are read") {
    const auto go = read_junit(
        R"xml(<testsuites><testsuite name="acme/till"><testcase name="TestSum" classname="acme/till"><failure message="Failed">    till_test.go:7: got 3</failure></testcase></testsuite></testsuites>)xml");
    CHECK(go[0].id == "acme/till::TestSum");
    CHECK(go[0].file == "till_test.go");
    CHECK(go[0].line == 7);
    const auto rust = read_junit(
        R"xml(<testsuites name="nextest-run"><testsuite name="till"><testcase name="tests::sum" classname="till"><failure type="test failure">thread 'tests::sum' panicked at src/lib.rs:17:9:</failure></testcase></testsuite></testsuites>)xml");
    CHECK(rust[0].id == "till::tests::sum");
    CHECK(rust[0].file == "src/lib.rs");
    const auto own = read_junit(
        R"xml(<testsuites><testsuite name="test_bot"><testcase classname="/workspace/tests/bot/a.cpp" name="it holds" status="run"><failure message="1 == 2" type="CHECK"><![CDATA[/workspace/tests/bot/a.cpp:9: CHECK( 1 == 2 )]]></failure></testcase></testsuite></testsuites>)xml");
    CHECK(own[0].file == "tests/bot/a.cpp");
    CHECK(own[0].line == 9);
}

TEST_CASE("a repeated test has a number") {
    const auto cases = read_junit(
        R"xml(<testsuite><testcase name="a"/><testcase name="a"/><testcase name="a"/><testcase name="a#2"/></testsuite>)xml");
    CHECK(cases[1].id == "a#2");
    CHECK(cases[2].id == "a#3");
    CHECK(cases[3].id == "a#2#2");
}

TEST_CASE("suites within suites are entered, however deep") {
    std::string xml;
    for (int i = 0; i < 20'000; ++i) xml += "<testsuite>";
    xml += "<testcase name='deep'/>";
    for (int i = 0; i < 20'000; ++i) xml += "</testsuite>";
    CHECK(read_junit(xml).size() == 1);
}

TEST_CASE("entities are not resolved and nothing is fetched") {
    const auto cases = read_junit(
        R"xml(<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
<testsuite><testcase name="&b;&f;"/></testsuite>)xml");
    CHECK(cases[0].id == "&b;&f;");
}

TEST_CASE("what a report says is cleaned and bounded") {
    const auto cases = read_junit("<testsuite><testcase name='a\u202Eb&#10;c'><failure>\x1b[31m" +
                                  std::string(9000, 'x') + "</failure></testcase></testsuite>");
    CHECK(cases[0].id == "ab c");
    CHECK(cases[0].message == std::string(2000, 'x'));
}

TEST_CASE("what is no JUnit report is told in a sentence") {
    CHECK(parse_junit("").error() == "The JUnit file is empty.");
    CHECK(parse_junit("<testsuite><testcase>").error().starts_with("The JUnit file is not XML"));
    CHECK(parse_junit("<html/>").error() ==
          "The JUnit file has no `<testsuites>` or `<testsuite>` at its root.");
    CHECK(parse_junit(std::string((32 << 20) + 1, ' ')).error() == "The JUnit file is larger than 32 MiB.");
    std::string many = "<testsuite>";
    for (int i = 0; i < 200'001; ++i) many += "<testcase name='a'/>";
    CHECK(parse_junit(many + "</testsuite>").error() == "The JUnit file has more than 200,000 test cases.");
}
