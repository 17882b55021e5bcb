#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "integrations/gitlab.hpp"
#include "tests/integrations/github_server.hpp"

namespace gitlab_tests {

using forge_tests::Server;

/// Where a GitLab is that does not have its host for itself.
inline const std::string api = "/gitlab/api/v4";
inline const std::string project = api + "/projects/41";

inline std::string on_project(const std::string& method, const std::string& suffix) {
    return method + " " + project + suffix;
}

/// A GitLab on loopback with the one project octo/tools/app, and us as a client of it, with a clock cranked
/// by hand.
struct World {
    Server server;
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now();
    integrations::RepoRef repo{.forge = "work",
                               .id = "41",
                               .full_name = "octo/tools/app",
                               .clone_url = "https://git.example/gitlab/octo/tools/app.git",
                               .default_branch = "main",
                               .installation = {}};
    integrations::ThreadRef issue{.repo = repo, .number = 7};
    integrations::ThreadRef request{
        .repo = repo, .number = 8, .kind = integrations::ThreadRef::Kind::pull_request};
    std::unique_ptr<integrations::Forge> forge = connect({"octo/tools/app"});

    World() {
        server.on("GET " + api + "/user", {{"username", "robot"}, {"id", 9}});
        server.on(on_project("GET", ""), body("octo/tools/app", 41));
    }
    static nlohmann::json body(const std::string& name, int id) {
        return {{"id", id},
                {"path_with_namespace", name},
                {"http_url_to_repo", "https://git.example/gitlab/" + name + ".git"},
                {"default_branch", "main"},
                {"archived", false}};
    }
    std::unique_ptr<integrations::Forge> connect(std::vector<std::string> repositories) {
        return integrations::connect_gitlab({.name = "work",
                                             .kind = "gitlab",
                                             .api_url = server.url() + api,
                                             .token = config::Secret("a-token"),
                                             .repositories = std::move(repositories)},
                                            {.now = [this] { return now; }});
    }
};

inline nlohmann::json person(int id, const std::string& login) {
    return {{"id", id}, {"username", login}, {"name", login}, {"state", "active"}};
}

}  // namespace gitlab_tests
