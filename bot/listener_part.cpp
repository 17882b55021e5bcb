#include "bot/listener_part.hpp"

#include <spdlog/spdlog.h>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bot/listener.hpp"
#include "bot/listener_channel.hpp"
#include "config/secret.hpp"
#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "sandbox/channel.hpp"
#include "sandbox/part.hpp"

namespace bot {

namespace {

/// A first signature, of nobody: OpenSSL reads its configuration while there is a file to read it from.
void load_cryptography() {
    for (const auto& kind : integrations::forge_kinds()) {
        config::ForgeSettings nobody;
        nobody.webhook_secrets.emplace_back("nobody's");
        (void)kind.verify(nobody, {.forge = {},
                                   .headers = {{"x-hub-signature-256", "sha256=" + std::string(64, '0')}},
                                   .body = {}});
    }
}

std::vector<config::ForgeSettings> forges_of(sandbox::Message& hello) {
    std::vector<config::ForgeSettings> forges;
    std::size_t next = 0;
    for (const auto& one : hello.head.at("forges")) {
        auto& forge = forges.emplace_back();
        forge.name = one.at("name").get<std::string>();
        forge.kind = one.at("kind").get<std::string>();
        for (auto left = one.at("secrets").get<std::size_t>(); left > 0; --left)
            forge.webhook_secrets.emplace_back(std::move(hello.blobs.at(next++)));
    }
    return forges;
}

}  // namespace

int serve_listener(sandbox::Descriptor socket) {
    sandbox::Descriptor listening(sandbox::part_channel + 1);
    load_cryptography();
    sandbox::wall_in({.user = sandbox::listener_user});

    sandbox::Channel channel(std::move(socket));
    auto hello = channel.receive();
    if (!hello) return 0;
    spdlog::set_level(spdlog::level::from_str(hello->head.at("log_level").get<std::string>()));
    const auto forges = forges_of(*hello);
    ListenerChannel keeper(channel);
    std::optional<Listener> listener(std::in_place, std::move(listening), forges, keeper);
    sandbox::Message serving;
    serving.head["serving"] = true;
    channel.send(serving);
    keeper.wait();
    listener.reset();  // answers what has begun
    return 0;
}

}  // namespace bot
