#include "integrations/forge_decode.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"

namespace integrations {
namespace {

Event decode_payload(std::span<const DecodeRow> rows, const VerifiedDelivery& delivery, Payload& payload) {
    const auto& name = delivery.event_name();
    const auto any = std::ranges::find(rows, name, &DecodeRow::event);
    if (any == rows.end()) return Ignored{"event " + name + " is not for us"};
    if (!payload.read(delivery.body())) return Ignored{name + ": " + payload.fault()};

    const auto& action = payload[any->action_at];
    const auto row = std::ranges::find_if(
        rows, [&](const DecodeRow& one) { return one.event == name && one.action == action; });
    if (row == rows.end())
        return Ignored{name + "." + (action.empty() || action.size() > 60 ? "?" : action) + " is not for us"};
    if (auto why = row->misfit(payload); !why.empty())
        return Ignored{name + (action.empty() ? "" : "." + action) + ": " + why};
    return row->decode(delivery, payload);
}

}  // namespace

Event decode_by(std::span<const DecodeRow> rows, const VerifiedDelivery& delivery, Payload payload) {
    try {
        return decode_payload(rows, delivery, payload);
    } catch (const std::exception&
                 problem) {  // out of memory; anything else is a fault of ours that must not spread
        return Ignored{std::string("not decoded: ") + problem.what()};
    }
}

std::optional<std::int64_t> thread_number(const std::string& digits) {
    if (!is_digits(digits, 18)) return std::nullopt;
    const auto number = std::stoll(digits);
    return number > 0 ? std::optional<std::int64_t>(number) : std::nullopt;
}

std::string misfit_of_repository(const Payload& payload) {
    if (!is_digits(payload["repository.id"], 20)) return "no repository id";
    if (!is_full_name(payload["repository.full_name"])) return "the repository's full_name is not owner/name";
    if (!is_clone_url(payload["repository.clone_url"]))
        return "the clone_url is not http(s) without credentials";
    if (payload["sender.login"].empty() || !is_digits(payload["sender.id"], 20)) return "no sender";
    return {};
}

Person sender(const Payload& payload) {
    const auto& login = payload["sender.login"];
    return {.login = login,
            .id = payload["sender.id"],
            .bot = payload["sender.type"] == "Bot" || login.ends_with("[bot]")};
}

RepoRef repository(const VerifiedDelivery& delivery, const Payload& payload) {
    return {.forge = delivery.forge(),
            .id = payload["repository.id"],
            .full_name = payload["repository.full_name"],
            .clone_url = payload["repository.clone_url"],
            .default_branch = payload["repository.default_branch"],
            .installation = payload["installation.id"]};
}

std::optional<ThreadRef> thread(const VerifiedDelivery& delivery, const Payload& payload,
                                std::string_view path, ThreadRef::Kind kind) {
    const auto number = thread_number(payload[path]);
    if (!number) return std::nullopt;
    return ThreadRef{.repo = repository(delivery, payload), .number = *number, .kind = kind};
}

Moment moment(const Payload& payload, std::string_view path) { return parse_timestamp(payload[path]); }

Event decode_pull_request(const VerifiedDelivery& delivery, const Payload& payload) {
    auto about = thread(delivery, payload, "pull_request.number", ThreadRef::Kind::pull_request);
    if (!about) return Ignored{"pull_request.closed: no number"};
    return PullRequestEnded{*std::move(about), payload["pull_request.merged"] == "true", sender(payload),
                            moment(payload, "pull_request.closed_at")};
}

Event decode_status(const VerifiedDelivery& delivery, const Payload& payload) {
    if (!is_bad_status(payload["state"])) return Ignored{"a status that is no failure"};
    if (!is_commit_id(payload["sha"])) return Ignored{"a status without a commit"};
    return ChecksFailed{repository(delivery, payload), payload["sha"]};
}

std::string branch_of(const std::string& ref) {
    constexpr std::string_view branches = "refs/heads/";
    const bool plain = std::ranges::all_of(ref, [](unsigned char c) { return c > ' ' && c != 0x7F; });
    return ref.starts_with(branches) && plain ? ref.substr(branches.size()) : std::string();
}

bool is_no_commit(const std::string& after) {
    return !after.empty() && after.find_first_not_of('0') == std::string::npos;
}

Event decode_push(const VerifiedDelivery& delivery, const Payload& payload) {
    if (payload["deleted"] == "true" || is_no_commit(payload["after"])) return Ignored{"a push that deletes"};
    auto branch = branch_of(payload["ref"]);
    if (branch.empty()) return Ignored{"a push to no branch"};
    return BranchPushed{repository(delivery, payload), std::move(branch), sender(payload)};
}

}  // namespace integrations
