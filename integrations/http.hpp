#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "integrations/delivery.hpp"
#include "integrations/forge_error.hpp"

namespace integrations {

struct HttpRequest {
    std::string method;  ///< GET, POST, PATCH, PUT, DELETE
    std::string path;    ///< starts with '/', percent-encoded, appended to the base URL's path
    std::map<std::string, std::string> headers;
    std::string body;
    /// A 302 is told instead of followed: what it leads to is kept elsewhere and wants no credential of ours.
    bool tell_found = false;
};

struct HttpResponse {
    int status = 0;
    Headers headers;
    std::string body;
};

/// HTTPS client for one host, with the manners forges ask for: waits for rate limits instead of running into
/// them (primary, secondary, `retry-after`), at least a second between writes to real forges, redirects
/// followed within the host, bodies and times bounded, certificates checked. Thread-safe. One object per rate
/// limit (a token's, an installation's).
/// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
class HttpClient {
 public:
    struct Options {
        std::chrono::milliseconds write_gap{1000};  ///< between content-creating requests; 0 on loopback
        std::chrono::seconds timeout{30};           ///< of a whole request
        std::size_t body_limit = 32ULL << 20;       ///< bytes of an answer, unpacked
    };

    /// Throws std::invalid_argument when `base_url` is not https://HOST[:PORT][/PATH] (http for loopback
    /// hosts only).
    HttpClient(const std::string& base_url, Options options);
    ~HttpClient();

    /// Error only when no answer was had or the governor says not now; every HTTP status but a refusal for
    /// the rate is a response. Never waits longer for its turn than a few seconds: then it says when to come
    /// back.
    [[nodiscard]] std::expected<HttpResponse, ForgeError> send(const HttpRequest& request);

    /// Server time minus ours, from the last `Date` header.
    [[nodiscard]] std::chrono::seconds clock_skew() const;

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

struct TailLimits {
    std::size_t keep = 16ULL << 10;    ///< bytes of the end
    std::size_t read = 8ULL << 20;     ///< bytes in all; a longer text is an error, for its end is not known
    std::chrono::seconds timeout{30};  ///< of the whole request
};

/// The end of a text at an absolute URL, from the beginning of a line. Nothing of ours goes along but
/// `headers`: none where the URL bears its own permission (a pre-signed one). No redirect is followed. https,
/// or loopback.
[[nodiscard]] std::expected<std::string, ForgeError> fetch_tail(
    const std::string& url, const TailLimits& limits, const std::map<std::string, std::string>& headers = {});

/// An absolute URL (of a next page) as a path below `base_url`; nothing when it is not there.
[[nodiscard]] std::optional<std::string> path_below(const std::string& base_url, std::string_view url);

/// `http://` is for these hosts only, and they need no pauses between writes.
[[nodiscard]] bool is_loopback_url(std::string_view url);

}  // namespace integrations
