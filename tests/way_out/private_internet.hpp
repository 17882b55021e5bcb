#pragma once

#include <functional>
#include <string>

/// An internet of this process's own: a network in which some public addresses are this machine's, and out of
/// which no packet leaves.
namespace egress_stage {

inline constexpr auto there = "8.8.4.4";  ///< the addresses that are there: any port may be served
inline constexpr auto there_too = "9.9.9.9";
inline constexpr auto nowhere = "1.2.3.4";  ///< one that is not

/// Runs `body`, and what it starts, there; what it throws goes on to the caller. Empty when it ran, else why
/// there is no such network here.
[[nodiscard]] std::string private_internet(const std::function<void()>& body);

}  // namespace egress_stage
