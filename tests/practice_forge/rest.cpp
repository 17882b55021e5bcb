#include "tests/practice_forge/rest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "tests/practice_forge/tongue.hpp"

namespace practice_forge {
namespace {

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             std::map<std::string, std::string>& parameters) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (i >= path.size()) return false;
        if (!pattern[i].starts_with('{')) {
            if (pattern[i] != path[i]) return false;
        } else if (pattern[i].ends_with("...}")) {
            auto& rest = parameters[pattern[i].substr(1, pattern[i].size() - 5)];
            for (std::size_t k = i; k < path.size(); ++k) rest += (k == i ? "" : "/") + path[k];
            return true;
        } else {
            parameters[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
        }
    }
    return pattern.size() == path.size();
}

Answer dispatch(Ground& ground, Call& call) {
    const auto& tongue = ground.tongue;
    auto segments = split_path(call.path);
    const Route* route = nullptr;
    {
        const auto lock = ground.world.lock();
        call.who = tongue.identify(ground.world, call.authorization);
        tongue.count(ground.world, call.who);
        tongue.follow(ground.world, segments, call.query);
        std::map<std::string, std::string> parameters;
        for (const auto& known : tongue.routes()) {
            parameters.clear();
            if (call.method == known.route.method && matches(known.pattern, segments, parameters)) {
                route = &known.route;
                break;
            }
        }
        if (route == nullptr) throw tongue.no_route();
        call.parameters = parse_query(call.query);
        for (auto& [name, value] : parameters) call.parameters[name] = value;
        if (parameters.contains("owner")) {
            call.repository = &ground.world.repository(parameters["owner"] + "/" + parameters["repo"]);
            if (!tongue.sees(ground.world, call.who, *call.repository)) throw tongue.no_repository();
        }
        tongue.admit(ground.world, *route, call);
    }
    if (!call.text.empty()) {
        call.body = json::parse(call.text, nullptr, false);
        if (call.body.is_discarded()) throw tongue.no_json();
    }
    return route->handler(ground, call);
}

}  // namespace

std::vector<KnownRoute> known(std::initializer_list<const std::vector<Route>*> tables) {
    std::vector<KnownRoute> result;
    for (const auto* table : tables)
        for (const auto& route : *table) result.push_back({route, split_path(route.pattern)});
    // What is named comes before what may be anything: /issues/comments is no issue.
    const auto open_segments = [](const KnownRoute& route) {
        std::vector<bool> open;
        for (const auto& segment : route.pattern) open.push_back(segment.starts_with('{'));
        return open;
    };
    std::ranges::sort(result, {}, open_segments);
    return result;
}

Answer answer_rest(Ground& ground, Call& call) {
    Answer answer;
    try {
        answer = dispatch(ground, call);
    } catch (const Problem& problem) {
        answer = ground.tongue.refuse(ground.world, problem);
    } catch (const json::exception& wrong) {
        answer = ground.tongue.refuse(ground.world, ground.tongue.wrong_type(wrong.what()));
    }
    answer.actor = call.who.kind == Identity::Kind::app ? "app" : call.who.login;
    const auto lock = ground.world.lock();
    ground.tongue.sign(ground.world, answer);
    return answer;
}

std::int64_t Call::number(const char* name) const {
    const std::string text_value = value(name);
    std::int64_t result = 0;
    const auto end = text_value.data() + text_value.size();
    if (std::from_chars(text_value.data(), end, result).ptr != end || text_value.empty()) throw not_found();
    return result;
}

std::string Call::value(const char* name, const std::string& otherwise) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? otherwise : found->second;
}

std::size_t Call::positive(const char* name, std::size_t otherwise) const {
    const auto number = std::strtoul(value(name).c_str(), nullptr, 10);
    return number == 0 ? otherwise : static_cast<std::size_t>(number);
}

std::optional<std::string> Call::text_field(const char* name) const {
    const auto found = body.find(name);
    if (found == body.end() || found->is_null()) return std::nullopt;
    if (!found->is_string())
        throw Problem(422, fmt::format("Invalid request.\n\nFor 'properties/{}', {} is not a string.", name,
                                       found->dump()));
    return found->get<std::string>();
}

std::string Call::required_text(const char* name) const {
    if (auto text_value = text_field(name)) return *text_value;
    throw Problem(422, fmt::format("Invalid request.\n\n\"{}\" wasn't supplied.", name));
}

std::string decode_url(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        if (text[i] == '%' && i + 2 < text.size() + 0 &&
            std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
            result += static_cast<char>(byte);
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        if (end > 0) segments.push_back(decode_url(path.substr(0, end)));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return segments;
}

std::map<std::string, std::string> parse_query(std::string_view query) {
    std::map<std::string, std::string> result;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        std::string pair(query.substr(0, end));
        std::ranges::replace(pair, '+', ' ');
        const auto equals = std::min(pair.find('='), pair.size());
        if (equals > 0)
            result[decode_url(std::string_view(pair).substr(0, equals))] =
                equals < pair.size() ? decode_url(std::string_view(pair).substr(equals + 1)) : "";
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return result;
}

}  // namespace practice_forge
