// Which key is used when, and that a service proves who it is before it is shown one.
#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "tests/way_out/gateway_stage.hpp"

using namespace gateway_stage;
using sandbox::ModelKeys;

namespace {

const std::string hello = R"({"model":"good-model","max_tokens":5,"messages":[]})";

struct Identity {
    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{::EVP_EC_gen("P-256"), ::EVP_PKEY_free};
    std::unique_ptr<X509, void (*)(X509*)> certificate{::X509_new(), ::X509_free};

    /// Signed by itself, for one name.
    explicit Identity(const std::string& name) {
        auto* x509 = certificate.get();
        ::X509_set_version(x509, 2);
        ::X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
        ::X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
        ::X509_set_pubkey(x509, key.get());
        auto* subject = ::X509_get_subject_name(x509);
        ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                     reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
        ::X509_set_issuer_name(x509, subject);
        auto* alternative =
            ::X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + name).c_str());
        ::X509_add_ext(x509, alternative, -1);
        ::X509_EXTENSION_free(alternative);
        REQUIRE(::X509_sign(x509, key.get(), ::EVP_sha256()) > 0);
    }

    [[nodiscard]] std::string pem() const {
        const std::unique_ptr<BIO, int (*)(BIO*)> memory(::BIO_new(::BIO_s_mem()), ::BIO_free);
        ::PEM_write_bio_X509(memory.get(), certificate.get());
        char* text = nullptr;
        const auto size = BIO_get_mem_data(memory.get(), &text);
        return {text, static_cast<std::size_t>(size)};
    }
};

/// Serves one call after the other under TLS; counts those that came through.
class TlsService {
 public:
    explicit TlsService(const Identity& identity) : server_(identity.certificate.get(), identity.key.get()) {
        server_.set_keep_alive_timeout(1);  // it waits for its connections when it ends
        server_.Post(".*", [this](const httplib::Request& request, httplib::Response& response) {
            ++calls_;
            if (request.get_header_value("x-api-key") == key_one)
                response.set_content(R"({"usage":{"input_tokens":1}})" + std::string(100'000, ' '),
                                     "application/json");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        thread_ = std::thread([this] { server_.listen_after_bind(); });
        REQUIRE(eventually([this] { return server_.is_running(); }));
    }
    ~TlsService() {
        server_.stop();
        thread_.join();
    }
    [[nodiscard]] std::string url() const { return "https://localhost:" + std::to_string(port_); }
    [[nodiscard]] int calls() const { return calls_; }

 private:
    httplib::SSLServer server_;
    std::atomic<int> calls_{0};
    int port_ = 0;
    std::thread thread_;
};

/// OpenSSL's own variable for the certificates that are trusted, while it lasts.
class Trusted {
 public:
    explicit Trusted(const std::string& pem)
        : file_(std::filesystem::temp_directory_path() / "shopfloor-trusted.pem") {
        std::ofstream(file_) << pem;
        ::setenv("SSL_CERT_FILE", file_.c_str(), 1);
    }
    ~Trusted() {
        ::unsetenv("SSL_CERT_FILE");
        std::filesystem::remove(file_);
    }

 private:
    std::filesystem::path file_;
};

config::ModelSettings settings_with_two_keys() {
    config::ModelProvider provider;
    provider.name = "svc";
    provider.keys = {config::Secret(key_one), config::Secret(key_two)};
    return {.providers = {provider}};
}

}  // namespace

TEST_CASE("a service that proves its name gets calls under TLS, over a connection that is kept") {
    const Identity identity("localhost");
    const Trusted trusted(identity.pem());
    const TlsService service(identity);
    Stage stage(service.url());
    auto program = stage.connect();
    for (int i = 0; i < 3; ++i) {
        program.post("/svc/v1/messages", hello);
        const auto reply = program.reply();
        CHECK(reply.status == 200);
        CHECK(reply.body.size() > 100'000);
        CHECK(reply.whole);
    }
    CHECK(service.calls() == 3);
}

TEST_CASE("a service that cannot prove its name is shown no key and no prompt") {
    const Identity stranger("localhost");
    const Identity other_name("elsewhere.example");
    const TlsService unknown(stranger);
    const TlsService misnamed(other_name);
    const Trusted trusted(other_name.pem());
    for (const auto* service : {&unknown, &misnamed}) {
        Stage stage(service->url());
        CHECK(stage.call("/svc/v1/messages", hello).status == 502);
        CHECK(service->calls() == 0);
        CHECK(stage.report_at_end().service_failed);
    }
}

TEST_CASE("keys are taken in order, those set aside not before their time") {
    ModelKeys keys(settings_with_two_keys());
    const auto now = std::chrono::system_clock::now();
    REQUIRE(keys.take("svc"));
    CHECK(keys.take("svc")->index == 0);
    CHECK(keys.take("svc")->secret->expose() == key_one);
    CHECK_FALSE(keys.parked_until("svc"));

    keys.set_aside("svc", 0, now + std::chrono::hours(2));
    keys.set_aside("svc", 0, now + std::chrono::hours(1));  // the longer time counts
    CHECK(keys.take("svc")->index == 1);
    CHECK_FALSE(keys.parked_until("svc"));

    keys.set_aside("svc", 1, now + std::chrono::hours(3));
    CHECK_FALSE(keys.take("svc"));
    CHECK(keys.parked_until("svc") == now + std::chrono::hours(2));
}

TEST_CASE("a key is of use again when its time has come") {
    ModelKeys keys(settings_with_two_keys());
    keys.set_aside("svc", 0, std::chrono::system_clock::now() - std::chrono::seconds(1));
    CHECK(keys.take("svc")->index == 0);
    keys.set_aside("svc", 7, std::chrono::system_clock::now() + std::chrono::hours(1));  // there is none
    CHECK(keys.take("svc")->index == 0);
    CHECK_FALSE(keys.take("nobody"));
    CHECK_FALSE(keys.parked_until("nobody"));
}

TEST_CASE("an address that is none, and a record that cannot be written, are told at the start") {
    for (const auto* url : {"", "api.example.com", "ftp://api.example.com", "https://", "https://user@host",
                            "https://host:99999", "https://host:x", "https://host/path?query"}) {
        CAPTURE(url);
        Stage stage(url);
        CHECK_THROWS_AS((void)stage.report(), std::invalid_argument);
    }
}
