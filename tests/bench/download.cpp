// bench_download ADDRESS PORT: says its standard input, takes all that comes until the end, and prints how
// many bytes that were and how many nanoseconds it took from dialling on. It runs inside the sandbox and, for
// comparison, outside.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

using Steady = std::chrono::steady_clock;

int fail(const char* what) {
    std::perror(what);
    return 1;
}

int download(const sockaddr_in& address) {
    std::vector<char> buffer(256 << 10);
    const auto said = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (said <= 0) return fail("nothing to say");
    const auto start = Steady::now();
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail("connect");
    if (::send(socket, buffer.data(), static_cast<std::size_t>(said), MSG_NOSIGNAL) != said)
        return fail("send");
    std::uint64_t bytes = 0;
    for (ssize_t got = 0; (got = ::recv(socket, buffer.data(), buffer.size(), 0)) != 0;) {
        if (got < 0) return fail("recv");
        bytes += static_cast<std::uint64_t>(got);
    }
    const std::chrono::nanoseconds took = Steady::now() - start;
    std::printf("%llu %lld\n", static_cast<unsigned long long>(bytes), static_cast<long long>(took.count()));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (argc != 3 || ::inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
        std::fputs("usage: bench_download ADDRESS PORT < what to say first\n", stderr);
        return 2;
    }
    address.sin_port = htons(static_cast<in_port_t>(std::strtol(argv[2], nullptr, 10)));
    return download(address);
}
