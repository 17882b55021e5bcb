#include "integrations/agents_command.hpp"

#include <sysexits.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "integrations/agents_preset.hpp"
#include "integrations/agents_text.hpp"

namespace integrations {

namespace {

using Json = nlohmann::json;

constexpr std::size_t log_end = 1 << 20;             ///< looked at, of a log of any size
constexpr std::size_t longest_account = 256 * 1024;  ///< a longer line is output, not an account
constexpr std::size_t longest_detail = 2000;
constexpr std::uint64_t most_tokens = 1'000'000'000'000;
constexpr double most_dollars = 1'000'000;

/// What the program says about itself in one line of JSON.
struct Account {
    std::string summary;
    std::string question;
    Usage usage;
};

/// False when the member is there and is not what it should be; null counts as missing.
bool read_text(const Json& object, const char* key, std::string& out) {
    const auto at = object.find(key);
    if (at == object.end() || at->is_null()) return true;
    if (!at->is_string()) return false;
    out = keep_beginning(plain_text(at->get_ref<const std::string&>()), longest_text);
    return true;
}

bool read_tokens(const Json& object, const char* key, std::uint64_t& out) {
    const auto at = object.find(key);
    if (at == object.end() || at->is_null()) return true;
    if (!at->is_number_unsigned() || at->get<std::uint64_t>() > most_tokens) return false;
    out = at->get<std::uint64_t>();
    return true;
}

bool read_cost(const Json& object, std::optional<double>& out) {
    const auto at = object.find("cost_usd");
    if (at == object.end() || at->is_null()) return true;
    if (!at->is_number()) return false;
    const auto dollars = at->get<double>();
    if (!std::isfinite(dollars) || dollars < 0 || dollars > most_dollars) return false;
    out = dollars;
    return true;
}

bool read_usage(const Json& object, Usage& out) {
    const auto at = object.find("usage");
    if (at == object.end() || at->is_null()) return true;
    return at->is_object() && read_tokens(*at, "input_tokens", out.input_tokens) &&
           read_tokens(*at, "cached_tokens", out.cached_tokens) &&
           read_tokens(*at, "output_tokens", out.output_tokens) && read_cost(*at, out.cost_usd);
}

std::optional<Account> read_account(const Json& object) {
    if (!object.contains("summary") && !object.contains("question") && !object.contains("usage")) return {};
    Account account;
    if (!read_text(object, "summary", account.summary) || !read_text(object, "question", account.question) ||
        !read_usage(object, account.usage))
        return {};
    return account;
}

/// Takes the account out of the log, if its last JSON object is one.
std::optional<Account> take_account(std::string& log) {
    for (std::size_t end = log.size(); end > 0;) {
        const auto break_at = log.rfind('\n', end - 1);
        const auto begin = break_at == std::string::npos ? 0 : break_at + 1;
        auto line = std::string_view(log).substr(begin, end - begin);
        while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
        if (line.starts_with('{') && line.ends_with('}') && line.size() <= longest_account) {
            const auto object = Json::parse(line, nullptr, false);
            if (object.is_object()) {
                auto account = read_account(object);
                if (account) log.erase(begin, end - begin);
                return account;
            }
        }
        end = break_at == std::string::npos ? 0 : break_at;
    }
    return {};
}

/// Of a program that tells none: its last paragraph, which may ask; the one before it when it only asks.
Account account_of(std::string_view text) {
    const auto last = last_paragraph(text);
    auto asked = take_question(last);
    if (asked.before.empty() && !asked.question.empty()) {
        const auto begin = text.rfind(last);
        asked.before = last_paragraph(text.substr(0, begin == std::string_view::npos ? 0 : begin));
    }
    return {.summary = keep_beginning(asked.before, longest_text),
            .question = keep_beginning(asked.question, longest_text),
            .usage = {}};
}

AgentReply::Verdict verdict_of(int exit_code, const Account& account) {
    if (exit_code == EX_TEMPFAIL) return AgentReply::Verdict::quota;
    if (exit_code == EX_UNAVAILABLE) return AgentReply::Verdict::unavailable;
    if (exit_code != 0) return AgentReply::Verdict::failed;
    return account.question.empty() ? AgentReply::Verdict::done : AgentReply::Verdict::asks;
}

class CommandAgent final : public Agent {
 public:
    AgentCommand command(const AgentTask& task) const override {
        auto command = begin_command(task, "");
        const auto& profile = task.profile;
        command.argv.insert(command.argv.end(), profile.arguments.begin(), profile.arguments.end());
        if (task.models != nullptr) {
            set(command, "SHOPFLOOR_MODEL_URL", task.models->base_url);
            set(command, key_variable, task.models->key);
        }
        const auto& model = task.models != nullptr ? task.models->model.name : profile.model;
        if (!model.empty()) set(command, "SHOPFLOOR_MODEL", model);
        if (!profile.effort.empty()) set(command, "SHOPFLOOR_EFFORT", profile.effort);
        return command;
    }

    AgentReply reply(std::string_view printed, int exit_code) const override {
        std::string log(end_of(printed, log_end));
        auto account = take_account(log);
        const auto text = plain_text(log);
        if (!account) account = account_of(text);
        AgentReply reply{.verdict = verdict_of(exit_code, *account),
                         .summary = std::move(account->summary),
                         .question = std::move(account->question),
                         .detail = {},
                         .usage = account->usage};
        if (exit_code != 0) {
            const auto last = keep_end(last_lines(text, 10), longest_detail);
            reply.detail = "exit status " + std::to_string(exit_code) +
                           (last.empty() ? ", and nothing said" : ": " + last);
        }
        return reply;
    }

    /// Everything that a profile can say is handed on to the program.
    std::optional<config::Error> fault(const config::AgentProfile& /*profile*/,
                                       const config::ModelProvider* /*provider*/) const override {
        return std::nullopt;
    }
};

}  // namespace

const Agent& command_agent() {
    static const CommandAgent agent;
    return agent;
}

}  // namespace integrations
