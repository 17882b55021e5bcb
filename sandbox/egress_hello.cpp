#include "sandbox/egress_hello.hpp"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <new>
#include <optional>

#include "sandbox/egress_head.hpp"

namespace sandbox {

namespace {

template <auto free>
struct Freed {
    template <class T>
    void operator()(T* pointer) const {
        free(pointer);
    }
};

constexpr unsigned char handshake_record = 22;  // RFC 8446, section 5.1
// Both hide the name that the server will act on; ECH shows an outer one in its place.
constexpr unsigned encrypted_client_hello = 0xfe0d;  // RFC 9849
constexpr unsigned encrypted_server_name = 0xffce;   // its forerunner, draft-ietf-tls-esni-02

/// The name in a server_name extension that holds exactly one, of type host_name (RFC 6066, section 3); with
/// anything else in it the extension is not the one that we would write for that name.
std::optional<std::string_view> only_name(std::string_view extension) {
    constexpr std::size_t before = 5;  // list length, type, name length
    if (extension.size() <= before) return std::nullopt;
    const auto name = extension.substr(before);
    const auto high = [](std::size_t length) { return static_cast<char>(length >> 8U); };
    const auto low = [](std::size_t length) { return static_cast<char>(length & 0xffU); };
    const std::string ours{high(name.size() + 3), low(name.size() + 3), 0, high(name.size()),
                           low(name.size())};
    if (extension.substr(0, before) != ours) return std::nullopt;
    return name;
}

bool same_name(std::string_view told, std::string_view host) {
    return std::ranges::equal(told, host, [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
}

int take_any(SSL* /*ssl*/, unsigned /*type*/, unsigned /*context*/, const unsigned char* /*bytes*/,
             std::size_t /*size*/, X509* /*certificate*/, std::size_t /*index*/, int* /*alert*/,
             void* /*own*/) {
    return 1;
}

std::string name_fault(SSL* ssl, std::string_view host) {
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    for (const unsigned hidden : {encrypted_client_hello, encrypted_server_name})
        if (SSL_client_hello_get0_ext(ssl, hidden, &bytes, &size) == 1)
            return "TLS hides the server's name (ECH)";
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) != 1)
        return "TLS does not tell the server's name (SNI)";
    const auto told = only_name({reinterpret_cast<const char*>(bytes), size});
    if (!told) return "TLS tells the server's name (SNI) in a way that is not taken";
    if (!same_name(*told, host)) return fmt::format("TLS asks for another server, {}", shown(*told));
    return {};
}

}  // namespace

struct HelloReader::Inside {
    std::string host;
    std::size_t taken = 0;
    std::optional<std::string> verdict;  ///< set by OpenSSL's callback, once the hello is whole
    std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context{SSL_CTX_new(TLS_server_method())};
    std::unique_ptr<SSL, Freed<SSL_free>> ssl;
    BIO* in = nullptr;  ///< owned by `ssl`

    static int judge(SSL* ssl, int* /*alert*/, void* self) {
        auto& inside = *static_cast<Inside*>(self);
        inside.verdict = name_fault(ssl, inside.host);
        return SSL_CLIENT_HELLO_RETRY;  // leaves it at that: nothing is ever answered
    }
};

HelloReader::HelloReader(std::string host) : inside_(std::make_unique<Inside>()) {
    inside_->host = std::move(host);
    if (!inside_->context) throw std::bad_alloc();
    // Of extensions that it does not know OpenSSL tells nothing.
    for (const unsigned hidden : {encrypted_client_hello, encrypted_server_name})
        if (SSL_extension_supported(hidden) != 1 &&
            SSL_CTX_add_custom_ext(inside_->context.get(), hidden, SSL_EXT_CLIENT_HELLO, nullptr, nullptr,
                                   nullptr, take_any, nullptr) != 1)
            throw std::bad_alloc();
    SSL_CTX_set_client_hello_cb(inside_->context.get(), Inside::judge, inside_.get());
    inside_->ssl.reset(SSL_new(inside_->context.get()));
    inside_->in = BIO_new(BIO_s_mem());
    BIO* out = BIO_new(BIO_s_null());
    if (!inside_->ssl || inside_->in == nullptr || out == nullptr) {
        BIO_free(inside_->in);
        BIO_free(out);
        throw std::bad_alloc();
    }
    BIO_set_mem_eof_return(inside_->in, -1);  // the end of what is there is not the end of what comes
    SSL_set_bio(inside_->ssl.get(), inside_->in, out);
    SSL_set_accept_state(inside_->ssl.get());
}

HelloReader::~HelloReader() = default;

std::expected<bool, std::string> HelloReader::take(std::string_view bytes) {
    auto& own = *inside_;
    if (bytes.empty()) return false;
    if (own.taken == 0 && static_cast<unsigned char>(bytes.front()) != handshake_record)
        return std::unexpected("not TLS");
    const auto piece = bytes.substr(0, longest_hello - own.taken);
    own.taken += piece.size();
    if (BIO_write(own.in, piece.data(), static_cast<int>(piece.size())) != static_cast<int>(piece.size()))
        throw std::bad_alloc();
    ERR_clear_error();
    const int result = SSL_do_handshake(own.ssl.get());
    const int reason = SSL_get_error(own.ssl.get(), result);
    ERR_clear_error();
    if (own.verdict) {
        if (!own.verdict->empty()) return std::unexpected(*own.verdict);
        return true;
    }
    if (reason != SSL_ERROR_WANT_READ) return std::unexpected("not a ClientHello of TLS");
    if (own.taken == longest_hello) return std::unexpected("the ClientHello is larger than 16 KiB");
    return false;
}

}  // namespace sandbox
