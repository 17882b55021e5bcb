#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <chrono>
#include <stdexcept>
#include <string>

#include "integrations/forge.hpp"
#include "integrations/github.hpp"
#include "tests/integrations/github_world.hpp"

using forge_tests::Key;
using forge_tests::timestamp;
using forge_tests::World;
using Kind = integrations::ForgeError::Kind;
using nlohmann::json;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

const std::string minting = "POST /app/installations/99/access_tokens";

std::string unbase64url(std::string text) {
    for (auto& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
    const auto padding = (4 - text.size() % 4) % 4;
    text.append(padding, '=');
    std::string bytes(text.size(), '\0');
    const auto size =
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    REQUIRE(size >= 0);
    bytes.resize(static_cast<std::size_t>(size) - padding);
    return bytes;
}

/// The claims of `Bearer JWT`, after its signature was checked with the public key.
json claims(const std::string& authorization) {
    REQUIRE(authorization.starts_with("Bearer "));
    const auto jwt = authorization.substr(7);
    const auto first = jwt.find('.');
    const auto second = jwt.find('.', first + 1);
    REQUIRE(second != std::string::npos);
    CHECK(json::parse(unbase64url(jwt.substr(0, first))) == json{{"alg", "RS256"}, {"typ", "JWT"}});
    const auto text = jwt.substr(0, second);
    const auto signature = unbase64url(jwt.substr(second + 1));
    auto* context = EVP_MD_CTX_new();
    EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, Key::shared().key.get());
    CHECK(EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()),
                           signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                           text.size()) == 1);
    EVP_MD_CTX_free(context);
    return json::parse(unbase64url(jwt.substr(first + 1, second - first - 1)));
}

std::int64_t epoch(std::chrono::system_clock::time_point time) {
    return std::chrono::system_clock::to_time_t(time);
}

}  // namespace

TEST_CASE("the App signs who it is for nine minutes, from a minute ago, and knows its own name") {
    World world;
    const auto forge = world.with_app();
    const auto self = forge->self();
    REQUIRE(self.has_value());
    CHECK(self->login == "shopfloor[bot]");
    CHECK(self->bot);
    const auto seen = world.server.seen("GET /app");
    REQUIRE(seen.size() == 1);
    CHECK(claims(seen[0].authorization) ==
          json{{"iat", epoch(world.now) - 60}, {"exp", epoch(world.now) + 540}, {"iss", "1234"}});
    CHECK(forge->self().has_value());
    CHECK(world.server.seen("GET /app").size() == 1);
}

TEST_CASE("a JWT refused because our clock is off is signed again with the forge's time") {
    World world;
    world.server.on("GET /app", [&](const httplib::Request& request, httplib::Response& response) {
        const auto theirs = std::chrono::system_clock::now() + minutes(25);
        response.set_header("Date", timestamp(theirs, "%a, %d %b %Y %H:%M:%S GMT"));
        const auto issued = claims(request.get_header_value("Authorization")).at("iat").get<std::int64_t>();
        const bool good = issued > epoch(theirs) - 120 && issued <= epoch(theirs);
        response.status = good ? 200 : 401;
        response.set_content(good ? R"({"slug":"shopfloor"})" : R"({"message":"'Issued at' claim"})",
                             "application/json");
    });
    CHECK(world.with_app()->self().has_value());
    CHECK(world.server.seen("GET /app").size() == 2);
}

TEST_CASE(
    "a token is narrowed to the repository and to what we do there, and kept until ten minutes before its "
    "end") {
    World world;
    const auto forge = world.with_app();
    auto credential = forge->git_credential(world.repo);
    REQUIRE(credential.has_value());
    CHECK(credential->user == "x-access-token");
    CHECK(credential->password.expose() == "ghs_1");
    const auto asked = world.server.seen(minting);
    REQUIRE(asked.size() == 1);
    CHECK(claims(asked[0].authorization).at("iss") == "1234");
    CHECK(asked[0].body.at("repository_ids") == json::array({77}));
    CHECK(asked[0].body.at("permissions") == json{{"contents", "write"},
                                                  {"pull_requests", "write"},
                                                  {"issues", "write"},
                                                  {"checks", "write"},
                                                  {"metadata", "read"}});
    world.now += minutes(49);
    CHECK(forge->git_credential(world.repo)->password.expose() == "ghs_1");
    world.now += minutes(2);
    CHECK(forge->git_credential(world.repo)->password.expose() == "ghs_2");
    CHECK(world.server.seen("GET /repos/octo/app/installation").size() == 1);
}

TEST_CASE("a delivery's installation is taken as it is; another repository gets a token of its own") {
    World world;
    const auto forge = world.with_app();
    world.repo.installation = "99";
    auto other = world.repo;
    other.id = "78";
    other.full_name = "octo/other";
    CHECK(forge->git_credential(world.repo)->password.expose() == "ghs_1");
    CHECK(forge->git_credential(other)->password.expose() == "ghs_2");
    CHECK(forge->git_credential(world.repo)->password.expose() == "ghs_1");
    CHECK(world.server.seen("GET /repos/octo/app/installation").empty());
}

TEST_CASE("a token may look like anything, up to 4 KB") {
    World world;
    std::string token = "ghs_" + std::string(516, 'A') + ".B.C";
    world.server.on(minting, [&](const httplib::Request&, httplib::Response& response) {
        response.status = 201;
        response.set_content(
            json{{"token", token}, {"expires_at", timestamp(world.now + minutes(60))}}.dump(), "");
    });
    const auto forge = world.with_app();
    CHECK(forge->git_credential(world.repo)->password.expose() == token);
    world.now += minutes(60);
    token.assign(5000, 'x');
    CHECK(forge->git_credential(world.repo).error().kind == Kind::invalid);
    token = "with\nnewline";
    CHECK(forge->git_credential(world.repo).error().kind == Kind::invalid);
}

TEST_CASE("a token that is refused right after it was made is given time to spread") {
    World world;
    int refusals = 1;
    world.server.on("GET /repos/octo/app/issues/12", [&](const httplib::Request&,
                                                         httplib::Response& response) {
        response.status = refusals-- > 0 ? 401 : 200;
        response.set_content(R"({"number":12,"title":"t","message":"Bad credentials"})", "application/json");
    });
    const auto forge = world.with_app();
    CHECK(forge->issue(world.issue).has_value());
    CHECK(world.minted == 1);
    CHECK(world.slept > seconds(0));
    CHECK(world.slept <= seconds(5));
}

TEST_CASE("a token that is refused later is made anew once; then the operator must act") {
    World world;
    world.server.on(
        "GET /repos/octo/app/issues/12", [&](const httplib::Request& request, httplib::Response& response) {
            response.status = request.get_header_value("Authorization") == "Bearer ghs_1" ? 401 : 200;
            response.set_content(R"({"number":12})", "application/json");
        });
    const auto forge = world.with_app();
    CHECK(forge->git_credential(world.repo)->password.expose() == "ghs_1");
    world.now += minutes(5);
    CHECK(forge->issue(world.issue).has_value());
    CHECK(world.minted == 2);
    CHECK(world.slept == seconds(0));

    world.server.on("GET /repos/octo/app/issues/12", {{"message", "Bad credentials"}}, 401);
    world.server.forget();
    const auto refused = forge->issue(world.issue);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == Kind::unauthorized);
    CHECK(refused.error().message.find("ghs_") == std::string::npos);
    CHECK(world.server.seen("GET /repos/octo/app/issues/12").size() ==
          3);  // after a pause, and with a new token
}

TEST_CASE("an App that is not installed, or was not granted enough, is told apart") {
    World world;
    const auto forge = world.with_app();
    auto stranger = world.repo;
    stranger.full_name = "someone/else";
    const auto missing = forge->issue({.repo = stranger, .number = 1});
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().kind == Kind::gone);
    CHECK(missing.error().message.find("not installed on someone/else") != std::string::npos);

    world.server.on(minting, {{"message", "The permissions requested are not granted to this installation."}},
                    422);
    const auto ungranted = forge->issue(world.issue);
    REQUIRE_FALSE(ungranted.has_value());
    CHECK(ungranted.error().kind == Kind::forbidden);
    CHECK(ungranted.error().message.find("not granted") != std::string::npos);
}

TEST_CASE("a plain token goes with every request, and so do the headers GitHub asks for") {
    World world;
    const auto forge = world.with_token();
    CHECK(forge->self()->login == "robot");
    const auto seen = world.server.seen("GET /user");
    REQUIRE(seen.size() == 1);
    CHECK(seen[0].authorization == "Bearer ghp_plain");
    const auto header = [&](const std::string& name) { return seen[0].headers.find(name)->second; };
    CHECK(header("Accept") == "application/vnd.github+json");
    CHECK(header("X-GitHub-Api-Version") == "2022-11-28");
    CHECK(header("User-Agent").starts_with("shopfloor/"));
    CHECK(forge->git_credential(world.repo)->password.expose() == "ghp_plain");
}

TEST_CASE("settings that can never work are refused at the start") {
    const auto connect = [](config::ForgeSettings settings) {
        return integrations::connect_github(settings);
    };
    CHECK_THROWS_AS(connect({.name = "x"}), std::invalid_argument);
    CHECK_THROWS_AS(connect({.name = "x", .api_url = "http://github.com", .token = config::Secret("t")}),
                    std::invalid_argument);
    CHECK_THROWS_AS(
        connect({.name = "x",
                 .app = config::AppCredentials{.app_id = "1", .private_key = config::Secret("no key")}}),
        std::invalid_argument);
}
