#include "tests/practice_forge/strike.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <thread>

#include "tests/practice_forge/tongue.hpp"

/// A reset is made on the socket itself, found by its port: connect(AF_UNSPEC) makes Linux send RST at once,
/// and what the HTTP library writes afterwards goes nowhere.
namespace practice_forge {
namespace {

void reset_connection(int local_port, int remote_port) {
    for_each_socket([&](int fd, int local, int peer) {
        if (local != local_port || peer != remote_port) return;
        sockaddr nobody{};
        nobody.sa_family = AF_UNSPEC;
        (void)connect(fd, &nobody, sizeof nobody);
    });
}

}  // namespace

void for_each_socket(const std::function<void(int, int, int)>& visit) {
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

std::multimap<std::string, std::string> lower_headers(const httplib::Request& request) {
    std::multimap<std::string, std::string> headers;
    for (const auto& [name, value] : request.headers) headers.emplace(lower(name), value);
    return headers;
}

void put(httplib::Response& response, const Answer& answer) {
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    if (!answer.plain.empty())
        response.set_content(answer.plain, "text/plain; charset=utf-8");
    else if (!answer.page.empty())
        response.set_content(answer.page, "text/html");
    else if (!answer.silent && answer.status != 204 && answer.status != 304)
        response.set_content(answer.body.dump(), "application/json; charset=utf-8");
}

Strike::Strike(Faults& faults, const Ground& ground, const httplib::Request& request, const std::string& path,
               int port)
    : ground_(ground),
      fault_(faults.take(request.method, path, request.body)),
      remote_port_(request.remote_port),
      port_(port) {}

bool Strike::before(httplib::Response& response) {
    return fault_ && !fault_->after_effect && strike(response);
}

void Strike::after(httplib::Response& response) {
    if (fault_ && fault_->after_effect) (void)strike(response);
}

void Strike::finish() const {
    if (reset_) reset_connection(port_, remote_port_);
}

std::string Strike::name() const { return fault_ ? fault_->name.empty() ? "unnamed" : fault_->name : ""; }

bool Strike::strike(httplib::Response& response) {
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
            put(response, ground_.tongue.strike(ground_.world, *fault_));
            return true;
    }
    return false;
}

}  // namespace practice_forge
