#include <doctest/doctest.h>

#include <string>

#include "sandbox/egress_hello.hpp"
#include "tests/way_out/egress_stage.hpp"

using egress_stage::client_hello;
using sandbox::HelloReader;
using namespace std::string_literals;

namespace {

/// What is wrong with a hello given whole; "more" when more is needed; empty when it is good.
std::string verdict(const std::string& bytes, const std::string& host = "a.example.com") {
    const auto taken = HelloReader(host).take(bytes);
    if (!taken) return taken.error();
    return *taken ? "" : "more";
}

/// Replaces the name in a hello by one of the same length.
std::string renamed(std::string hello, std::string_view from, std::string_view to) {
    REQUIRE(from.size() == to.size());
    REQUIRE(hello.contains(from));
    return hello.replace(hello.find(from), from.size(), to);
}

/// The same message in records of so many bytes (RFC 8446, section 5.1).
std::string in_records_of(std::size_t size, const std::string& hello) {
    const std::string message = hello.substr(5);
    std::string result;
    for (std::size_t at = 0; at < message.size(); at += size) {
        const auto part = message.substr(at, size);
        result += hello.substr(0, 3);
        result += static_cast<char>(part.size() >> 8U);
        result += static_cast<char>(part.size() & 0xffU);
        result += part;
    }
    return result;
}

}  // namespace

TEST_CASE("a hello that asks for the dialled server is taken, in either case of letters") {
    CHECK(verdict(client_hello("a.example.com")).empty());
    CHECK(verdict(client_hello("A.Example.COM")).empty());
}

TEST_CASE("a hello in single bytes, and one in small records, is read to its end and no further") {
    const auto whole = client_hello("a.example.com");
    for (const auto& hello : {whole, in_records_of(17, whole)}) {
        HelloReader reader("a.example.com");
        for (std::size_t at = 0; at < hello.size(); ++at) {
            const auto taken = reader.take(std::string_view(hello).substr(at, 1));
            REQUIRE(taken.has_value());
            CHECK(*taken == (at + 1 == hello.size()));
        }
    }
}

TEST_CASE("a hello that asks for another server, for none, or hides it, is refused") {
    CHECK(verdict(client_hello("b.example.com")) == "TLS asks for another server, b.example.com");
    CHECK(verdict(client_hello("a.example.com.evil.org")).contains("another server"));
    CHECK(verdict(client_hello("example.com")).contains("another server"));
    CHECK(verdict(client_hello("")) == "TLS does not tell the server's name (SNI)");
    CHECK(verdict(client_hello("a.example.com", true)) == "TLS hides the server's name (ECH)");
    const auto nul = renamed(client_hello("a.example.com"), "a.example.com", "a.example.co\0"s);
    CHECK(verdict(nul) == "TLS asks for another server, a.example.co\\x00");
}

TEST_CASE("a name that is told in another way than plainly is refused") {
    const auto good = client_hello("a.example.com");
    const auto at = good.find("a.example.com");
    REQUIRE(at > 3);
    auto type = good;
    type[at - 3] = 1;  // not a host name
    CHECK_FALSE(verdict(type).empty());
    auto length = good;
    length[at - 1] = 5;  // a name, and another entry after it
    CHECK_FALSE(verdict(length).empty());
    auto list = good;
    --list[at - 4];
    CHECK_FALSE(verdict(list).empty());
}

TEST_CASE("what is not TLS is refused at its first byte") {
    for (const auto& bytes :
         {"GET / HTTP/1.1\r\n\r\n"s, "SSH-2.0-OpenSSH_9.2\r\n"s, "\0"s, "\x17\x03\x03"s, "\x80\x2e\x01"s}) {
        CHECK(verdict(bytes) == "not TLS");
    }
    CHECK(verdict("\x16\x03\x01\x00\x05hello"s) == "not a ClientHello of TLS");
}

TEST_CASE("a hello without end is not waited for") {
    // A handshake message that says it is 64 KiB long, in full records.
    const std::string record = "\x16\x03\x01\x20\x00"s;
    std::string bytes = record + "\x01\x01\x00\x00"s + "\x03\x03"s + std::string(0x2000 - 6, 'x');
    bytes += record + std::string(0x2000, 'x');
    bytes += record + std::string(0x2000, 'x');
    HelloReader reader("a.example.com");
    std::string fault;
    for (std::size_t at = 0; at < bytes.size() && fault.empty(); at += 1000) {
        const auto taken = reader.take(std::string_view(bytes).substr(at, 1000));
        if (!taken)
            fault = taken.error();
        else
            REQUIRE_FALSE(*taken);
    }
    CHECK(fault == "the ClientHello is larger than 16 KiB");
}
