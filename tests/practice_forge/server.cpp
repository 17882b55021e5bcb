#include <fmt/chrono.h>
#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/inside.hpp"
#include "tests/practice_forge/strike.hpp"
#include "tests/practice_forge/tongue.hpp"

/// The HTTP front: tells API, git, control and pages apart, lets faults happen, records.
namespace practice_forge {
namespace {

std::string http_date(Time time) {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

}  // namespace

void PracticeForge::Inside::answer(const httplib::Request& request, httplib::Response& response) {
    const auto question = std::min(request.target.find('?'), request.target.size());
    std::string path = request.target.substr(0, question);
    const std::string query = question < request.target.size() ? request.target.substr(question + 1) : "";
    response.set_header("Server", "practice-forge");
    response.set_header("Date", http_date(world.now()));

    const std::string api(world.customs.api_path);
    if (path.starts_with(api + "/")) return answer_api(request, response, path.substr(api.size()), query);
    if (path.find(".git/") != std::string::npos) return answer_git(request, response, path, query);
    const auto segments = split_path(path);
    if (segments.size() == 3 && segments[0] == "practice" && segments[1] == "logs")
        return answer_log(request, response, path, query);
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
    const auto& tongue = ground.tongue;
    for (const auto& [name, value] : tongue.mark()) response.set_header(name, value);
    Strike strike(faults, ground, request, path, port);
    seen.fault = strike.name();
    if (!strike.before(response)) {
        const auto nameless =
            request.has_header("User-Agent") ? std::optional<Answer>() : tongue.refuse_nameless();
        if (nameless) {
            put(response, *nameless);
        } else {
            const std::string own_header(tongue.token_header());
            const bool token_alone = !own_header.empty() && request.has_header(own_header.c_str());
            Call call{.method = request.method,
                      .path = path,
                      .query = query,
                      .authorization = token_alone ? "Bearer " + request.get_header_value(own_header.c_str())
                                                   : request.get_header_value("Authorization"),
                      .text = request.body};
            auto answered = answer_rest(ground, call);
            seen.actor = answered.actor;
            if (tongue.tags_entities() && request.method == "GET" && answered.status == 200) {
                const std::string tag = "W/\"" + sha256(answered.body.dump()) + "\"";
                answered.headers["ETag"] = tag;
                if (request.get_header_value("If-None-Match") == tag) answered.status = 304;
            }
            put(response, answered);
        }
        strike.after(response);
    }
    seen.status = response.status;
    seen.response = response.body;
    record.add(std::move(seen), true);
    strike.finish();
}

PracticeForge::Inside::Inside(Options with)
    : options(std::move(with)),
      world(customs_of(options.dialect)),
      record(options.record_file, options.dialect),
      hooks(world, seal_of(options.dialect), [this](const Hooks::Sent& sent) { record.add(sent); }),
      herald(herald_of(options.dialect, world, hooks)),
      deeds(world, hooks, *herald),
      ground{world, deeds, hooks, tongue_of(options.dialect)},
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
