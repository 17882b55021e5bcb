#pragma once

#include "integrations/agents.hpp"
#include "sandbox/channel.hpp"
#include "sandbox/harvest.hpp"

/// What a reader answers, as messages. What comes out of them is as hostile as what the reader has read.
namespace bot::reader {

[[nodiscard]] sandbox::Message message_of(const sandbox::Changes& changes);
[[nodiscard]] sandbox::Message message_of(const sandbox::HarvestError& error);
/// Each throws std::exception for a message that says something else.
[[nodiscard]] sandbox::Changes changes_of(const sandbox::Message& message);
[[nodiscard]] bool is_error(const sandbox::Message& message);
[[nodiscard]] sandbox::HarvestError error_of(const sandbox::Message& message);

[[nodiscard]] sandbox::Message message_of(const integrations::AgentReply& reply);
/// Texts are plain again and bounded as AgentReply has them.
[[nodiscard]] integrations::AgentReply reply_of(const sandbox::Message& message);

}  // namespace bot::reader
