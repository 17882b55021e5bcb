#include "sandbox/docker.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "sandbox/descriptor.hpp"
#include "sandbox/docker_files.hpp"
#include "sandbox/docker_run.hpp"
#include "sandbox/run_check.hpp"
#include "sandbox/running.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/watch.hpp"
#include "sandbox/workspace.hpp"

namespace sandbox {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// For all of an image.
constexpr std::chrono::minutes pull_patience{15};
constexpr std::array<int, 2> tested_api{1, 41};
/// Fixed in it: CVE-2025-31133, CVE-2025-52565, CVE-2025-52881 (leaving a container through its own mounts).
constexpr std::array<int, 3> sound_runc{1, 2, 8};

template <std::size_t N>
std::array<int, N> numbers(std::string_view text) {
    std::array<int, N> all{};
    for (auto& number : all) {
        const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        text.remove_prefix(static_cast<std::size_t>(stopped - text.data()));
        if (error != std::errc{} || text.empty() || text.front() != '.') break;
        text.remove_prefix(1);
    }
    return all;
}

struct EngineFacts {
    std::string version, api, runc, cgroup, storage;
    double cpus = 1;
    std::vector<std::string> missing;  ///< limits and walls this engine lacks
    bool maps_users = false;
};

EngineFacts read_facts(const json& version, const json& info) {
    EngineFacts facts{.version = version.value("Version", "?"),
                      .cgroup = info.value("CgroupVersion", "1"),
                      .storage = info.value("Driver", "?"),
                      .cpus = info.value("NCPU", 1.0)};
    const auto newest = numbers<2>(version.value("ApiVersion", "0"));
    const auto oldest = numbers<2>(version.value("MinAPIVersion", "0"));
    const auto spoken = std::max(tested_api, oldest);
    if (newest >= spoken) facts.api = fmt::format("/v{}.{}", spoken[0], spoken[1]);
    for (const auto& component : version.value("Components", json::array())) {
        if (component.value("Name", "") == "runc") facts.runc = component.value("Version", "");
    }
    constexpr std::array limits{
        std::pair{"MemoryLimit", "memory limit"}, std::pair{"SwapLimit", "swap limit"},
        std::pair{"CpuCfsQuota", "processor limit"}, std::pair{"PidsLimit", "process limit"}};
    for (const auto& [field, sentence] : limits) {
        if (!info.value(field, false)) facts.missing.emplace_back(sentence);
    }
    bool seccomp = false;
    for (const auto& option : info.value("SecurityOptions", json::array())) {
        const auto text = option.get<std::string>();
        seccomp = seccomp || text.starts_with("name=seccomp");
        facts.maps_users = facts.maps_users || text == "name=userns" || text == "name=rootless";
    }
    if (!seccomp) facts.missing.emplace_back("system call filter");
    return facts;
}

/// Reference -> query of /images/create; without a tag the engine would pull all of them.
std::string pull_query(const std::string& image) {
    const auto slash = image.rfind('/');
    const auto colon = image.rfind(':');
    const bool tagged =
        image.contains('@') || (colon != std::string::npos && (slash == std::string::npos || colon > slash));
    return fmt::format("/images/create?fromImage={}{}", encoded(image), tagged ? "" : "&tag=latest");
}

/// An engine whose JSON is not what its documentation says is none that we can use; the exception stays here.
template <typename Work>
auto guarded(Work&& work) -> decltype(work()) {
    try {
        return work();
    } catch (const json::exception& wrong) {
        return std::unexpected(
            Error{Error::Kind::unavailable,
                  fmt::format("the Docker Engine's reply is not understood: {}", wrong.what())});
    }
}

class Docker final : public Sandbox {
 public:
    Docker(Endpoint endpoint, const config::SandboxSettings& settings, std::string instance,
           EngineFacts facts, DockerFiles files)
        : engine_{std::move(endpoint), facts.api, settings.allow_weak_limits},
          pull_(settings.pull_images),
          instance_(std::move(instance)),
          facts_(std::move(facts)),
          files_(std::move(files)),
          seccomp_(seccomp_profile_json()) {}

    [[nodiscard]] std::string_view backend() const override { return "docker"; }

    [[nodiscard]] std::string describe() const override {
        std::string line =
            fmt::format("Docker Engine {} (API {}, runc {}, cgroup v{}, storage {}), user {}", facts_.version,
                        facts_.api.substr(2), facts_.runc, facts_.cgroup, facts_.storage, sandbox_uid());
        if (!facts_.missing.empty())
            line += fmt::format("; NOT ENFORCED: {}", fmt::join(facts_.missing, ", "));
        if (numbers<3>(facts_.runc) < sound_runc) {
            line +=
                "; warning: runc older than 1.2.8 lacks the mends of CVE-2025-31133, 52565 and 52881 unless "
                "the "
                "distribution has brought them back";
        }
        return line;
    }

    [[nodiscard]] std::expected<Image, Error> resolve(const std::string& image,
                                                      std::stop_token stop) override {
        return guarded([&] { return resolve_image(image, stop); });
    }

    [[nodiscard]] std::expected<RunOutcome, Error> run(const RunSpec& spec, const RunFiles& files,
                                                       const Control& control) override {
        return guarded([&] { return run_in(spec, files, control); });
    }

    [[nodiscard]] std::expected<std::vector<std::string>, Error> sweep(
        const std::function<bool(std::string_view name)>& keep) override {
        return guarded([&] { return remove_others(keep); });
    }

 private:
    std::expected<Image, Error> resolve_image(const std::string& image, const std::stop_token& stop) {
        DockerApi api(engine_.endpoint, engine_.version);
        auto found = inspect_image(api, image);
        if (!found) return std::unexpected(found.error());
        if (!*found && pull_) {
            if (auto pulled = pull(image, stop); !pulled) return std::unexpected(pulled.error());
            found = inspect_image(api, image);
            if (!found) return std::unexpected(found.error());
        }
        if (*found) return Image{.id = std::move(**found), .name = image};
        return std::unexpected(
            Error{Error::Kind::no_image,
                  fmt::format("image {} is not there; {}", image,
                              pull_ ? "check its name"
                                    : "pull or build it on the engine, or allow sandbox.pull_images")});
    }

    std::expected<RunOutcome, Error> run_in(const RunSpec& spec, const RunFiles& files,
                                            const Control& control) {
        if (auto checked = check_spec(spec, engine_.endpoint.socket); !checked)
            return std::unexpected(checked.error());
        const auto name = running_.take(spec.name);
        if (!name)
            return std::unexpected(
                Error{Error::Kind::unavailable, fmt::format("a run named {} is under way", spec.name)});
        if (auto written = write_home_files(spec, files.home()); !written)
            return std::unexpected(written.error());
        auto volumes = image_volumes(spec.image);
        if (!volumes) return std::unexpected(volumes.error());
        const ContainerPlan plan{.instance = instance_,
                                 .workspace = files.root(),
                                 .workspace_identity = files.identity(),
                                 .home = files.home(),
                                 .hosts = files_.hosts,
                                 .init = files_.init,
                                 .uid = sandbox_uid(),
                                 .host_cpus = facts_.cpus,
                                 .image_volumes = std::move(*volumes),
                                 .seccomp = seccomp_};
        return run_container(engine_, spec, plan, control);
    }

    std::expected<std::vector<std::string>, Error> remove_others(
        const std::function<bool(std::string_view name)>& keep) {
        DockerApi api(engine_.endpoint, engine_.version);
        const json filters{{"label", {fmt::format("{}={}", instance_label, instance_)}}};
        const auto reply = api.get("/containers/json?all=1&filters=" + encoded(filters.dump()));
        if (!reply) return std::unexpected(reply.error());
        const auto list = json::parse(reply->body, nullptr, false);
        if (!reply->ok() || !list.is_array()) {
            return std::unexpected(
                Error{Error::Kind::unavailable, "list of containers: " + reply->message()});
        }
        std::vector<std::string> removed;
        for (const auto& container : list) {
            const auto name = container.at("Labels").value(std::string(name_label), "");
            if (keep(name)) continue;
            const auto mine = running_.take(name);  // nobody begins it while it is removed
            if (!mine) continue;
            if (auto gone = remove_container(api, container.value("Id", "")); !gone)
                return std::unexpected(gone.error());
            removed.push_back(name);
        }
        return removed;
    }

    /// Id of an image that is there, and remembers the volumes it declares.
    std::expected<std::optional<std::string>, Error> inspect_image(DockerApi& api, const std::string& image) {
        const auto reply = api.get("/images/" + encoded(image) + "/json");
        if (!reply) return std::unexpected(reply.error());
        if (reply->status == 404 || reply->status == 400) return std::nullopt;
        const auto document = json::parse(reply->body, nullptr, false);
        if (!reply->ok() || !document.is_object() || !document.contains("Id")) {
            return std::unexpected(Error{Error::Kind::unavailable, "inspect image: " + reply->message()});
        }
        auto id = document["Id"].get<std::string>();
        std::vector<std::string> volumes;
        if (const auto config = document.value("Config", json());
            config.is_object() && config.contains("Volumes") && config["Volumes"].is_object()) {
            for (const auto& [path, unused] : config["Volumes"].items()) volumes.push_back(path);
        }
        const std::scoped_lock lock(mutex_);
        volumes_[id] = std::move(volumes);
        return id;
    }

    std::expected<std::vector<std::string>, Error> image_volumes(const std::string& id) {
        {
            const std::scoped_lock lock(mutex_);
            if (const auto known = volumes_.find(id); known != volumes_.end()) return known->second;
        }
        DockerApi api(engine_.endpoint, engine_.version);
        const auto found = inspect_image(api, id);
        if (!found) return std::unexpected(found.error());
        if (!*found)
            return std::unexpected(Error{Error::Kind::no_image, fmt::format("image {} is not there", id)});
        const std::scoped_lock lock(mutex_);
        return volumes_[**found];
    }

    /// The reply is a stream of JSON lines that ends when the image is there; a failure is one of the lines.
    std::expected<void, Error> pull(const std::string& image, const std::stop_token& stop) {
        spdlog::info("pulling image {}", image);
        auto stream = DockerStream::open(engine_.endpoint, DockerStream::Kind::reply, "POST",
                                         engine_.version + pull_query(image));
        if (!stream) return std::unexpected(stream.error());
        const Control control{.cancel = stop};
        const Wake wake(control);
        if (!wake)
            return std::unexpected(
                Error{Error::Kind::unavailable, "no descriptor is left to watch a pull with"});
        const auto until = Clock::now() + pull_patience;
        std::string body;
        while (!stream->ended()) {
            std::array<pollfd, 2> ready{pollfd{stream->fd(), POLLIN, 0}, pollfd{wake.fd(), POLLIN, 0}};
            if (Clock::now() >= until) {
                return std::unexpected(Error{
                    Error::Kind::unavailable,
                    fmt::format("image {} is not pulled after {} minutes", image, pull_patience.count())});
            }
            const int changed = ::poll(ready.data(), ready.size(), poll_milliseconds(Clock::now(), until));
            if (changed <= 0) continue;
            if (ready[1].revents != 0)
                return std::unexpected(Error{Error::Kind::interrupted, "pull stopped"});
            if (ready[0].revents != 0) stream->read(body);
            // Only the last lines matter, and progress is long.
            if (body.size() > (64U << 10)) body.erase(0, body.size() - (16U << 10));
        }
        std::string failure;
        for (std::size_t at = 0; at < body.size();) {
            const auto end = std::min(body.find('\n', at), body.size());
            const auto line = json::parse(body.substr(at, end - at), nullptr, false);
            if (line.is_object() && line.contains("error")) failure = line.value("error", "");
            if (line.is_object() && line.contains("message")) failure = line.value("message", "");
            at = end + 1;
        }
        if (failure.empty()) return {};
        return std::unexpected(
            Error{Error::Kind::no_image,
                  fmt::format("image {} cannot be pulled: {}; check its name, or log the engine in "
                              "to its registry",
                              image, failure)});
    }

    DockerEngine engine_;
    bool pull_;
    std::string instance_;
    EngineFacts facts_;
    DockerFiles files_;
    std::string seccomp_;
    Running running_;
    std::mutex mutex_;
    std::map<std::string, std::vector<std::string>>
        volumes_;  ///< by image id; ids never change their meaning
};

std::expected<std::unique_ptr<Sandbox>, Error> make(const config::SandboxSettings& settings,
                                                    const std::string& instance) {
    auto endpoint = Endpoint::parse(settings.docker_host);
    if (!endpoint) return std::unexpected(endpoint.error());
    if (auto program = seccomp_program(); !program) return std::unexpected(program.error());

    DockerApi api(*endpoint, {});
    const auto version = api.get("/version");
    if (!version) return std::unexpected(version.error());
    const auto info = api.get("/info");
    if (!info) return std::unexpected(info.error());
    const auto version_json = json::parse(version->body, nullptr, false);
    const auto info_json = json::parse(info->body, nullptr, false);
    if (!version_json.is_object() || !info_json.is_object() || !version->ok() || !info->ok()) {
        return std::unexpected(
            Error{Error::Kind::unavailable, fmt::format("no Docker Engine at {}", endpoint->text())});
    }
    auto facts = read_facts(version_json, info_json);
    if (facts.api.empty()) {
        return std::unexpected(
            Error{Error::Kind::refused,
                  fmt::format("Docker Engine {} is too old; 20.10 or newer is needed", facts.version)});
    }
    if (facts.maps_users) {
        return std::unexpected(
            Error{Error::Kind::refused,
                  "this Docker Engine maps user ids (userns-remap or rootless), so that a program "
                  "could not write its workspace; use an engine without, or backend: bubblewrap"});
    }
    if (!facts.missing.empty() && !settings.allow_weak_limits) {
        return std::unexpected(
            Error{Error::Kind::unenforceable,
                  fmt::format("this Docker Engine has no {}; mend the kernel's control groups, or say "
                              "sandbox.allow_weak_limits",
                              fmt::join(facts.missing, ", no "))});
    }
    auto files = write_docker_files();
    if (!files) return std::unexpected(files.error());
    return std::make_unique<Docker>(std::move(*endpoint), settings, instance, std::move(facts),
                                    std::move(*files));
}

}  // namespace

std::expected<std::unique_ptr<Sandbox>, Error> make_docker(const config::SandboxSettings& settings,
                                                           const std::string& instance) {
    return guarded([&] { return make(settings, instance); });
}

}  // namespace sandbox
