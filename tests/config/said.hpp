#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/error.hpp"

/// All errors, a line each, as the user reads them.
inline std::string said(const std::vector<config::Error>& errors) {
    std::string text;
    for (const config::Error& error : errors) text += to_string(error) + "\n";
    return text;
}

/// What a parse that must fail said.
template <typename Result>
std::string complaint(const Result& result) {
    REQUIRE_FALSE(result.has_value());
    return said(result.error());
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }
