#include <arpa/inet.h>
#include <dirent.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/inside.hpp"
#include "tests/practice_forge/shapes.hpp"

/// The HTTP front: tells API, git, control and pages apart, lets faults happen, records.
///
/// A reset is made on the socket itself, found by its port: connect(AF_UNSPEC) makes Linux send RST at once,
/// and what the HTTP library writes afterwards goes nowhere.
namespace practice_forge {
namespace {

template <typename Visit>
void for_each_socket(const Visit& visit) {
    DIR* folder = opendir("/proc/self/fd");
    if (folder == nullptr) return;
    while (const dirent* entry = readdir(folder)) {
        const std::string_view name = entry->d_name;
        int fd = -1;
        if (std::from_chars(name.data(), name.data() + name.size(), fd).ec != std::errc()) continue;
        sockaddr_in local{};
        sockaddr_in peer{};
        socklen_t local_size = sizeof local;
        socklen_t peer_size = sizeof peer;
        if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_size) != 0 ||
            local.sin_family != AF_INET)
            continue;
        if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) continue;
        visit(fd, ntohs(local.sin_port), ntohs(peer.sin_port));
    }
    closedir(folder);
}

void reset_connection(int local_port, int remote_port) {
    for_each_socket([&](int fd, int local, int peer) {
        if (local != local_port || peer != remote_port) return;
        sockaddr nobody{};
        nobody.sa_family = AF_UNSPEC;
        (void)connect(fd, &nobody, sizeof nobody);
    });
}

std::multimap<std::string, std::string> lower_headers(const httplib::Request& request) {
    std::multimap<std::string, std::string> headers;
    for (const auto& [name, value] : request.headers) headers.emplace(lower(name), value);
    return headers;
}

std::string http_date(Time time) {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

/// A fault that answers instead of the forge.
Answer answer_of(const Fault& fault, Time now) {
    const auto reset =
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()) + fault.retry_after;
    Answer answer{.status = fault.status,
                  .body = {{"message", fault.message},
                           {"documentation_url", "https://docs.github.com/rest"},
                           {"status", std::to_string(fault.status)}}};
    if (fault.kind == Fault::Kind::primary_limit) {
        answer.status = 403;
        answer.body["message"] = "API rate limit exceeded for installation.";
        answer.headers = {{"X-RateLimit-Limit", "5000"},
                          {"X-RateLimit-Remaining", "0"},
                          {"X-RateLimit-Used", "5000"},
                          {"X-RateLimit-Reset", std::to_string(reset.count())},
                          {"X-RateLimit-Resource", "core"}};
    } else if (fault.kind == Fault::Kind::secondary_limit) {
        answer.status = 429;
        answer.body["message"] =
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        answer.headers = {{"Retry-After", std::to_string(fault.retry_after.count())}};
    }
    answer.body["status"] = std::to_string(answer.status);
    return answer;
}

void put(httplib::Response& response, const Answer& answer) {
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    if (answer.status != 204 && answer.status != 304)
        response.set_content(answer.body.dump(), "application/json; charset=utf-8");
}

/// The scripted fault of one request, if any, and when it strikes.
class Strike {
 public:
    Strike(Faults& faults, const httplib::Request& request, const std::string& path, int port)
        : fault_(faults.take(request.method, path)), remote_port_(request.remote_port), port_(port) {}

    /// Whether the request ends here, unheard.
    bool before(httplib::Response& response, Time now) {
        return fault_ && !fault_->after_effect && strike(response, now);
    }
    void after(httplib::Response& response, Time now) {
        if (fault_ && fault_->after_effect) (void)strike(response, now);
    }
    /// A reset waits until the request is recorded: who sees it may look at the record at once.
    void finish() const {
        if (reset_) reset_connection(port_, remote_port_);
    }
    [[nodiscard]] std::string name() const {
        return fault_ ? fault_->name.empty() ? "unnamed" : fault_->name : "";
    }

 private:
    bool strike(httplib::Response& response, Time now) {
        switch (fault_->kind) {
            case Fault::Kind::latency:
                std::this_thread::sleep_for(fault_->latency);
                return false;
            case Fault::Kind::reset:
                reset_ = true;
                response.status = 0;
                response.body.clear();
                return true;
            case Fault::Kind::wrong_json:
                response.status = 200;
                response.set_content(R"({"message": "this breaks o)", "application/json; charset=utf-8");
                return true;
            case Fault::Kind::status:
            case Fault::Kind::primary_limit:
            case Fault::Kind::secondary_limit:
                put(response, answer_of(*fault_, now));
                return true;
        }
        return false;
    }
    std::optional<Fault> fault_;
    int remote_port_, port_;
    bool reset_ = false;
};

bool allowed_on_git(const World& world, const Identity& who, const Repository& repository, bool push) {
    switch (who.kind) {
        case Identity::Kind::nobody:
            return !push && !repository.is_private;
        case Identity::Kind::app:
            return false;
        case Identity::Kind::installation: {
            if (!who.repositories.empty() && !who.repositories.contains(repository.id)) return false;
            const auto contents = who.permissions.find("contents");
            return contents != who.permissions.end() && (!push || contents->second == "write");
        }
        case Identity::Kind::person:
            return world.permission(repository, who.login) >= (push ? Permission::write : Permission::read);
    }
    return false;
}

}  // namespace

void PracticeForge::Inside::answer(const httplib::Request& request, httplib::Response& response) {
    const auto question = std::min(request.target.find('?'), request.target.size());
    std::string path = request.target.substr(0, question);
    const std::string query = question < request.target.size() ? request.target.substr(question + 1) : "";
    response.set_header("Server", "practice-forge");
    response.set_header("Date", http_date(world.now()));

    if (path.starts_with("/api/v3/")) return answer_api(request, response, path.substr(7), query);
    if (path.find(".git/") != std::string::npos) return answer_git(request, response, path, query);
    const auto segments = split_path(path);
    if (!segments.empty() && segments[0] == "practice" &&
        !(segments.size() > 1 && (segments[1] == "avatars" || segments[1] == "style.css"))) {
        put(response, control(*this, request.method, segments, request.body));
        return;
    }
    const auto page = render_page(world, deeds, segments);
    response.status = page.status;
    response.set_header("Content-Security-Policy",
                        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action "
                        "'none'; frame-ancestors 'none'");
    response.set_header("X-Content-Type-Options", "nosniff");
    response.set_content(page.body, page.content_type);
}

void PracticeForge::Inside::answer_api(const httplib::Request& request, httplib::Response& response,
                                       const std::string& path, const std::string& query) {
    Request seen{.method = request.method,
                 .path = path,
                 .query = query,
                 .headers = lower_headers(request),
                 .body = request.body,
                 .when = std::chrono::system_clock::now()};
    response.set_header("X-GitHub-Request-Id",
                        fmt::format("{:X}", std::hash<std::thread::id>{}(std::this_thread::get_id())));
    response.set_header("X-GitHub-Media-Type", "github.v3; format=json");
    Strike strike(faults, request, path, port);
    seen.fault = strike.name();
    if (!strike.before(response, world.now())) {
        if (!request.has_header("User-Agent")) {
            put(response, {.status = 403,
                           .body = {{"message",
                                     "Request forbidden by administrative rules. Please make sure your "
                                     "request has a User-Agent header"}}});
        } else {
            Call call{.method = request.method,
                      .path = path,
                      .query = query,
                      .authorization = request.get_header_value("Authorization"),
                      .text = request.body};
            auto answered = answer_rest(ground, call);
            seen.actor = answered.actor;
            if (request.method == "GET" && answered.status == 200) {
                const std::string tag = "W/\"" + sha256(answered.body.dump()) + "\"";
                answered.headers["ETag"] = tag;
                if (request.get_header_value("If-None-Match") == tag) answered.status = 304;
            }
            put(response, answered);
        }
        strike.after(response, world.now());
    }
    seen.status = response.status;
    seen.response = response.body;
    record.add(std::move(seen), true);
    strike.finish();
}

void PracticeForge::Inside::answer_git(const httplib::Request& request, httplib::Response& response,
                                       const std::string& path, const std::string& query) {
    // Of a push its commands; what follows is the pack.
    constexpr std::size_t commands = 4096;
    const bool pushes = path.ends_with("/git-receive-pack");
    Request seen{.method = request.method,
                 .path = path,
                 .query = query,
                 .headers = lower_headers(request),
                 .body = pushes ? request.body.substr(0, commands) : std::string(),
                 .when = std::chrono::system_clock::now()};
    Strike strike(faults, request, path, port);
    seen.fault = strike.name();
    const auto serve = [&] {
        const bool push = pushes || query.find("service=git-receive-pack") != std::string::npos;
        Identity who;
        Repository* repository = nullptr;
        std::string moved_to;
        try {
            const auto lock = world.lock();
            const auto name = path.substr(1, path.find(".git/") - 1);
            repository = world.find(name);
            if (const auto moved = world.old_names.find(lower(name));
                repository == nullptr && moved != world.old_names.end()) {
                if (const auto* now = world.find(moved->second)) moved_to = now->full_name();
            }
            who = identify(world, request.get_header_value("Authorization"));
            seen.actor = who.login;
            if (repository != nullptr && !allowed_on_git(world, who, *repository, push)) {
                // As GitHub does: nobody learns whether a private repository is there.
                response.status = who.kind == Identity::Kind::nobody                       ? 401
                                  : push && allowed_on_git(world, who, *repository, false) ? 403
                                                                                           : 404;
            } else if (repository == nullptr && moved_to.empty()) {
                response.status = who.kind == Identity::Kind::nobody ? 401 : 404;
            }
        } catch (const Problem&) {
            response.status = 401;
        }
        if (response.status == 401) response.set_header("WWW-Authenticate", "Basic realm=\"GitHub\"");
        if (response.status >= 400) {
            response.set_content(response.status == 404 ? "Repository not found.\n"
                                                        : "Write access to repository not granted.\n",
                                 "text/plain");
            return;
        }
        if (!moved_to.empty()) {
            response.status = 301;
            response.set_header("Location", world.base_url + "/" + moved_to +
                                                path.substr(path.find(".git/")) +
                                                (query.empty() ? "" : "?" + query));
            return;
        }
        auto answered = serve_git({.root = world.directory,
                                   .method = request.method,
                                   .path = "/" + repository->full_name() + path.substr(path.find(".git/")),
                                   .query = query,
                                   .content_type = request.get_header_value("Content-Type"),
                                   .protocol = request.get_header_value("Git-Protocol"),
                                   .user = who.login,
                                   .body = request.body});
        response.status = answered.status;
        std::string type = "text/plain";
        for (const auto& [name, value] : answered.headers) {
            if (name == "Content-Type")
                type = value;
            else
                response.set_header(name, value);
        }
        response.set_content(std::move(answered.body), type);
        if (pushes) deeds.follow_branches(*repository, who.login);
    };
    if (!strike.before(response, world.now())) {
        response.status = -1;
        serve();
        strike.after(response, world.now());
    }
    seen.status = response.status;
    record.add(std::move(seen), false);
    strike.finish();
}

PracticeForge::Inside::Inside(Options with)
    : options(std::move(with)),
      record(options.record_file),
      hooks(world, [this](const Hooks::Sent& sent) { record.add(sent); }),
      deeds(world, hooks),
      ground{world, deeds, hooks},
      server(std::make_unique<httplib::Server>()) {
    if (options.directory.empty()) {
        owns_directory = true;
        auto pattern = (std::filesystem::temp_directory_path() / "practice-forge-XXXXXX").string();
        if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
        options.directory = pattern;
    }
    std::filesystem::create_directories(options.directory);
    world.directory = std::filesystem::absolute(options.directory);
    world.user("octocat");

    int listener = -1;
    server->set_socket_options([&listener](int fd) {
        const int yes = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        listener = fd;
    });
    server->set_tcp_nodelay(true);
    server->set_keep_alive_max_count(100'000);
    server->set_keep_alive_timeout(10);
    server->set_read_timeout(60);
    server->set_write_timeout(60);
    server->new_task_queue = [] {
        return new httplib::ThreadPool(64);
    };  // the library's contract: it deletes it
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
        answer(request, response);
    };
    server->Get(".*", handle)
        .Post(".*", httplib::Server::Handler(handle))
        .Put(".*", httplib::Server::Handler(handle));
    server->Patch(".*", httplib::Server::Handler(handle)).Delete(".*", httplib::Server::Handler(handle));
    server->set_exception_handler(
        [](const httplib::Request&, httplib::Response& response, const std::exception_ptr& error) {
            response.status = 500;
            try {
                std::rethrow_exception(error);
            } catch (const std::exception& exception) {
                response.set_content(json{{"message", exception.what()}}.dump(), "application/json");
            }
        });
    port = options.port == 0                                  ? server->bind_to_any_port(options.host)
           : server->bind_to_port(options.host, options.port) ? options.port
                                                              : -1;
    if (port <= 0)
        throw std::runtime_error(fmt::format("cannot listen on {}:{}", options.host, options.port));
    ::listen(listener, 1024);  // the library's backlog of five makes bursts wait a second
    world.base_url = fmt::format("http://{}:{}", options.host, port);
    listening = std::thread([this] { server->listen_after_bind(); });
    while (!server->is_running()) std::this_thread::yield();
}

void PracticeForge::Inside::close_connections() const {
    for_each_socket([this](int fd, int local, int) {
        if (local == port) shutdown(fd, SHUT_RDWR);
    });
}

PracticeForge::Inside::~Inside() {
    server->stop();
    close_connections();
    listening.join();
    if (owns_directory) {
        std::error_code ignored;
        std::filesystem::remove_all(options.directory, ignored);
    }
}

}  // namespace practice_forge
