#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Names of hosts that a sandbox may reach. One spelling only, the same for the policy and for dialling:
/// letters, digits and hyphens in lower case, at least two labels, no trailing dot, no address (RFC 1123,
/// section 2.1).
namespace config {

class Place;

/// What a recipe asks for, by step. Each member is a host name or `*.` before one: any name below it, but not
/// itself.
struct Egress {
    std::vector<std::string> setup, agent, checks;

    friend bool operator==(const Egress&, const Egress&) = default;
};

/// What is wrong with a host name, in a few words to follow "is"; empty when nothing is.
[[nodiscard]] std::string host_fault(std::string_view text);

/// The same for a name that may begin with `*.`.
[[nodiscard]] std::string host_pattern_fault(std::string_view text);

/// Whether one of the patterns covers a good host name.
[[nodiscard]] bool host_allowed(std::string_view host, const std::vector<std::string>& patterns);

/// Those of `wanted` that `ceiling` covers; `*.` is covered by the same or a shorter one.
[[nodiscard]] std::vector<std::string> hosts_below(const std::vector<std::string>& wanted,
                                                   const std::vector<std::string>& ceiling);

/// A list of such patterns, in the settings or in a recipe.
bool read_hosts(const Place& place, std::vector<std::string>& target);

}  // namespace config
