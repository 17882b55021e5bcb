#include "tests/way_out/client_hello.hpp"

#include <openssl/ssl.h>

#include <array>

namespace egress_stage {

std::string client_hello(const std::string& name, bool with_ech) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    if (with_ech) {
        SSL_CTX_add_custom_ext(
            context, 0xfe0d, SSL_EXT_CLIENT_HELLO,
            [](SSL*, unsigned, unsigned, const unsigned char** out, std::size_t* size, X509*, std::size_t,
               int*, void*) {
                static const std::array<unsigned char, 4> grease{1, 2, 3, 4};
                *out = grease.data();
                *size = grease.size();
                return 1;
            },
            nullptr, nullptr, nullptr, nullptr);
    }
    SSL* ssl = SSL_new(context);
    BIO* out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
    if (!name.empty()) SSL_set_tlsext_host_name(ssl, name.c_str());
    SSL_connect(ssl);
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(out, &bytes);
    std::string hello(bytes, static_cast<std::size_t>(size));
    SSL_free(ssl);
    SSL_CTX_free(context);
    return hello;
}

}  // namespace egress_stage
