#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <httplib.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace git_test {

namespace fs = std::filesystem;

inline std::string slurp(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void spit(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
}

class TempFolder {
 public:
    TempFolder() {
        auto pattern = (fs::temp_directory_path() / "shopfloor-git-XXXXXX").string();
        REQUIRE(mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
        fs::permissions(path_, fs::perms(0711));
    }
    ~TempFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    [[nodiscard]] fs::path operator/(const fs::path& name) const { return path_ / name; }
    [[nodiscard]] const fs::path& path() const { return path_; }

 private:
    fs::path path_;
};

struct Ran {
    int status = -1;
    std::string output;  ///< stdout
};

/// Runs a shell line with the machine's own git configuration out of the way.
inline Ran sh(const std::string& line, const fs::path& folder = fs::temp_directory_path()) {
    const auto full = "cd '" + folder.string() +
                      "' && export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=Ann"
                      " GIT_AUTHOR_EMAIL=ann@example.org GIT_COMMITTER_NAME=Ann "
                      "GIT_COMMITTER_EMAIL=ann@example.org HOME=/ && (" +
                      line + ")";
    Ran ran;
    FILE* pipe = popen(full.c_str(), "r");
    REQUIRE(pipe != nullptr);
    char buffer[4096];
    for (std::size_t count; (count = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
        ran.output.append(buffer, count);
    const int code = pclose(pipe);
    ran.status = WIFEXITED(code) ? WEXITSTATUS(code) : 128;
    return ran;
}

/// The first line that a command which must succeed prints.
inline std::string line_of(const std::string& command, const fs::path& folder) {
    const auto ran = sh(command, folder);
    INFO(command);
    REQUIRE(ran.status == 0);
    return ran.output.substr(0, ran.output.find('\n'));
}

/// Real repositories behind the real `git http-backend`, with a token check in front.
class Server {
 public:
    explicit Server(fs::path root) : root_(std::move(root)) {
        fs::create_directories(root_);
        const auto serve = [this](const httplib::Request& request, httplib::Response& response) {
            answer(request, response);
        };
        http_.Get(".*", serve);
        http_.Post(".*", serve);
        http_.set_keep_alive_max_count(100);
        http_.set_keep_alive_timeout(1);
        port_ = http_.bind_to_any_port("127.0.0.1");
        thread_ = std::jthread([this] { http_.listen_after_bind(); });
        while (!http_.is_running()) std::this_thread::yield();
    }
    ~Server() { http_.stop(); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// A bare repository of that name with a work tree `name.work` beside it to make history in.
    fs::path make_repository(const std::string& name) {
        line_of("git init -q --bare -b main " + name + ".git && git -C " + name +
                    ".git config http.receivepack true && git init -q -b main " + name + ".work && git -C " +
                    name + ".work remote add origin ../" + name + ".git && echo ok",
                root_);
        return root_ / (name + ".work");
    }
    [[nodiscard]] fs::path bare(const std::string& name) const { return root_ / (name + ".git"); }
    [[nodiscard]] std::string url(const std::string& name) const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/" + name + ".git";
    }
    [[nodiscard]] int port() const { return port_; }

    std::string token = "right-token";
    std::atomic<int> broken_status = 0;                   ///< answer this to everything
    std::atomic<int> downloads = 0;                       ///< git-upload-pack requests
    std::function<void(const httplib::Request&)> before;  ///< called before a request is served
    std::string redirect_to;                              ///< 301 to this prefix

 private:
    void answer(const httplib::Request& request, httplib::Response& response) {
        if (before) before(request);
        if (broken_status != 0) {
            response.status = broken_status;
            return;
        }
        if (!redirect_to.empty()) {
            response.set_redirect(redirect_to + request.target, 301);
            return;
        }
        const auto wanted = httplib::make_basic_authentication_header("x-access-token", token).second;
        if (request.get_header_value("Authorization") != wanted) {
            response.status = 401;
            response.set_header("WWW-Authenticate", "Basic realm=\"practice\"");
            return;
        }
        if (request.path.ends_with("/git-upload-pack")) ++downloads;
        run_backend(request, response);
    }

    void run_backend(const httplib::Request& request, httplib::Response& response) {
        const TempFolder exchange;
        spit(exchange / "in", request.body);
        const auto query = request.target.find('?');
        std::vector<std::string> environment = {
            "PATH=/usr/bin:/bin",
            "GIT_CONFIG_GLOBAL=/dev/null",
            "GIT_CONFIG_NOSYSTEM=1",
            "GIT_PROJECT_ROOT=" + root_.string(),
            "GIT_HTTP_EXPORT_ALL=1",
            "REMOTE_USER=bot",
            "PATH_INFO=" + request.path,
            "QUERY_STRING=" + (query == std::string::npos ? "" : request.target.substr(query + 1)),
            "REQUEST_METHOD=" + request.method,
            "CONTENT_TYPE=" + request.get_header_value("Content-Type"),
            "CONTENT_LENGTH=" + std::to_string(request.body.size())};
        std::vector<char*> variables;
        for (auto& variable : environment) variables.push_back(variable.data());
        variables.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        const auto in = (exchange / "in").string(), out = (exchange / "out").string();
        posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT, 0600);
        char program[] = "git", verb[] = "http-backend";
        char* arguments[] = {program, verb, nullptr};
        pid_t child = 0;
        const int started = posix_spawnp(&child, program, &actions, nullptr, arguments, variables.data());
        posix_spawn_file_actions_destroy(&actions);
        if (started != 0) {
            response.status = 500;
            return;
        }
        int status = 0;
        waitpid(child, &status, 0);
        tell(slurp(out), response);
    }

    static void tell(const std::string& output, httplib::Response& response) {
        const auto end = output.find("\r\n\r\n");
        response.status = 200;
        std::string type = "text/plain";
        for (std::size_t at = 0; at < end && end != std::string::npos;) {
            const auto stop = std::min(output.find("\r\n", at), end);
            const auto line = output.substr(at, stop - at);
            const auto colon = line.find(": ");
            const auto value = line.substr(colon + 2);
            if (line.starts_with("Status: "))
                response.status = std::stoi(value);
            else if (line.starts_with("Content-Type: "))
                type = value;
            at = stop + 2;
        }
        response.set_content(end == std::string::npos ? "" : output.substr(end + 4), type);
    }

    fs::path root_;
    httplib::Server http_;
    int port_ = 0;
    std::jthread thread_;
};

}  // namespace git_test
