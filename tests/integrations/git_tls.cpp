#include <doctest/doctest.h>
#include <git2.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "integrations/git.hpp"
#include "tests/integrations/git_test_server.hpp"

using namespace std::chrono_literals;

namespace {

/// One that was free a moment ago.
std::string free_port() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    close(probe);
    return std::to_string(ntohs(address.sin_port));
}

/// `openssl s_server`: speaks TLS with a certificate that nobody knows, and answers with a page that is not
/// git's.
class TlsServer {
 public:
    explicit TlsServer(const git_test::TempFolder& folder) : certificate((folder / "cert.pem").string()) {
        const auto key = (folder / "key.pem").string();
        git_test::line_of(
            "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
            " -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem 2>/dev/null && echo ok",
            folder.path());
        port = free_port();
        std::string words[] = {"openssl", "s_server", "-quiet",    "-www", "-accept",
                               port,      "-cert",    certificate, "-key", key};
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        REQUIRE(posix_spawnp(&child_, "openssl", nullptr, nullptr, arguments.data(), environ) == 0);
        for (int tries = 0; tries < 100; ++tries) {
            if (git_test::sh("openssl s_client -connect localhost:" + port + " </dev/null >/dev/null 2>&1")
                    .status == 0)
                return;
            std::this_thread::sleep_for(50ms);
        }
        FAIL("openssl s_server did not start");
    }
    ~TlsServer() {
        if (child_ <= 0) return;
        kill(child_, SIGKILL);
        waitpid(child_, nullptr, 0);
    }
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    std::string certificate;
    std::string port;

 private:
    pid_t child_ = 0;
};

std::string complaint(const std::string& url, const git_test::TempFolder& folder) {
    const auto mirror = integrations::Mirror::open(folder / "mirror", url, {}, {.silence = 5s});
    REQUIRE(mirror.has_value());
    const auto head = (*mirror)->remote_head("main");
    REQUIRE_FALSE(head.has_value());
    CHECK(head.error().kind == integrations::GitError::Kind::unreachable);
    return head.error().message;
}

}  // namespace

TEST_CASE("https is only spoken with a server whose certificate is trusted and names it") {
    const git_test::TempFolder folder;
    const TlsServer server(folder);
    CHECK(complaint("https://localhost:" + server.port + "/x.git", folder).find("certificate") !=
          std::string::npos);
    // Trusted from here on, so that the refusal above is known to be about trust.
    REQUIRE(git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, server.certificate.c_str(), nullptr) == 0);
    CHECK(complaint("https://localhost:" + server.port + "/x.git", folder).find("content-type") !=
          std::string::npos);
    CHECK(complaint("https://127.0.0.1:" + server.port + "/x.git", folder).find("certificate") !=
          std::string::npos);
}
