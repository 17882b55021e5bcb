// What the operator should mend at a forge before work stops for it.
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "bot/forges.hpp"
#include "tests/practice_forge/practice_forge.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using namespace std::chrono_literals;
using practice_forge::PracticeForge;
using scenarios::contains;

namespace {

/// A GitLab with one project, and us with a token there that ends in so many days.
struct Lab {
    std::filesystem::path folder = scenarios::Factory::fresh_folder();
    PracticeForge forge{{.dialect = practice_forge::Dialect::gitlab, .directory = folder / "forge"}};
    std::chrono::steady_clock::time_point now{1h};

    explicit Lab(std::chrono::hours left) {
        forge.create_repository({.full_name = "acme/widget"});
        forge.add_token("bot", "t0ken", std::chrono::system_clock::now() + left);
        forge.add_collaborator("acme/widget", "bot", practice_forge::Permission::admin);
    }
    ~Lab() { std::filesystem::remove_all(folder); }
    Lab(const Lab&) = delete;
    Lab& operator=(const Lab&) = delete;

    [[nodiscard]] bot::Forges forges() {
        return bot::Forges({{.name = "lab",
                             .kind = "gitlab",
                             .api_url = forge.api_url(),
                             .webhook_secrets = {config::Secret("hook")},
                             .token = config::Secret("t0ken"),
                             .repositories = {"acme/widget"}}},
                           [this] { return now; });
    }
};

}  // namespace

TEST_CASE("that the bot's token ends is told days ahead, once a day") {
    Lab lab(24h * 5);
    auto forges = lab.forges();
    const auto told = forges.warnings("lab");
    REQUIRE(told.size() == 1);
    CHECK(contains(told[0], "make another in time"));
    CHECK(forges.warnings("lab").empty());
    lab.now += 2h;  // asked again, and told already
    CHECK(forges.warnings("lab").empty());
    lab.now += 24h;
    CHECK(forges.warnings("lab") == told);
}

TEST_CASE("a token that is good for long is not worth a word") {
    Lab lab(24h * 200);
    CHECK(lab.forges().warnings("lab").empty());
}

TEST_CASE("that a webhook was switched off is told") {
    Lab lab(24h * 200);
    auto forges = lab.forges();
    lab.forge.set_hook({.url = "http://127.0.0.1:1/hooks/lab", .secret = "hook"});
    lab.forge.disable_hook();
    const auto told = forges.warnings("lab");
    REQUIRE(told.size() == 1);
    CHECK(contains(told[0], "the webhook of acme/widget is switched off"));
}

TEST_CASE("a forge that does not answer is not asked what is wrong with it") {
    Lab lab(24h * 5);
    auto forges = lab.forges();
    forges.failed("lab", {.kind = integrations::ForgeError::Kind::unreachable});
    CHECK(forges.warnings("lab").empty());
    lab.now += 2s;
    CHECK(forges.warnings("lab").size() == 1);
}
