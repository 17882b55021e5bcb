// The reader for requests beside nlohmann's: the same texts are JSON to both, and the same JSON.
#include "sandbox/gateway_json.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using sandbox::Json;
using sandbox::read_document;
using sandbox::read_json;

TEST_CASE("the gateway reads JSON as the library does, and refuses what that one refuses") {
    const std::vector<std::string> texts{
        "", " ", "null", "true", "false", "tru", "nulll", "true false", "[]", "[ ]", "{}", "{ }", "[1,]",
        "[,1]", "[1 2]", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":}", "{a:1}", "{\"a\":1 \"b\":2}", "[}", "{]",
        "[[[]]", "]", " \t\r\n[ 1 , { \"a\" : [ ] } ]\n", "\v1", "// c\n1", "'a'", "NaN", "Infinity",
        // numbers
        "0", "-1", "-0.0", "00", "01", "-01", "-", "+1", ".5", "1.", "1.5", "-1.5e3", "1e", "1e+", "1E+2",
        "1e-2", "0.1e1", "0e0", "1.0", "18446744073709551615", "-9223372036854775808", "0x10", "1_0", "1e308",
        "1e999", "-1e999",
        // texts
        R"("a)", R"("a\")", R"("\")", R"("\"\\\/\b\f\n\r\t")", R"("\x")", R"("\u00e9\u20ac")", R"("\u12")",
        R"("\u12g4")", R"("\u+123")", R"("\u0000")", R"("\ud83d\ude00")", R"("\ud83d")", R"("\ud83dx")",
        R"("\ud83d\u0041")", R"("\ude00")", "\"\t\"", "\"\n\"", "\"\x7f\"", "\"\x1f\"", "\"\xc3\xa9\"",
        "\"\xe2\x82\xac\"", "\"\xf0\x9f\x98\x80\"", "\"\xc3\"", "\"\xc3\x28\"", "\"\x80\"", "\"\xc0\x80\"",
        "\"\xc1\xbf\"", "\"\xe0\x9f\xbf\"", "\"\xed\x9f\xbf\"", "\"\xed\xa0\x80\"", "\"\xf0\x8f\xbf\xbf\"",
        "\"\xf4\x8f\xbf\xbf\"", "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xf0\x9f\x98",
        // keys that stand twice
        R"({"a":1,"b":2,"a":3})", R"({"a":1,"\u0061":{"b":1,"b":2}})"};
    for (const auto& text : texts) {
        CAPTURE(text);
        const auto known = Json::parse(text, nullptr, false);
        const auto read = read_json(text);
        CHECK(read.has_value() == !known.is_discarded());
        if (!read || known.is_discarded()) continue;
        CHECK(*read == known);
        CHECK(read->dump() == known.dump());
        CHECK(read->type() == known.type());
    }
}

TEST_CASE("no body at all is no JSON") { CHECK_FALSE(read_json(std::string_view())); }

TEST_CASE("a whole number past 64 bits is refused: nobody reads it twice in the same way") {
    for (const char* number :
         {"18446744073709551616", "-9223372036854775809", "123456789012345678901234567890"})
        CHECK_FALSE_MESSAGE(read_json(number), number);
}

TEST_CASE("a document reads one way unless a key stands twice in one object") {
    for (const char* once : {R"({"a":1,"b":{"a":1}})", R"([{"a":1},{"a":1}])", R"({"a":"\"a\":1,\"a\":2"})"})
        CHECK_MESSAGE(read_document(once)->reads_one_way, once);
    for (const char* twice :
         {R"({"a":1,"a":1})", R"([[{"b":{"a":1,"c":2,"a":null}}]])", R"({"a":1,"\u0061":1})"})
        CHECK_MESSAGE(!read_document(twice)->reads_one_way, twice);
}

TEST_CASE("reading stops at the limits, whatever follows") {
    CHECK(read_json(std::string(128, '[') + std::string(128, ']')));
    const auto deep = read_json(std::string(129, '[') + std::string(129, ']'));
    REQUIRE_FALSE(deep);
    CHECK(deep.error() == "nested too deeply");
    std::string members = "{";
    for (int i = 0; i < 1000; ++i) members += '"' + std::to_string(i) + "\":0,";
    CHECK(read_json(members.substr(0, members.size() - 1) + "}"));
    CHECK(read_json(members + "\"x\":0}").error() == "an object of too many members");
}
