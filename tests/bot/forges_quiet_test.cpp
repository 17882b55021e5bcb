#include <doctest/doctest.h>

#include "bot/shop.hpp"

using namespace std::chrono_literals;
using integrations::ForgeError;

namespace {

struct Quiet {
    std::chrono::steady_clock::time_point now{1h};
    bot::Forges forges{{{.name = "one", .token = config::Secret("token"), .repositories = {"*"}},
                        {.name = "two", .token = config::Secret("token"), .repositories = {"*"}}},
                       [this] { return now; }};
    void no_answer() { forges.failed("one", {.kind = ForgeError::Kind::unreachable}); }
};

}  // namespace

TEST_CASE_FIXTURE(Quiet,
                  "a forge that does not answer is left in peace, longer each time, a minute at most") {
    CHECK(forges.quiet().empty());
    for (const auto pause : {2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
        no_answer();
        REQUIRE(forges.quiet().size() == 1);
        CHECK(forges.quiet().at("one") == pause);
        now += pause;
        CHECK(forges.quiet().empty());
    }
    forges.answered("one");
    no_answer();
    CHECK(forges.quiet().at("one") == 2s);
    now += 10min;
    no_answer();
    CHECK(forges.quiet().at("one") == 2s);
}

TEST_CASE_FIXTURE(Quiet, "several who found it silent at the same time count once") {
    for (int i = 0; i < 5; ++i) no_answer();
    CHECK(forges.quiet().at("one") == 2s);
}

TEST_CASE_FIXTURE(Quiet,
                  "a forge that says when is left in peace until then, whoever else is answered meanwhile") {
    forges.failed(
        "one", {.kind = ForgeError::Kind::rate_limited, .retry_at = std::chrono::system_clock::now() + 1h});
    CHECK(forges.quiet().at("one") > 59min);
    CHECK_FALSE(forges.quiet().contains("two"));
    forges.answered("one");
    CHECK(forges.quiet().at("one") > 59min);
    now += 1h;
    CHECK(forges.quiet().empty());
    no_answer();
    forges.answered("one");
    CHECK(forges.quiet().empty());
}

TEST_CASE_FIXTURE(Quiet, "what a forge refuses is an answer") {
    no_answer();
    forges.failed("one", {.kind = ForgeError::Kind::forbidden, .status = 403});
    CHECK(forges.quiet().empty());
}
