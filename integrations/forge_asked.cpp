#include "integrations/forge_asked.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string_view>
#include <utility>

#include "integrations/forge_json.hpp"

namespace integrations {
namespace {

using nlohmann::json;

/// In place of a webhook's own id: neither a header nor the name of a forge has a line's end in it.
constexpr std::string_view asked_hook = "\nasked";
constexpr std::string_view comment_event = "comment";

std::string id_of(const CommentCreated& comment) {
    const bool on_issue = comment.thread.kind == ThreadRef::Kind::issue;
    return fmt::format("comment-{}-{}{}-{}", comment.thread.repo.id, on_issue ? '#' : '!',
                       comment.thread.number, comment.comment_id);
}

}  // namespace

VerifiedDelivery as_delivery(const CommentCreated& comment) {
    const auto& repo = comment.thread.repo;
    json body{{"repo",
               {{"id", repo.id},
                {"name", repo.full_name},
                {"clone_url", repo.clone_url},
                {"branch", repo.default_branch},
                {"installation", repo.installation}}},
              {"number", comment.thread.number},
              {"on_pull_request", comment.thread.kind == ThreadRef::Kind::pull_request},
              {"id", comment.comment_id},
              {"body", comment.body},
              {"by", {{"login", comment.by.login}, {"id", comment.by.id}, {"bot", comment.by.bot}}}};
    if (comment.at) body["at"] = timestamp(*comment.at);
    return Replay::asked(repo.forge, std::string(asked_hook), id_of(comment), std::string(comment_event),
                         write_json(body));
}

Event event_of(const ForgeKind& kind, const VerifiedDelivery& delivery) {
    if (delivery.hook_id() != asked_hook) return kind.decode(delivery);
    const auto body = parse_json(delivery.body());
    const auto& repo = at(body, "repo");
    const auto& by = at(body, "by");
    if (delivery.event_name() != comment_event || number_at(body, "number") <= 0)
        return Ignored{"what was asked for cannot be read"};
    return CommentCreated{
        .thread = {.repo = {.forge = delivery.forge(),
                            .id = text_at(repo, "id"),
                            .full_name = text_at(repo, "name"),
                            .clone_url = text_at(repo, "clone_url"),
                            .default_branch = text_at(repo, "branch"),
                            .installation = text_at(repo, "installation")},
                   .number = number_at(body, "number"),
                   .kind = true_at(body, "on_pull_request") ? ThreadRef::Kind::pull_request
                                                            : ThreadRef::Kind::issue},
        .comment_id = text_at(body, "id"),
        .body = text_at(body, "body"),
        .by = {.login = text_at(by, "login"), .id = text_at(by, "id"), .bot = true_at(by, "bot")},
        .at = parse_timestamp(text_at(body, "at"))};
}

}  // namespace integrations
