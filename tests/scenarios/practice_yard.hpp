#pragma once

#include <httplib.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"

/// What the practice forge's own proof stands on: a forge with a repository, callers of its API, somebody who
/// hears its webhooks, the git program.
namespace practice_yard {

namespace fs = std::filesystem;
using nlohmann::json;

inline constexpr const char* kRepository = "acme/widgets";

struct Folder {
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    fs::path path;
};

/// Records go where a run that validates them wants them.
[[nodiscard]] practice_forge::Options options(
    practice_forge::Dialect dialect = practice_forge::Dialect::github);

struct Answer {
    int status = 0;
    json body;
    httplib::Headers headers;
};

/// Told to the validator of records: this request is wrong on purpose.
[[nodiscard]] httplib::Headers malformed();

class Caller {
 public:
    Caller(const practice_forge::PracticeForge& forge, std::string token);
    Answer send(const std::string& method, const std::string& path, const json& body = nullptr,
                httplib::Headers headers = {});

 private:
    httplib::Client client_;
    std::string api_, token_;
};

[[nodiscard]] std::string app_token(const std::string& private_pem, std::int64_t app, std::int64_t issued,
                                    std::int64_t expires);
[[nodiscard]] std::string expected_signature(const std::string& secret, const std::string& body);
[[nodiscard]] std::string header(const httplib::Headers& headers, const std::string& name);

/// Somebody who listens for webhooks.
class Listener {
 public:
    struct Heard {
        httplib::Headers headers;
        std::string body;
    };
    Listener();
    ~Listener();
    [[nodiscard]] std::string url() const;
    [[nodiscard]] std::vector<Heard> heard() const;
    /// Their actions, or the event where there is none.
    [[nodiscard]] std::vector<std::string> actions() const;
    /// The payloads of one event, oldest first.
    [[nodiscard]] std::vector<json> payloads(const std::string& event) const;
    std::atomic<int> status = 202;

 private:
    httplib::Server server_;
    int port_ = 0;
    std::thread thread_;
    mutable std::mutex mutex_;
    std::vector<Heard> heard_;
};

/// Runs the real git program; true when it went well. What it said is in `said`.
bool git(const fs::path& folder, const std::string& arguments, std::string* said = nullptr);

[[nodiscard]] std::string with_token(const practice_forge::PracticeForge& forge, const std::string& token);

/// A forge with one repository, somebody who may push and somebody who may read.
struct Yard {
    explicit Yard(practice_forge::Dialect dialect = practice_forge::Dialect::github);
    practice_forge::PracticeForge forge;
};

[[nodiscard]] std::string repo(const std::string& rest);

}  // namespace practice_yard
