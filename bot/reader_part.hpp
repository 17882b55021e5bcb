#pragma once

#include "sandbox/descriptor.hpp"

namespace bot {

/// Descriptor of the empty folder that becomes the reader's root.
inline constexpr int reader_root = 4;

/// The reader's side: answers what it is asked until the keeper closes the channel. Returns the exit status.
int serve_reader(sandbox::Descriptor channel);

}  // namespace bot
