#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/scenarios/practice_yard.hpp"

/// A yard in GitLab's dialect, for its several proofs.
namespace practice_yard {

[[nodiscard]] inline std::string project(const std::string& rest) {
    return "/projects/acme%2Fwidgets" + rest;
}

/// With a bot that owns its project, and somebody who listens.
struct Lab : Yard {
    std::unique_ptr<Caller> maria, reader, robot;
    Listener listener;

    Lab() : Yard(practice_forge::Dialect::gitlab) {
        forge.set_app({.slug = "robot"});
        forge.add_token("robot", "token-of-robot");
        forge.add_collaborator(kRepository, "robot", practice_forge::Permission::admin);
        maria = std::make_unique<Caller>(forge, "token-of-maria");
        reader = std::make_unique<Caller>(forge, "token-of-reader");
        robot = std::make_unique<Caller>(forge, "token-of-robot");
    }
    void listen() { forge.set_hook({.url = listener.url(), .secret = "s"}); }
    std::vector<Listener::Heard> heard() {
        REQUIRE(forge.hooks_sent());
        return listener.heard();
    }
    json last() { return json::parse(heard().back().body); }
    /// `event action` of each, or its status where there is no action.
    std::vector<std::string> told() {
        std::vector<std::string> all;
        for (const auto& one : heard()) {
            const auto attributes = json::parse(one.body).value("object_attributes", json::object());
            const auto status = attributes.value("status", "-");
            all.push_back(fmt::format("{} {}", header(one.headers, "X-Gitlab-Event"),
                                      attributes.value("action", status)));
        }
        return all;
    }

    [[nodiscard]] std::string branch(const std::string& name, const std::string& text) {
        return forge.commit_files(kRepository, name, {{"src/a.txt", text}}, "Change", "maria");
    }
    json propose(const std::string& source, const std::string& title, int status = 201,
                 const std::string& description = "It.") {
        const auto answer = robot->send("POST", project("/merge_requests"),
                                        {{"source_branch", source},
                                         {"target_branch", "main"},
                                         {"title", title},
                                         {"description", description}});
        CHECK(answer.status == status);
        return answer.body;
    }
};

}  // namespace practice_yard
