#include <doctest/doctest.h>

#include "sandbox/egress_address.hpp"

using sandbox::inner_address;
using sandbox::read_address;

namespace {

std::string address_fault(const char* text) {
    const auto address = read_address(text);
    REQUIRE_MESSAGE(address.has_value(), text);
    return inner_address(*address);
}

}  // namespace

TEST_CASE("no address of an inner network is one of the internet") {
    for (const char* text :
         {"0.0.0.0",         "0.1.2.3",         "10.0.0.1",       "10.255.255.255",  "100.64.0.1",
          "100.127.255.255", "100.100.100.200", "127.0.0.1",      "127.255.255.254", "168.63.129.16",
          "169.254.169.254", "172.16.0.1",      "172.31.255.255", "192.0.0.192",     "192.0.2.1",
          "192.31.196.1",    "192.52.193.1",    "192.88.99.1",    "192.168.1.1",     "192.175.48.1",
          "198.18.0.1",      "198.19.255.255",  "198.51.100.1",   "203.0.113.7",     "224.0.0.1",
          "239.255.255.250", "240.0.0.1",       "255.255.255.255"}) {
        CAPTURE(text);
        CHECK_FALSE(address_fault(text).empty());
    }
    for (const char* text : {"::",
                             "::1",
                             "::127.0.0.1",
                             "::8.8.8.8",
                             "::ffff:127.0.0.1",
                             "::ffff:8.8.8.8",
                             "::ffff:0:8.8.8.8",
                             "64:ff9b::a00:1",
                             "64:ff9b::808:808",
                             "64:ff9b:1::1",
                             "100::1",
                             "2001::1",
                             "2001:2::1",
                             "2001:10::1",
                             "2001:20::1",
                             "2001:db8::1",
                             "2002:7f00:1::1",
                             "2002:808:808::1",
                             "2620:4f:8000::1",
                             "3ffe::1",
                             "3fff::1",
                             "4000::1",
                             "5f00::1",
                             "fc00::1",
                             "fd00:ec2::254",
                             "fe80::1",
                             "fec0::1",
                             "ff02::1"}) {
        CAPTURE(text);
        CHECK_FALSE(address_fault(text).empty());
    }
}

TEST_CASE("the neighbours of inner networks are of the internet") {
    for (const char* text :
         {"1.1.1.1",        "8.8.8.8",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
          "100.128.0.0",    "126.255.255.255", "128.0.0.0",       "168.63.129.15",   "169.253.255.255",
          "172.15.255.255", "172.32.0.0",      "192.167.255.255", "192.169.0.0",     "198.17.255.255",
          "198.20.0.0",     "223.255.255.255", "2001:200::1",     "2606:4700::1111", "2a00:1450:4001::1",
          "2003::1"}) {
        CAPTURE(text);
        CHECK(address_fault(text).empty());
    }
}

TEST_CASE("the reason says what kind of address it is") {
    CHECK(address_fault("127.0.0.1") == "a loopback address");
    CHECK(address_fault("169.254.169.254") == "a link-local address");
    CHECK(address_fault("255.255.255.255") == "the broadcast address");
    CHECK(address_fault("64:ff9b::1") == "an IPv4 address behind NAT64");
    CHECK(address_fault("::ffff:1.1.1.1") == "an IPv4 address inside of IPv6");
    CHECK(address_fault("4000::1") == "an address that is not handed out");
}

TEST_CASE("an address has one spelling") {
    for (const char* text : {"", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "1.1.1.1 ", "1.1.1.256",
                             "fe80::1%lo", "[::1]", "1.1.1.1:443", "example.com"}) {
        CAPTURE(text);
        CHECK_FALSE(read_address(text).has_value());
    }
    CHECK_FALSE(read_address(std::string("1.1.1.1\0", 8)).has_value());
    CHECK(read_address("2606:4700:0:0::1111")->text == "2606:4700::1111");
}
