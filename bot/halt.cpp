#include "bot/halt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

using fmt::literals::operator""_a;

/// What the sandboxed programs and the commands of people call so.
constexpr std::array<std::string_view, 3> public_paths{"/workspace", "/home/agent", "/agent"};

bool is_public(std::string_view path) {
    for (const auto known : public_paths)
        if (path.starts_with(known) && (path.size() == known.size() || path[known.size()] == '/'))
            return true;
    return false;
}

bool begins_path(std::string_view words, std::size_t at) {
    constexpr std::string_view before = " \t\n'\"`([{<=,;:|";
    if (words[at] != '/' || at + 1 == words.size() || before.find(words[at + 1]) != std::string_view::npos ||
        words[at + 1] == '/')
        return false;
    return at == 0 || before.find(words[at - 1]) != std::string_view::npos ||
           words.substr(0, at).ends_with("unix://") || words.substr(0, at).ends_with("file://");
}

/// One past its end. A colon belongs to it only within a word.
std::size_t end_of_path(std::string_view words, std::size_t at) {
    constexpr std::string_view after = " \t\n'\"`)]}>,;|";
    auto end = std::min(words.find_first_of(after, at), words.size());
    if (const auto colon = words.substr(0, end).find(": ", at); colon != std::string_view::npos) end = colon;
    while (end > at + 1 && (words[end - 1] == ':' || words[end - 1] == '.')) --end;
    return end;
}

std::string described(std::string_view doing, std::string_view fault) {
    return fmt::format(sentence::while_doing, "doing"_a = doing, "fault"_a = fault);
}

}  // namespace

std::string without_host_paths(std::string_view words) {
    std::string text;
    for (std::size_t at = 0; at < words.size();) {
        if (!begins_path(words, at)) {
            text += words[at++];
            continue;
        }
        const auto path = words.substr(at, end_of_path(words, at) - at);
        text += is_public(path) ? path : sentence::path_in_the_log;
        at += path.size();
    }
    return text;
}

Halt halt(const integrations::GitError& error, std::string_view doing) {
    using Kind = integrations::GitError::Kind;
    const auto detail = described(doing, error.message);
    const auto what = without_host_paths(detail);
    switch (error.kind) {
        case Kind::unreachable:
        case Kind::unauthorized:
        case Kind::storage:
            return {.kind = Halt::Kind::infrastructure,
                    .reason = what,
                    .retry_at = error.retry_at,
                    .detail = detail};
        case Kind::gone:
        case Kind::no_such_ref:
        case Kind::exists:
        case Kind::invalid:
            return {.kind = Halt::Kind::failed, .reason = report::infrastructure(what, 1), .detail = detail};
        case Kind::refused:
            return {.kind = Halt::Kind::failed,
                    .reason = report::push_refused(without_host_paths(error.message)),
                    .detail = detail};
    }
    return {};
}

Halt halt(const integrations::ForgeError& error, std::string_view doing) {
    using Kind = integrations::ForgeError::Kind;
    const auto what = described(doing, error.message);
    switch (error.kind) {
        case Kind::unreachable:
        case Kind::unauthorized:
            return {.kind = Halt::Kind::infrastructure, .reason = what};
        case Kind::rate_limited:
            return {.kind = Halt::Kind::infrastructure, .reason = what, .retry_at = error.retry_at};
        case Kind::forbidden:
        case Kind::gone:
        case Kind::invalid:
            return {.kind = Halt::Kind::failed, .reason = report::push_refused(error.message)};
    }
    return {};
}

Halt halt(const sandbox::Error& error, std::string_view doing) {
    using Kind = sandbox::Error::Kind;
    const auto detail = described(doing, error.message);
    const auto what = without_host_paths(detail);
    switch (error.kind) {
        case Kind::unavailable:
            return {.kind = Halt::Kind::infrastructure, .reason = what, .detail = detail};
        case Kind::no_image:
            return {.kind = Halt::Kind::failed,
                    .reason = without_host_paths(error.message),
                    .detail = error.message};
        case Kind::unenforceable:
        case Kind::refused:
            return {.kind = Halt::Kind::failed, .reason = report::infrastructure(what, 1), .detail = detail};
        case Kind::interrupted:
            return {.kind = Halt::Kind::detached, .reason = what, .detail = detail};
    }
    return {};
}

Halt halt(const sandbox::HarvestError& error) {
    if (error.kind == sandbox::HarvestError::Kind::io)
        return {.kind = Halt::Kind::infrastructure,
                .reason = described(sentence::reading_the_result, without_host_paths(error.message)),
                .detail = described(sentence::reading_the_result, error.message)};
    return {.kind = Halt::Kind::failed, .reason = report::change_rejected(error.path, error.message)};
}

}  // namespace bot
