#pragma once

#include <string>

#include "tests/way_out/gateway_stage.hpp"

namespace gateway_stage {

// A request for an answer of at most 100 tokens, where and what.
inline constexpr auto messages_path = "/svc/v1/messages";
inline const std::string streamed = R"({"model":"good-model","max_tokens":100,"stream":true,"messages":[]})";
inline const std::string whole = R"({"model":"good-model","max_tokens":100,"messages":[]})";

/// Answers everything with an empty object.
[[nodiscard]] inline Service::Handler fine() {
    return [](const httplib::Request&, httplib::Response& response) {
        response.set_content("{}", "application/json");
    };
}

}  // namespace gateway_stage
