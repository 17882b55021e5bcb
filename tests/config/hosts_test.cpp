// Names of hosts that may be reached.
#include "config/hosts.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "config/recipe.hpp"
#include "tests/config/said.hpp"
#include "tests/config/settings_text.hpp"

using Names = std::vector<std::string>;

TEST_CASE("a host is a name in its one spelling, never an address") {
    for (const char* good : {"example.org", "a.b-c.example", "xn--bcher-kva.example", "1a.example.org"}) {
        CAPTURE(good);
        CHECK(config::host_fault(good).empty());
    }
    for (const char* bad : {"",
                            "example",
                            "Example.org",
                            "example.org.",
                            ".example.org",
                            "a..b",
                            "-a.org",
                            "a-.org",
                            "a_b.org",
                            "127.0.0.1",
                            "127.1",
                            "0x7f.1",
                            "example.1",
                            "[::1]",
                            "a:443.org",
                            "user@a.org",
                            "a.org/x",
                            "a b.org",
                            "b\xC3\xBC.org",
                            "a\n.org",
                            "*.example.org"}) {
        CAPTURE(bad);
        CHECK_FALSE(config::host_fault(bad).empty());
    }
    CHECK_FALSE(config::host_fault(std::string(64, 'a') + ".org").empty());
    CHECK_FALSE(config::host_fault(std::string("a\0.org", 6)).empty());
    CHECK(config::host_pattern_fault("*.example.org").empty());
    CHECK_FALSE(config::host_pattern_fault("*.org").empty());
    CHECK_FALSE(config::host_pattern_fault("a.*.org").empty());
    CHECK_FALSE(config::host_pattern_fault("*").empty());
}

TEST_CASE("a star stands for all names below, not for the name itself nor for one that ends alike") {
    const Names patterns{"*.example.org", "example.net"};
    CHECK(config::host_allowed("a.example.org", patterns));
    CHECK(config::host_allowed("b.a.example.org", patterns));
    CHECK(config::host_allowed("example.net", patterns));
    for (const char* other : {"example.org", "badexample.org", "a.example.net", "example.org.evil.net", ""}) {
        CAPTURE(other);
        CHECK_FALSE(config::host_allowed(other, patterns));
    }
    CHECK_FALSE(config::host_allowed("example.net", {}));
}

TEST_CASE("of what a recipe asks for it gets what the operator's list covers") {
    const Names ceiling{"*.example.org", "example.net"};
    CHECK(config::hosts_below({"a.example.org", "example.net", "example.com"}, ceiling) ==
          Names{"a.example.org", "example.net"});
    CHECK(config::hosts_below({"*.example.org", "*.a.example.org"}, ceiling) ==
          Names{"*.example.org", "*.a.example.org"});
    CHECK(config::hosts_below({"*.example.net", "*.net.example", "example.org"}, ceiling).empty());
    CHECK(config::hosts_below({"example.org"}, {}).empty());
}

TEST_CASE("a recipe asks for hosts by step, and its canonical text says so") {
    const auto recipe =
        config::parse_recipe("egress: {setup: [a.example.org, '*.example.net'], agent: [b.example.org]}");
    REQUIRE_MESSAGE(recipe.has_value(), said(recipe.error()));
    CHECK(recipe->egress.setup == Names{"a.example.org", "*.example.net"});
    CHECK(recipe->egress.agent == Names{"b.example.org"});
    CHECK(recipe->egress.checks.empty());
    CHECK(config::parse_recipe(config::canonical(*recipe)) == *recipe);
    CHECK(contains(complaint(config::parse_recipe("egress: {agent: [10.0.0.1]}")),
                   ".shopfloor.yml:1: egress.agent[0]: `10.0.0.1` is an address, not a host name"));
    CHECK(contains(complaint(config::parse_recipe("egress: {all: [a.example.org]}")), "egress.all"));
    CHECK(contains(complaint(config::parse_recipe("egress: {setup: ['*']}")), "egress.setup[0]"));
}

TEST_CASE("nothing may be reached unless the operator lists it") {
    const auto none = with("");
    REQUIRE(none.has_value());
    CHECK(none->sandbox.egress.empty());
    const auto some = with("sandbox: {egress: ['*.example.org']}\n");
    REQUIRE_MESSAGE(some.has_value(), said(some.error()));
    CHECK(some->sandbox.egress == Names{"*.example.org"});
    CHECK(contains(complaint(with("sandbox: {egress: ['*']}\n")), "sandbox.egress[0]"));
}
