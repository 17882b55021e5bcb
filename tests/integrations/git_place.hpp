#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "integrations/git.hpp"
#include "tests/integrations/git_store.hpp"
#include "tests/integrations/git_test_server.hpp"

namespace git_test {

/// A git server with a token, and mirrors of its repositories.
struct Place {
    TempFolder folder;
    Server server{folder / "forge"};
    std::string given = "right-token";
    std::atomic<int> asked = 0;

    std::unique_ptr<integrations::Mirror> mirror(const std::string& name,
                                                 integrations::MirrorLimits limits = {}) {
        auto opened = integrations::Mirror::open(
            folder / "mirror", server.url(name),
            [this]() -> integrations::ForgeResult<integrations::GitCredential> {
                ++asked;
                return integrations::GitCredential{.user = "x-access-token",
                                                   .password = config::Secret(given)};
            },
            limits);
        REQUIRE(opened.has_value());
        return std::move(*opened);
    }

    /// A repository with one commit on main; its id.
    std::string repository(const std::string& name) {
        const auto work = server.make_repository(name);
        spit(work / "README.md", "hello\n");
        line_of("git add . && git commit -qm first && git push -q origin main && echo ok", work);
        return line_of("git rev-parse HEAD", work);
    }
};

inline std::string made(integrations::Mirror& mirror, const std::string& parent, const std::string& content) {
    const auto id = mirror.commit(parent, {{.path = "made.txt", .content = content}}, text("Make\n"));
    REQUIRE(id.has_value());
    return *id;
}

}  // namespace git_test
