#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

/// The first message of TLS, read by OpenSSL: the server that it asks for must be the one that was dialled.
namespace sandbox {

/// A ClientHello with the records around it is at most this long; with post-quantum keys it has about 2 KiB.
inline constexpr std::size_t longest_hello = 16 << 10;

class HelloReader {
 public:
    /// `host` is in lower case.
    explicit HelloReader(std::string host);
    ~HelloReader();
    HelloReader(const HelloReader&) = delete;
    HelloReader& operator=(const HelloReader&) = delete;

    /// The next bytes of the client. True: the hello is whole and asks for `host`, nothing else will be
    /// taken. False: more bytes are needed. Else what is wrong, in a few words, a name in it printable.
    [[nodiscard]] std::expected<bool, std::string> take(std::string_view bytes);

 private:
    struct Inside;
    std::unique_ptr<Inside> inside_;
};

}  // namespace sandbox
