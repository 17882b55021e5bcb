#include "sandbox/bubblewrap.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <thread>

#include "sandbox/bubblewrap_run.hpp"
#include "sandbox/run_check.hpp"
#include "sandbox/running.hpp"
#include "sandbox/seccomp.hpp"
#include "sandbox/workspace.hpp"

namespace sandbox {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view id_mark = "@sha256:";

std::string sha256(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
}

/// A root has no digest of its content. What its package manager wrote last stands for it.
std::string root_digest(const fs::path& root) {
    std::string facts = root.string();
    for (const auto* file :
         {"var/lib/dpkg/status", "var/lib/rpm/rpmdb.sqlite", "lib/apk/db/installed", "usr", "etc"}) {
        struct stat status{};
        if (::stat((root / file).c_str(), &status) != 0) continue;
        facts +=
            fmt::format("\n{} {} {}.{}", file, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
        if (S_ISREG(status.st_mode)) break;
    }
    return sha256(facts);
}

class Bubblewrap final : public Sandbox {
 public:
    Bubblewrap(BubblewrapMachine machine, std::map<std::string, fs::path> roots)
        : machine_(std::move(machine)), roots_(std::move(roots)) {}

    ~Bubblewrap() override {
        if (machine_.groups) machine_.groups->remove_empty();
    }
    Bubblewrap(const Bubblewrap&) = delete;
    Bubblewrap& operator=(const Bubblewrap&) = delete;

    [[nodiscard]] std::string_view backend() const override { return "bubblewrap"; }

    [[nodiscard]] std::string describe() const override {
        return fmt::format("{}, user {}, system calls filtered, {}", machine_.version, sandbox_uid(),
                           machine_.groups
                               ? fmt::format("memory, processes and processor time limited by cgroup v{}",
                                             machine_.groups->version())
                               : "NOT ENFORCED: memory, processor and process limits of a run as a whole");
    }

    [[nodiscard]] std::expected<Image, Error> resolve(const std::string& image, std::stop_token) override {
        auto root = roots_.find(image);
        if (root == roots_.end()) root = roots_.find("*");
        if (root == roots_.end()) {
            return failed(
                Error::Kind::no_image,
                fmt::format("no root folder stands for image {}; name one under sandbox.roots, or one for "
                            "'*' (\"/\" is this machine's own programs)",
                            image));
        }
        std::error_code error;
        if (!fs::is_directory(root->second / "usr", error)) {
            return failed(Error::Kind::no_image,
                          fmt::format("{}, the root folder of image {}, holds no system",
                                      root->second.string(), image));
        }
        const auto folder = fs::canonical(root->second, error);
        return Image{.id = folder.string() + std::string(id_mark) + root_digest(folder), .name = image};
    }

    [[nodiscard]] std::expected<RunOutcome, Error> run(const RunSpec& spec, const RunFiles& files,
                                                       const Control& control) override {
        if (auto checked = check_spec(spec); !checked) return std::unexpected(checked.error());
        const auto root = root_of(spec.image);
        if (!root)
            return failed(Error::Kind::no_image,
                          fmt::format("{} is not one of our root folders", spec.image));
        const auto name = running_.take(spec.name);
        if (!name)
            return failed(Error::Kind::unavailable, fmt::format("a run named {} is under way", spec.name));
        if (auto written = write_home_files(spec, files.home()); !written)
            return std::unexpected(written.error());

        const BubblewrapPlan plan{
            .root = *root, .workspace = files.root(), .home = files.home(), .uid = sandbox_uid()};
        return run_bubblewrap(machine_, spec, bubblewrap_options(spec, plan), plan.files, control);
    }

    [[nodiscard]] std::expected<std::vector<std::string>, Error> sweep(
        const std::function<bool(std::string_view name)>& keep) override {
        std::vector<std::string> removed;
        if (!machine_.groups) return removed;
        for (auto& name : machine_.groups->names()) {
            if (keep(name)) continue;
            const auto mine = running_.take(name);  // nobody begins it while it is removed
            if (!mine) continue;
            machine_.groups->remove(name);
            removed.push_back(std::move(name));
        }
        return removed;
    }

 private:
    /// Only folders that the operator named, whatever the id says.
    [[nodiscard]] std::optional<fs::path> root_of(const std::string& id) const {
        const auto folder = fs::path(id.substr(0, id.rfind(id_mark)));
        for (const auto& [image, root] : roots_) {
            std::error_code error;
            if (fs::canonical(root, error) == folder) return folder;
        }
        return std::nullopt;
    }

    BubblewrapMachine machine_;
    std::map<std::string, fs::path> roots_;
    Running running_;
};

std::optional<fs::path> find_program() {
    for (const fs::path folder : {"/usr/bin", "/usr/local/bin", "/bin"}) {
        if (::access((folder / "bwrap").c_str(), X_OK) == 0) return folder / "bwrap";
    }
    return std::nullopt;
}

/// Found, and one can be made in them.
std::expected<ControlGroups, Error> usable_groups(const std::string& instance) {
    auto groups = ControlGroups::find(instance);
    if (!groups) return groups;
    const auto trial = groups->create(fmt::format("trial-{}", ::getpid()), config::Limits{}, 0);
    if (!trial) return std::unexpected(trial.error());
    return groups;
}

/// Runs bwrap in its own walls, which tells whether this kernel lets us have them, and which bwrap it is.
std::expected<std::string, Error> try_walls(const BubblewrapMachine& machine) {
    std::string said;
    const BubblewrapFiles files;
    RunSpec spec{.name = fmt::format("trial-{}", ::getpid()),
                 .argv = {machine.program.string(), "--version"}};
    spec.on_output = [&](std::string_view part) { said.append(part); };
    spec.limits.total = std::chrono::seconds(30);
    auto options = bubblewrap_walls(sandbox_uid());
    for (const auto* option :
         {"--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run"}) {
        options.emplace_back(option);
    }
    for (auto& option : bubblewrap_init(files)) options.push_back(std::move(option));
    options.emplace_back("--seccomp");
    options.push_back(std::to_string(files.seccomp));
    options.emplace_back("--json-status-fd");
    options.push_back(std::to_string(files.status));
    // All of / is bound, and bwrap fails on a mount that goes away meanwhile, say a workspace of another
    // daemon.
    auto outcome = run_bubblewrap(machine, spec, options, files, Control{});
    for (int again = 1; again <= 10 && !(outcome && outcome->ok()); ++again) {
        std::this_thread::sleep_for(again * std::chrono::milliseconds(100));  // where many come and go
        said.clear();
        outcome = run_bubblewrap(machine, spec, options, files, Control{});
    }
    if (outcome && outcome->ok()) return said.substr(0, said.find('\n'));
    if (!outcome && outcome.error().kind == Error::Kind::unenforceable)
        return std::unexpected(outcome.error());
    return failed(
        Error::Kind::unenforceable,
        fmt::format(
            "bwrap cannot put up its walls here ({}); it must be 0.8 or newer, and the kernel must "
            "allow user namespaces (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces)",
            outcome ? said : outcome.error().message));
}

}  // namespace

std::expected<std::unique_ptr<Sandbox>, Error> make_bubblewrap(const config::SandboxSettings& settings,
                                                               const std::string& instance) {
    const auto program = find_program();
    if (!program)
        return failed(Error::Kind::unavailable, "bwrap is not installed; apt-get install bubblewrap");
    auto seccomp = seccomp_program();
    if (!seccomp) return std::unexpected(seccomp.error());
    BubblewrapMachine machine{.program = *program, .seccomp = std::move(*seccomp)};
    if (auto groups = usable_groups(instance)) {
        machine.groups.emplace(std::move(*groups));
    } else if (!settings.allow_weak_limits) {
        return failed(Error::Kind::unenforceable,
                      groups.error().message + "; or say sandbox.allow_weak_limits");
    }
    auto version = try_walls(machine);
    if (!version) return std::unexpected(version.error());
    machine.version = std::move(*version);
    return std::make_unique<Bubblewrap>(std::move(machine), settings.roots);
}

}  // namespace sandbox
