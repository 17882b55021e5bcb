#include "config/secret.hpp"

// explicit_bzero, which no optimiser may leave out, is in the C header only.
#include <string.h>  // NOLINT(modernize-deprecated-headers)

#include <utility>

namespace config {

namespace {

/// Overwrites the whole buffer, also what an earlier, longer value left behind the end.
void wipe(std::string& bytes) noexcept {
    bytes.resize(bytes.capacity());  // within capacity: never allocates
    explicit_bzero(bytes.data(), bytes.size());
    bytes.clear();
}

}  // namespace

Secret::Secret(std::string bytes) : bytes_(bytes) { wipe(bytes); }

// A short string is copied, not moved: the source must be wiped either way.
Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { wipe(other.bytes_); }

Secret& Secret::operator=(const Secret& other) {
    if (this != &other) {
        wipe(bytes_);
        bytes_ = other.bytes_;
    }
    return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe(bytes_);
        bytes_ = std::move(other.bytes_);
        wipe(other.bytes_);
    }
    return *this;
}

Secret::~Secret() { wipe(bytes_); }

}  // namespace config
