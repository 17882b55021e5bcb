#include "sandbox/docker_spec.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "sandbox/init_program.hpp"

namespace sandbox {

namespace {

using nlohmann::json;

constexpr auto workspace_target = "/workspace";
constexpr auto home_target = "/home/agent";

std::string sha256(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
}

json environment_of(const RunSpec& spec) {
    // PATH is not named: the image's own or the engine's default holds.
    std::map<std::string, std::string> all{{"HOME", home_target}, {"LANG", "C.UTF-8"}};
    for (const auto& [key, value] : spec.environment) all[key] = value;
    json list = json::array();
    for (const auto& [key, value] : all) list.push_back(key + "=" + value);
    // A name without a value takes the image's own away, so that the first process sets it for the door.
    for (const auto& name : door_variables()) {
        if (spec.door && !all.contains(name)) list.push_back(name);
    }
    return list;
}

/// Without what is mounted below the source: a read-only bind would leave that writable.
json bind_mount(const std::filesystem::path& source, std::string_view target, bool read_only) {
    return {{"Type", "bind"},
            {"Source", source.string()},
            {"Target", target},
            {"ReadOnly", read_only},
            {"BindOptions", {{"NonRecursive", true}, {"Propagation", "rprivate"}}}};
}

std::filesystem::path real(const std::filesystem::path& source) {
    std::error_code error;
    auto found = std::filesystem::canonical(source, error);
    return error ? source : found;
}

json mounts_of(const RunSpec& spec, const ContainerPlan& plan) {
    json mounts = json::array();
    mounts.push_back(bind_mount(plan.workspace, workspace_target, false));
    mounts.push_back(bind_mount(plan.home, home_target, false));
    mounts.push_back(bind_mount(plan.hosts, "/etc/hosts", true));
    mounts.push_back(bind_mount(plan.init, init_target, true));
    if (spec.door) mounts.push_back(bind_mount(real(*spec.door), door_target, true));
    for (const auto& mount : spec.mounts) {
        mounts.push_back(bind_mount(real(mount.source), mount.target, true));
    }
    return mounts;
}

/// A declared volume would be a writable place on the engine's disk without any limit.
json tmpfs_of(const RunSpec& spec, const ContainerPlan& plan) {
    json tmpfs{{"/tmp", fmt::format("rw,exec,nosuid,nodev,size={},nr_inodes=100000,uid={},gid={},mode=0700",
                                    spec.limits.tmp_bytes, plan.uid, plan.uid)}};
    for (const auto& volume : plan.image_volumes) {
        const bool taken =
            volume == workspace_target || volume == home_target || volume == "/tmp" ||
            volume == init_target || volume == door_target ||
            std::ranges::any_of(spec.mounts, [&](const auto& m) { return m.target == volume; });
        if (taken) continue;
        tmpfs[volume] = fmt::format("rw,noexec,nosuid,nodev,size=16m,nr_inodes=1000,uid={},gid={},mode=0700",
                                    plan.uid, plan.uid);
    }
    return tmpfs;
}

json host_config(const RunSpec& spec, const ContainerPlan& plan) {
    const auto& limits = spec.limits;
    const auto cpus = std::clamp(limits.cpus, 0.01, plan.host_cpus);
    return {{"NetworkMode", "none"},
            {"ReadonlyRootfs", true},
            {"Privileged", false},
            {"CapDrop", {"ALL"}},
            {"SecurityOpt", {"no-new-privileges:true", "seccomp=" + plan.seccomp}},
            {"PidsLimit", limits.pids},
            {"Memory", limits.memory_bytes},
            {"MemorySwap", limits.memory_bytes},
            {"NanoCpus", static_cast<std::int64_t>(cpus * 1e9)},
            {"Init", false},  // ours is the first process
            {"IpcMode", "private"},
            {"CgroupnsMode", "private"},
            {"ShmSize", 64 << 20},
            {"RestartPolicy", {{"Name", "no"}}},
            {"AutoRemove", false},
            {"LogConfig",
             {{"Type", "json-file"},
              {"Config",
               {{"max-size", std::to_string(std::max<std::uint64_t>(limits.log_bytes, 1 << 20))},
                {"max-file", "1"}}}}},
            {"Tmpfs", tmpfs_of(spec, plan)},
            {"Ulimits", json::array({{{"Name", "nofile"}, {"Soft", 4096}, {"Hard", 4096}},
                                     {{"Name", "core"}, {"Soft", 0}, {"Hard", 0}}})},
            {"Mounts", mounts_of(spec, plan)}};
}

json body_of(const RunSpec& spec, const ContainerPlan& plan) {
    const bool talks = !spec.standard_input.empty();
    return {{"Image", spec.image},
            {"User", fmt::format("{}:{}", plan.uid, plan.uid)},
            {"Hostname", "sandbox"},
            {"Env", environment_of(spec)},
            // Entrypoint, not Cmd: the image's own entry point must not get in between.
            {"Entrypoint", init_command(spec)},
            {"WorkingDir", workspace_target},
            {"Tty", false},
            {"OpenStdin", talks},
            {"StdinOnce", talks},
            {"AttachStdin", talks},
            {"AttachStdout", true},
            {"AttachStderr", true},
            {"StopSignal", "SIGTERM"},
            // Half of the time a container takes to start is its network; without one there is only `lo`.
            {"NetworkDisabled", true},
            {"Healthcheck", {{"Test", {"NONE"}}}},
            {"HostConfig", host_config(spec, plan)}};
}

}  // namespace

std::string container_name(std::string_view instance, std::string_view name) {
    std::string safe(instance);
    std::ranges::replace_if(
        safe, [](unsigned char c) { return std::isalnum(c) == 0 && c != '-' && c != '.'; }, '-');
    return fmt::format("shopfloor-{}-{}", safe, name);
}

ContainerRequest container_request(const RunSpec& spec, const ContainerPlan& plan) {
    json labels = json::object();
    for (const auto& [key, value] : spec.labels) labels[key] = value;
    labels[instance_label] = plan.instance;
    labels[name_label] = spec.name;

    // A run goes on under the first process it began with, whatever version of it this daemon brings.
    auto any_init = plan;
    any_init.init.clear();
    json proven{
        {"body", body_of(spec, any_init)}, {"labels", labels}, {"stdin", sha256(spec.standard_input)}};
    if (!plan.workspace_identity.empty()) proven["workspace"] = plan.workspace_identity;
    for (const auto& [path, content] : spec.home_files) proven["home"][path] = sha256(content);
    const auto replace = json::error_handler_t::replace;
    auto proof = sha256(proven.dump(-1, ' ', false, replace));
    labels[spec_label] = proof;
    auto body = body_of(spec, plan);
    body["Labels"] = std::move(labels);
    return {body.dump(-1, ' ', false, replace), std::move(proof)};
}

}  // namespace sandbox
