#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "tests/practice_forge/addresses.hpp"
#include "tests/practice_forge/gitlab_tongue.hpp"

/// What a request asks for: its parameters, its page of a list, the threads that it names and how it changes
/// them.
namespace practice_forge::gitlab {
namespace {

Problem error_of(const std::string& text) { return refusal(400, {{"error", text}}); }

std::vector<std::string> split_words(const std::string& text) {
    std::vector<std::string> result;
    std::istringstream parts(text);
    for (std::string part; std::getline(parts, part, ',');) {
        const auto begin = part.find_first_not_of(' ');
        if (begin == std::string::npos) continue;
        result.push_back(part.substr(begin, part.find_last_not_of(' ') - begin + 1));
    }
    return result;
}

std::string query_without(const Call& call, std::map<std::string, std::string> changed) {
    auto query = parse_query(call.query);
    query.merge(std::map(changed));
    for (const auto& [name, value] : changed) query[name] = value;
    std::string text;
    for (const auto& [name, value] : query)
        text += fmt::format("{}{}={}", text.empty() ? "?" : "&", encode_url(name), encode_url(value));
    return text;
}

std::string link_to(const World& world, const Call& call, const std::string& query,
                    std::string_view relation) {
    return fmt::format("<{}{}{}{}>; rel=\"{}\"", world.base_url, world.customs.api_path, call.path, query,
                       relation);
}

/// https://docs.gitlab.com/api/rest/#keyset-based-pagination
Answer keyset_page(const World& world, const Call& call, std::vector<json> all, std::size_t size) {
    const bool ascending = call.value("sort") == "asc";
    const auto after = call.value(ascending ? "id_after" : "id_before");
    const auto id = [](const json& one) { return one["id"].get<std::int64_t>(); };
    std::ranges::sort(
        all, [&](const json& a, const json& b) { return ascending ? id(a) < id(b) : id(a) > id(b); });
    if (!after.empty()) {
        const auto last = std::strtoll(after.c_str(), nullptr, 10);
        std::erase_if(all, [&](const json& one) { return ascending ? id(one) <= last : id(one) >= last; });
    }
    Answer answer{.body = json::array()};
    for (std::size_t i = 0; i < std::min(size, all.size()); ++i) answer.body.push_back(all[i]);
    if (all.size() > size) {
        const auto last = std::to_string(id(answer.body.back()));
        answer.headers["Link"] =
            link_to(world, call, query_without(call, {{ascending ? "id_after" : "id_before", last}}), "next");
    }
    return answer;
}

}  // namespace

std::optional<std::string> field(const Call& call, const std::string& name) {
    const auto found = call.body.find(name);
    if (found == call.body.end()) {
        const auto asked = call.parameters.find(name);
        return asked == call.parameters.end() ? std::nullopt : std::optional(asked->second);
    }
    if (found->is_null()) return std::nullopt;
    if (found->is_object() || found->is_array()) throw error_of(name + " is invalid");
    return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string required(const Call& call, const std::string& name) {
    if (auto text = field(call, name)) return *text;
    throw error_of(name + " is missing");
}

std::optional<bool> flag(const Call& call, const std::string& name) {
    const auto text = field(call, name);
    if (!text) return std::nullopt;
    if (*text != "true" && *text != "false") throw error_of(name + " is invalid");
    return *text == "true";
}

std::optional<std::vector<std::string>> words(const Call& call, const std::string& name) {
    const auto found = call.body.find(name);
    if (found == call.body.end() || !found->is_array()) {
        const auto text = field(call, name);
        return text ? std::optional(split_words(*text)) : std::nullopt;
    }
    std::vector<std::string> result;
    for (const auto& one : *found) {
        if (!one.is_string()) throw error_of(name + " is invalid");
        for (auto& word : split_words(one.get<std::string>())) result.push_back(std::move(word));
    }
    return result;
}

std::optional<std::string> choice(const Call& call, const std::string& name,
                                  const std::vector<std::string_view>& allowed) {
    auto text = field(call, name);
    if (text && std::ranges::find(allowed, *text) == allowed.end())
        throw error_of(name + " does not have a valid value");
    return text;
}

std::optional<Time> time_field(const Call& call, const std::string& name) {
    const auto text = field(call, name);
    if (!text) return std::nullopt;
    const auto time = parse_time(*text);
    if (!time) throw error_of(name + " is invalid");
    return time;
}

Answer page_of(const World& world, const Call& call, const std::vector<json>& all) {
    const std::size_t size = std::min<std::size_t>(call.positive("per_page", 20), 100);
    if (call.value("pagination") == "keyset") return keyset_page(world, call, all, size);
    const std::size_t page = call.positive("page", 1);
    const std::size_t last = std::max<std::size_t>((all.size() + size - 1) / size, 1);
    Answer answer{.body = json::array()};
    for (std::size_t i = (page - 1) * size; i < std::min(page * size, all.size()); ++i)
        answer.body.push_back(all[i]);
    const auto shown = [&](std::size_t number, bool there) {
        return there ? std::to_string(number) : std::string();
    };
    answer.headers = {
        {"X-Page", std::to_string(page)},           {"X-Per-Page", std::to_string(size)},
        {"X-Prev-Page", shown(page - 1, page > 1)}, {"X-Next-Page", shown(page + 1, page < last)},
        {"X-Total", std::to_string(all.size())},    {"X-Total-Pages", std::to_string(last)}};
    auto& header = answer.headers["Link"];
    const auto link = [&](std::size_t to, const char* relation) {
        const auto query =
            query_without(call, {{"page", std::to_string(to)}, {"per_page", std::to_string(size)}});
        header += (header.empty() ? "" : ", ") + link_to(world, call, query, relation);
    };
    if (page > 1) link(page - 1, "prev");
    if (page < last) link(page + 1, "next");
    link(1, "first");
    link(last, "last");
    return answer;
}

std::int64_t key_of(Ground& ground, const Call& call) {
    const bool pull = call.parameters.contains("merge_request_iid");
    return ground.world.key_of({call.number(pull ? "merge_request_iid" : "issue_iid"), pull});
}

Thread& thread_of(Ground& ground, const Call& call) {
    return ground.world.thread(*call.repository, key_of(ground, call));
}

void check_may_update(const World& world, const Call& call, const Thread& thread) {
    if (call.who.login != thread.author && access_level(world, call) < (thread.pull ? 30 : 20))
        throw forbidden();
}

void check_may_talk(const World& world, const Call& call, const Thread& thread) {
    if (thread.locked && access_level(world, call) == 0) throw forbidden();
}

namespace {

void check_words(const Call& call) {
    const auto title = field(call, "title");
    if (title && title->empty()) throw invalid_field("title", "can't be blank");
    if (title && code_points(*title) > 255)
        throw invalid_field("title", "is too long (maximum is 255 characters)");
    if (code_points(field(call, "description").value_or("")) > 1'048'576)
        throw invalid_field("description", "is too long (maximum is 1048576 characters)");
}

bool has_labels(const Thread& thread, const std::vector<std::string>& labels) {
    return std::ranges::all_of(labels, [&](const std::string& name) {
        return std::ranges::find(thread.labels, name) != thread.labels.end();
    });
}

/// As GitLab names the state of an issue or a merge request.
bool is_in_state(const Thread& thread, const std::string& state) {
    const bool merged = thread.pull && thread.pull->merged;
    return state == "all" || state.empty() || (state == "opened" && thread.open) ||
           (state == "merged" && merged) || (state == "closed" && !thread.open && !merged);
}

}  // namespace

void update_thread(Ground& ground, Call& call) {
    const auto key = key_of(ground, call);
    check_words(call);
    const auto event = choice(call, "state_event", {"close", "reopen"});
    const auto set = words(call, "add_labels");
    const auto take = words(call, "remove_labels");
    const auto exactly = words(call, "labels");
    {
        const auto lock = ground.world.lock();
        check_may_update(ground.world, call, thread_of(ground, call));
    }
    auto& deeds = ground.deeds;
    deeds.edit_thread(*call.repository, key, field(call, "title"), field(call, "description"),
                      call.who.login);
    if (exactly) deeds.replace_labels(*call.repository, key, *exactly, call.who.login);
    if (set || take)
        deeds.change_labels(*call.repository, key, set.value_or(std::vector<std::string>{}),
                            take.value_or(std::vector<std::string>{}), call.who.login);
    if (const auto locked = flag(call, "discussion_locked"))
        deeds.set_locked(*call.repository, key, *locked, call.who.login);
    if (event) deeds.set_open(*call.repository, key, *event == "reopen", "", call.who.login);
}

std::vector<const Thread*> threads_asked(const Call& call, const Repository& repository, bool pulls) {
    const auto state = choice(call, "state", {"all", "opened", "closed", "merged", "locked"}).value_or("all");
    const auto labels = words(call, "labels").value_or(std::vector<std::string>{});
    const auto since = time_field(call, "updated_after");
    const auto author = field(call, "author_username");
    std::vector<const Thread*> found;
    for (const auto& [key, thread] : repository.threads) {
        if (thread.pull.has_value() != pulls || !is_in_state(thread, state)) continue;
        if (!has_labels(thread, labels) || (since && thread.updated < *since)) continue;
        if (author && *author != thread.author) continue;
        if (call.value("scope") == "created_by_me" && thread.author != call.who.login) continue;
        found.push_back(&thread);
    }
    const bool by_update = call.value("order_by") == "updated_at";
    const bool ascending = call.value("sort") == "asc";
    std::ranges::sort(found, [&](const Thread* a, const Thread* b) {
        const auto rank = [&](const Thread* one) {
            return std::pair(by_update ? one->updated : one->created, one->id);
        };
        return ascending ? rank(a) < rank(b) : rank(a) > rank(b);
    });
    return found;
}

}  // namespace practice_forge::gitlab
