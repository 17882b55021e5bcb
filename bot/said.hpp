#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "integrations/event.hpp"

namespace bot {

/// That people said stop, by the forge's clock: what they had asked for before is over.
struct SaidStop {
    integrations::ThreadRef issue;
    std::chrono::system_clock::time_point at;
    std::string by;  ///< login
    std::string comment_id;
};
/// What people said last about an issue, however late it was told.
struct Said {
    integrations::Moment asked;  ///< for work on it
    std::optional<SaidStop> stop;
};

}  // namespace bot
