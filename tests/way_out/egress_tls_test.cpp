#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "tests/way_out/egress_stage.hpp"

/// TLS from end to end through the door, by the library that most programs inside use.

namespace {

using egress_stage::Caller;
using egress_stage::in_private_internet;
using egress_stage::Scene;
using egress_stage::Server;

template <auto free>
struct Freed {
    template <class T>
    void operator()(T* pointer) const {
        free(pointer);
    }
};
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Freed<SSL_free>>;

/// A server's context with a certificate of its own for any name.
Context serving() {
    Context context(SSL_CTX_new(TLS_server_method()));
    const std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
    const std::unique_ptr<X509, Freed<X509_free>> certificate(X509_new());
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    REQUIRE(SSL_CTX_use_certificate(context.get(), certificate.get()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
    return context;
}

/// Answers each line with the name that the client asked for.
void serve(SSL_CTX* context, int connection) {
    const Session session(SSL_new(context));
    SSL_set_fd(session.get(), connection);
    if (SSL_accept(session.get()) != 1) return;
    std::vector<char> buffer(1000);
    while (SSL_read(session.get(), buffer.data(), static_cast<int>(buffer.size())) > 0) {
        const std::string name = SSL_get_servername(session.get(), TLSEXT_NAMETYPE_host_name);
        SSL_write(session.get(), name.data(), static_cast<int>(name.size()));
    }
}

/// One line said and its answer heard over TLS of at most that version; empty when TLS fails.
std::string ask(const Caller& caller, const char* name, int version) {
    const Context context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context.get(), version);
    const Session session(SSL_new(context.get()));
    SSL_set_fd(session.get(), caller.fd());
    SSL_set_tlsext_host_name(session.get(), name);
    if (SSL_connect(session.get()) != 1 || SSL_write(session.get(), "who", 3) != 3) return {};
    std::string answer(1000, '\0');
    const int got = SSL_read(session.get(), answer.data(), static_cast<int>(answer.size()));
    answer.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return answer;
}

}  // namespace

TEST_CASE(
    "a program speaks TLS 1.2 and 1.3 through the door with the server it asked for, and with no other") {
    // OpenSSL writes to a socket that is closed already without MSG_NOSIGNAL.
    const auto before = std::signal(SIGPIPE, SIG_IGN);
    in_private_internet([] {
        const auto context = serving();
        const Server server([&](int connection) { serve(context.get(), connection); });
        Scene scene;
        scene.open();
        for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
            CHECK(ask(scene.through(), "good.example.com", version) == "good.example.com");
            CHECK(ask(scene.through(), "evil.example.org", version).empty());
        }
        CHECK(scene.door->report().reached == std::vector<std::string>{"good.example.com"});
        CHECK(scene.door->report().refused.at(0).why == "TLS asks for another server, evil.example.org");
    });
    std::signal(SIGPIPE, before);
}
