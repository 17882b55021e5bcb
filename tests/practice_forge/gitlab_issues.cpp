#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/gitlab_shapes.hpp"
#include "tests/practice_forge/gitlab_tongue.hpp"

/// Issues and labels. https://docs.gitlab.com/api/issues/, https://docs.gitlab.com/api/labels/ and
/// https://docs.gitlab.com/api/resource_label_events/
namespace practice_forge::gitlab {
namespace {

Answer list_issues(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto* thread : threads_asked(call, *call.repository, false))
        all.push_back(issue_json(ground.world, *call.repository, *thread));
    return page_of(ground.world, call, all);
}

/// Of all projects that the caller sees; without a `scope` only the caller's own.
Answer list_all_issues(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    (void)choice(call, "scope", {"created_by_me", "assigned_to_me", "all"});
    if (!call.parameters.contains("scope")) call.parameters["scope"] = "created_by_me";
    std::vector<json> all;
    for (const auto& repository : ground.world.repositories) {
        if (repository->deleted || !ground.tongue.sees(ground.world, call.who, *repository)) continue;
        if (call.value("scope") == "assigned_to_me") continue;  // nothing is assigned here
        for (const auto* thread : threads_asked(call, *repository, false))
            all.push_back(issue_json(ground.world, *repository, *thread));
    }
    return page_of(ground.world, call, all);
}

Answer get_issue(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = issue_json(ground.world, *call.repository, thread_of(ground, call))};
}

Answer post_issue(Ground& ground, Call& call) {
    const auto title = required(call, "title");
    if (title.empty()) throw invalid_field("title", "can't be blank");
    const auto key =
        ground.deeds.create_issue(*call.repository, title, field(call, "description").value_or(""),
                                  call.who.login, words(call, "labels").value_or(std::vector<std::string>{}));
    const auto lock = ground.world.lock();
    return {.status = 201,
            .body = issue_json(ground.world, *call.repository, ground.world.thread(*call.repository, key))};
}

Answer put_issue(Ground& ground, Call& call) {
    update_thread(ground, call);
    return get_issue(ground, call);
}

Answer delete_issue(Ground& ground, Call& call) {
    const auto key = key_of(ground, call);
    {
        const auto lock = ground.world.lock();
        if (access_level(ground.world, call) < 50) throw forbidden();
    }
    ground.deeds.delete_issue(*call.repository, key, call.who.login);
    return {.status = 204};
}

Answer list_label_events(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto& thread = thread_of(ground, call);
    std::vector<json> all;
    for (const auto& event : thread.label_events)
        all.push_back(label_event_json(ground.world, *call.repository, thread, event));
    return page_of(ground.world, call, all);
}

Answer list_naming(Ground& ground, Call& call, bool closing) {
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto* request : requests_naming(*call.repository, thread_of(ground, call), closing))
        all.push_back(request_json(ground.world, *call.repository, *request));
    return page_of(ground.world, call, all);
}
Answer list_related(Ground& ground, Call& call) { return list_naming(ground, call, false); }
Answer list_closed_by(Ground& ground, Call& call) { return list_naming(ground, call, true); }

/// In the order of their names.
Answer list_labels(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto labels = call.repository->labels;
    std::ranges::sort(labels, {}, &Label::name);
    std::vector<json> all;
    for (const auto& label : labels)
        if (lower(label.name).find(lower(call.value("search"))) != std::string::npos)
            all.push_back(label_json(label));
    return page_of(ground.world, call, all);
}

Answer get_label(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto name = call.value("label");
    const auto known = std::ranges::find_if(call.repository->labels, [&](const Label& label) {
        return label.name == name || std::to_string(label.id) == name;
    });
    if (known == call.repository->labels.end()) throw none_of("Label");
    return {.body = label_json(*known)};
}

Answer post_label(Ground& ground, Call& call) {
    const auto name = required(call, "name");
    const auto color = required(call, "color");
    if (color.size() != 7 || color[0] != '#' ||
        color.find_first_not_of("0123456789abcdefABCDEF", 1) != std::string::npos)
        throw invalid_field("color", "must be a valid color code");
    if (name.empty() || name.find(',') != std::string::npos) throw invalid_field("title", "is invalid");
    const auto lock = ground.world.lock();
    if (World::find_label(*call.repository, name) != nullptr)
        throw refusal(409, {{"message", "Label already exists"}});
    call.repository->labels.push_back({.id = ground.world.next_id(),
                                       .name = name,
                                       .color = color.substr(1),
                                       .description = field(call, "description").value_or("")});
    return {.status = 201, .body = label_json(call.repository->labels.back())};
}

}  // namespace

const std::vector<Route>& issue_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/issues", Access::talk, kGuest, list_all_issues},
        {"GET", "/projects/{owner}/{repo}/issues", Access::read, kGuest, list_issues},
        {"POST", "/projects/{owner}/{repo}/issues", Access::talk, kGuest, post_issue, false},
        {"GET", "/projects/{owner}/{repo}/issues/{issue_iid}", Access::read, kGuest, get_issue},
        {"PUT", "/projects/{owner}/{repo}/issues/{issue_iid}", Access::talk, kGuest, put_issue, false},
        {"DELETE", "/projects/{owner}/{repo}/issues/{issue_iid}", Access::talk, kGuest, delete_issue, false},
        {"GET", "/projects/{owner}/{repo}/issues/{issue_iid}/resource_label_events", Access::read, kGuest,
         list_label_events},
        {"GET", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/resource_label_events",
         Access::read, kGuest, list_label_events},
        {"GET", "/projects/{owner}/{repo}/issues/{issue_iid}/related_merge_requests", Access::read, kGuest,
         list_related},
        {"GET", "/projects/{owner}/{repo}/issues/{issue_iid}/closed_by", Access::read, kGuest,
         list_closed_by},
        {"GET", "/projects/{owner}/{repo}/labels", Access::read, kGuest, list_labels},
        {"POST", "/projects/{owner}/{repo}/labels", Access::talk, kReporter, post_label, false},
        {"GET", "/projects/{owner}/{repo}/labels/{label}", Access::read, kGuest, get_label},
    };
    return routes;
}

}  // namespace practice_forge::gitlab
