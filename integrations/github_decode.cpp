// Deliveries from GitHub, second half: verified bytes -> Event. Pure, never throws.
//
// The reader streams through the JSON (SAX) and keeps the few values that it needs, so a delivery of 25 MB
// costs no tree. Shapes: https://docs.github.com/en/webhooks/webhook-events-and-payloads

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "integrations/github.hpp"
#include "integrations/github_words.hpp"

namespace integrations {
namespace {

/// The values of a payload that we look at, by dotted path. Strings, numbers and booleans as text; an object
/// or array that is there is noted as "{"; null counts as missing.
class Picker final : public nlohmann::json_sax<nlohmann::json> {
 public:
    static constexpr std::array<std::string_view, 19> wanted{"action",
                                                             "label.name",
                                                             "installation.id",
                                                             "issue.number",
                                                             "issue.pull_request",
                                                             "comment.id",
                                                             "comment.body",
                                                             "pull_request.number",
                                                             "pull_request.merged",
                                                             "review.id",
                                                             "review.state",
                                                             "review.body",
                                                             "repository.id",
                                                             "repository.full_name",
                                                             "repository.clone_url",
                                                             "repository.default_branch",
                                                             "sender.login",
                                                             "sender.id",
                                                             "sender.type"};
    static constexpr std::size_t deepest = 64;

    [[nodiscard]] const std::string& operator[](std::string_view path) const {
        static const std::string nothing;
        const auto found = std::ranges::find(wanted, path);
        return found == wanted.end() ? nothing : values_[static_cast<std::size_t>(found - wanted.begin())];
    }
    [[nodiscard]] const std::string& fault() const { return fault_; }

    bool null() override { return true; }
    bool boolean(bool value) override { return keep(value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { return keep_number(value); }
    bool number_unsigned(number_unsigned_t value) override { return keep_number(value); }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t& value) override {
        if (auto* slot = here()) *slot = std::move(value);
        return true;
    }
    bool binary(binary_t&) override { return true; }
    bool start_object(std::size_t) override { return enter(false); }
    bool start_array(std::size_t) override { return enter(true); }
    bool key(string_t& name) override {
        if (depth_ <= keys_.size()) keys_[depth_ - 1] = std::move(name);
        return true;
    }
    bool end_object() override { return leave(); }
    bool end_array() override { return leave(); }
    bool parse_error(std::size_t at, const std::string&, const nlohmann::json::exception&) override {
        fault_ = "not JSON (byte " + std::to_string(at) + ")";
        return false;
    }

 private:
    std::string* here() {
        if (depth_ == 0 || depth_ > keys_.size() || arrays_ > 0) return nullptr;
        const std::string_view name = keys_[depth_ - 1];
        if (name.find('.') != std::string_view::npos) return nullptr;
        const auto path = depth_ == 2 ? keys_[0] + "." + keys_[1] : keys_[0];
        const auto found = std::ranges::find(wanted, path);
        return found == wanted.end() ? nullptr : &values_[static_cast<std::size_t>(found - wanted.begin())];
    }
    bool keep(std::string value) {
        if (auto* slot = here()) *slot = std::move(value);
        return true;
    }
    bool keep_number(auto value) {
        if (auto* slot = here()) *slot = std::to_string(value);
        return true;
    }
    bool enter(bool array) {
        if (depth_ == 0 && array) {
            fault_ = "not a JSON object";
            return false;
        }
        if (depth_ >= deepest) {
            fault_ = "nested too deep";
            return false;
        }
        keep("{");
        ++depth_;
        if (array || arrays_ > 0)
            ++arrays_;  // counts levels since the outermost array: nothing in it is wanted
        return true;
    }
    bool leave() {
        --depth_;
        if (arrays_ > 0) --arrays_;
        return true;
    }

    std::array<std::string, wanted.size()> values_;
    std::array<std::string, 2> keys_;
    std::size_t depth_ = 0;
    std::size_t arrays_ = 0;
    std::string fault_;
};

std::optional<std::int64_t> thread_number(const std::string& digits) {
    if (!is_digits(digits, 18)) return std::nullopt;
    const auto number = std::stoll(digits);
    return number > 0 ? std::optional<std::int64_t>(number) : std::nullopt;
}

/// Why this payload cannot be used, or nothing: what decode promises of every RepoRef and Person.
std::string misfit(const Picker& payload) {
    if (!is_digits(payload["repository.id"], 20)) return "no repository id";
    if (!is_full_name(payload["repository.full_name"])) return "the repository's full_name is not owner/name";
    if (!is_clone_url(payload["repository.clone_url"]))
        return "the clone_url is not http(s) without credentials";
    if (payload["sender.login"].empty() || !is_digits(payload["sender.id"], 20)) return "no sender";
    return {};
}

Person sender(const Picker& payload) {
    const auto& login = payload["sender.login"];
    return {.login = login,
            .id = payload["sender.id"],
            .bot = payload["sender.type"] == "Bot" || login.ends_with("[bot]")};
}

ThreadRef thread(const VerifiedDelivery& delivery, const Picker& payload, std::int64_t number) {
    return {.repo = {.forge = delivery.forge(),
                     .id = payload["repository.id"],
                     .full_name = payload["repository.full_name"],
                     .clone_url = payload["repository.clone_url"],
                     .default_branch = payload["repository.default_branch"],
                     .installation = payload["installation.id"]},
            .number = number};
}

Event decode_issue(const Picker& payload, ThreadRef issue) {
    const auto& action = payload["action"];
    if (!payload["issue.pull_request"].empty()) return Ignored{"an issues event about a pull request"};
    if (action == "labeled" || action == "unlabeled") {
        const auto& label = payload["label.name"];
        if (label.empty()) return Ignored{"issues." + action + " without a label"};
        if (action == "labeled") return IssueLabelled{std::move(issue), label, sender(payload)};
        return IssueUnlabelled{std::move(issue), label, sender(payload)};
    }
    using How = IssueEnded::How;
    if (action == "closed") return IssueEnded{std::move(issue), How::closed, sender(payload)};
    if (action == "deleted") return IssueEnded{std::move(issue), How::deleted, sender(payload)};
    return IssueEnded{std::move(issue), How::transferred, sender(payload)};
}

Event decode_comment(const Picker& payload, ThreadRef thread) {
    if (!is_digits(payload["comment.id"], 20)) return Ignored{"issue_comment.created without a comment"};
    return CommentCreated{.thread = std::move(thread),
                          .on_pull_request = !payload["issue.pull_request"].empty(),
                          .comment_id = payload["comment.id"],
                          .body = payload["comment.body"],
                          .by = sender(payload)};
}

Event decode_review(const Picker& payload, ThreadRef pull_request) {
    if (!is_digits(payload["review.id"], 20))
        return Ignored{"pull_request_review.submitted without a review"};
    if (lower_case(payload["review.state"]) != "changes_requested")
        return Ignored{"a review that asks for no changes"};
    return ChangesRequested{.pull_request = std::move(pull_request),
                            .review_id = payload["review.id"],
                            .body = payload["review.body"],
                            .by = sender(payload)};
}

Event decode_payload(const VerifiedDelivery& delivery) {
    const auto& name = delivery.event_name();
    if (name != "ping" && name != "issues" && name != "issue_comment" && name != "pull_request" &&
        name != "pull_request_review") {
        return Ignored{"event " + name + " is not for us"};
    }
    Picker payload;
    if (!nlohmann::json::sax_parse(delivery.body(), &payload)) return Ignored{name + ": " + payload.fault()};
    if (name == "ping") return Pinged{};

    const auto& action = payload["action"];
    constexpr std::array<std::string_view, 8> acted_on{
        "issues.labeled",      "issues.unlabeled",
        "issues.closed",       "issues.deleted",
        "issues.transferred",  "issue_comment.created",
        "pull_request.closed", "pull_request_review.submitted"};
    if (std::ranges::find(acted_on, name + "." + action) == acted_on.end()) {
        return Ignored{name + "." + (action.empty() || action.size() > 60 ? "?" : action) + " is not for us"};
    }
    if (auto why = misfit(payload); !why.empty()) return Ignored{name + "." + action + ": " + why};
    const bool about_pull = name.starts_with("pull_request");
    const auto number = thread_number(payload[about_pull ? "pull_request.number" : "issue.number"]);
    if (!number) return Ignored{name + "." + action + ": no number"};

    auto where = thread(delivery, payload, *number);
    if (name == "pull_request_review") return decode_review(payload, std::move(where));
    if (about_pull)
        return PullRequestEnded{std::move(where), payload["pull_request.merged"] == "true", sender(payload)};
    return name == "issues" ? decode_issue(payload, std::move(where))
                            : decode_comment(payload, std::move(where));
}

}  // namespace

Event decode_github(const VerifiedDelivery& delivery) {
    try {
        return decode_payload(delivery);
    } catch (const std::exception&
                 problem) {  // out of memory; anything else is a fault of ours that must not spread
        return Ignored{std::string("not decoded: ") + problem.what()};
    }
}

}  // namespace integrations
