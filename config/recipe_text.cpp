#include <fmt/format.h>
#include <yaml-cpp/emitter.h>

#include <string>

#include "config/quantity.hpp"
#include "config/recipe.hpp"

namespace config {

namespace {

void put(YAML::Emitter& out, const char* key, const std::string& value) {
    out << YAML::Key << key << YAML::Value << YAML::DoubleQuoted << value;
}

void put_plain(YAML::Emitter& out, const char* key, const std::string& value) {
    out << YAML::Key << key << YAML::Value << value;
}

void put_list(YAML::Emitter& out, const char* key, const std::vector<std::string>& values) {
    if (values.empty()) return;
    out << YAML::Key << key << YAML::Value << YAML::BeginSeq;
    for (const std::string& value : values) out << YAML::DoubleQuoted << value;
    out << YAML::EndSeq;
}

void put_check(YAML::Emitter& out, const Check& check) {
    out << YAML::BeginMap;
    put(out, "name", check.name);
    put(out, "run", check.command);
    put_plain(out, "timeout", format_duration(check.timeout));
    if (check.junit) put(out, "junit", *check.junit);
    put_plain(out, "required", check.gate == Gate::required ? "true" : "false");
    out << YAML::EndMap;
}

void put_limits(YAML::Emitter& out, const Recipe& recipe) {
    if (!recipe.memory_bytes && !recipe.disk_bytes && !recipe.cpus && !recipe.pids && !recipe.total &&
        !recipe.idle)
        return;
    out << YAML::Key << "limits" << YAML::Value << YAML::BeginMap;
    if (recipe.memory_bytes) put_plain(out, "memory", format_size(*recipe.memory_bytes));
    if (recipe.disk_bytes) put_plain(out, "disk", format_size(*recipe.disk_bytes));
    if (recipe.cpus) put_plain(out, "cpus", fmt::format("{}", *recipe.cpus));
    if (recipe.pids) put_plain(out, "pids", std::to_string(*recipe.pids));
    if (recipe.total) put_plain(out, "total", format_duration(*recipe.total));
    if (recipe.idle) put_plain(out, "idle", format_duration(*recipe.idle));
    out << YAML::EndMap;
}

void put_egress(YAML::Emitter& out, const Egress& egress) {
    if (egress == Egress{}) return;
    out << YAML::Key << "egress" << YAML::Value << YAML::BeginMap;
    put_list(out, "setup", egress.setup);
    put_list(out, "agent", egress.agent);
    put_list(out, "checks", egress.checks);
    out << YAML::EndMap;
}

}  // namespace

// Defaults are written too: a text that left them out would mean something else once a default changes.
std::string canonical(const Recipe& recipe) {
    YAML::Emitter out;
    out << YAML::BeginMap;
    put_plain(out, "version", "1");
    if (recipe.image) put(out, "image", *recipe.image);
    if (!recipe.setup.empty()) put(out, "setup", recipe.setup);
    put_plain(out, "setup_timeout", format_duration(recipe.setup_timeout));
    if (!recipe.checks.empty()) {
        out << YAML::Key << "checks" << YAML::Value << YAML::BeginSeq;
        for (const Check& check : recipe.checks) put_check(out, check);
        out << YAML::EndSeq;
    }
    if (!recipe.agent.empty()) put(out, "agent", recipe.agent);
    put_plain(out, "rounds", std::to_string(recipe.rounds));
    put_limits(out, recipe);
    put_egress(out, recipe.egress);
    put_list(out, "protected_paths", recipe.protected_paths);
    put_list(out, "test_paths", recipe.test_paths);
    put_plain(out, "max_files", std::to_string(recipe.max_files));
    put_plain(out, "max_change", format_size(recipe.max_change_bytes));
    out << YAML::EndMap;
    return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace config
