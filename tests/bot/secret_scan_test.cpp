#include "bot/secret_scan.hpp"

#include <doctest/doctest.h>

#include <string>

#include "bot/digest.hpp"

using bot::SecretScan;

namespace {

const std::string token = "zy8-forge-token-0b7f?>~q";
const std::string key = "model-key-5521-abcdefgh";
const std::string amp_key = "amp-key-9f31c0de77";
const std::string pem_line = "MIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu";

SecretScan scan() {
    config::Settings settings;
    settings.forges = {{.name = "github",
                        .webhook_secrets = {config::Secret("hook-secret-77aa")},
                        .app = config::AppCredentials{.app_id = "1",
                                                      .private_key = config::Secret(
                                                          "-----BEGIN RSA PRIVATE KEY-----\n" + pem_line +
                                                          "\n-----END RSA PRIVATE KEY-----\n")},
                        .token = config::Secret(token)}};
    config::ModelProvider provider{.name = "lab"};
    provider.keys.emplace_back(key);
    settings.models.providers.push_back(std::move(provider));
    settings.profiles = {
        {.name = "amp", .environment = {{"AMP_API_KEY", amp_key}, {"LC_ALL", "C.UTF-8-plain"}}}};
    return SecretScan(settings);
}

std::string upper(std::string text) {
    for (auto& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    return text;
}

}  // namespace

TEST_CASE("each of our secrets is found in the middle of any text") {
    const auto looks = scan();
    for (const auto& secret : {token, key, std::string("hook-secret-77aa"), amp_key, pem_line}) {
        CAPTURE(secret);
        CHECK(looks.holds_ours("before " + secret + " after"));
        CHECK(looks.holds_ours(bot::hex(secret)));
        CHECK(looks.holds_ours("x" + upper(bot::hex(secret))));
    }
    CHECK_FALSE(looks.holds_ours(""));
    CHECK_FALSE(looks.holds_ours("zy8-forge-token and model-key, but not whole"));
}

TEST_CASE("base64 does not hide one, whatever stands before it") {
    const auto looks = scan();
    for (std::size_t before = 0; before < 7; ++before) {
        CAPTURE(before);
        auto text = bot::base64(std::string(before, '#') + token + "##");
        CHECK(looks.holds_ours(text));
        for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
        CHECK(looks.holds_ours(text));
    }
}

TEST_CASE("what has the shape of a known key is suspicious, ours or not") {
    const auto looks = scan();
    CHECK(looks.suspicious("token = \"ghp_" + std::string(36, 'a') + "\""));
    CHECK(looks.suspicious("-----BEGIN EC PRIVATE KEY-----"));
    CHECK(looks.suspicious(key));
    CHECK_FALSE(looks.suspicious("-----BEGIN CERTIFICATE-----"));
    CHECK_FALSE(looks.holds_ours("C.UTF-8-plain"));
    CHECK_FALSE(looks.suspicious("an ordinary sentence with ghp_ and sk- in it"));
}

TEST_CASE("words on their way out lose what is ours and keep the rest") {
    const auto looks = scan();
    CHECK(looks.redacted("a " + token + " b " + bot::hex(key) + " c " + token) == "a *** b *** c ***");
    CHECK(looks.redacted("nothing of ours") == "nothing of ours");
}
