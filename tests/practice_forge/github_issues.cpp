#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "tests/practice_forge/github_shapes.hpp"
#include "tests/practice_forge/github_tongue.hpp"

/// Issues, labels, comments and reactions. https://docs.github.com/en/rest/issues
namespace practice_forge::github {
namespace {

std::vector<std::string> comma_list(const std::string& text) {
    std::vector<std::string> result;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) result.push_back(part);
    return result;
}

StoredComment& comment_of(Call& call) {
    const auto found = call.repository->comments.find(call.number("comment_id"));
    if (found == call.repository->comments.end()) throw not_found();
    return found->second;
}

Answer labels_of(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto& thread = ground.world.thread(*call.repository, call.number("issue_number"));
    return {.body = issue_json(ground.world, *call.repository, thread)["labels"]};
}

/// Pull requests are issues too, as on GitHub.
Answer list_issues(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto wanted = comma_list(call.value("labels"));
    const std::string state = call.value("state", "open");
    std::vector<json> all;
    for (auto at = call.repository->threads.rbegin(); at != call.repository->threads.rend(); ++at) {
        const auto& thread = at->second;
        if (state != "all" && thread.open != (state == "open")) continue;
        if (!std::ranges::all_of(wanted, [&](const std::string& name) {
                return std::ranges::any_of(thread.labels,
                                           [&](const std::string& has) { return lower(has) == lower(name); });
            })) {
            continue;
        }
        all.push_back(issue_json(ground.world, *call.repository, thread));
    }
    if (call.value("direction") == "asc") std::ranges::reverse(all);
    return page_of(ground.world, call, all);
}

Answer get_issue(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto& thread = ground.world.thread(*call.repository, call.number("issue_number"));
    return {.body = full_issue_json(ground.world, *call.repository, thread)};
}

std::vector<std::string> label_names(const json& labels) {
    std::vector<std::string> names;
    for (const auto& label : labels) {
        names.push_back(label.is_string() ? label.get<std::string>() : label.at("name").get<std::string>());
        if (names.back().empty() || code_points(names.back()) > 50) throw invalid("Label", "name", "invalid");
    }
    return names;
}

Answer post_issue(Ground& ground, Call& call) {
    const std::string body = call.text_field("body").value_or("");
    check_length(body, "Issue", "body");
    const auto number =
        ground.deeds.create_issue(*call.repository, call.required_text("title"), body, call.who.login,
                                  label_names(call.body.value("labels", json::array())));
    const auto lock = ground.world.lock();
    return {.status = 201,
            .body = full_issue_json(ground.world, *call.repository,
                                    ground.world.thread(*call.repository, number))};
}

Answer patch_issue(Ground& ground, Call& call) {
    const auto number = call.number("issue_number");
    const auto body = call.text_field("body");
    if (body) check_length(*body, "Issue", "body");
    ground.deeds.edit_thread(*call.repository, number, call.text_field("title"), body, call.who.login);
    if (const auto labels = call.body.find("labels"); labels != call.body.end()) {
        const auto wanted = label_names(*labels);
        std::vector<std::string> surplus;
        {
            const auto lock = ground.world.lock();
            surplus = ground.world.thread(*call.repository, number).labels;
        }
        std::erase_if(surplus, [&](const std::string& name) {
            return std::ranges::find(wanted, name) != wanted.end();
        });
        for (const auto& name : surplus)
            ground.deeds.remove_label(*call.repository, number, name, call.who.login);
        ground.deeds.add_labels(*call.repository, number, wanted, call.who.login);
    }
    if (const auto state = call.text_field("state")) {
        if (*state != "open" && *state != "closed") throw invalid("Issue", "state", "invalid");
        ground.deeds.set_open(*call.repository, number, *state == "open",
                              call.text_field("state_reason").value_or(""), call.who.login);
    }
    return get_issue(ground, call);
}

Answer get_issue_labels(Ground& ground, Call& call) { return labels_of(ground, call); }

Answer post_issue_labels(Ground& ground, Call& call) {
    const json& labels = call.body.is_array() ? call.body : call.body.value("labels", json::array());
    ground.deeds.add_labels(*call.repository, call.number("issue_number"), label_names(labels),
                            call.who.login);
    return labels_of(ground, call);
}

Answer delete_issue_label(Ground& ground, Call& call) {
    ground.deeds.remove_label(*call.repository, call.number("issue_number"), call.value("name"),
                              call.who.login);
    return labels_of(ground, call);
}

Answer list_labels(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto& label : call.repository->labels)
        all.push_back(label_json(ground.world, *call.repository, label));
    return page_of(ground.world, call, all);
}

Answer get_label(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto* label = World::find_label(*call.repository, call.value("name"));
    if (label == nullptr) throw not_found();
    return {.body = label_json(ground.world, *call.repository, *label)};
}

Answer post_label(Ground& ground, Call& call) {
    const std::string name = call.required_text("name");
    const std::string color = call.text_field("color").value_or("ededed");
    if (name.empty() || code_points(name) > 50) throw invalid("Label", "name", "invalid");
    if (color.size() != 6 || color.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        throw invalid("Label", "color", "invalid");
    if (code_points(call.text_field("description").value_or("")) > 100)
        throw invalid("Label", "description", "invalid");
    const auto lock = ground.world.lock();
    if (World::find_label(*call.repository, name) != nullptr)
        throw invalid("Label", "name", "already_exists");
    auto& label = ground.world.label(*call.repository, name);
    label.color = color;
    label.description = call.text_field("description").value_or("");
    return {.status = 201, .body = label_json(ground.world, *call.repository, label)};
}

Answer list_comments(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto number = ground.world.thread(*call.repository, call.number("issue_number")).number;
    std::vector<json> all;
    for (const auto& [id, comment] : call.repository->comments) {
        if (comment.thread == number) all.push_back(comment_json(ground.world, *call.repository, comment));
    }
    return page_of(ground.world, call, all);
}

/// https://docs.github.com/en/rest/issues/comments#list-issue-comments-for-a-repository
Answer list_all_comments(Ground& ground, Call& call) {
    const auto since = parse_time(call.value("since"));
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto& [id, comment] : call.repository->comments)
        if (!since || comment.updated >= *since)
            all.push_back(comment_json(ground.world, *call.repository, comment));
    if (const auto sort = call.value("sort"); !sort.empty()) {
        const char* by = sort == "updated" ? "updated_at" : "created_at";
        std::ranges::sort(all, {}, [by](const json& one) {
            return std::pair(one[by].get<std::string>(), one["id"].get<std::int64_t>());
        });
        if (call.value("direction", "desc") == "desc") std::ranges::reverse(all);
    }
    return page_of(ground.world, call, all);
}

Answer get_comment(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = comment_json(ground.world, *call.repository, comment_of(call))};
}

Answer post_comment(Ground& ground, Call& call) {
    const std::string body = call.required_text("body");
    check_length(body, "IssueComment", "body");
    if (body.find_first_not_of(" \t\r\n") == std::string::npos)
        throw invalid("IssueComment", "body", "missing_field");
    {
        const auto lock = ground.world.lock();
        const auto& thread = ground.world.thread(*call.repository, call.number("issue_number"));
        if (thread.locked && call.who.kind == Identity::Kind::person &&
            ground.world.permission(*call.repository, call.who.login) < Permission::write)
            throw Problem(403, "Unable to create comment because issue is locked.");
    }
    const auto id = ground.deeds.comment(*call.repository, call.number("issue_number"), body, call.who.login);
    const auto lock = ground.world.lock();
    return {.status = 201,
            .body = comment_json(ground.world, *call.repository, call.repository->comments.at(id))};
}

/// Others' comments may be changed by who may push; an app changes only its own.
void check_author(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto& comment = comment_of(call);
    if (comment.user == call.who.login) return;
    if (call.who.kind != Identity::Kind::person ||
        ground.world.permission(*call.repository, call.who.login) < Permission::write) {
        throw Problem(403, "Resource not accessible by integration");
    }
}

Answer patch_comment(Ground& ground, Call& call) {
    const std::string body = call.required_text("body");
    check_length(body, "IssueComment", "body");
    check_author(ground, call);
    ground.deeds.edit_comment(*call.repository, call.number("comment_id"), body, call.who.login);
    return get_comment(ground, call);
}

Answer delete_comment(Ground& ground, Call& call) {
    check_author(ground, call);
    ground.deeds.delete_comment(*call.repository, call.number("comment_id"), call.who.login);
    return {.status = 204};
}

/// The same reaction of the same person twice is answered with the first: 200 instead of 201.
Answer react(Ground& ground, const Call& call, std::vector<StoredReaction>& reactions) {
    const std::string content = call.required_text("content");
    static constexpr const char* kKnown[] = {"+1",    "-1",     "laugh",  "confused",
                                             "heart", "hooray", "rocket", "eyes"};
    if (std::ranges::find(kKnown, content) == std::end(kKnown))
        throw invalid("Reaction", "content", "invalid");
    for (const auto& reaction : reactions) {
        if (reaction.user == call.who.login && reaction.content == content)
            return {.status = 200, .body = reaction_json(ground.world, reaction)};
    }
    reactions.push_back({.id = ground.world.next_id(),
                         .user = call.who.login,
                         .content = content,
                         .created = ground.world.now()});
    return {.status = 201, .body = reaction_json(ground.world, reactions.back())};
}

Answer post_issue_reaction(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return react(ground, call, ground.world.thread(*call.repository, call.number("issue_number")).reactions);
}

Answer post_comment_reaction(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return react(ground, call, comment_of(call).reactions);
}

Answer list_issue_reactions(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto& reaction :
         ground.world.thread(*call.repository, call.number("issue_number")).reactions) {
        all.push_back(reaction_json(ground.world, reaction));
    }
    return page_of(ground.world, call, all);
}

/// Of an issue's events, the ones about labels. https://docs.github.com/en/rest/issues/events
Answer list_issue_events(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto& thread = ground.world.thread(*call.repository, call.number("issue_number"));
    const auto events =
        issue_json(ground.world, *call.repository, thread)["repository_url"].get<std::string>() +
        "/issues/events/";
    std::vector<json> all;
    for (const auto& event : thread.label_events) {
        const auto* label = World::find_label(*call.repository, event.label);
        all.push_back(
            {{"id", event.id},
             {"node_id", "LE_" + std::to_string(event.id)},
             {"url", events + std::to_string(event.id)},
             {"actor", user_json(ground.world, event.by)},
             {"event", event.event},
             {"commit_id", nullptr},
             {"commit_url", nullptr},
             {"created_at", timestamp(event.when)},
             {"performed_via_github_app", nullptr},
             {"label", {{"name", event.label}, {"color", label == nullptr ? "ededed" : label->color}}}});
    }
    return page_of(ground.world, call, all);
}

}  // namespace

const std::vector<Route>& issue_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/repos/{owner}/{repo}/issues", Access::read, "issues", list_issues},
        {"POST", "/repos/{owner}/{repo}/issues", Access::talk, "issues", post_issue},
        {"GET", "/repos/{owner}/{repo}/issues/{issue_number}", Access::read, "issues", get_issue},
        {"PATCH", "/repos/{owner}/{repo}/issues/{issue_number}", Access::write, "issues", patch_issue},
        {"GET", "/repos/{owner}/{repo}/issues/{issue_number}/events", Access::read, "issues",
         list_issue_events},
        {"GET", "/repos/{owner}/{repo}/issues/{issue_number}/labels", Access::read, "issues",
         get_issue_labels},
        {"POST", "/repos/{owner}/{repo}/issues/{issue_number}/labels", Access::write, "issues",
         post_issue_labels},
        {"DELETE", "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}", Access::write, "issues",
         delete_issue_label},
        {"GET", "/repos/{owner}/{repo}/labels", Access::read, "issues", list_labels},
        {"POST", "/repos/{owner}/{repo}/labels", Access::write, "issues", post_label},
        {"GET", "/repos/{owner}/{repo}/labels/{name}", Access::read, "issues", get_label},
        {"GET", "/repos/{owner}/{repo}/issues/comments", Access::read, "issues", list_all_comments},
        {"GET", "/repos/{owner}/{repo}/issues/{issue_number}/comments", Access::read, "issues",
         list_comments},
        {"POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments", Access::talk, "issues",
         post_comment},
        {"GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}", Access::read, "issues", get_comment},
        {"PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", Access::talk, "issues",
         patch_comment},
        {"DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}", Access::talk, "issues",
         delete_comment},
        {"GET", "/repos/{owner}/{repo}/issues/{issue_number}/reactions", Access::read, "issues",
         list_issue_reactions},
        {"POST", "/repos/{owner}/{repo}/issues/{issue_number}/reactions", Access::talk, "issues",
         post_issue_reaction},
        {"POST", "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions", Access::talk, "issues",
         post_comment_reaction},
    };
    return routes;
}

}  // namespace practice_forge::github
