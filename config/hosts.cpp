#include "config/hosts.hpp"

#include <algorithm>
#include <iterator>

#include "config/yaml_reader.hpp"

namespace config {

namespace {

constexpr std::string_view any = "*.";

bool lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool good_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && lower_or_digit(label.front()) &&
           lower_or_digit(label.back()) &&
           std::ranges::all_of(label, [](char c) { return lower_or_digit(c) || c == '-'; });
}

}  // namespace

std::string host_fault(std::string_view text) {
    if (text.empty() || text.size() > 253) return "not a host name of 1 to 253 characters";
    std::string_view last;
    int labels = 0;
    for (auto rest = text;;) {
        const auto dot = rest.find('.');
        last = rest.substr(0, dot);
        if (!good_label(last)) return "not a host name of lower-case letters, digits and `-`";
        ++labels;
        if (dot == std::string_view::npos) break;
        rest.remove_prefix(dot + 1);
    }
    // Resolvers take 127.1, 0x7f000001 and 2130706433 for addresses: no top-level domain begins with a digit.
    if (last.front() >= '0' && last.front() <= '9') return "an address, not a host name";
    if (labels < 2) return "a name without a domain";
    return {};
}

std::string host_pattern_fault(std::string_view text) {
    if (text.starts_with(any)) text.remove_prefix(any.size());
    return host_fault(text);
}

bool host_allowed(std::string_view host, const std::vector<std::string>& patterns) {
    return std::ranges::any_of(patterns, [host](std::string_view pattern) {
        if (!pattern.starts_with(any)) return host == pattern;
        pattern.remove_prefix(1);  // with its dot
        return host.size() > pattern.size() && host.ends_with(pattern);
    });
}

std::vector<std::string> hosts_below(const std::vector<std::string>& wanted,
                                     const std::vector<std::string>& ceiling) {
    std::vector<std::string> wide;
    std::ranges::copy_if(ceiling, std::back_inserter(wide),
                         [](const std::string& each) { return each.starts_with(any); });
    std::vector<std::string> allowed;
    std::ranges::copy_if(wanted, std::back_inserter(allowed), [&](const std::string& each) {
        if (!each.starts_with(any)) return host_allowed(each, ceiling);
        // What is below a.b is below b as well.
        return std::ranges::find(wide, each) != wide.end() || host_allowed(each.substr(any.size()), wide);
    });
    return allowed;
}

bool read_hosts(const Place& place, std::vector<std::string>& target) {
    bool good = true;
    for (const Place& item : place.list(200))
        good &= item.matching(target.emplace_back(), host_pattern_fault,
                              "write a name like registry.example.org, or *.example.org for all below it");
    return good;
}

}  // namespace config
