#pragma once

#include <doctest/doctest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "integrations/git.hpp"
#include "tests/integrations/git_test_server.hpp"

namespace git_test {

/// A mirror whose objects real git put there: what a forge would have sent.
struct Store {
    TempFolder folder;
    std::unique_ptr<integrations::Mirror> mirror;
    std::filesystem::path bare = folder / "mirror";
    std::filesystem::path work = folder / "work";

    explicit Store(integrations::MirrorLimits limits = {}) {
        auto opened = integrations::Mirror::open(bare, "https://forge.invalid/a/b.git", {}, limits);
        REQUIRE(opened.has_value());
        mirror = std::move(*opened);
        line_of("git init -q -b main work && echo ok", folder.path());
    }

    /// Commits the work tree and moves its objects over.
    std::string commit(const std::string& before = "true") {
        const auto id = line_of(
            before + " && git add -A && git commit -q --allow-empty -m base && git rev-parse HEAD", work);
        line_of("git push -q '" + bare.string() + "' HEAD:refs/heads/import-" + id + " && echo ok", work);
        return id;
    }

    /// A commit of a tree that `git mktree` would refuse: raw `git hash-object --literally`. `script` prints
    /// tree bytes and may call `entry MODE NAME ID`.
    std::string hostile(const std::string& script) {
        return line_of(
            "entry() { printf '%s %b\\0' \"$1\" \"$2\"; perl -e 'print pack q(H*), shift' $3; };"
            "blob=$(echo evil | git hash-object -w --stdin); sub=$(printf '100644 blob %s\\tpayload\\n' "
            "$blob | git mktree);"
            "outside=$(printf /etc | git hash-object -w --stdin);"
            "tree=$({ " +
                script +
                "; } | git hash-object -t tree -w --literally --stdin);"
                "git commit-tree -m hostile $tree",
            bare);
    }

    /// A fresh folder to check out into.
    std::filesystem::path place(const std::string& name) {
        std::filesystem::create_directory(folder / name);
        return folder / name;
    }
};

inline const std::chrono::system_clock::time_point noon{std::chrono::seconds(1'700'000'000)};

inline integrations::CommitText text(const std::string& message) {
    return {.author_name = "Bot", .author_email = "bot@example.org", .message = message, .when = noon};
}

template <typename Result>
integrations::GitError::Kind kind_of(const Result& result) {
    REQUIRE_FALSE(result.has_value());
    INFO(result.error().message);
    CHECK_FALSE(result.error().message.empty());
    return result.error().kind;
}

/// Runs git as the owner of the folder, as the agent will.
inline Ran as(unsigned uid, const std::string& command, const std::filesystem::path& folder) {
    if (geteuid() != 0) return sh(command, folder);
    return sh("setpriv --reuid " + std::to_string(uid) + " --regid " + std::to_string(uid) +
                  " --clear-groups sh -c '" + command + "'",
              folder);
}

inline unsigned owner() { return geteuid() == 0 ? 4321 : geteuid(); }

}  // namespace git_test
