#pragma once

#include <ostream>
#include <string>

namespace config {

/// A credential. It prints as `***`, has no formatter, and `expose()` is the only way to its bytes,
/// so every place that uses one can be found by name. The bytes are wiped on destruction.
class Secret {
 public:
    Secret() = default;
    explicit Secret(std::string bytes);
    Secret(const Secret& other) = default;
    Secret(Secret&& other) noexcept;
    Secret& operator=(const Secret& other);
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    [[nodiscard]] const std::string& expose() const noexcept { return bytes_; }
    [[nodiscard]] bool empty() const noexcept { return bytes_.empty(); }

    friend std::ostream& operator<<(std::ostream& out, const Secret& /*hidden*/) { return out << "***"; }

 private:
    std::string bytes_;
};

}  // namespace config
