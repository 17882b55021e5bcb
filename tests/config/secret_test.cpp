#include "config/secret.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <type_traits>
#include <utility>

using config::Secret;

TEST_CASE("a secret prints as stars") {
    std::ostringstream out;
    out << Secret("hunter2");
    CHECK(out.str() == "***");
}

TEST_CASE("a secret becomes a string only where somebody asks for it by name") {
    CHECK_FALSE(std::is_convertible_v<Secret, std::string>);
    CHECK_FALSE(std::is_convertible_v<std::string, Secret>);
    CHECK(Secret("hunter2").expose() == "hunter2");
}

TEST_CASE("a secret survives being copied and moved, and leaves nothing where it was") {
    Secret first("short"), second(std::string(200, 'x'));
    Secret copy = first;
    CHECK(copy.expose() == "short");
    Secret moved = std::move(first);
    CHECK(moved.expose() == "short");
    CHECK(first.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
    moved = std::move(second);
    CHECK(moved.expose() == std::string(200, 'x'));
    CHECK(second.empty());  // NOLINT(bugprone-use-after-move)
    moved = copy;
    CHECK(moved.expose() == "short");
    const Secret& self = moved;
    moved = self;
    CHECK(moved.expose() == "short");
}

TEST_CASE("the bytes of a secret are gone when it is") {
    alignas(Secret) unsigned char place[sizeof(Secret)];
    auto* secret = new (place) Secret("hunter2");  // short enough to live inside the object
    secret->~Secret();
    CHECK(std::string(reinterpret_cast<const char*>(place), sizeof place).find("hunter2") ==
          std::string::npos);
}
