#pragma once

#include "sandbox/descriptor.hpp"

namespace bot {

/// This process as the part `door`: the doors of all runs, with the keys of the model services. Serves the
/// keeper (bot/doors.hpp) until that one closes the channel. Returns the exit status.
int serve_door(sandbox::Descriptor channel);

}  // namespace bot
