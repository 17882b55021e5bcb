#include "tests/practice_forge/world.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>

namespace practice_forge {
namespace {

constexpr std::array<std::pair<Permission, std::string_view>, 6> kRoles{{{Permission::none, "none"},
                                                                         {Permission::read, "read"},
                                                                         {Permission::triage, "triage"},
                                                                         {Permission::write, "write"},
                                                                         {Permission::maintain, "maintain"},
                                                                         {Permission::admin, "admin"}}};

}  // namespace

Problem not_found() { return {404, "Not Found"}; }

Problem invalid(const char* resource, const char* field, const char* code, const std::string& message) {
    json error = {{"resource", resource}, {"code", code}};
    if (*field != '\0') error["field"] = field;
    if (!message.empty()) error["message"] = message;
    return {422, "Validation Failed", json::array({error})};
}

Time World::now() const {
    return std::chrono::system_clock::now() + std::chrono::seconds(clock_offset.load());
}

User& World::user(std::string_view login) {
    if (const auto found = users.find(login); found != users.end()) return found->second;
    const std::string name(login);
    return users.emplace(name, User{.id = next_id(), .login = name, .bot = login.ends_with("[bot]")})
        .first->second;
}

Repository* World::find(std::string_view full_name) const {
    const std::string wanted = lower(full_name);
    for (const auto& repository : repositories) {
        if (!repository->deleted && lower(repository->full_name()) == wanted) return repository.get();
    }
    return nullptr;
}

Repository* World::find(std::int64_t id) const {
    for (const auto& repository : repositories) {
        if (!repository->deleted && repository->id == id) return repository.get();
    }
    return nullptr;
}

Repository& World::repository(std::string_view full_name) const {
    if (auto* found = find(full_name)) return *found;
    throw not_found();
}

Which World::take_number(Repository& repository, bool pull_request) const {
    auto& next = customs.counts_apart && pull_request ? repository.next_pull_number : repository.next_number;
    return {next++, pull_request};
}

Thread& World::thread(Repository& repository, std::int64_t key) const {
    if (const auto found = repository.threads.find(key); found != repository.threads.end())
        return found->second;
    if (repository.deleted_threads.contains(key)) throw Problem(410, "This issue was deleted");
    if (const auto moved = repository.moved_threads.find(key); moved != repository.moved_threads.end()) {
        Problem problem(301, "Moved Permanently");
        problem.headers["Location"] =
            fmt::format("{}{}/repositories/{}/issues/{}", base_url, customs.api_path, moved->second.first,
                        moved->second.second);
        throw problem;
    }
    throw not_found();
}

Label* World::find_label(Repository& repository, std::string_view name) {
    const std::string wanted = lower(name);
    const auto found =
        std::ranges::find_if(repository.labels, [&](const Label& l) { return lower(l.name) == wanted; });
    return found == repository.labels.end() ? nullptr : &*found;
}

Label& World::label(Repository& repository, std::string_view name) {
    if (auto* found = find_label(repository, name)) return *found;
    return repository.labels.emplace_back(
        Label{.id = next_id(), .name = std::string(name), .color = "ededed", .description = ""});
}

Permission World::permission(const Repository& repository, std::string_view login) const {
    const auto found = repository.collaborators.find(lower(login));
    if (found != repository.collaborators.end()) return found->second;
    return repository.is_private ? Permission::none : Permission::read;
}

void World::forget_app_tokens() {
    std::erase_if(tokens, [this](const auto& entry) {
        const auto& who = entry.second.identity;
        return customs.apps ? who.kind == Identity::Kind::installation : who.login == app_login();
    });
}

bool World::is_draft(const Thread& thread) const {
    if (!thread.pull) return false;
    if (customs.draft_prefixes.empty()) return thread.pull->draft;
    const auto title = lower(thread.title);
    return std::ranges::any_of(customs.draft_prefixes,
                               [&](std::string_view prefix) { return title.starts_with(lower(prefix)); });
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return result;
}

std::string timestamp(Time time, std::chrono::minutes zone) {
    const auto there =
        fmt::format("{:%Y-%m-%dT%H:%M:%S}", fmt::gmtime(std::chrono::system_clock::to_time_t(time + zone)));
    const auto offset = zone.count();
    return offset == 0 ? there + "Z" : fmt::format("{}+{:02}:{:02}", there, offset / 60, offset % 60);
}

std::optional<Time> parse_time(std::string text) {
    if (const auto point = text.find('.'); point != std::string::npos)
        text.erase(point, text.find_first_not_of("0123456789", point + 1) - point);
    if (text.ends_with('Z')) text.replace(text.size() - 1, 1, "+0000");
    if (text.size() > 6 && text[text.size() - 3] == ':') text.erase(text.size() - 3, 1);
    std::tm read{};
    const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S%z", &read);
    if (end == nullptr || *end != '\0') return std::nullopt;
    const auto east = read.tm_gmtoff;  // timegm puts it to zero
    return std::chrono::system_clock::from_time_t(timegm(&read) - east);
}

std::string_view name_of(Permission permission) {
    return kRoles.at(static_cast<std::size_t>(permission)).second;
}

Permission permission_named(std::string_view name) {
    const auto found = std::ranges::find(kRoles, name, &std::pair<Permission, std::string_view>::second);
    if (found == kRoles.end()) throw Problem(422, fmt::format("no such permission: {}", name));
    return found->first;
}

std::size_t code_points(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace practice_forge
