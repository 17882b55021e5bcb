#include "integrations/http_governor.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using integrations::Governor;
using integrations::Headers;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const Governor::Steady start{std::chrono::hours(100)};
const Governor::Wall wall = std::chrono::system_clock::from_time_t(1'700'000'000);

std::string in(seconds time) { return std::to_string(1'700'000'000 + time.count()); }

}  // namespace

TEST_CASE("an untroubled forge is asked at once") {
    Governor governor;
    CHECK(governor.closed_for(start) == milliseconds(0));
    CHECK_FALSE(governor.learn(
        200, {{"x-ratelimit-remaining", "4999"}, {"x-ratelimit-reset", in(minutes(50))}}, "", start, wall));
    CHECK_FALSE(governor.learn(500, {}, "rate limit", start, wall));
    CHECK_FALSE(governor.learn(404, {}, "", start, wall));
    CHECK(governor.closed_for(start) == milliseconds(0));
}

TEST_CASE("GitLab's names of the same headers are known too") {
    Governor governor;
    CHECK_FALSE(governor.learn(200, {{"ratelimit-remaining", "0"}, {"ratelimit-reset", in(minutes(1))}}, "",
                               start, wall));
    CHECK(governor.closed_for(start) == minutes(1));
}

TEST_CASE("the last request of the hour closes the door until the reset, and counts itself") {
    Governor governor;
    CHECK_FALSE(governor.learn(200, {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", in(minutes(20))}},
                               "", start, wall));
    CHECK(governor.closed_for(start) == minutes(20));
    CHECK(governor.closed_for(start + minutes(20)) == milliseconds(0));
}

TEST_CASE("an exhausted limit is 403 or 429; the reset is read on the forge's clock, not on ours") {
    for (const int status : {403, 429}) {
        Governor governor;
        CHECK(governor.learn(status, {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", in(minutes(20))}},
                             "", start, wall));
        CHECK(governor.closed_for(start) == minutes(20));
    }
    Governor governor;
    const Headers ahead{{"x-ratelimit-remaining", "0"},
                        {"x-ratelimit-reset", in(minutes(20))},
                        {"date", "Tue, 14 Nov 2023 22:23:20 GMT"}};  // ten minutes later than our clock says
    CHECK(governor.learn(403, ahead, "", start, wall));
    CHECK(governor.closed_for(start) == minutes(10));
}

TEST_CASE("retry-after goes before everything else, in seconds or as a date") {
    Governor governor;
    CHECK(governor.learn(
        403, {{"retry-after", "90"}, {"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", in(minutes(20))}},
        "", start, wall));
    CHECK(governor.closed_for(start) == seconds(90));
    Governor dated;
    CHECK(dated.learn(429, {{"retry-after", "Tue, 14 Nov 2023 22:15:20 GMT"}}, "", start, wall));
    CHECK(dated.closed_for(start) == minutes(2));
}

TEST_CASE("without a header the wait is a minute and doubles until something succeeds") {
    Governor governor;
    const std::string words = R"({"message":"You have exceeded a secondary rate limit."})";
    auto now = start;
    for (const auto wait : {minutes(1), minutes(2), minutes(4), minutes(8), minutes(16), minutes(16)}) {
        CHECK(governor.learn(403, {{"x-ratelimit-remaining", "4000"}}, words, now, wall));
        CHECK(governor.closed_for(now) == wait);
        now += wait;
        CHECK(governor.closed_for(now) == milliseconds(0));
    }
    CHECK_FALSE(governor.learn(200, {}, "", now, wall));
    CHECK(governor.learn(429, {}, "", now, wall));
    CHECK(governor.closed_for(now) == minutes(1));
}

TEST_CASE("a plain 403 is about permission and closes nothing") {
    Governor governor;
    CHECK_FALSE(governor.learn(403, {{"x-ratelimit-remaining", "4000"}},
                               R"({"message":"Resource not accessible by integration"})", start, wall));
    CHECK(governor.closed_for(start) == milliseconds(0));
}

TEST_CASE("no header closes the door for days, and none opens it early") {
    Governor governor;
    CHECK(governor.learn(429, {{"retry-after", "99999999999999"}}, "", start, wall));
    CHECK(governor.closed_for(start) <= minutes(70));
    const auto before = governor.closed_for(start);
    CHECK(governor.learn(429, {{"retry-after", "1"}}, "", start, wall));
    CHECK(governor.closed_for(start) == before);
    Governor broken;
    CHECK(broken.learn(
        429, {{"retry-after", "soon"}, {"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "never"}}, "",
        start, wall));
    CHECK(broken.closed_for(start) == minutes(1));
    CHECK(broken.learn(429, {{"x-ratelimit-remaining", "0"}, {"x-ratelimit-reset", "9223372036854775807"}},
                       "", start, wall));
    CHECK(broken.closed_for(start) == minutes(2));
}
