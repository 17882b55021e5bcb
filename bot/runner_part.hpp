#pragma once

#include "sandbox/descriptor.hpp"

namespace bot {

/// The runner's side: sandboxes for the keeper at the other end, until it closes the channel. Then programs
/// that survive are left running, others are ended. Returns the exit status.
int serve_runner(sandbox::Descriptor channel);
/// The same for an engine over TCP, the only thing that a runner needs a network for.
int serve_runner_over_tcp(sandbox::Descriptor channel);

}  // namespace bot
