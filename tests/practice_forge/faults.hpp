#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"

namespace practice_forge {

/// The scripted faults and their counts.
class Faults {
 public:
    void add(const Fault& fault);
    void clear();
    [[nodiscard]] int left(std::string_view name) const;
    /// The first fault that wants this request, counted down.
    [[nodiscard]] std::optional<Fault> take(const std::string& method, const std::string& path,
                                            const std::string& body);

 private:
    mutable std::mutex mutex_;
    std::vector<Fault> faults_;
};

}  // namespace practice_forge
