#include "tests/practice_model/script_file.hpp"

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace practice_model {

using nlohmann::json;

namespace {

constexpr std::array<std::pair<std::string_view, Fault::Kind>, 9> kinds{{
    {"status", Fault::Kind::status},
    {"stall", Fault::Kind::stall},
    {"stall_midway", Fault::Kind::stall_midway},
    {"cut", Fault::Kind::cut},
    {"reset", Fault::Kind::reset},
    {"endless", Fault::Kind::endless},
    {"gzip_bomb", Fault::Kind::gzip_bomb},
    {"no_usage", Fault::Kind::no_usage},
    {"slow", Fault::Kind::slow},
}};

Step step_of_entry(const json& entry) {
    Step step;
    if (entry.contains("shell")) {
        step = shell(entry.at("shell"));
    } else if (entry.contains("read")) {
        step = read(entry.at("read"));
    } else if (entry.contains("write")) {
        step = write(entry.at("write").at("path"), entry.at("write").at("content"));
    } else if (entry.contains("edit")) {
        step = edit(entry.at("edit").at("path"), entry.at("edit").at("old"), entry.at("edit").at("new"));
    } else if (entry.contains("ask")) {
        step = ask(entry.at("ask"));
    } else {
        return say(entry.at("say"));
    }
    if (entry.contains("say")) step.words = entry.at("say");
    return step;
}

Fault fault_of(const json& entry) {
    const auto name = entry.at("kind").get<std::string>();
    const auto* kind = std::ranges::find(kinds, name, [](const auto& each) { return each.first; });
    if (kind == kinds.end()) throw std::runtime_error("no fault of the kind \"" + name + "\"");
    Fault fault{.kind = kind->second};
    fault.status = entry.value("status", fault.status);
    fault.times = entry.value("times", fault.times);
    fault.echo_key = entry.value("echo_key", false);
    if (entry.contains("step")) fault.step = entry.at("step").get<std::size_t>();
    if (entry.contains("retry_after"))
        fault.retry_after = std::chrono::seconds(entry.at("retry_after").get<int>());
    if (entry.contains("patience_ms"))
        fault.patience = std::chrono::milliseconds(entry.at("patience_ms").get<int>());
    return fault;
}

}  // namespace

void play_file(PracticeModel& model, const std::filesystem::path& file) {
    std::ifstream in(file);
    try {
        if (!in) throw std::runtime_error("cannot be read");
        const json content = json::parse(in);
        Script script{.name = file.stem()};
        script.folder = content.value("folder", script.folder);
        for (const json& entry : content.at("steps")) script.steps.push_back(step_of_entry(entry));
        model.play(std::move(script));
        for (const json& entry : content.value("faults", json::array())) model.fail(fault_of(entry));
        model.accept_keys(content.value("keys", std::set<std::string>()));
    } catch (const std::exception& error) {
        throw std::runtime_error(file.string() + ": " + error.what());
    }
}

}  // namespace practice_model
