#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>

namespace integrations {

struct ForgeError {
    enum class Kind {
        unreachable,   ///< no answer, 5xx: try again later
        rate_limited,  ///< not before `retry_at`
        unauthorized,  ///< our credential is refused: the operator must act
        forbidden,     ///< the credential is good and may not do this
        gone,          ///< 404, 410, 451: repository or issue deleted, or access taken away
        invalid,       ///< the forge refuses what we sent
    };
    Kind kind = Kind::unreachable;
    int status = 0;       ///< HTTP status, 0 when there was no answer
    std::string message;  ///< what the forge said, without credentials
    std::optional<std::chrono::system_clock::time_point> retry_at;
};

template <typename T>
using ForgeResult = std::expected<T, ForgeError>;

}  // namespace integrations
