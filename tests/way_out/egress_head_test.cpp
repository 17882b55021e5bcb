#include <doctest/doctest.h>

#include <string>

#include "sandbox/egress_head.hpp"

/// The one reading of a request, without a door around it.

using sandbox::absolute_target_host;
using sandbox::Asked;
using sandbox::asked;
using sandbox::read_connect_head;
using sandbox::shown;
using namespace std::string_literals;

namespace {

std::string head_of(std::string_view target) {
    return "CONNECT " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

/// Why it is refused; empty when it is not.
std::string fault(const std::string& bytes) {
    const auto head = read_connect_head(bytes);
    return head ? "" : head.error().why;
}

}  // namespace

TEST_CASE("a good CONNECT is read into its name, and what follows it is left for the tunnel") {
    const auto head = read_connect_head(head_of("Registry.NPMjs.org:443") + "\x16\x03\x01");
    REQUIRE(head.has_value());
    REQUIRE(head->has_value());
    CHECK((*head)->host == "registry.npmjs.org");
    CHECK((*head)->size == head_of("registry.npmjs.org:443").size());
}

TEST_CASE("clients that still say HTTP/1.0 to a proxy are understood, and no field is needed") {
    const auto head = read_connect_head("CONNECT pypi.org:443 HTTP/1.0\r\n\r\n");
    REQUIRE(head.has_value());
    REQUIRE(head->has_value());
    CHECK((*head)->host == "pypi.org");
}

TEST_CASE("a head that has not ended needs more, byte after byte, until it is whole") {
    const auto whole = head_of("a.example.com:443");
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto head = read_connect_head(std::string_view(whole).substr(0, size));
        CAPTURE(size);
        REQUIRE(head.has_value());
        CHECK_FALSE(head->has_value());
    }
}

TEST_CASE("no spelling of an address is a name") {
    for (const char* target :
         {"127.1:443", "127.0.0.1:443", "0x7f000001:443", "0x7f.1:443", "2130706433:443", "017700000001:443",
          "[::1]:443", "[::ffff:127.0.0.1]:443", "::1:443", "169.254.169.254:443", "1.2.3.4.:443",
          "[fe80::1%25eth0]:443", "a.0x7f:443", "localhost:443", "0:443"}) {
        CAPTURE(target);
        CHECK_FALSE(fault(head_of(target)).empty());
    }
}

TEST_CASE("only port 443, in its one spelling") {
    for (const char* target :
         {"a.example.com:22", "a.example.com:80", "a.example.com:0443", "a.example.com:+443",
          "a.example.com:4430", "a.example.com:443:443", "a.example.com:", "a.example.com",
          "a.example.com:https", "a.example.com:65979"}) {
        CAPTURE(target);
        CHECK_FALSE(fault(head_of(target)).empty());
    }
    CHECK(fault(head_of("a.example.com:22")) == "only port 443 may be reached");
    CHECK(fault(head_of("a.example.com")).contains("443"));
}

TEST_CASE("no trick with user names, dots, letters or line ends makes a name") {
    for (const auto& target : {"good.example.com@evil.example.org:443"s,
                               "user:pass@good.example.com:443"s,
                               "good.example.com.:443"s,
                               "good.example.com\0.evil.example.org:443"s,
                               "good.example.com%00:443"s,
                               "g\xd0\xbe\xd0\xbe"
                               "d.example.com:443"s,
                               "good..example.com:443"s,
                               ".example.com:443"s,
                               "*.example.com:443"s,
                               "good.example.com/:443"s,
                               "good.example.com:443/"s,
                               "http://good.example.com:443"s,
                               "good.example.com\t:443"s,
                               " good.example.com:443"s,
                               "good_host.example.com:443"s,
                               "-a.example.com:443"s,
                               "good.example.com:443 HTTP/1.1\r\nX"s,
                               ":443"s,
                               ""s,
                               "good.example.com:443#"s,
                               "good.example.com?:443"s,
                               "good.example.com\\:443"s}) {
        CAPTURE(shown(target));
        CHECK_FALSE(fault(head_of(target)).empty());
    }
    CHECK(fault(head_of("good.example.com.:443")) == "a name that ends in a dot");
    CHECK(fault(head_of("a@b.example.com:443")).contains("user name"));
    CHECK(fault(head_of("a.example.com\xc3\xa9:443")).contains("not ASCII"));
}

TEST_CASE("line ends are CR LF and nothing else, and a fault is told before the end of the head") {
    CHECK(fault("CONNECT a.example.com:443 HTTP/1.1\n\n").contains("control byte"));
    CHECK(fault("CONNECT a.example.com:443 HTTP/1.1\r\rHost").contains("control byte"));
    CHECK(fault("CONNECT a.example.com:443 HTTP/1.1\r\nHost: a\nX: b").contains("control byte"));
    CHECK(fault("CONNECT a.example.com:443 HTTP/1.1\r\nHost: \0"s).contains("control byte"));
    CHECK(fault("CONNECT a.example.com\x7f").contains("control byte"));
}

TEST_CASE("a head that two readers could take for different ones is refused") {
    for (const char* head :
         {"CONNECT  a.example.com:443 HTTP/1.1\r\n\r\n", "CONNECT a.example.com:443  HTTP/1.1\r\n\r\n",
          "CONNECT a.example.com:443 HTTP/1.1 \r\n\r\n", "CONNECT a.example.com:443 HTTP/2\r\n\r\n",
          "CONNECT a.example.com:443 b.example.com:443 HTTP/1.1\r\n\r\n", "CONNECT a.example.com:443\r\n\r\n",
          "connect a.example.com:443 HTTP/1.1\r\n\r\n",
          "CONNECT a.example.com:443 HTTP/1.1\r\n folded: x\r\n\r\n",
          "CONNECT a.example.com:443 HTTP/1.1\r\nHost : x\r\n\r\n",
          "CONNECT a.example.com:443 HTTP/1.1\r\nno field\r\n\r\n",
          "CONNECT a.example.com:443 HTTP/1.1\r\n: x\r\n\r\n"}) {
        CAPTURE(head);
        CHECK_FALSE(fault(head).empty());
    }
}

TEST_CASE("a head of 8 KiB is the largest") {
    const auto padded = [](std::size_t size) {
        const std::string begin = "CONNECT a.example.com:443 HTTP/1.1\r\nX: ";
        return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
    };
    CHECK(fault(padded(sandbox::longest_head)).empty());
    CHECK(fault(padded(sandbox::longest_head + 1)).contains("8 KiB"));
    CHECK(fault(std::string(sandbox::longest_head, 'x')).contains("8 KiB"));
}

TEST_CASE("the name of a refused request is told as it was asked for") {
    const auto head = read_connect_head(head_of("user@127.1:22"));
    REQUIRE_FALSE(head.has_value());
    CHECK(head.error().host == "user@127.1");
    CHECK(read_connect_head(head_of("[::1]:443")).error().host == "[::1]");
    CHECK(read_connect_head("CONNECT b\xff.example.com:443 HTTP").error().host == "b\xff.example.com");
}

TEST_CASE("the first bytes tell which way a connection goes, or that more are needed") {
    CHECK(asked("") == Asked::unclear);
    CHECK(asked("CONNECT") == Asked::unclear);
    CHECK(asked("CONNECT ") == Asked::connect);
    CHECK(asked("POST /anthropic/v1/messages HT") == Asked::origin);
    CHECK(asked("POST ") == Asked::unclear);
    CHECK(asked("GET http://a.example.com/ HT") == Asked::unclear);
    CHECK(asked("GET http://a.example.com/ HTTP/1.1\r\n") == Asked::absolute);
    CHECK(asked("GET HTTP://a.example.com HTTP/1.1\r\n") == Asked::absolute);
    CHECK(asked("OPTIONS * HTTP/1.1\r\n") == Asked::origin);
    CHECK(asked("GET /?u=http://a.example.com/ HTTP/1.1\r\n") == Asked::origin);
    CHECK(asked("GET " + std::string(sandbox::longest_head, 'x')) == Asked::origin);
    CHECK(asked("CONNECTCONNECTCONNECTCONNECT ") == Asked::origin);
    CHECK(asked("\x16\x03\x01 and more of a binary protocol") == Asked::origin);
    CHECK(asked("\r\n") == Asked::origin);
}

TEST_CASE("the host of a plain request to a proxy is told without its user name and port") {
    CHECK(absolute_target_host("GET http://a.example.com/x HTTP/1.1") == "a.example.com");
    CHECK(absolute_target_host("GET http://u:p@a.example.com:8080/x HTTP/1.1") == "a.example.com");
    CHECK(absolute_target_host("GET ftp://[::1]/ HTTP/1.1") == "[::1]");
    CHECK_FALSE(absolute_target_host("GET /a://b HTTP/1.1").has_value());
    CHECK_FALSE(absolute_target_host("GET").has_value());
}

TEST_CASE("a stranger's text is shown in printable ASCII of bounded length, no byte cut in two") {
    CHECK(shown("a b~") == "a b~");
    CHECK(shown("\x1b[31m\n\xff\0"s) == "\\x1b[31m\\x0a\\xff\\x00");
    CHECK(shown(std::string(252, 'a') + "\n") == std::string(252, 'a'));
    CHECK(shown(std::string(10'000, 'a')).size() == 253);
}
