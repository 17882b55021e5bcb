#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "integrations/agents.hpp"

/// Transcripts of agent programs: one JSON object a line, among what the program and its children print
/// besides. Everything in them is hostile. A log that was too long has lost its middle (RunSpec::log_file),
/// so a line may begin or end anywhere.
namespace integrations {

/// Why the program gave up, in its own words.
struct ModelFault {
    int status = 0;     ///< of HTTP; 0: not told
    std::string words;  ///< hostile
};

/// What the records of one pass come to; an adapter fills it in the order of the records.
struct Transcript {
    std::string message;  ///< what the agent said last, hostile
    Usage usage;
    bool ended = false;  ///< the program said that it is through, well or not
    std::optional<ModelFault> fault;
};

/// What of a log are no records.
struct BesideRecords {
    bool any_record = false;
    std::string words;  ///< the last lines, plain text
};

/// Takes the records in order: every line of at most 2 MiB that is a JSON object.
/// What lies deeper than 24 levels in it is left out. A line that is none goes to `rest`, when there is one.
BesideRecords read_records(std::string_view printed, const std::function<void(const nlohmann::json&)>& record,
                           const std::function<void(std::string_view line)>& rest = {});

/// A line as `read_records` takes it; a discarded value when it is no JSON.
[[nodiscard]] nlohmann::json parse_record(std::string_view line);

// Looking into records: what is not there or of another kind is nothing.
using Path = std::initializer_list<const char*>;
[[nodiscard]] const nlohmann::json* find(const nlohmann::json& in, Path path);
[[nodiscard]] std::string_view text(const nlohmann::json& in, Path path);
[[nodiscard]] bool truth(const nlohmann::json& in, Path path);
/// Whole and not negative, at most 10^12.
[[nodiscard]] std::uint64_t number(const nlohmann::json& in, Path path);
[[nodiscard]] std::optional<double> dollars(const nlohmann::json& in, Path path);
/// The `text` of all parts `{"type":"text"}` of a list, an empty line between them.
[[nodiscard]] std::string text_parts(const nlohmann::json* list);

/// Adds up to what a count can reasonably be.
void add(std::uint64_t& sum, std::uint64_t more);
void add(std::optional<double>& sum, std::optional<double> more);

/// `whole` without the `part` that it includes.
[[nodiscard]] std::uint64_t without(std::uint64_t whole, std::uint64_t part);

/// Quota (429, 529, overload), unavailable (5xx, no answer) or failed. By the status and, when there is none,
/// by a status in the words, and when there is none either, by the words.
[[nodiscard]] AgentReply::Verdict class_of(const ModelFault& fault);

/// The reply: the fault decides, then the end, then whether the last message asks.
[[nodiscard]] AgentReply reply_of(const Transcript& told, const BesideRecords& beside, int exit_code);

}  // namespace integrations
