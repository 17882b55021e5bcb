#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "sandbox/docker_api.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

/// The containers of a real job as the engine tells them, not as we asked for them.

using nlohmann::json;
using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::repository;

namespace {

constexpr std::uint64_t memory = 200ULL << 20;
constexpr int pids = 77;

/// Null when the engine does not know it, any more or yet.
json ask_engine(const std::string& path) {
    const auto endpoint = sandbox::Endpoint::parse("");
    REQUIRE(endpoint.has_value());
    sandbox::DockerApi engine(*endpoint, "");
    const auto reply = engine.get(path);
    REQUIRE(reply.has_value());
    if (reply->status == 404) return {};
    REQUIRE(reply->ok());
    return json::parse(reply->body);
}

/// Name of the run -> what the engine says of its container. Of all: a program may be at work before its
/// engine calls the container running.
std::map<std::string, json> containers_of(const Factory& factory) {
    std::map<std::string, json> found;
    const auto filters =
        fmt::format("%7B%22label%22%3A%5B%22shopfloor.instance%3D{}%22%5D%7D", factory.instance());
    for (const auto& one : ask_engine("/containers/json?all=1&filters=" + filters)) {
        auto container = ask_engine("/containers/" + one["Id"].get<std::string>() + "/json");
        if (!container.is_null())
            found[one["Labels"]["shopfloor.name"].get<std::string>()] = std::move(container);
    }
    return found;
}

bool empty(const json& value) { return value.is_null() || value == "" || value == 0 || value.empty(); }

void check_rights(const json& host) {
    CHECK(host["Privileged"] == false);
    CHECK(host["ReadonlyRootfs"] == true);
    CHECK(host["CapDrop"] == json::array({"ALL"}));
    for (const auto* none : {"CapAdd", "Devices", "DeviceRequests", "DeviceCgroupRules", "GroupAdd", "Binds",
                             "VolumesFrom", "PortBindings", "Links", "ExtraHosts", "Sysctls", "PidMode",
                             "UTSMode", "UsernsMode", "VolumeDriver", "Dns"}) {
        CAPTURE(none);
        CHECK((!host.contains(none) || empty(host[none])));
    }
    CHECK(host["NetworkMode"] == "none");
    CHECK(host["IpcMode"] == "private");
    CHECK(host["CgroupnsMode"] == "private");
    CHECK(host["PublishAllPorts"] == false);
    REQUIRE(host["SecurityOpt"].size() == 2);
    CHECK(host["SecurityOpt"][0] == "no-new-privileges:true");
    const auto filter = host["SecurityOpt"][1].get<std::string>();
    REQUIRE(filter.starts_with("seccomp={"));
    CHECK(json::parse(filter.substr(8))["defaultAction"] != "SCMP_ACT_ALLOW");
    const auto masked = host["MaskedPaths"].get<std::set<std::string>>();
    for (const auto* path : {"/proc/kcore", "/proc/keys", "/sys/firmware"}) CHECK(masked.contains(path));
    const auto read_only = host["ReadonlyPaths"].get<std::set<std::string>>();
    for (const auto* path : {"/proc/sys", "/proc/sysrq-trigger"}) CHECK(read_only.contains(path));
}

void check_limits(const json& host) {
    CHECK(host["Memory"] == memory);
    CHECK(host["MemorySwap"] == memory);
    CHECK(host["PidsLimit"] == pids);
    CHECK(host["NanoCpus"] == 1'000'000'000);
    CHECK((host["OomKillDisable"].is_null() || host["OomKillDisable"] == false));
    CHECK(empty(host["OomScoreAdj"]));
    CHECK(host["RestartPolicy"]["Name"] == "no");
    CHECK(host["LogConfig"]["Type"] == "json-file");
    CHECK(host["LogConfig"]["Config"].contains("max-size"));
    for (const auto& limit : host["Ulimits"])
        if (limit["Name"] == "core") CHECK(limit["Hard"] == 0);
}

/// Nothing of this machine but the job's own tree, its home, a list of hosts and the first process; and an
/// agent's own door.
void check_mounts(const Factory& factory, const json& container, bool agent) {
    std::set<std::string> writable, places;
    for (const auto& mount : container["Mounts"]) {
        CAPTURE(mount.dump());
        const auto source = mount.value("Source", "");
        CHECK(mount["Type"] == "bind");
        const bool own = source.starts_with((factory.state_dir() / "workspaces").string() + "/");
        const bool door = source.starts_with((factory.state_dir() / "doors").string() + "/");
        CHECK((own || (agent && door) || source == "/run/shopfloor/hosts" ||
               source.starts_with("/run/shopfloor/init-")));
        CHECK(mount["Propagation"] == "rprivate");
        places.insert(mount["Destination"].get<std::string>());
        if (mount["RW"] == true) writable.insert(mount["Destination"].get<std::string>());
    }
    CHECK(writable == std::set<std::string>{"/home/agent", "/workspace"});
    std::set<std::string> expected{"/etc/hosts", "/home/agent", "/run/shopfloor-init", "/workspace"};
    if (agent) expected.insert("/run/door");
    CHECK(places == expected);
    const auto tmpfs = container["HostConfig"]["Tmpfs"];
    CHECK(tmpfs.size() == 1);
    CHECK(contains(tmpfs["/tmp"].get<std::string>(), "nosuid,nodev,size="));
}

void check_walls(const Factory& factory, const std::string& name, const json& container) {
    CAPTURE(name);
    const auto& config = container["Config"];
    CHECK(config["User"] == "61000:61000");
    CHECK(config["Tty"] == false);
    CHECK(empty(config["Volumes"]));
    CHECK((!config.contains("ExposedPorts") || empty(config["ExposedPorts"])));
    CHECK(config["Image"].get<std::string>().starts_with("sha256:"));
    CHECK(config["WorkingDir"] == "/workspace");
    for (const auto& variable : config["Env"]) {
        const auto text = variable.get<std::string>();
        CAPTURE(text);
        const bool taken_out = !contains(text, "=");  // a proxy that the image names is none here
        CHECK((text.starts_with("PATH=") || text == "HOME=/home/agent" || text == "LANG=C.UTF-8" ||
               text == "CI=true" || taken_out));
    }
    for (const auto& [label, value] : config["Labels"].items()) CHECK(label.starts_with("shopfloor."));
    const auto networks = container["NetworkSettings"]["Networks"];
    CHECK((empty(networks) || (networks.size() == 1 && networks.contains("none"))));
    CHECK(container["AppArmorProfile"] != "unconfined");
    check_rights(container["HostConfig"]);
    check_limits(container["HostConfig"]);
    check_mounts(factory, container, contains(name, "-agent-"));
}

}  // namespace

TEST_CASE("every container of a job stands behind all walls, as the engine itself tells it") {
    if (!can_run("docker")) return;
    const auto step = [](const std::string& name) {
        return fmt::format(
            "touch ready-{0}; until test -e go-{0}; do sleep 0.1; done; rm -f ready-{0} go-{0}", name);
    };
    Factory factory(
        {.recipe = fmt::format("setup: {}\nchecks:\n  - name: tests\n    run: {}\n"
                               "limits: {{memory: 64GiB, pids: 100000, cpus: 64, disk: 64GiB, total: 24h}}\n",
                               step("setup"), step("check")),
         .agents = {{"worker", step("agent") + "; echo more >> README.md"}},
         .backend = "docker",
         .change = [](config::Settings& settings) {
             settings.sandbox.ceiling.memory_bytes = memory;
             settings.sandbox.ceiling.pids = pids;
             settings.sandbox.ceiling.cpus = 1;
         }});
    const auto issue = factory.ask("Anything");
    std::set<std::string> kinds;
    const auto pass = [&](const std::string& name) {
        const auto tree = scenarios::workspace_with(factory, "ready-" + name);
        for (const auto& [run, container] : containers_of(factory)) {
            check_walls(factory, run, container);
            kinds.insert(run.substr(run.find('-', 10) + 1));
        }
        std::ofstream(tree / ("go-" + name)) << "";
        REQUIRE(
            PracticeForge::eventually([&] { return !std::filesystem::exists(tree / ("ready-" + name)); }));
    };
    pass("setup");
    pass("agent");
    pass("check");  // on the base commit, beside the agent
    pass("check");  // on the result
    REQUIRE(factory.reaches(issue, "review"));
    CHECK(kinds.size() == 4);
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}
