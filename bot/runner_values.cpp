#include "bot/runner_values.hpp"

#include <nlohmann/json.hpp>

namespace bot::runner {

namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

json of(const config::Limits& limits) {
    return {{"memory", limits.memory_bytes}, {"cpus", limits.cpus},           {"pids", limits.pids},
            {"disk", limits.disk_bytes},     {"inodes", limits.disk_inodes},  {"tmp", limits.tmp_bytes},
            {"log", limits.log_bytes},       {"total", limits.total.count()}, {"idle", limits.idle.count()}};
}

config::Limits limits_of(const json& from) {
    return {.memory_bytes = from.at("memory"),
            .cpus = from.at("cpus"),
            .pids = from.at("pids"),
            .disk_bytes = from.at("disk"),
            .disk_inodes = from.at("inodes"),
            .tmp_bytes = from.at("tmp"),
            .log_bytes = from.at("log"),
            .total = seconds(from.at("total").get<seconds::rep>()),
            .idle = seconds(from.at("idle").get<seconds::rep>())};
}

}  // namespace

json to_json(const config::SandboxSettings& settings) {
    json roots = json::object();
    for (const auto& [name, root] : settings.roots) roots[name] = root.string();
    return {{"backend", settings.backend},
            {"docker_host", settings.docker_host},
            {"default_image", settings.default_image},
            {"pull_images", settings.pull_images},
            {"allow_weak_limits", settings.allow_weak_limits},
            {"roots", std::move(roots)},
            {"ceiling", of(settings.ceiling)},
            {"egress", settings.egress}};
}

config::SandboxSettings settings_of(const json& json) {
    config::SandboxSettings settings{.backend = json.at("backend"),
                                     .docker_host = json.at("docker_host"),
                                     .default_image = json.at("default_image"),
                                     .pull_images = json.at("pull_images"),
                                     .allow_weak_limits = json.at("allow_weak_limits"),
                                     .ceiling = limits_of(json.at("ceiling")),
                                     .egress = json.at("egress")};
    for (const auto& [name, root] : json.at("roots").items()) settings.roots[name] = root.get<std::string>();
    return settings;
}

std::string pack(const sandbox::RunSpec& spec) {
    json mounts = json::array();
    for (const auto& mount : spec.mounts) mounts.push_back({mount.source.string(), mount.target});
    const json whole{{"name", spec.name},
                     {"labels", spec.labels},
                     {"image", spec.image},
                     {"argv", spec.argv},
                     {"environment", spec.environment},
                     {"standard_input", spec.standard_input},
                     {"mounts", std::move(mounts)},
                     {"door", spec.door ? json(spec.door->string()) : json()},
                     {"home_files", spec.home_files},
                     {"limits", of(spec.limits)},
                     {"log_file", spec.log_file.string()},
                     {"survives", spec.survives}};
    std::string packed;
    json::to_cbor(whole, packed);
    return packed;
}

sandbox::RunSpec unpack(const std::string& packed) {
    const auto whole = json::from_cbor(packed);
    sandbox::RunSpec spec{.name = whole.at("name"),
                          .labels = whole.at("labels"),
                          .image = whole.at("image"),
                          .argv = whole.at("argv"),
                          .environment = whole.at("environment"),
                          .standard_input = whole.at("standard_input"),
                          .home_files = whole.at("home_files"),
                          .limits = limits_of(whole.at("limits")),
                          .log_file = whole.at("log_file").get<std::string>(),
                          .survives = whole.at("survives")};
    for (const auto& mount : whole.at("mounts"))
        spec.mounts.push_back({.source = mount.at(0).get<std::string>(), .target = mount.at(1)});
    if (const auto& door = whole.at("door"); !door.is_null()) spec.door = door.get<std::string>();
    return spec;
}

json to_json(const sandbox::RunOutcome& outcome) {
    return {{"end", static_cast<int>(outcome.end)},   {"exit_code", outcome.exit_code},
            {"duration", outcome.duration.count()},   {"output_bytes", outcome.output_bytes},
            {"dropped_bytes", outcome.dropped_bytes}, {"adopted", outcome.adopted}};
}

sandbox::RunOutcome outcome_of(const json& json) {
    return {.end = static_cast<sandbox::RunOutcome::End>(json.at("end").get<int>()),
            .exit_code = json.at("exit_code"),
            .duration = milliseconds(json.at("duration").get<milliseconds::rep>()),
            .output_bytes = json.at("output_bytes"),
            .dropped_bytes = json.at("dropped_bytes"),
            .adopted = json.at("adopted")};
}

json to_json(const sandbox::Error& error) {
    return {{"kind", static_cast<int>(error.kind)}, {"message", error.message}};
}

sandbox::Error error_of(const json& json) {
    return {.kind = static_cast<sandbox::Error::Kind>(json.at("kind").get<int>()),
            .message = json.at("message")};
}

}  // namespace bot::runner
