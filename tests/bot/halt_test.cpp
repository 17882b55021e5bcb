#include "bot/halt.hpp"

#include <doctest/doctest.h>

using bot::Halt;
using bot::halt;
using bot::without_host_paths;

TEST_CASE("a reason that people read names no path of this machine") {
    for (const auto& [words, wanted] : {
             std::pair{"cannot make /var/lib/shopfloor/workspaces/x: No space left on device",
                       "cannot make (path in the log): No space left on device"},
             std::pair{"filesystem error: cannot create directories: Permission denied [/srv/state/logs]",
                       "filesystem error: cannot create directories: Permission denied [(path in the log)]"},
             std::pair{"/srv/roots/a, the root folder of image a, holds no system",
                       "(path in the log), the root folder of image a, holds no system"},
             std::pair{"no engine at unix:///var/run/docker.sock.", "no engine at unix://(path in the log)."},
             std::pair{"opening '/srv/a:b/c': not there", "opening '(path in the log)': not there"},
             std::pair{"`/srv/a` and `/srv/b`", "`(path in the log)` and `(path in the log)`"},
             std::pair{"look at /srv/a: then", "look at (path in the log): then"},
             std::pair{"/tmp/x/y is full", "(path in the log) is full"},
             std::pair{"ledger=/srv/a", "ledger=(path in the log)"},
         })
        CHECK(without_host_paths(words) == wanted);
}

TEST_CASE("what is public already stays in a reason as it is") {
    for (const auto* words :
         {"fetching https://forge.example/acme/shop.git: 502", "http://127.0.0.1:3000/a/b.git", "src/a/b.c",
          "/workspace/build/out.xml is no file", "in /home/agent/.cache", "comment `/agent retry`", "1 / 2",
          "and/or", "/", "", "a: /"})
        CHECK(without_host_paths(words) == words);
}

TEST_CASE("the operator reads the path, the issue's author the rest") {
    const sandbox::Error full{.kind = sandbox::Error::Kind::unavailable,
                              .message = "cannot make /srv/state/w: No space left on device"};
    const integrations::GitError git{.kind = integrations::GitError::Kind::invalid,
                                     .message = "/srv/state/mirrors/1.git is damaged"};
    const sandbox::HarvestError harvest{.kind = sandbox::HarvestError::Kind::io,
                                        .message = "cannot read /srv/state/w/x"};
    for (const auto& why : {halt(full, "opening the workspace"), halt(git, "reading"), halt(harvest)}) {
        CAPTURE(why.reason);
        CHECK(why.reason.find("/srv") == std::string::npos);
        CHECK(why.reason.find("(path in the log)") != std::string::npos);
        CHECK(why.detail.find("/srv/state") != std::string::npos);
    }
    CHECK(halt(full, "opening the workspace").kind == Halt::Kind::infrastructure);
}
