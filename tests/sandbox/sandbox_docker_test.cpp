#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <stdexcept>

#include "sandbox/docker_api.hpp"
#include "sandbox/docker_spec.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox_stage.hpp"

/// What only the engine has: the create body, and runs that outlive us.

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using sandbox::Error;
using End = sandbox::RunOutcome::End;

sandbox::RunSpec sample_spec() {
    sandbox::RunSpec spec{.name = "job-1-run-1",
                          .labels = {{"shopfloor.job", "1"}},
                          .image = "sha256:abc",
                          .argv = {"/bin/sh", "-c", "make test"},
                          .environment = {{"CI", "true"}},
                          .standard_input = "prompt",
                          .door = "/state/doors/job-1-run-1"};
    return spec;
}

sandbox::ContainerPlan sample_plan() {
    return {.instance = "main",
            .workspace = "/state/work/job-1/merged",
            .home = "/state/work/job-1/home",
            .hosts = "/run/shopfloor/hosts",
            .init = "/run/shopfloor/init-0123456789abcdef",
            .uid = 61000,
            .host_cpus = 8,
            .image_volumes = {"/data"},
            .seccomp = "PROFILE"};
}

sandbox::DockerApi engine() { return {*sandbox::Endpoint::parse({}), "/v1.41"}; }

std::string full_name(const sandbox::RunSpec& spec) {
    return sandbox::container_name(stage::instance(), spec.name);
}

int status_of(const std::string& container) {
    return engine().get("/containers/" + container + "/json")->status;
}

}  // namespace

TEST_CASE("the create body is the golden one") {
    const auto golden_file = std::string(SHOPFLOOR_SOURCE_DIR) + "/tests/sandbox/sandbox_create.golden.json";
    const auto body =
        json::parse(sandbox::container_request(sample_spec(), sample_plan()).body).dump(2) + "\n";
    if (std::getenv("SHOPFLOOR_ACCEPT") != nullptr) {
        std::ofstream(golden_file) << body;
        MESSAGE("accepted a new golden file, nothing was tested");
        return;
    }
    CHECK(body == stage::read_file(golden_file));
}

TEST_CASE("no settings lead to a forbidden field of the create body") {
    const std::set<std::string> top{"Image",        "User",
                                    "Hostname",     "Env",
                                    "Entrypoint",   "WorkingDir",
                                    "Tty",          "OpenStdin",
                                    "StdinOnce",    "AttachStdin",
                                    "AttachStdout", "AttachStderr",
                                    "StopSignal",   "NetworkDisabled",
                                    "Healthcheck",  "HostConfig",
                                    "Labels"};
    const std::set<std::string> host{"NetworkMode", "ReadonlyRootfs", "Privileged", "CapDrop",
                                     "SecurityOpt", "PidsLimit",      "Memory",     "MemorySwap",
                                     "NanoCpus",    "Init",           "IpcMode",    "CgroupnsMode",
                                     "ShmSize",     "RestartPolicy",  "AutoRemove", "LogConfig",
                                     "Tmpfs",       "Ulimits",        "Mounts"};
    const std::vector<std::string> hostile{"",
                                           "--privileged",
                                           "\",\"Privileged\":true,\"x\":\"",
                                           "HostConfig",
                                           "host",
                                           "seccomp=unconfined",
                                           "/var/run/docker.sock:/sock",
                                           "0:0",
                                           "a\nb",
                                           "\xff\xfe"};
    std::mt19937 dice(20240607);
    const auto pick = [&] { return hostile[dice() % hostile.size()]; };
    for (int round = 0; round < 500; ++round) {
        auto spec = sample_spec();
        auto plan = sample_plan();
        spec.name = pick();
        spec.image = pick();
        spec.labels = {{pick(), pick()}, {"shopfloor.instance", pick()}};
        spec.argv = {pick(), pick()};
        spec.environment = {{pick(), pick()}};
        spec.standard_input = pick();
        spec.mounts = {{"/nowhere/" + pick(), pick()}};
        if (dice() % 2 == 0) spec.door = "/nowhere/" + pick();
        spec.limits.pids = static_cast<int>(dice() % 100000);
        spec.limits.memory_bytes = dice();
        spec.limits.cpus = static_cast<double>(dice() % 1000);
        spec.limits.log_bytes = dice();
        plan.image_volumes = {pick(), "/workspace", "/tmp"};
        plan.instance = pick();

        const auto body = json::parse(sandbox::container_request(spec, plan).body);
        for (const auto& [key, value] : body.items()) CHECK(top.contains(key));
        const auto& config = body["HostConfig"];
        for (const auto& [key, value] : config.items()) CHECK(host.contains(key));
        CHECK(body["User"] == "61000:61000");
        CHECK(body["NetworkDisabled"] == true);
        CHECK(body["Entrypoint"][0] == "/run/shopfloor-init");
        CHECK(body["Labels"]["shopfloor.instance"] ==
              json::parse(json(plan.instance).dump(-1, ' ', false, json::error_handler_t::replace)));
        CHECK(config["NetworkMode"] == "none");
        CHECK(config["Privileged"] == false);
        CHECK(config["Init"] == false);
        CHECK(config["ReadonlyRootfs"] == true);
        CHECK(config["CapDrop"] == json::array({"ALL"}));
        CHECK(config["SecurityOpt"] == json::array({"no-new-privileges:true", "seccomp=PROFILE"}));
        CHECK(config["MemorySwap"] == config["Memory"]);
        CHECK(config["NanoCpus"] <= 8'000'000'000);
        int writable = 0;
        for (const auto& mount : config["Mounts"]) {
            CHECK(mount["Type"] == "bind");
            CHECK(mount["BindOptions"]["Propagation"] == "rprivate");
            CHECK(mount["BindOptions"]["NonRecursive"] == true);
            if (mount["ReadOnly"] == false) ++writable;
        }
        CHECK(writable == 2);
        for (const auto& [place, options] : config["Tmpfs"].items()) {
            CHECK(options.get<std::string>().contains("nosuid,nodev,size="));
            CHECK(place != "/workspace");
        }
    }
}

TEST_CASE("what makes a run another run changes its proof, and what does not, does not") {
    const auto proof = [](const sandbox::RunSpec& spec) {
        return container_request(spec, sample_plan()).proof;
    };
    const auto spec = sample_spec();
    CHECK(proof(spec) == proof(spec));
    auto other = spec;
    other.standard_input = "another prompt";
    CHECK(proof(other) != proof(spec));
    other = spec;
    other.home_files["x"] = "y";
    CHECK(proof(other) != proof(spec));
    other = spec;
    other.limits.pids = 3;
    CHECK(proof(other) != proof(spec));
    other = spec;
    other.labels["a"] = "b";
    CHECK(proof(other) != proof(spec));
    other = spec;
    other.log_file = "/elsewhere";
    other.survives = true;
    CHECK(proof(other) == proof(spec));
    other = spec;
    other.door.reset();
    CHECK(proof(other) != proof(spec));
    auto plan = sample_plan();
    plan.init = "/run/shopfloor/init-of-the-next-version";
    CHECK(container_request(spec, plan).proof == proof(spec));
    plan.workspace_identity = "another workspace, opened later under the same path";
    CHECK(container_request(spec, plan).proof != proof(spec));
}

TEST_CASE("a run whose end could not be stored is found ended by the next try, and does not run again") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    auto spec = stage::script(*sandbox, "echo once >> ran; exit 6");
    spec.survives = true;
    spec.log_file = workspace.folder() / "log";
    spec.on_end = [](const sandbox::RunOutcome&) { throw std::runtime_error("the disk is full"); };
    CHECK_THROWS_WITH((void)sandbox->run(spec, workspace, {}), "the disk is full");

    spec.on_end = {};
    const auto ran = stage::run(*sandbox, spec, workspace);
    CHECK(ran.outcome.adopted);
    CHECK(ran.outcome.exit_code == 6);
    CHECK(stage::read_file(workspace.root() / "ran") == "once\n");
    CHECK(status_of(full_name(spec)) == 404);
}

TEST_CASE("a detached run goes on, and is adopted by its name with all of its output") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    auto spec = stage::script(*sandbox, "cat; while [ ! -e go ]; do sleep 0.05; done; echo late; exit 6");
    spec.survives = true;
    spec.standard_input = "early\n";
    spec.log_file = workspace.folder() / "log";
    std::stop_source detach;
    spec.on_output = [&](std::string_view) { detach.request_stop(); };
    const auto left = sandbox->run(spec, workspace, {.detach = detach.get_token()});
    REQUIRE_FALSE(left.has_value());
    CHECK(left.error().kind == Error::Kind::interrupted);
    CHECK(status_of(full_name(spec)) == 200);

    spec.on_output = [&](std::string_view part) {
        if (part.contains("early")) std::ofstream(workspace.root() / "go") << "";
    };
    const auto ran = stage::run(*sandbox, spec, workspace);
    CHECK(ran.outcome.adopted);
    CHECK(ran.outcome.exit_code == 6);
    CHECK(ran.output == "early\nlate\n");
    CHECK(stage::read_file(spec.log_file) == "early\nlate\n");
    CHECK(status_of(full_name(spec)) == 404);
}

TEST_CASE("a run that must not survive us is ended when we detach") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    auto spec = stage::script(*sandbox, "echo up; sleep 1000");
    std::stop_source detach;
    spec.on_output = [&](std::string_view) { detach.request_stop(); };
    const auto left = sandbox->run(spec, workspace, {.detach = detach.get_token()});
    REQUIRE_FALSE(left.has_value());
    CHECK(left.error().kind == Error::Kind::interrupted);
    CHECK(status_of(full_name(spec)) == 404);
}

TEST_CASE("a run that ended while nobody looked is adopted with its outcome") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    auto spec = stage::script(*sandbox, "echo before; sleep 1; echo after; exit 9");
    spec.survives = true;
    std::stop_source detach;
    spec.on_output = [&](std::string_view) { detach.request_stop(); };
    CHECK_FALSE(sandbox->run(spec, workspace, {.detach = detach.get_token()}).has_value());
    CHECK(engine().post("/containers/" + full_name(spec) + "/wait")->ok());

    spec.on_output = {};
    const auto ran = stage::run(*sandbox, spec, workspace);
    CHECK(ran.outcome.adopted);
    CHECK(ran.outcome.exit_code == 9);
    CHECK(ran.output == "before\nafter\n");
    CHECK(ran.outcome.duration >= 1s);
}

TEST_CASE(
    "a run of a daemon that was killed is adopted by the next, and its deadline counts from its start") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    const auto marker = stage::unique_sleep();
    auto spec = stage::script(*sandbox, fmt::format("echo up; sleep {}", marker));
    spec.survives = true;
    spec.limits.total = 6s;
    const pid_t daemon = ::fork();
    REQUIRE(daemon >= 0);
    if (daemon == 0) {
        (void)sandbox->run(spec, workspace, {});
        ::_exit(0);
    }
    REQUIRE(stage::appears(marker, 20s));
    std::this_thread::sleep_for(2s);
    ::kill(daemon, SIGKILL);
    REQUIRE(::waitpid(daemon, nullptr, 0) == daemon);

    const auto begin = std::chrono::steady_clock::now();
    const auto ran = stage::run(*sandbox, spec, workspace);
    CHECK(ran.outcome.adopted);
    CHECK(ran.output == "up\n");
    CHECK(ran.outcome.end == End::total_deadline);
    CHECK(std::chrono::steady_clock::now() - begin < 6s);
    CHECK(stage::processes_with(marker).empty());
}

TEST_CASE("a container of our name that was made for something else gives way") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    auto spec = stage::script(*sandbox, "echo old; sleep 1000");
    spec.survives = true;
    std::stop_source detach;
    spec.on_output = [&](std::string_view) { detach.request_stop(); };
    CHECK_FALSE(sandbox->run(spec, workspace, {.detach = detach.get_token()}).has_value());
    auto other = spec;
    other.argv = {"echo", "new"};
    other.on_output = {};
    const auto ran = stage::run(*sandbox, other, workspace);
    CHECK_FALSE(ran.outcome.adopted);
    CHECK(ran.output == "new\n");
}

TEST_CASE("a container that somebody else killed is not taken for what the program did: it runs again") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    auto spec =
        stage::script(*sandbox, "echo ran >> runs; echo up; if [ $(wc -l < runs) = 1 ]; then sleep 1000; fi");
    spec.survives = true;
    std::stop_source detach;
    spec.on_output = [&](std::string_view) { detach.request_stop(); };
    CHECK_FALSE(sandbox->run(spec, workspace, {.detach = detach.get_token()}).has_value());
    CHECK(engine().post("/containers/" + full_name(spec) + "/kill")->ok());
    CHECK(engine().post("/containers/" + full_name(spec) + "/wait")->ok());
    spec.on_output = {};
    const auto ran = stage::run(*sandbox, spec, workspace);
    CHECK_FALSE(ran.outcome.adopted);
    CHECK(ran.outcome.ok());
    CHECK(stage::read_file(workspace.root() / "runs") == "ran\nran\n");
}

TEST_CASE("a container of somebody else is never touched, even under our name") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    const auto spec = stage::script(*sandbox, "true");
    auto api = engine();
    const json foreign{{"Image", stage::image}, {"Cmd", {"true"}}};
    REQUIRE(api.post("/containers/create?name=" + full_name(spec), foreign.dump())->status == 201);
    const auto refused = sandbox->run(spec, workspace, {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().kind == Error::Kind::refused);
    CHECK(sandbox->sweep([](std::string_view) { return false; })->empty());
    CHECK(status_of(full_name(spec)) == 200);
    CHECK(api.remove("/containers/" + full_name(spec) + "?force=1")->ok());
}

TEST_CASE("a run leaves no container, however it ends") {
    auto* sandbox = stage::backend("docker");
    if (sandbox == nullptr) return;
    stage::PlainWorkspace workspace;
    const auto good = stage::script(*sandbox, "true");
    (void)stage::run(*sandbox, good, workspace);
    CHECK(status_of(full_name(good)) == 404);

    auto throwing = stage::script(*sandbox, "echo x; sleep 1000");
    throwing.on_output = [](std::string_view) { throw std::runtime_error("a caller's own mistake"); };
    CHECK_THROWS((void)sandbox->run(throwing, workspace, {}));
    CHECK(status_of(full_name(throwing)) == 404);

    auto refused = stage::script(*sandbox, "true");
    refused.limits.memory_bytes = 1;  // less than the engine takes
    const auto outcome = sandbox->run(refused, workspace, {});
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().kind == Error::Kind::refused);
    CHECK(status_of(full_name(refused)) == 404);
}

TEST_CASE("a pull from a registry that cannot be reached ends with the engine's own words") {
    auto* docker = stage::backend("docker");
    if (docker == nullptr) return;
    auto settings = stage::settings("docker");
    settings.pull_images = true;
    const auto pulling = sandbox::make_sandbox(settings, stage::instance());
    REQUIRE(pulling.has_value());
    const auto missing = (*pulling)->resolve("127.0.0.1:9/nothing/here", {});
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().kind == Error::Kind::no_image);
    CHECK(missing.error().message.contains("127.0.0.1:9"));
    CHECK(missing.error().message.contains("refused"));
}

TEST_CASE("addresses of engines are understood or refused with the right spelling") {
    using sandbox::Endpoint;
    CHECK(Endpoint::parse("unix:///run/docker.sock")->socket == "/run/docker.sock");
    CHECK(Endpoint::parse("tcp://[::1]:2375")->port == 2375);
    CHECK(Endpoint::parse("tcp://engine:2375")->host == "engine");
    for (const auto* wrong :
         {"tcp://engine", "tcp://:1", "tcp://engine:x", "http://engine:1", "unix://", "ssh://a"}) {
        CAPTURE(wrong);
        const auto endpoint = Endpoint::parse(wrong);
        REQUIRE_FALSE(endpoint.has_value());
        CHECK(endpoint.error().message.contains("unix:///PATH"));
    }
}
