#include "config/settings.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "config/secret_source.hpp"
#include "config/settings_reader.hpp"
#include "config/syntax.hpp"
#include "config/yaml_reader.hpp"
#include "config/yaml_tree.hpp"

namespace config {

namespace {

void read_listen(const Place& place, Settings& settings) {
    std::string address;
    if (!place.text(address, 260)) return;
    const std::string mend = "write HOST:PORT like 127.0.0.1:8080, or [::1]:8080";
    const std::size_t colon = address.rfind(':');
    const std::string host = address.substr(0, colon);
    const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
    const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
    const bool digits =
        !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == std::string::npos;
    if (host.empty() || !digits || std::stoi(port) > 65535 ||
        (!bracketed && host.find(':') != std::string::npos)) {
        place.error("`" + excerpt(address) + "` is not an address and a port", mend);
        return;
    }
    settings.listen_host = bracketed ? host.substr(1, host.size() - 2) : host;
    settings.listen_port = std::stoi(port);
}

void read_labels(const Place& place, LabelSettings& labels) {
    Fields fields(place);
    constexpr std::size_t most = 30;  // GitHub's limit is 50, and a profile or a state is appended
    const auto trigger = fields.find("trigger");
    const auto priority = fields.find("priority");
    const auto prefix = fields.find("state_prefix");
    fields.close();
    if (trigger) trigger->text(labels.trigger, most);
    if (priority) priority->text(labels.priority, most);
    if (prefix) prefix->text(labels.state_prefix, most);
    if (labels.priority == labels.trigger) {
        (priority ? *priority : place)
            .error("is the trigger label too", "give the two labels different names");
    }
    if (labels.state_prefix.starts_with(labels.trigger + ":")) {
        (prefix ? *prefix : place)
            .error("begins like `" + labels.trigger + ":<profile>`, so a state would start a job",
                   "write another prefix, like `" + labels.trigger + "-state: `");
    }
}

template <typename Named>
void read_named_list(Fields& fields, std::string_view key, const std::string& example,
                     std::vector<Named>& target, const std::filesystem::path& base,
                     void (*read)(const Place&, const std::filesystem::path&, Named&)) {
    const auto place = fields.need(key, "add at least one, see " + example);
    if (!place) return;
    const auto items = place->list(100);
    if (place->node().kind == YamlNode::Kind::list && place->node().items.empty()) {
        place->error("is empty", "add at least one, see " + example);
    }
    std::set<std::string> names;
    for (const Place& item : items) {
        Named& named = target.emplace_back();
        read(item, base, named);
        if (!named.name.empty() && !names.insert(named.name).second) {
            item.error("another of them is named `" + named.name + "`", "give each a name of its own");
        }
    }
}

/// What profiles say of each other and of the model services.
void check_profiles(const Place& place, const Settings& settings) {
    const auto items = place.list(100);
    std::set<std::string> words;
    for (const AgentProfile& profile : settings.profiles) words.insert(profile.name);
    for (std::size_t i = 0; i < items.size() && i < settings.profiles.size(); ++i) {
        const AgentProfile& profile = settings.profiles[i];
        for (const std::string& label : profile.labels) {
            if (!label.empty() && !words.insert(label).second)
                items[i].error("the label `" + label + "` means another profile already",
                               "let each label mean one profile");
        }
        if (profile.provider.empty()) continue;
        const ModelProvider* provider = find_provider(settings.models, profile.provider);
        if (provider == nullptr) {
            items[i].error("there is no model provider `" + profile.provider + "`",
                           "name one of `models.providers`");
        } else if (!profile.model.empty() && find_model(*provider, profile.model) == nullptr) {
            items[i].error(
                "the provider `" + provider->name + "` has no model `" + excerpt(profile.model) + "`",
                "add the model and its price to the provider, or name one that is there");
        }
    }
}

void read_numbers(Fields& fields, Settings& settings) {
    if (const auto at = fields.find("max_parallel")) at->number(settings.max_parallel, 1, 200);
    if (const auto at = fields.find("max_parallel_per_repository")) {
        at->number(settings.max_parallel_per_repository, 1, 200);
    }
    if (const auto at = fields.find("max_jobs_per_issue_per_day")) {
        at->number(settings.max_jobs_per_issue_per_day, 1, 1000);
    }
    if (const auto at = fields.find("retry_pause")) {
        at->duration(settings.retry_pause, std::chrono::seconds(1), std::chrono::minutes(15));
    }
    if (const auto at = fields.find("remind_after")) {
        at->duration(settings.remind_after, std::chrono::seconds(1), std::chrono::hours(24 * 30));
    }
    if (const auto at = fields.find("max_tries")) at->number(settings.max_tries, 1, 20);
    if (const auto at = fields.find("ci_repairs")) at->number(settings.ci_repairs, 0, 10);
    if (const auto at = fields.find("min_free")) at->size(settings.min_free_bytes, 0, 1ULL << 60);
    if (const auto at = fields.find("cache")) at->size(settings.cache_bytes, 1ULL << 20, 1ULL << 50);
}

void read_command_prefix(Fields& fields, Settings& settings) {
    // It stands in code spans and is looked for in plain text: nothing that Markdown reads.
    const auto plain = [](std::string_view text) {
        const bool fits =
            text.size() >= 2 && text.size() <= 30 && std::string_view("/!.$%").contains(text[0]) &&
            text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", 1) ==
                std::string_view::npos;
        return std::string(fits ? "" : "no such prefix");
    };
    if (const auto at = fields.find("command_prefix"))
        at->matching(settings.command_prefix, plain,
                     "write one of `/ ! . $ %` and then letters, digits or `-`, like `/agent`");
}

void read_author(Fields& fields, Settings& settings) {
    // Git ends a name at `<` and an address at `>`.
    const auto plain = [](std::string_view text) {
        return std::string(text.find_first_of("<>") == std::string_view::npos ? "" : "text with `<` or `>`");
    };
    const auto address = [](std::string_view text) {
        const std::size_t at = text.find('@');
        const bool fits = at != std::string_view::npos && at > 0 && at + 1 < text.size() &&
                          text.find_first_of(" <>") == std::string_view::npos;
        return std::string(fits ? "" : "not a mail address");
    };
    if (const auto at = fields.find("bot_name"))
        at->matching(settings.bot_name, plain, "write a name without them");
    if (const auto at = fields.find("bot_email"))
        at->matching(settings.bot_email, address, "write name@host");
}

void read_all(const Place& place, const std::filesystem::path& base, Settings& settings) {
    Fields fields(place);
    if (const auto at = fields.find("listen")) read_listen(*at, settings);
    if (const auto at = fields.find("state_dir")) read_path(*at, base, settings.state_dir);
    if (const auto at = fields.find("log_level")) {
        at->choice(settings.log_level, {"trace", "debug", "info", "warn", "error"});
    }
    read_numbers(fields, settings);
    read_author(fields, settings);
    read_command_prefix(fields, settings);
    const auto default_profile = fields.find("default_profile");
    if (default_profile) default_profile->text(settings.default_profile, 40);
    const std::string example = "config/shopfloor.example.yaml";
    read_named_list<ForgeSettings>(fields, "forges", example, settings.forges, base, read_forge);
    read_named_list<AgentProfile>(fields, "profiles", example, settings.profiles, base, read_profile);
    if (const auto at = fields.find("models")) read_models(*at, base, settings.models);
    if (const auto at = fields.find("profiles")) check_profiles(*at, settings);
    if (const auto at = fields.find("sandbox")) read_sandbox(*at, base, settings.sandbox);
    if (const auto at = fields.find("labels")) read_labels(*at, settings.labels);
    fields.close();
    if (default_profile && find_profile(settings, settings.default_profile) == nullptr) {
        std::vector<std::string> names;
        names.reserve(settings.profiles.size());
        for (const AgentProfile& profile : settings.profiles) names.push_back(profile.name);
        const std::string meant = nearest(settings.default_profile, names);
        default_profile->error("there is no profile `" + settings.default_profile + "`",
                               meant.empty() ? "name one of `profiles`" : "did you mean `" + meant + "`?");
    }
}

}  // namespace

std::expected<Settings, std::vector<Error>> parse_settings(std::string_view text,
                                                           const std::filesystem::path& file) {
    const std::string name = file.string();
    const auto tree = parse_yaml(text, name, YamlBounds{.bytes = 1U << 20, .depth = 12, .nodes = 20'000});
    if (!tree) return std::unexpected(std::vector{tree.error()});
    Report report(name);
    refuse_secrets(*tree, "", tree->line, report);
    if (!report.clean()) return std::unexpected(std::move(report).take());  // other errors might repeat them
    Settings settings;
    read_all(Place(*tree, tree->line, "", report), std::filesystem::absolute(file).parent_path(), settings);
    if (!report.clean()) return std::unexpected(std::move(report).take());
    return settings;
}

std::expected<Settings, std::vector<Error>> load_settings(const std::filesystem::path& file) {
    const auto fail = [&](std::string message) {
        return std::unexpected(std::vector{Error{file.string(), 0, "", std::move(message),
                                                 "give --config the path of a readable file; "
                                                 "config/shopfloor.example.yaml shows one"}});
    };
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored)) return fail("there is no such file");
    if (!std::filesystem::is_regular_file(file, ignored)) return fail("this is not a plain file");
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in.is_open() || in.bad()) return fail("the file cannot be read");
    return parse_settings(text, file);
}

const AgentProfile* find_profile(const Settings& settings, std::string_view name) {
    if (name.empty()) name = settings.default_profile;
    if (name.empty()) return settings.profiles.empty() ? nullptr : &settings.profiles.front();
    auto found = std::ranges::find(settings.profiles, name, &AgentProfile::name);
    if (found == settings.profiles.end()) {
        found = std::ranges::find_if(settings.profiles, [name](const AgentProfile& profile) {
            return std::ranges::find(profile.labels, name) != profile.labels.end();
        });
    }
    return found == settings.profiles.end() ? nullptr : &*found;
}

}  // namespace config
