#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "tests/practice_forge/gitea_shapes.hpp"
#include "tests/practice_forge/gitea_tongue.hpp"

/// Issues and labels. https://github.com/go-gitea/gitea/blob/main/routers/api/v1/repo/issue.go and
/// …/issue_label.go
namespace practice_forge::gitea {
namespace {

/// Of a comma list, the labels that there are: names of none filter nothing.
std::vector<std::string> known_labels(const Repository& repository, const std::string& text) {
    std::vector<std::string> names;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) {
        if (std::ranges::find(repository.labels, part, &Label::name) != repository.labels.end())
            names.push_back(part);
    }
    return names;
}

/// Pull requests are issues too, unless `type` says which.
Answer list_issues(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto wanted = known_labels(*call.repository, call.value("labels"));
    const std::string state = call.value("state", "open");
    const std::string type = call.value("type");
    const auto since = time_asked(call, "since");
    std::vector<json> all;
    for (auto at = call.repository->threads.rbegin(); at != call.repository->threads.rend(); ++at) {
        const auto& thread = at->second;
        if (state != "all" && thread.open != (state == "open")) continue;
        if (!type.empty() && thread.pull.has_value() != (type == "pulls")) continue;
        if (since && thread.updated < *since) continue;
        if (!std::ranges::all_of(wanted, [&](const std::string& name) {
                return std::ranges::find(thread.labels, name) != thread.labels.end();
            }))
            continue;
        all.push_back(issue_json(ground.world, *call.repository, thread));
    }
    return page_of(ground.world, call, all, Linked::yes);
}

Answer get_issue(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = issue_json(ground.world, *call.repository, thread_of(ground, call))};
}

/// Labels by their ids or by their names; throws 400 for a mixture. What there is not is left out.
std::vector<std::string> label_names(const Repository& repository, const json& labels) {
    std::vector<std::string> names;
    bool any_id = false;
    bool any_name = false;
    for (const auto& label : labels) {
        if (!label.is_string() && !label.is_number())
            throw Problem(400, "a label must be an integer or a string");
        any_id = any_id || label.is_number();
        any_name = any_name || label.is_string();
        const auto known = std::ranges::find_if(repository.labels, [&](const Label& each) {
            return label.is_string() ? each.name == label.get_ref<const std::string&>()
                                     : each.id == label.get<std::int64_t>();
        });
        if (known != repository.labels.end()) names.push_back(known->name);
    }
    if (any_id && any_name) throw Problem(400, "labels should be an array of strings or integers");
    return names;
}

Answer post_issue(Ground& ground, Call& call) {
    const auto title = title_of(required(call, "title"));
    std::vector<std::string> labels;
    {
        const auto lock = ground.world.lock();
        if (can_write(ground.world, call))
            labels = label_names(*call.repository, call.body.value("labels", json::array()));
    }
    const auto number = ground.deeds.create_issue(
        *call.repository, title, call.text_field("body").value_or(""), call.who.login, labels);
    const auto lock = ground.world.lock();
    return {
        .status = 201,
        .body = issue_json(ground.world, *call.repository, ground.world.thread(*call.repository, number))};
}

Answer patch_issue(Ground& ground, Call& call) {
    edit(ground, call, call.number("index"));
    auto answer = get_issue(ground, call);
    answer.status = 201;
    return answer;
}

Answer get_labels(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = labels_json(ground.world, *call.repository, thread_of(ground, call))};
}

std::vector<std::string> asked_labels(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    (void)thread_of(ground, call);
    if (!can_write(ground.world, call)) throw Problem(403, "write permission is required");
    return label_names(*call.repository, call.body.value("labels", json::array()));
}

Answer post_labels(Ground& ground, Call& call) {
    const auto names = asked_labels(ground, call);
    ground.deeds.add_labels(*call.repository, call.number("index"), names, call.who.login);
    return get_labels(ground, call);
}

Answer put_labels(Ground& ground, Call& call) {
    const auto names = asked_labels(ground, call);
    ground.deeds.replace_labels(*call.repository, call.number("index"), names, call.who.login);
    return get_labels(ground, call);
}

/// Of a label that is not set nothing is said: 204 as well, and even told.
Answer delete_label(Ground& ground, Call& call) {
    std::vector<std::string> rest;
    {
        const auto lock = ground.world.lock();
        rest = thread_of(ground, call).labels;
        if (!can_write(ground.world, call)) throw Problem(403, "");
        const auto known = std::ranges::find(call.repository->labels, call.number("id"), &Label::id);
        if (known == call.repository->labels.end())
            throw Problem(422, fmt::format("label does not exist [label_id: {}]", call.number("id")));
        std::erase(rest, known->name);
    }
    ground.deeds.replace_labels(*call.repository, call.number("index"), rest, call.who.login);
    return {.status = 204};
}

Answer delete_labels(Ground& ground, Call& call) {
    {
        const auto lock = ground.world.lock();
        (void)thread_of(ground, call);
        if (!can_write(ground.world, call)) throw Problem(403, "");
    }
    ground.deeds.clear_labels(*call.repository, call.number("index"), call.who.login);
    return {.status = 204};
}

/// In the order of their names.
Answer list_labels(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto labels = call.repository->labels;
    std::ranges::stable_sort(labels, {}, &Label::name);
    std::vector<json> all;
    for (const auto& label : labels) all.push_back(label_json(ground.world, *call.repository, label));
    return page_of(ground.world, call, all, Linked::no);
}

Answer get_label(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto known = std::ranges::find(call.repository->labels, call.number("id"), &Label::id);
    if (known == call.repository->labels.end()) throw not_found();
    return {.body = label_json(ground.world, *call.repository, *known)};
}

/// Two of one name are no error. https://github.com/go-gitea/gitea/blob/main/routers/api/v1/repo/label.go
Answer post_label(Ground& ground, Call& call) {
    const auto name = required(call, "name");
    auto color = required(call, "color");
    if (color.starts_with('#')) color.erase(0, 1);
    if ((color.size() != 6 && color.size() != 3) ||
        color.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos)
        throw Problem(422, "label is not in the right format");
    const auto lock = ground.world.lock();
    call.repository->labels.push_back({.id = ground.world.next_id(),
                                       .name = name,
                                       .color = lower(color),
                                       .description = call.text_field("description").value_or("")});
    return {.status = 201,
            .body = label_json(ground.world, *call.repository, call.repository->labels.back())};
}

}  // namespace

const std::vector<Route>& issue_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/repos/{owner}/{repo}/issues", Access::read, "", list_issues},
        {"POST", "/repos/{owner}/{repo}/issues", Access::talk, "", post_issue, false},
        {"GET", "/repos/{owner}/{repo}/issues/{index}", Access::read, "", get_issue},
        {"PATCH", "/repos/{owner}/{repo}/issues/{index}", Access::talk, "", patch_issue},
        {"GET", "/repos/{owner}/{repo}/issues/{index}/labels", Access::read, "", get_labels},
        {"POST", "/repos/{owner}/{repo}/issues/{index}/labels", Access::talk, "", post_labels},
        {"PUT", "/repos/{owner}/{repo}/issues/{index}/labels", Access::talk, "", put_labels},
        {"DELETE", "/repos/{owner}/{repo}/issues/{index}/labels", Access::talk, "", delete_labels},
        {"DELETE", "/repos/{owner}/{repo}/issues/{index}/labels/{id}", Access::talk, "", delete_label},
        {"GET", "/repos/{owner}/{repo}/labels", Access::read, "", list_labels},
        {"POST", "/repos/{owner}/{repo}/labels", Access::write, "", post_label},
        {"GET", "/repos/{owner}/{repo}/labels/{id}", Access::read, "", get_label},
    };
    return routes;
}

}  // namespace practice_forge::gitea
