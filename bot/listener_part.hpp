#pragma once

#include "sandbox/descriptor.hpp"

namespace bot {

/// This process as the part `listener`: faces the network and checks signatures. Given the channel to the
/// keeper (bot/listener_process.hpp), and as the descriptor after it the listening socket. Returns the exit
/// status.
int serve_listener(sandbox::Descriptor channel);

}  // namespace bot
