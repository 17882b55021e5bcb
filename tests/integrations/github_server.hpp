#pragma once

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace forge_tests {

struct Seen {
    std::string method, path, query, authorization;
    nlohmann::json body;
    httplib::Headers headers;
    std::chrono::steady_clock::time_point at;
};

/// A small HTTP server on loopback whose answers a test scripts route by route; it remembers what it was
/// asked.
class Server {
 public:
    using Answer = std::function<void(const httplib::Request&, httplib::Response&)>;

    Server() {
        server_.set_tcp_nodelay(true);
        server_.set_keep_alive_max_count(1000);
        server_.set_keep_alive_timeout(1);  // what stopping may take
        // Each answer is computed under the lock: tests change the script while nobody asks.
        const auto handle = [this](const httplib::Request& request, httplib::Response& response) {
            const std::scoped_lock lock(mutex_);
            const auto mark = request.target.find('?');
            const auto path = request.target.substr(0, mark);
            seen_.push_back({.method = request.method,
                             .path = path,
                             .query = mark == std::string::npos ? "" : request.target.substr(mark + 1),
                             .authorization = request.get_header_value("Authorization"),
                             .body = nlohmann::json::parse(request.body, nullptr, false),
                             .headers = request.headers,
                             .at = std::chrono::steady_clock::now()});
            const auto route = routes_.find(request.method + " " + path);
            if (route == routes_.end()) {
                response.status = 404;
                response.set_content(R"({"message":"Not Found"})", "application/json");
                return;
            }
            route->second(request, response);
        };
        server_.Get(".*", handle);
        server_.Post(".*", handle);
        server_.Patch(".*", handle);
        server_.Put(".*", handle);
        server_.Delete(".*", handle);
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::jthread([this] { server_.listen_after_bind(); });
        while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ~Server() { server_.stop(); }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    void on(const std::string& route, Answer answer) {
        const std::scoped_lock lock(mutex_);
        routes_[route] = std::move(answer);
    }
    void on(const std::string& route, const nlohmann::json& body, int status = 200) {
        on(route, [text = body.dump(), status](const httplib::Request&, httplib::Response& response) {
            response.status = status;
            response.set_content(text, "application/json");
        });
    }
    [[nodiscard]] std::vector<Seen> seen() const {
        const std::scoped_lock lock(mutex_);
        return seen_;
    }
    /// What was asked of one route (`GET /user`).
    [[nodiscard]] std::vector<Seen> seen(const std::string& route) const {
        auto all = seen();
        std::erase_if(all, [&](const Seen& one) { return one.method + " " + one.path != route; });
        return all;
    }
    void forget() {
        const std::scoped_lock lock(mutex_);
        seen_.clear();
    }

 private:
    httplib::Server server_;
    int port_ = 0;
    mutable std::mutex mutex_;
    std::map<std::string, Answer> routes_;
    std::vector<Seen> seen_;
    std::jthread thread_;
};

}  // namespace forge_tests
