#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <chrono>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "integrations/http.hpp"
#include "tests/integrations/github_server.hpp"

using forge_tests::Server;
using integrations::ForgeError;
using integrations::HttpClient;
using integrations::HttpRequest;
using Kind = integrations::ForgeError::Kind;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const HttpClient::Options quick{.write_gap = milliseconds(0), .timeout = seconds(5), .body_limit = 1 << 20};

HttpRequest request(const std::string& method, const std::string& path) {
    return {.method = method, .path = path, .headers = {{"Authorization", "Bearer s3cret"}}, .body = {}};
}

Server::Answer redirect(const std::string& to, int status) {
    return [=](const httplib::Request&, httplib::Response& response) {
        response.status = status;
        response.set_header("Location", to);
    };
}

}  // namespace

TEST_CASE("plain http is for loopback hosts only, and an address with a password is none") {
    for (const auto* url :
         {"http://github.com", "http://localhost.example.org", "http://127.evil.org", "ftp://127.0.0.1",
          "https://user:pw@github.com", "https://", "github.com", "", "https://github.com/x?y=1"}) {
        CAPTURE(url);
        CHECK_THROWS_AS(HttpClient(url, quick), std::invalid_argument);
    }
    CHECK_NOTHROW(HttpClient("https://ghe.example.org/api/v3/", quick));
    CHECK_NOTHROW(HttpClient("http://localhost:1", quick));
    CHECK_NOTHROW(HttpClient("http://[::1]:1", quick));
}

TEST_CASE("an answer is an answer, whatever its status; no answer is unreachable") {
    Server server;
    server.on("GET /api/v3/user", {{"login", "octo"}});
    server.on("POST /api/v3/broken", {{"message", "oops"}}, 500);
    HttpClient client(server.url() + "/api/v3", quick);
    const auto user = client.send(request("GET", "/user"));
    REQUIRE(user.has_value());
    CHECK(user->status == 200);
    CHECK(user->body == R"({"login":"octo"})");
    CHECK(client.send(request("GET", "/missing"))->status == 404);
    CHECK(client.send(request("POST", "/broken"))->status == 500);
    CHECK(server.seen("POST /api/v3/broken").size() == 1);  // a write is never sent twice by us

    HttpClient nobody("http://127.0.0.1:1", quick);
    const auto none = nobody.send(request("GET", "/user"));
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().kind == Kind::unreachable);
    CHECK(none.error().message.find("s3cret") == std::string::npos);
    CHECK(client.send(request("GET", "no-slash")).error().kind == Kind::invalid);
    CHECK(client.send(request("GET", "/a\r\nX: y")).error().kind == Kind::invalid);
}

TEST_CASE("a server that stopped and came back is reached again") {
    auto server = std::make_unique<Server>();
    server->on("GET /user", {{"login", "octo"}});
    HttpClient client(server->url(), quick);
    CHECK(client.send(request("GET", "/user")).has_value());
    server.reset();
    CHECK_FALSE(client.send(request("GET", "/user")).has_value());
}

TEST_CASE("redirects are followed within the host, verbatim; the credential never leaves it") {
    Server server, other;
    server.on("GET /old", redirect(server.url() + "/new?page=2", 301));
    server.on("GET /new", {{"here", true}});
    server.on("POST /old", redirect("/new", 307));
    server.on("POST /new", {{"made", true}}, 201);
    server.on("GET /away", redirect(other.url() + "/new", 302));
    server.on("GET /scheme", redirect("https://127.0.0.1/new", 302));
    server.on("GET /slashes", redirect("//127.0.0.1/new", 302));
    server.on("GET /circle", redirect("/circle", 302));
    other.on("GET /new", {{"stolen", true}});
    HttpClient client(server.url(), quick);

    CHECK(client.send(request("GET", "/old"))->body == R"({"here":true})");
    CHECK(server.seen("GET /new").at(0).query == "page=2");
    CHECK(server.seen("GET /new").at(0).authorization == "Bearer s3cret");
    auto post = request("POST", "/old");
    post.body = R"({"a":1})";
    CHECK(client.send(post)->status == 201);
    CHECK(server.seen("POST /new").at(0).body == nlohmann::json{{"a", 1}});

    for (const auto* path : {"/away", "/scheme", "/slashes", "/circle"}) {
        CAPTURE(path);
        const auto refused = client.send(request("GET", path));
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().kind == Kind::invalid);
    }
    CHECK(other.seen().empty());
    CHECK(server.seen("GET /circle").size() < 10);
}

TEST_CASE("an answer that is too large, or that trickles too slowly, is given up") {
    Server server;
    server.on("GET /large", [](const httplib::Request&, httplib::Response& response) {
        response.set_content(std::string(3 << 20, 'x'), "text/plain");
    });
    server.on("GET /slow", [](const httplib::Request&, httplib::Response& response) {
        response.set_content_provider(100, "text/plain",
                                      [](std::size_t, std::size_t, httplib::DataSink& sink) {
                                          std::this_thread::sleep_for(milliseconds(200));
                                          return sink.write("x", 1);
                                      });
    });
    HttpClient client(server.url(),
                      {.write_gap = milliseconds(0), .timeout = seconds(1), .body_limit = 1 << 20});
    CHECK(client.send(request("GET", "/large")).error().message.find("larger") != std::string::npos);
    const auto start = std::chrono::steady_clock::now();
    CHECK(client.send(request("GET", "/slow")).error().message.find("longer") != std::string::npos);
    CHECK(std::chrono::steady_clock::now() - start < seconds(15));  // the whole answer takes twenty
}

TEST_CASE("after a refusal for the rate nothing is sent before the time the forge named") {
    Server server;
    server.on("POST /things", [](const httplib::Request&, httplib::Response& response) {
        response.status = 403;
        response.set_header("Retry-After", "2");
        response.set_content(R"({"message":"You have exceeded a secondary rate limit"})", "application/json");
    });
    server.on("GET /user", {{"login", "octo"}});
    HttpClient client(server.url(), quick);
    const auto before = std::chrono::system_clock::now();
    const auto refused = client.send(request("POST", "/things"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == Kind::rate_limited);
    CHECK(refused.error().status == 403);
    REQUIRE(refused.error().retry_at.has_value());
    CHECK(*refused.error().retry_at - before > milliseconds(1500));
    CHECK(*refused.error().retry_at - before < seconds(4));

    const auto closed = client.send(request("GET", "/user"));
    REQUIRE_FALSE(closed.has_value());
    CHECK(closed.error().kind == Kind::rate_limited);
    CHECK(server.seen("GET /user").empty());
    CHECK(std::chrono::system_clock::now() < *refused.error().retry_at);  // it does not sleep it out
    std::this_thread::sleep_until(*refused.error().retry_at);
    CHECK(client.send(request("GET", "/user")).has_value());
}

TEST_CASE("writes take turns with a pause between them, reads do not wait") {
    Server server;
    server.on("POST /comment", {{"id", 1}}, 201);
    server.on("GET /user", {{"login", "octo"}});
    HttpClient client(server.url(),
                      {.write_gap = milliseconds(150), .timeout = seconds(5), .body_limit = 1 << 20});
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 4; ++i) {
            writers.emplace_back([&] { CHECK(client.send(request("POST", "/comment")).has_value()); });
        }
        CHECK(client.send(request("GET", "/user")).has_value());
    }
    const auto seen = server.seen("POST /comment");
    REQUIRE(seen.size() == 4);
    for (std::size_t i = 1; i < seen.size(); ++i) CHECK(seen[i].at - seen[i - 1].at >= milliseconds(145));
    CHECK(server.seen("GET /user").at(0).at < seen[3].at);
}

TEST_CASE("many threads share one client") {
    Server server;
    server.on("GET /user", {{"login", "octo"}});
    HttpClient client(server.url(), quick);
    std::vector<std::jthread> readers;
    for (int i = 0; i < 8; ++i) {
        readers.emplace_back([&] {
            for (int n = 0; n < 25; ++n) CHECK(client.send(request("GET", "/user"))->status == 200);
        });
    }
    readers.clear();
    CHECK(server.seen("GET /user").size() == 200);
}

TEST_CASE("the forge's clock is read from its answers") {
    Server server;
    server.on("GET /user", [](const httplib::Request&, httplib::Response& response) {
        const auto later =
            std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + std::chrono::hours(1));
        char text[64];
        std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", std::gmtime(&later));
        response.set_header("Date", text);
    });
    HttpClient client(server.url(), quick);
    CHECK(client.clock_skew() == seconds(0));
    CHECK(client.send(request("GET", "/user")).has_value());
    CHECK(std::chrono::abs(client.clock_skew() - std::chrono::hours(1)) <= seconds(2));
}

TEST_CASE("a certificate that nobody vouches for is refused before anything is sent") {
    auto* key = EVP_RSA_gen(2048);
    auto* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    auto* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("localhost"),
                               -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    X509_sign(certificate, key, EVP_sha256());

    httplib::SSLServer server(certificate, key);
    bool asked = false;
    server.Get(".*", [&](const httplib::Request&, httplib::Response&) { asked = true; });
    const auto port = server.bind_to_any_port("127.0.0.1");
    {
        const std::jthread thread([&] { server.listen_after_bind(); });
        while (!server.is_running()) std::this_thread::sleep_for(milliseconds(1));
        HttpClient client("https://localhost:" + std::to_string(port), quick);
        const auto answer = client.send(request("GET", "/user"));
        REQUIRE_FALSE(answer.has_value());
        CHECK(answer.error().kind == Kind::unreachable);
        CHECK(answer.error().message.find("SSL") != std::string::npos);
        server.stop();
    }
    CHECK_FALSE(asked);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

TEST_CASE("a 302 is told when what it leads to is kept elsewhere, and any other redirect is followed") {
    Server server;
    HttpClient client(server.url(), quick);
    server.on("GET /old", redirect("/new", 301));
    server.on("GET /new", redirect("https://elsewhere.example/log?sig=x", 302));
    auto asked = request("GET", "/old");
    CHECK(client.send(asked).error().message.find("another host") != std::string::npos);
    asked.tell_found = true;
    const auto told = client.send(asked);
    REQUIRE(told.has_value());
    CHECK(told->status == 302);
    CHECK(told->headers.find("location")->second == "https://elsewhere.example/log?sig=x");
}

TEST_CASE(
    "the end of a text is fetched from the beginning of a line, within bounds, and nothing goes along") {
    Server server;
    const auto serve = [&](const std::string& text) {
        server.on("GET /log", [text](const httplib::Request&, httplib::Response& response) {
            response.set_content(text, "text/plain");
        });
    };
    const integrations::TailLimits limits{.keep = 10, .read = 100, .timeout = seconds(5)};
    const auto fetch = [&] { return integrations::fetch_tail(server.url() + "/log?sig=s3cret", limits); };
    for (const auto& [text, tail] :
         std::map<std::string, std::string>{{"", ""},
                                            {"one\ntwo\n", "one\ntwo\n"},
                                            {"0123456789", "0123456789"},
                                            {"first\nsecond\nlast\n", "last\n"},
                                            {"first\n23456789\n", "23456789\n"},
                                            {std::string(90, 'x'), std::string(10, 'x')}}) {
        CAPTURE(text);
        serve(text);
        CHECK(fetch().value() == tail);
    }
    CHECK(server.seen("GET /log").back().authorization.empty());
    serve(std::string(101, 'x'));
    CHECK(fetch().error().message.find("longer than we read") != std::string::npos);
    server.on("GET /log", redirect("/other", 302));
    CHECK(fetch().error().status == 302);
    server.on("GET /log", {{"message", "expired"}}, 403);
    CHECK(fetch().error().status == 403);
    CHECK(fetch().error().message.find("s3cret") == std::string::npos);
    for (const auto* url :
         {"http://logs.example/x", "ftp://127.0.0.1/x", "/log", "", "https://a:b@c.example/"})
        CHECK(integrations::fetch_tail(url, limits).error().kind == Kind::invalid);
}
