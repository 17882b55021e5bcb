#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "integrations/agents.hpp"

/// What the presets share. Each speaks for one program and lives in a file of that program's name.
namespace integrations {

const Agent& amp_agent();
const Agent& claude_agent();
const Agent& codex_agent();
const Agent& gemini_agent();
const Agent& opencode_agent();
const Agent& pi_agent();

/// The name under which a program's own settings know our gateway, and the variable that holds its key.
inline constexpr std::string_view gateway_name = "shopfloor";
inline constexpr std::string_view key_variable = "SHOPFLOOR_MODEL_KEY";

/// The profile's program, or the usual one; its environment; the prompt on stdin.
[[nodiscard]] AgentCommand begin_command(const AgentTask& task, std::string_view program);

/// For programs that know the gateway as a provider of their own: `shopfloor/MODEL`.
[[nodiscard]] std::string gateway_model(const ModelAccess& models);

/// Sets a variable unless the profile has it: the operator has the last word.
void set(AgentCommand& command, std::string_view variable, std::string_view value);

/// `fault` of a program that reaches models through the gateway and speaks these APIs only.
[[nodiscard]] std::optional<config::Error> provider_fault(std::string_view program,
                                                          const config::ModelProvider* provider,
                                                          std::initializer_list<config::ModelApi> spoken);

/// `fault` of an effort that is none of the program's words. An empty one is always good.
[[nodiscard]] std::optional<config::Error> effort_fault(std::string_view program, std::string_view effort,
                                                        std::initializer_list<std::string_view> words);

}  // namespace integrations
