#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bot/listener_head.hpp"
#include "tests/bot/listener_fixture.hpp"

using bot::read_listener_head;
using Body = bot::ListenerHead::Body;

namespace {

std::string with(const std::string& fields) { return "POST /hooks/github HTTP/1.1\r\nHost: x" + fields; }

}  // namespace

TEST_CASE("the head of a delivery is read as its sender means it") {
    const auto head = read_listener_head(
        "POST /hooks/github?from=x HTTP/1.1\r\nHost: x\r\nX-GitHub-Event:issues\r\nContent-Length: 12 \r\n"
        "X-Note: gr\xc3\xbc\xc3\x9f%20\tdich\r\nExpect: 100-Continue");
    REQUIRE(head);
    CHECK(head->method == "POST");
    CHECK(head->path == "/hooks/github");
    CHECK(head->body == Body::counted);
    CHECK(head->length == 12);
    CHECK(head->expects_continue);
    CHECK(head->keeps_open);
    CHECK(head->headers.find("x-github-event")->second == "issues");
    CHECK(head->headers.find("x-note")->second == "gr\xc3\xbc\xc3\x9f%20\tdich");
}

TEST_CASE("a connection is kept open unless the sender says otherwise or speaks HTTP/1.0") {
    CHECK(read_listener_head("GET / HTTP/1.1")->keeps_open);
    CHECK_FALSE(read_listener_head("GET / HTTP/1.0")->keeps_open);
    CHECK_FALSE(read_listener_head("GET / HTTP/1.1\r\nConnection: te, Close")->keeps_open);
    CHECK(read_listener_head("GET / HTTP/1.1\r\nConnection: closed,,keep-alive")->keeps_open);
}

TEST_CASE("a head in which a proxy may see another request than we do is refused") {
    const std::string heads[] = {
        with("\r\nContent-Length: 3\r\nContent-Length: 3"),
        with("\r\nContent-Length: 3\r\nTransfer-Encoding: chunked"),
        with("\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        with("\r\nTransfer-Encoding: gzip, chunked"),
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked",
        with("\r\nContent-Length: 3, 3"),
        with("\r\nContent-Length: +3"),
        with("\r\nContent-Length: -3"),
        with("\r\nContent-Length: 0x3"),
        with("\r\nContent-Length:"),
        with("\r\nContent-Length: 18446744073709551616"),
        with("\r\nContent-Length : 3"),
        with("\r\n folded: line"),
        with("\r\n\tfolded"),
        with("\r\n: nameless"),
        with("\r\nno colon"),
        with("\r\nX-A: b\nContent-Length: 3"),
        with("\r\nX-A: b\rContent-Length: 3"),
        with(std::string("\r\nX-A: b\0c", 10)),
        with("\r\nX A: b"),
        "POST  / HTTP/1.1",
        "POST /a b HTTP/1.1",
        "POST http://x/ HTTP/1.1",
        "POST / HTTP/2.0",
        "POST / http/1.1",
        "P{ST / HTTP/1.1",
        " POST / HTTP/1.1",
        "POST /\r\nHost: x",
        "",
    };
    for (const auto& text : heads) {
        INFO(text);
        const auto head = read_listener_head(text);
        REQUIRE_FALSE(head);
        CHECK_FALSE(head.error().empty());
    }
}

TEST_CASE("a hundred header fields are read, more are refused") {
    std::string text = "GET / HTTP/1.1";
    for (int i = 0; i < 100; ++i) text += "\r\nX-" + std::to_string(i) + ": y";
    CHECK(read_listener_head(text));
    CHECK_FALSE(read_listener_head(text + "\r\nX-100: y"));
}

TEST_CASE_FIXTURE(ListenerFixture, "who asks before sending a body is told to go on, or why not") {
    serve();
    const std::string body = "{}";
    auto head = request("guid-1", body);
    head.insert(head.find("\r\n") + 2, "Expect: 100-continue\r\nConnection: close\r\n");
    head.resize(head.size() - body.size());
    const int descriptor = connect();
    ::send(descriptor, head.data(), head.size(), MSG_NOSIGNAL);
    std::string first(25, '\0');
    REQUIRE(::recv(descriptor, first.data(), first.size(), MSG_WAITALL) == 25);
    CHECK(first == "HTTP/1.1 100 Continue\r\n\r\n");
    ::send(descriptor, body.data(), body.size(), MSG_NOSIGNAL);
    CHECK(read_all(descriptor).starts_with("HTTP/1.1 202"));
    ::close(descriptor);
    CHECK(exchange("POST /hooks/nobody HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
              .starts_with("HTTP/1.1 404"));
}

TEST_CASE_FIXTURE(ListenerFixture,
                  "chunks that are none are refused, and nothing of them is another request") {
    serve();
    const std::vector<std::string> ways{"zz\r\nab\r\n0\r\n\r\n",
                                        "2\r\nabc\r\n0\r\n\r\n",
                                        "-2\r\nab\r\n0\r\n\r\n",
                                        "2 \r\nab\r\n0\r\n\r\n",
                                        "11112222333344445\r\nab\r\n0\r\n\r\n",
                                        "2\nab\n0\n\n" + std::string(1100, 'x')};
    for (const auto& chunks : ways) {
        INFO(chunks);
        const auto answers = exchange("POST /hooks/github HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                      chunks + "GET /healthz HTTP/1.1\r\n\r\n");
        CHECK(answers.starts_with("HTTP/1.1 400"));
        CHECK(answers.contains("Connection: close"));
        CHECK(count(answers, "HTTP/1.1") == 1);
    }
    CHECK(ledger->figures().deliveries_waiting == 0);
}

TEST_CASE_FIXTURE(ListenerFixture, "to HEAD the same is answered, without the text") {
    serve();
    const auto answers =
        exchange("HEAD /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
    CHECK(count(answers, "Content-Length: 6") == 2);
    CHECK(count(answers, "alive") == 1);
}
