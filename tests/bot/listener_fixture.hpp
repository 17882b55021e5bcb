#pragma once

#include <SQLiteCpp/SQLiteCpp.h>
#include <arpa/inet.h>
#include <httplib.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bot/listener.hpp"
#include "bot/listener_bind.hpp"
#include "bot/listener_ledger.hpp"
#include "integrations/forge.hpp"
#include "tests/bot/ledger_fixture.hpp"

/// A listener on a free port of loopback, over a real ledger.
struct ListenerFixture : LedgerFixture {
    ListenerFixture() { open(); }
    ~ListenerFixture() { listener.reset(); }

    void serve() {
        config::ForgeSettings forge;
        forge.name = "github";
        forge.webhook_secrets.emplace_back("first secret");
        forge.webhook_secrets.emplace_back("second secret");
        auto listening = bot::listen_on("127.0.0.1", 0);
        port_ = bot::port_of(listening);
        keeper = std::make_unique<bot::ListenerLedger>(
            bot::ListenerLedger::Options{.ring = [this] { ++rings; }, .ready = [this] { return not_ready; }},
            *ledger, metrics);
        listener = std::make_unique<bot::Listener>(std::move(listening), std::vector{forge}, *keeper);
    }
    [[nodiscard]] int port() const { return port_; }
    static std::size_t limit() { return integrations::find_forge_kind("github")->body_limit; }

    static std::string signature(const std::string& body, const std::string& secret) {
        std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
        unsigned int size = 0;
        HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
             reinterpret_cast<const unsigned char*>(body.data()), body.size(), mac.data(), &size);
        std::string text = "sha256=";
        for (unsigned int i = 0; i < size; ++i) {
            text += "0123456789abcdef"[mac[i] >> 4U];
            text += "0123456789abcdef"[mac[i] & 15U];
        }
        return text;
    }
    static httplib::Headers signed_headers(const std::string& id, const std::string& body,
                                           const std::string& secret = "first secret") {
        return {{"X-GitHub-Delivery", id},
                {"X-GitHub-Event", "issues"},
                {"X-GitHub-Hook-ID", "77"},
                {"X-Hub-Signature-256", signature(body, secret)}};
    }
    [[nodiscard]] httplib::Result post(const std::string& id, const std::string& body,
                                       const std::string& secret = "first secret") const {
        httplib::Client client("127.0.0.1", port());
        client.set_read_timeout(30);
        return client.Post("/hooks/github", signed_headers(id, body, secret), body, "application/json");
    }
    [[nodiscard]] httplib::Result get(const std::string& path) const {
        httplib::Client client("127.0.0.1", port());
        return client.Get(path);
    }

    /// A request as bytes.
    static std::string request(const std::string& id, const std::string& body) {
        std::string text =
            "POST /hooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " +
            std::to_string(body.size()) + "\r\n";
        for (const auto& [name, value] : signed_headers(id, body)) text += name + ": " + value + "\r\n";
        return text + "\r\n" + body;
    }
    [[nodiscard]] int connect() const {
        const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port()));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
            ::close(descriptor);
            return -1;
        }
        return descriptor;
    }
    static std::string read_all(int descriptor) {
        std::string text;
        std::array<char, 4096> buffer{};
        for (;;) {
            const auto got = ::recv(descriptor, buffer.data(), buffer.size(), 0);
            if (got <= 0) return text;
            text.append(buffer.data(), static_cast<std::size_t>(got));
        }
    }
    /// Sends the bytes, half-closes, reads to the end.
    [[nodiscard]] std::string exchange(std::string_view bytes) const {
        const int descriptor = connect();
        ::send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        ::shutdown(descriptor, SHUT_WR);
        auto text = read_all(descriptor);
        ::close(descriptor);
        return text;
    }
    struct Endless {
        std::string text;
        std::uint64_t sent = 0;
    };
    /// Chunks until the other side has had enough (at most 200 MiB).
    [[nodiscard]] Endless exchange_endless(std::string_view head) const {
        const int descriptor = connect();
        ::send(descriptor, head.data(), head.size(), MSG_NOSIGNAL);
        const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
        Endless endless;
        std::array<char, 4096> buffer{};
        while (endless.sent < (200U << 20)) {
            const auto sent = ::send(descriptor, chunk.data(), chunk.size(), MSG_NOSIGNAL);
            if (sent <= 0) break;
            endless.sent += static_cast<std::uint64_t>(sent);
            const auto got = ::recv(descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (got > 0) endless.text.append(buffer.data(), static_cast<std::size_t>(got));
        }
        endless.text += read_all(descriptor);
        ::close(descriptor);
        return endless;
    }
    static int count(std::string_view text, std::string_view word) {
        int found = 0;
        for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) ++found;
        return found;
    }

    void break_ledger() const {
        SQLite::Database other(file().string(), SQLite::OPEN_READWRITE);
        other.exec(
            "CREATE TRIGGER broken BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'broken on "
            "purpose'); END;"
            "CREATE TRIGGER broken_too BEFORE UPDATE ON pulse BEGIN SELECT RAISE(ABORT, 'broken on "
            "purpose'); END;");
    }
    void mend_ledger() const {
        SQLite::Database other(file().string(), SQLite::OPEN_READWRITE);
        other.exec("DROP TRIGGER broken; DROP TRIGGER broken_too;");
    }

    std::atomic<int> rings{0};
    std::vector<std::string> not_ready;
    bot::Metrics metrics;
    std::unique_ptr<bot::ListenerLedger> keeper;
    std::unique_ptr<bot::Listener> listener;
    int port_ = 0;
};
