#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/door.hpp"
#include "tests/sandbox/workspace_places.hpp"
#include "tests/way_out/client_hello.hpp"
#include "tests/way_out/private_internet.hpp"

/// The stage of the door's tests: a real door, programs of the sandbox user before it, and behind it an
/// internet of its own in a private network, out of which no packet leaves.
namespace egress_stage {

/// Runs `body` in the private internet. False and a word about it where there is none; in CI a failure.
bool in_private_internet(const std::function<void()>& body);

/// Accepts on port 443 of every address and leaves each connection to `talk`.
class Server {
 public:
    explicit Server(std::function<void(int)> talk, int port = 443);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    /// The address that each connection came to.
    [[nodiscard]] std::vector<std::string> dialled() const;

 private:
    std::function<void(int)> talk_;
    sandbox::Descriptor listener_;
    sandbox::Descriptor stop_;
    mutable std::mutex mutex_;
    std::vector<std::string> dialled_;
    std::vector<std::thread> talks_;
    std::thread accepting_;
};

/// Sends back what comes, until the end.
void echo(int connection);

/// A program before the door.
class Caller {
 public:
    /// Connects as the given user, or as the sandbox user.
    explicit Caller(const std::filesystem::path& directory, unsigned user = sandbox::sandbox_uid());

    [[nodiscard]] bool connected() const { return static_cast<bool>(socket_); }
    [[nodiscard]] int fd() const { return socket_.get(); }
    /// False when the door no longer takes it.
    bool say(std::string_view bytes) const;
    void end_saying() const;
    /// What comes until the end, or until as many bytes have come.
    [[nodiscard]] std::string hear(std::size_t most = std::string::npos) const;
    /// What comes up to the end of an HTTP head.
    [[nodiscard]] std::string hear_head() const;

 private:
    sandbox::Descriptor socket_;
};

/// `CONNECT target HTTP/1.1` with the usual fields.
[[nodiscard]] std::string connect(std::string_view target);

/// A door in a folder of its own. Names: good.example.com and others below it are allowed and are `there`.
struct Scene {
    places::TemporaryFolder folder{"door-test"};
    sandbox::EgressPolicy policy;
    std::unique_ptr<sandbox::Door> door;

    Scene();
    void open();
    [[nodiscard]] std::filesystem::path directory() const { return folder.path() / "door"; }
    [[nodiscard]] Caller caller() const { return Caller(directory()); }
    /// A caller whose CONNECT was answered with 200.
    [[nodiscard]] Caller through(const std::string& name = "good.example.com") const;
    /// The answer to these bytes, whole.
    std::string answer(std::string_view bytes) const;
    /// The record's lines, at least `least` of them: waits for them.
    [[nodiscard]] std::vector<nlohmann::json> lines(std::size_t least) const;
};

/// Waits for it; false after a time that is more than enough.
[[nodiscard]] bool eventually(const std::function<bool()>& holds);

}  // namespace egress_stage
