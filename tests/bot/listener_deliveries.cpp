#include <doctest/doctest.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <thread>

#include "bot/listener.hpp"
#include "tests/bot/listener_fixture.hpp"

using namespace std::chrono_literals;

TEST_CASE_FIXTURE(ListenerFixture, "a signed delivery is on disk when it is answered, and rings the bell") {
    serve();
    const auto answer = post("guid-1", R"({"action":"labeled"})");
    REQUIRE(answer);
    CHECK(answer->status == 202);
    CHECK(answer->body == R"({"status":"accepted"})");
    CHECK(answer->get_header_value("Content-Type") == "application/json");
    CHECK(rings == 1);
    const auto next = ledger->next_delivery();
    REQUIRE(next);
    CHECK(next->delivery.body() == R"({"action":"labeled"})");
    CHECK(next->delivery.event_name() == "issues");
    CHECK(next->delivery.hook_id() == "77");
}

TEST_CASE_FIXTURE(ListenerFixture,
                  "the same delivery again, a hundred times in parallel, is answered and has no effect") {
    serve();
    std::atomic<int> accepted{0};
    std::atomic<int> duplicate{0};
    {
        std::vector<std::jthread> senders;
        for (int i = 0; i < 100; ++i) {
            senders.emplace_back([&] {
                const auto answer = post("guid-1", "{}");
                if (!answer || answer->status != 202) return;
                ++(answer->body == R"({"status":"accepted"})" ? accepted : duplicate);
            });
        }
    }
    CHECK(accepted == 1);
    CHECK(duplicate == 99);
    CHECK(rings == 1);
    CHECK(ledger->figures().deliveries_waiting == 1);
}

TEST_CASE_FIXTURE(ListenerFixture, "a wrong signature is refused without a trace in the ledger") {
    serve();
    auto headers = signed_headers("guid-1", "{}");
    headers.erase("X-Hub-Signature-256");
    headers.emplace("X-Hub-Signature-256", "sha256=" + std::string(64, '0'));
    httplib::Client client("127.0.0.1", port());
    for (int i = 0; i < 3; ++i) {
        const auto answer = client.Post("/hooks/github", headers, "{}", "application/json");
        REQUIRE(answer);
        CHECK(answer->status == 401);
        CHECK(answer->body.find("reason") != std::string::npos);
    }
    CHECK(ledger->figures().deliveries_waiting == 0);
    CHECK(rings == 0);
    CHECK(get("/metrics")
              ->body.find(R"(shopfloor_deliveries_total{forge="github",outcome="bad_signature"} 3)") !=
          std::string::npos);
}

TEST_CASE_FIXTURE(ListenerFixture, "both secrets are good while one is being replaced by the other") {
    serve();
    for (const auto* secret : {"first secret", "second secret"}) {
        const auto answer = post(std::string("guid-") + secret[0], "{}", secret);
        REQUIRE(answer);
        CHECK(answer->status == 202);
    }
}

TEST_CASE_FIXTURE(ListenerFixture, "a ping is answered and not stored") {
    serve();
    auto headers = signed_headers("guid-1", "{\"zen\":\"x\"}");
    headers.erase("X-GitHub-Event");
    headers.emplace("X-GitHub-Event", "ping");
    httplib::Client client("127.0.0.1", port());
    const auto answer = client.Post("/hooks/github", headers, "{\"zen\":\"x\"}", "application/json");
    REQUIRE(answer);
    CHECK(answer->status == 200);
    CHECK(answer->body == R"({"status":"pong"})");
    CHECK(ledger->figures().deliveries_waiting == 0);
}

TEST_CASE_FIXTURE(ListenerFixture, "what is no delivery is told so") {
    serve();
    httplib::Client client("127.0.0.1", port());
    CHECK(client.Post("/hooks/gitlab", "{}", "application/json")->status == 404);
    CHECK(client.Post("/elsewhere", "{}", "application/json")->status == 404);
    CHECK(client.Get("/hooks/github")->status == 404);
    CHECK(client.Put("/hooks/github", "{}", "application/json")->status == 405);
    CHECK(client.Get("/" + std::string(5000, 'a'))->status == 404);
    auto headers = signed_headers("guid-1", "{}");
    headers.erase("X-GitHub-Delivery");
    CHECK(client.Post("/hooks/github", headers, "{}", "application/json")->status == 400);
    const httplib::MultipartFormDataItems parts{{"payload", "{}", "", ""}};
    CHECK(client.Post("/hooks/github", parts)->status == 415);
    CHECK(exchange("POST /hooks/github HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 411"));
    CHECK(exchange("no http at all\r\n\r\n").starts_with("HTTP/1.1 400"));
    CHECK(ledger->figures().deliveries_waiting == 0);
}

TEST_CASE_FIXTURE(ListenerFixture,
                  "a delivery larger than the forge ever sends is refused, by its length or by counting") {
    serve();
    const std::string large(limit() + 1, 'x');
    SUBCASE("it says its length") {
        httplib::Client client("127.0.0.1", port());
        const auto answer =
            client.Post("/hooks/github", signed_headers("guid", large), large, "application/json");
        REQUIRE(answer);
        CHECK(answer->status == 413);
        CHECK(answer->get_header_value("Connection") == "close");
    }
    SUBCASE("it comes in pieces without end") {
        const auto answer =
            exchange_endless("POST /hooks/github HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        CHECK(answer.sent <= limit() + (100U << 20));  // 64 MiB are drained; the rest is in socket buffers
        CHECK(answer.text.starts_with("HTTP/1.1 413"));
    }
    SUBCASE("only its head comes") {
        const auto text =
            exchange("POST /hooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
        CHECK(text.starts_with("HTTP/1.1 413"));
    }
    CHECK(ledger->figures().deliveries_waiting == 0);
    const auto after = post("guid-after", "{}");
    REQUIRE(after);
    CHECK(after->status == 202);
}

TEST_CASE_FIXTURE(ListenerFixture, "the largest delivery of all is taken") {
    serve();
    const std::string large(limit(), 'x');
    const auto answer = post("guid-large", large);
    REQUIRE(answer);
    CHECK(answer->status == 202);
    CHECK(ledger->next_delivery()->delivery.body().size() == large.size());
}

TEST_CASE_FIXTURE(ListenerFixture,
                  "deliveries in chunks, and several on one connection, are taken as they are") {
    serve();
    const std::string body = "{\"a\":1}";
    const auto one = request("guid-1", body);
    const auto two = request("guid-2", body);
    const auto answers = exchange(one + two + "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
    CHECK(count(answers, "HTTP/1.1 202") == 2);
    CHECK(count(answers, "alive") == 1);
    std::string chunked = request("guid-3", body);
    chunked.replace(chunked.find("Content-Length: 7"), 17, "Transfer-Encoding: chunked");
    chunked.replace(chunked.find("{\"a\":1}"), 7, "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n");
    CHECK(
        exchange(chunked + "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 202"));
    CHECK(ledger->figures().deliveries_waiting == 3);
}

TEST_CASE_FIXTURE(ListenerFixture, "who sends the next at once on the same connection is always heard") {
    serve();
    httplib::Client client("127.0.0.1", port());
    client.set_keep_alive(true);
    client.set_tcp_nodelay(true);
    client.set_read_timeout(10);
    for (int i = 0; i < 300; ++i) {
        const auto id = "guid-" + std::to_string(i);
        const auto answer = client.Post("/hooks/github", signed_headers(id, "{}"), "{}", "application/json");
        REQUIRE(answer);
        REQUIRE(answer->status == 202);
    }
    CHECK(ledger->figures().deliveries_waiting == 300);
}

TEST_CASE_FIXTURE(ListenerFixture, "chunks that another reader could take for something else are refused") {
    serve();
    const std::string body = "{\"a\":1}";
    for (const std::string& chunks : std::vector<std::string>{
             "7;x\nGET /metrics HTTP/1.1\r\n" + body + "\r\n0\r\n\r\n", "7\n\r\n" + body + "\r\n0\r\n\r\n",
             "7\r\n" + body + "\r\n0\r\nTrailer: a\nb\r\n\r\n", "7\r\n" + body + "x\r\n0\r\n\r\n",
             "+7\r\n" + body + "\r\n0\r\n\r\n", "0x7\r\n" + body + "\r\n0\r\n\r\n"}) {
        CAPTURE(chunks);
        auto chunked = request("guid-1", body);
        chunked.replace(chunked.find("Content-Length: 7"), 17, "Transfer-Encoding: chunked");
        chunked.replace(chunked.find(body), body.size(), chunks);
        const auto answers = exchange(chunked);
        CHECK(answers.starts_with("HTTP/1.1 400"));
        CHECK(count(answers, "HTTP/1.1 ") == 1);
    }
    CHECK(ledger->figures().deliveries_waiting == 0);
}

TEST_CASE_FIXTURE(
    ListenerFixture,
    "when the ledger cannot be written the sender is asked to send again, and readiness says why") {
    serve();
    CHECK(get("/readyz")->status == 200);
    break_ledger();
    const auto answer = post("guid-1", "{}");
    REQUIRE(answer);
    CHECK(answer->status == 503);
    CHECK(answer->has_header("Retry-After"));
    CHECK(rings == 0);
    const auto refused = get("/readyz");
    CHECK(refused->status == 503);
    CHECK(refused->body.find("broken on purpose") != std::string::npos);
    CHECK(get("/healthz")->status == 200);
    mend_ledger();
    CHECK(post("guid-1", "{}")->status == 202);
    CHECK(get("/readyz")->status == 200);
}

TEST_CASE_FIXTURE(ListenerFixture, "readiness asks the daemon too, and tells each of its reasons") {
    not_ready = {"the sandbox engine does not answer", "forge github: the token is refused"};
    serve();
    const auto answer = get("/readyz");
    CHECK(answer->status == 503);
    CHECK(answer->body == "the sandbox engine does not answer\nforge github: the token is refused\n");
}

TEST_CASE_FIXTURE(ListenerFixture, "the metrics count deliveries, jobs and what waits") {
    serve();
    (void)post("guid-1", "{}");
    (void)post("guid-1", "{}");
    (void)ledger->carry_out(start(1));
    const auto text = get("/metrics")->body;
    for (const auto* line :
         {R"(shopfloor_deliveries_total{forge="github",outcome="accepted"} 1)",
          R"(shopfloor_deliveries_total{forge="github",outcome="duplicate"} 1)",
          R"(shopfloor_acknowledge_seconds_count{forge="github"} 2)", R"(shopfloor_jobs{state="queued"} 1)",
          R"(shopfloor_jobs{state="merged"} 0)", "shopfloor_deliveries_waiting 1",
          "shopfloor_reports_waiting 3", "# TYPE shopfloor_acknowledge_seconds histogram",
          "# TYPE shopfloor_jobs gauge"}) {
        INFO(line);
        CHECK(text.find(line) != std::string::npos);
    }
}

TEST_CASE_FIXTURE(ListenerFixture, "a port that is taken is named, with the mend") {
    serve();
    try {
        (void)bot::listen_on("127.0.0.1", port());
        FAIL("it listens");
    } catch (const bot::ListenError& error) {
        const std::string words = error.what();
        CHECK(words.find("127.0.0.1:" + std::to_string(port())) != std::string::npos);
        CHECK(words.find("another program listens there") != std::string::npos);
    }
    CHECK_THROWS_AS((void)bot::listen_on("203.0.113.7", 0), bot::ListenError);
}
