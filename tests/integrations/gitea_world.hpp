#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "integrations/gitea.hpp"
#include "tests/integrations/github_server.hpp"

namespace gitea_tests {

using forge_tests::Server;

inline constexpr auto api = "/api/v1";
inline const std::string repository = "/api/v1/repos/octo/app";

inline std::string on_repository(const std::string& method, const std::string& suffix) {
    return method + " " + repository + suffix;
}

/// A Gitea on loopback with the one repository octo/app, and us as a client of it, with a clock cranked by
/// hand.
struct World {
    Server server;
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now();
    integrations::RepoRef repo{.forge = "work",
                               .id = "41",
                               .full_name = "octo/app",
                               .clone_url = "https://git.example/octo/app.git",
                               .default_branch = "main",
                               .installation = {}};
    integrations::ThreadRef issue{.repo = repo, .number = 7};
    integrations::ThreadRef pull{
        .repo = repo, .number = 8, .kind = integrations::ThreadRef::Kind::pull_request};
    std::unique_ptr<integrations::Forge> forge = connect({"octo/app"});

    World() {
        server.on(std::string("GET ") + api + "/user", {{"login", "robot"}, {"id", 9}});
        server.on(on_repository("GET", ""), body("octo/app", 41));
    }
    static nlohmann::json body(const std::string& name, int id) {
        return {{"id", id},
                {"full_name", name},
                {"clone_url", "https://git.example/" + name + ".git"},
                {"default_branch", "main"},
                {"archived", false},
                {"permissions", {{"admin", true}, {"push", true}, {"pull", true}}}};
    }
    std::unique_ptr<integrations::Forge> connect(std::vector<std::string> repositories) {
        return integrations::connect_gitea({.name = "work",
                                            .kind = "gitea",
                                            .api_url = server.url() + api,
                                            .token = config::Secret("a-token"),
                                            .repositories = std::move(repositories)},
                                           {.now = [this] { return now; }});
    }
    /// The timeline of the issue, on one page.
    void timeline(const nlohmann::json& entries) {
        server.on(on_repository("GET", "/issues/7/timeline"),
                  [text = entries.dump()](const httplib::Request& request, httplib::Response& response) {
                      response.set_content(request.get_param_value("page") == "1" ? text : "[]",
                                           "application/json");
                  });
    }
};

}  // namespace gitea_tests
