#include "tests/scenarios/practice_yard.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <memory>

namespace practice_yard {
namespace {

std::string base64url(const std::string& text) {
    std::string result((text.size() + 2) / 3 * 4 + 1, '\0');
    result.resize(static_cast<std::size_t>(
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                        reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()))));
    std::erase(result, '=');
    std::ranges::replace(result, '+', '-');
    std::ranges::replace(result, '/', '_');
    return result;
}

}  // namespace

Folder::Folder() {
    auto pattern = (fs::temp_directory_path() / "practice-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path = pattern;
}

Folder::~Folder() { fs::remove_all(path); }

practice_forge::Options options(practice_forge::Dialect dialect) {
    const char* record = std::getenv("PRACTICE_FORGE_RECORD");
    return {.dialect = dialect, .record_file = record == nullptr ? "" : record};
}

httplib::Headers malformed() { return {{"X-Practice-Malformed", "1"}}; }

Caller::Caller(const practice_forge::PracticeForge& forge, std::string token)
    : client_(forge.url()), api_(forge.api_url().substr(forge.url().size())), token_(std::move(token)) {
    client_.set_tcp_nodelay(true);
    client_.set_keep_alive(true);
}

Answer Caller::send(const std::string& method, const std::string& path, const json& body,
                    httplib::Headers headers) {
    httplib::Request request;
    request.method = method;
    request.path = api_ + path;
    request.headers = std::move(headers);
    if (!token_.empty()) request.set_header("Authorization", "Bearer " + token_);
    request.set_header("User-Agent", "practice-test");
    if (!body.is_null()) {
        request.body = body.dump();
        request.set_header("Content-Type", "application/json");
    }
    const auto result = client_.send(request);
    if (!result) return {};
    return {.status = result->status,
            .body = json::parse(result->body, nullptr, false),
            .headers = result->headers};
}

std::string app_token(const std::string& private_pem, std::int64_t app, std::int64_t issued,
                      std::int64_t expires) {
    const std::string text =
        base64url(R"({"alg":"RS256","typ":"JWT"})") + "." +
        base64url(json{{"iat", issued}, {"exp", expires}, {"iss", std::to_string(app)}}.dump());
    const std::unique_ptr<BIO, decltype(&BIO_free)> bio(
        BIO_new_mem_buf(private_pem.data(), static_cast<int>(private_pem.size())), BIO_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string signature(512, '\0');
    std::size_t size = signature.size();
    REQUIRE(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1);
    REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1);
    signature.resize(size);
    return text + "." + base64url(signature);
}

std::string expected_signature(const std::string& secret, const std::string& body) {
    std::array<unsigned char, 32> digest{};
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(body.data()), body.size(), digest.data(), nullptr);
    std::string text = "sha256=";
    for (const auto byte : digest) text += fmt::format("{:02x}", byte);
    return text;
}

std::string header(const httplib::Headers& headers, const std::string& name) {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
}

Listener::Listener() {
    server_.Post("/hooks/github", [this](const httplib::Request& request, httplib::Response& response) {
        const std::scoped_lock lock(mutex_);
        heard_.push_back({request.headers, request.body});
        response.status = status;
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
}

Listener::~Listener() {
    server_.stop();
    thread_.join();
}

std::string Listener::url() const { return fmt::format("http://127.0.0.1:{}/hooks/github", port_); }

std::vector<Listener::Heard> Listener::heard() const {
    const std::scoped_lock lock(mutex_);
    return heard_;
}

std::vector<std::string> Listener::actions() const {
    std::vector<std::string> result;
    for (const auto& one : heard())
        result.push_back(json::parse(one.body).value("action", header(one.headers, "X-GitHub-Event")));
    return result;
}

std::vector<json> Listener::payloads(const std::string& event) const {
    std::vector<json> result;
    for (const auto& one : heard())
        if (header(one.headers, "X-GitHub-Event") == event) result.push_back(json::parse(one.body));
    return result;
}

bool git(const fs::path& folder, const std::string& arguments, std::string* said) {
    const std::string command = fmt::format(
        "cd '{}' && GIT_TERMINAL_PROMPT=0 GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@t "
        "GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@t git {} > output 2>&1",
        folder.string(), arguments);
    const bool good = std::system(command.c_str()) == 0;
    if (said != nullptr) {
        std::ifstream file(folder / "output");
        said->assign(std::istreambuf_iterator<char>(file), {});
    }
    return good;
}

std::string with_token(const practice_forge::PracticeForge& forge, const std::string& token) {
    auto url = forge.clone_url(kRepository);
    return url.insert(7, "x-access-token:" + token + "@");
}

Yard::Yard(practice_forge::Dialect dialect) : forge(options(dialect)) {
    forge.create_repository(
        {.full_name = kRepository, .files = {{"README.md", "# Widgets\n"}, {"src/a.txt", "one\ntwo\n"}}});
    forge.add_collaborator(kRepository, "maria", practice_forge::Permission::write);
    forge.add_collaborator(kRepository, "reader", practice_forge::Permission::read);
    forge.add_token("maria", "token-of-maria");
    forge.add_token("reader", "token-of-reader");
}

std::string repo(const std::string& rest) { return std::string("/repos/") + kRepository + rest; }

}  // namespace practice_yard
