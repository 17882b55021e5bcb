// The recipe comes from a repository, so it is read as hostile data: the tree is bounded and free of aliases
// (yaml_tree), every value is bounded here, and text that would mislead its reader is refused.
#include "config/recipe.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "config/syntax.hpp"
#include "config/yaml_reader.hpp"
#include "config/yaml_tree.hpp"

namespace config {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::size_t most_command_characters = 16'000;
constexpr seconds longest = hours(4);

void read_globs(const Place& place, std::vector<std::string>& target) {
    std::vector<std::string> globs;
    if (!place.texts(globs, 100, 300)) return;
    for (const std::string& glob : globs) {
        if (const std::string why = glob_fault(glob); !why.empty()) {
            place.error("`" + excerpt(glob) + "` is " + why, "write a pattern like `docs/**` or `*.lock`");
            return;
        }
    }
    target = std::move(globs);
}

void read_check(const Place& place, Check& check) {
    Fields fields(place);
    if (const auto at = fields.need("name", "add `name: tests`")) at->text(check.name, 60);
    if (const auto at = fields.need("run", "add `run: COMMAND`")) {
        at->text(check.command, most_command_characters, LineBreaks::allowed);
    }
    if (const auto at = fields.find("timeout")) at->duration(check.timeout, seconds(1), longest);
    if (const auto at = fields.find("junit")) {
        std::string path;
        if (at->matching(path, relative_path_fault,
                         "write a path inside the repository, like build/junit.xml")) {
            path = std::filesystem::path(path).lexically_normal().string();
            if (path == "." || path.ends_with('/')) {
                at->error("is a folder", "write the path of the file, like build/junit.xml");
            } else {
                check.junit = path;
            }
        }
    }
    if (const auto at = fields.find("required")) {
        bool required = true;
        at->flag(required);
        check.gate = required ? Gate::required : Gate::advisory;
    }
    fields.close();
}

void read_checks(const Place& place, std::vector<Check>& checks) {
    std::set<std::string> names;
    for (const Place& each : place.list(50)) {
        Check& check = checks.emplace_back();
        read_check(each, check);
        if (!check.name.empty() && !names.insert(check.name).second) {
            each.error("another check is named `" + check.name + "`", "give each check a name of its own");
        }
    }
}

template <typename Value, typename Read>
void read_wish(Fields& fields, std::string_view key, std::optional<Value>& wish, Read read) {
    const auto at = fields.find(key);
    Value value{};
    if (at && read(*at, value)) wish = value;
}

void read_limits(const Place& place, Recipe& recipe) {
    const auto size = [](const Place& at, std::uint64_t& value) {
        return at.size(value, 1ULL << 20, 1ULL << 50);
    };
    const auto time = [](const Place& at, seconds& value) {
        return at.duration(value, seconds(1), hours(24));
    };
    Fields fields(place);
    read_wish(fields, "memory", recipe.memory_bytes, size);
    read_wish(fields, "disk", recipe.disk_bytes, size);
    read_wish(fields, "cpus", recipe.cpus,
              [](const Place& at, double& value) { return at.number(value, 0.1, 1024); });
    read_wish(fields, "pids", recipe.pids,
              [](const Place& at, int& value) { return at.number(value, 16, 1'000'000); });
    read_wish(fields, "total", recipe.total, time);
    read_wish(fields, "idle", recipe.idle, time);
    fields.close();
}

void read_egress(const Place& place, Egress& egress) {
    Fields fields(place);
    if (const auto at = fields.find("setup")) read_hosts(*at, egress.setup);
    if (const auto at = fields.find("agent")) read_hosts(*at, egress.agent);
    if (const auto at = fields.find("checks")) read_hosts(*at, egress.checks);
    fields.close();
}

void read_version(const Place& place) {
    int version = 1;
    place.number(version, 1, 1);
}

void read_recipe(const Place& place, Recipe& recipe) {
    Fields fields(place);
    if (const auto at = fields.find("version")) read_version(*at);
    if (const auto at = fields.find("image")) {
        std::string image;
        if (at->matching(image, image_fault, "write an image name like debian:bookworm-slim"))
            recipe.image = image;
    }
    if (const auto at = fields.find("setup"))
        at->text(recipe.setup, most_command_characters, LineBreaks::allowed);
    if (const auto at = fields.find("setup_timeout")) at->duration(recipe.setup_timeout, seconds(1), longest);
    if (const auto at = fields.find("checks")) read_checks(*at, recipe.checks);
    if (const auto at = fields.find("agent")) {
        at->matching(recipe.agent, name_fault, "write the name of an agent profile of this installation");
    }
    if (const auto at = fields.find("rounds")) at->number(recipe.rounds, 0, 10);
    if (const auto at = fields.find("limits")) read_limits(*at, recipe);
    if (const auto at = fields.find("egress")) read_egress(*at, recipe.egress);
    if (const auto at = fields.find("protected_paths")) read_globs(*at, recipe.protected_paths);
    if (const auto at = fields.find("test_paths")) read_globs(*at, recipe.test_paths);
    if (const auto at = fields.find("max_files")) at->number(recipe.max_files, 1, 2000);
    if (const auto at = fields.find("max_change")) at->size(recipe.max_change_bytes, 1ULL << 10, 64ULL << 20);
    fields.close();
}

}  // namespace

std::expected<Recipe, std::vector<Error>> parse_recipe(std::string_view text) {
    const std::string file(recipe_file_name);
    const auto tree = parse_yaml(text, file, YamlBounds{.bytes = 64U << 10, .depth = 12, .nodes = 4000});
    if (!tree) return std::unexpected(std::vector{tree.error()});
    Report report(file);
    Recipe recipe;
    read_recipe(Place(*tree, tree->line, "", report), recipe);
    if (!report.clean()) return std::unexpected(std::move(report).take());
    return recipe;
}

Limits effective_limits(const Recipe& recipe, const Limits& ceiling) {
    Limits limits = ceiling;
    limits.memory_bytes = std::min(recipe.memory_bytes.value_or(ceiling.memory_bytes), ceiling.memory_bytes);
    limits.disk_bytes = std::min(recipe.disk_bytes.value_or(ceiling.disk_bytes), ceiling.disk_bytes);
    limits.cpus = std::min(recipe.cpus.value_or(ceiling.cpus), ceiling.cpus);
    limits.pids = std::min(recipe.pids.value_or(ceiling.pids), ceiling.pids);
    limits.total = std::min(recipe.total.value_or(ceiling.total), ceiling.total);
    limits.idle = std::min(recipe.idle.value_or(ceiling.idle), ceiling.idle);
    return limits;
}

}  // namespace config
