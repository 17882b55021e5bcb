// The head of a request to the webhook listener: it has one meaning. What was understood of it, written down
// and read again, is the same.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "bot/listener_head.hpp"

namespace {

void require(bool truth) {
    if (!truth) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using Body = bot::ListenerHead::Body;
    const auto head = bot::read_listener_head({reinterpret_cast<const char*>(data), size});
    if (!head) {
        require(!head.error().empty());
        return 0;
    }
    require(head->path.starts_with('/') && !head->path.contains('?'));
    require(head->body == Body::counted || head->length == 0);
    require((head->body == Body::counted) == head->headers.contains("content-length"));
    require((head->body == Body::chunked) == head->headers.contains("transfer-encoding"));
    std::string text = head->method + " " + head->path + " HTTP/1.1";
    for (const auto& [name, value] : head->headers) text += "\r\n" + name + ": " + value;
    const auto again = bot::read_listener_head(text);
    require(again.has_value());
    require(again->method == head->method && again->path == head->path && again->headers == head->headers);
    require(again->body == head->body && again->length == head->length);
    require(again->expects_continue == head->expects_continue);
    require(again->keeps_open || !head->keeps_open);
    return 0;
}
