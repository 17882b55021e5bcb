#include "tests/practice_forge/addresses.hpp"

#include <fmt/format.h>

#include <cctype>

namespace practice_forge {

std::string encode_url(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 ||
                           std::string_view("-._~").find(c) != std::string_view::npos;
        result += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return result;
}

std::string api(const World& world, const Repository& repository) {
    return fmt::format("{}{}/repos/{}", world.base_url, world.customs.api_path, repository.full_name());
}

std::string html(const World& world, const Repository& repository) {
    return world.base_url + "/" + repository.full_name();
}

std::string thread_page(const World& world, const Repository& repository, const Thread& thread) {
    return fmt::format("{}/{}/{}", html(world, repository),
                       thread.pull ? world.customs.pull_page : world.customs.issue_page, thread.number);
}

std::string avatar_url(const World& world, const std::string& login) {
    return world.base_url + "/practice/avatars/" + encode_url(login) + ".svg";
}

}  // namespace practice_forge
