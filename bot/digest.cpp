#include "bot/digest.hpp"

#include <fmt/format.h>
#include <openssl/sha.h>

#include <array>

namespace bot {

std::string digest(std::string_view bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> hash{};
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), hash.data());
    return fmt::format("{:02x}", fmt::join(hash, ""));
}

}  // namespace bot
