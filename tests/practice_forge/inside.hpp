#pragma once

#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/faults.hpp"
#include "tests/practice_forge/herald.hpp"
#include "tests/practice_forge/hooks.hpp"
#include "tests/practice_forge/practice_forge.hpp"
#include "tests/practice_forge/rest.hpp"
#include "tests/practice_forge/world.hpp"

namespace httplib {
class Server;
struct Request;
struct Response;
}  // namespace httplib

namespace practice_forge {

/// What was asked and answered, in memory and, when wanted, as JSON lines for the validators.
class Record {
 public:
    Record(const std::filesystem::path& file, Dialect dialect);
    void add(Request request, bool api);
    void add(const Hooks::Sent& sent);
    [[nodiscard]] std::vector<Request> requests() const;
    void forget();

 private:
    void write(const json& line);
    /// Each dialect is held against a description of its own: `api` is GitHub's, `gitea-api` Gitea's.
    [[nodiscard]] std::string kind(std::string_view what) const;
    Dialect dialect_;
    mutable std::mutex mutex_;
    std::ofstream file_;
    std::vector<Request> requests_;
};

/// The forge behind its public face. The HTTP server is the last to be made and the first to go.
struct PracticeForge::Inside {
    explicit Inside(Options with);
    ~Inside();

    void answer(const httplib::Request& request, httplib::Response& response);
    void answer_api(const httplib::Request& request, httplib::Response& response, const std::string& path,
                    const std::string& query);
    void answer_log(const httplib::Request& request, httplib::Response& response, const std::string& path,
                    const std::string& query);
    void answer_git(const httplib::Request& request, httplib::Response& response, const std::string& path,
                    const std::string& query);
    [[nodiscard]] Repository& repository(std::string_view full_name);
    [[nodiscard]] std::int64_t pull_key(std::int64_t number) const;
    void close_connections() const;

    Options options;
    bool owns_directory = false;
    World world;
    Record record;
    Hooks hooks;
    std::unique_ptr<Herald> herald;
    Deeds deeds;
    Faults faults;
    Ground ground;
    int port = 0;
    std::unique_ptr<httplib::Server> server;
    std::thread listening;
};

struct Page {
    int status = 200;
    std::string content_type = "text/html; charset=utf-8";
    std::string body;
};
/// Pages for people: plain GETs outside /api and /practice.
[[nodiscard]] Page render_page(World& world, Deeds& deeds, const std::vector<std::string>& segments);
/// The control API under /practice/: what PracticeForge can do, for other processes.
[[nodiscard]] Answer control(PracticeForge::Inside& inside, const std::string& method,
                             const std::vector<std::string>& segments, const std::string& body);
/// GitHub-flavoured Markdown; nothing of it becomes active HTML. `issues` is the address that #N leads to.
[[nodiscard]] std::string render_markdown(const std::string& text, const std::string& issues);
[[nodiscard]] std::string escape_html(std::string_view text);
[[nodiscard]] std::string diff_html(const std::string& diff);  ///< of a diff as git writes it
[[nodiscard]] const std::string& style_sheet();
[[nodiscard]] std::string avatar(const std::string& login);

/// What the look at things makes of stored values.
[[nodiscard]] Issue issue_value(const World& world, const Repository& repository, const Thread& thread);
[[nodiscard]] PullRequest pull_value(const World& world, const Repository& repository, const Thread& thread);
[[nodiscard]] std::vector<CheckRun> checks_of(const World& world, const Repository& repository);

}  // namespace practice_forge
