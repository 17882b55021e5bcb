// The schemas for editors and the parsers are written apart. Here the parsers are asked for the keys they
// know, by giving each map a key that nobody knows.
#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "config/recipe.hpp"
#include "config/settings.hpp"
#include "tests/config/said.hpp"

namespace {

using nlohmann::json;
using Errors = std::vector<config::Error>;

std::string read(const std::string& name) {
    std::ifstream in(SHOPFLOOR_SOURCE_DIR "/config/" + name);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// The keys that the parser lists when it meets one that it does not know.
std::set<std::string> known(const Errors& errors) {
    const std::string lead = "known here: ";
    std::set<std::string> names;
    for (const config::Error& error : errors) {
        if (!error.key.ends_with("qqqqqqqqqqqq") || !error.mend.starts_with(lead)) continue;
        std::istringstream words(error.mend.substr(lead.size()));
        for (std::string word; words >> word;)
            names.insert(word.ends_with(',') ? word.substr(0, word.size() - 1) : word);
    }
    return names;
}

std::set<std::string> names_of(const json& properties) {
    std::set<std::string> names;
    for (const auto& [name, value] : properties.items()) names.insert(name);
    return names;
}

/// Compares every map of the schema below `node`; `wrap` puts a text into its place in a whole document.
int compare(const json& schema, const json& node, const std::function<std::string(std::string)>& wrap,
            const std::function<Errors(std::string)>& parse) {
    if (node.contains("$ref")) {
        const std::string name = node["$ref"].get<std::string>().substr(std::string("#/$defs/").size());
        REQUIRE(schema["$defs"].contains(name));
        return compare(schema, schema["$defs"][name], wrap, parse);
    }
    if (node.contains("items")) {
        return compare(
            schema, node["items"], [&](const std::string& text) { return wrap("[" + text + "]"); }, parse);
    }
    json properties = node.value("properties", json::object());
    if (node.contains("oneOf")) {
        for (const json& one : node["oneOf"]) properties.update(one.value("properties", json::object()));
    }
    if (properties.empty()) return 0;
    const std::string text = wrap("{qqqqqqqqqqqq: 1}");
    CAPTURE(text);
    CHECK(known(parse(text)) == names_of(properties));
    int compared = 1;
    for (const auto& [name, value] : properties.items()) {
        const std::string key = name;
        compared += compare(
            schema, value, [&](const std::string& inner) { return wrap("{" + key + ": " + inner + "}"); },
            parse);
    }
    return compared;
}

int compare_all(const std::string& file, const std::function<Errors(std::string)>& parse) {
    const json schema = json::parse(read(file));
    CHECK(schema.at("$schema") == "https://json-schema.org/draft/2020-12/schema");
    return compare(schema, schema, [](std::string text) { return text; }, parse);
}

/// All property names of a schema, at any depth.
void collect(const json& node, std::set<std::string>& names) {
    if (node.is_object() && node.contains("properties")) names.merge(names_of(node["properties"]));
    if (node.is_structured()) {
        for (const json& part : node) collect(part, names);
    }
}

void check_shown(const std::string& schema, const std::string& example) {
    std::set<std::string> names;
    collect(json::parse(read(schema)), names);
    CHECK(names.size() > 10);
    const std::string text = read(example);
    for (const std::string& name : names) {
        CAPTURE(name);
        CHECK(contains(text, name + ":"));
    }
}

}  // namespace

TEST_CASE("the recipe's schema and its parser know the same keys") {
    const int maps = compare_all("recipe.schema.json", [](const std::string& text) {
        const auto recipe = config::parse_recipe(text);
        return recipe ? Errors{} : recipe.error();
    });
    CHECK(maps == 4);  // the recipe, a check, the limits, egress
}

TEST_CASE("the settings' schema and their parser know the same keys") {
    const int maps = compare_all("settings.schema.json", [](const std::string& text) {
        const auto settings = config::parse_settings(text, "s.yaml");
        return settings ? Errors{} : settings.error();
    });
    // settings, forge, app, four sources of secrets, profile, models, provider, model, price, budgets and
    // each of the three, sandbox, ceiling, labels
    CHECK(maps == 19);
}

TEST_CASE("the examples show every key") {
    check_shown("settings.schema.json", "shopfloor.example.yaml");
    check_shown("recipe.schema.json", "recipe.example.yaml");
}

TEST_CASE("the example of a recipe is one") {
    const auto recipe = config::parse_recipe(read("recipe.example.yaml"));
    REQUIRE_MESSAGE(recipe.has_value(), said(recipe.error()));
    CHECK(recipe->checks.size() == 2);
    CHECK(recipe->max_change_bytes == config::Recipe{}.max_change_bytes);
    CHECK(recipe->setup_timeout == config::Recipe{}.setup_timeout);
    CHECK(recipe->rounds == config::Recipe{}.rounds);
}
