#include "config/settings_reader.hpp"

#include <algorithm>
#include <string>
#include <system_error>

#include "config/hosts.hpp"
#include "config/secret_source.hpp"
#include "config/syntax.hpp"

namespace config {

namespace {

using std::chrono::hours;
using std::chrono::seconds;

void read_app(const Place& place, const std::filesystem::path& base, AppCredentials& app) {
    Fields fields(place);
    if (const auto at = fields.need("app_id", "add `app_id`, the number on the App's settings page")) {
        at->matching(app.app_id, name_fault, "write the number on the App's settings page");
    }
    if (const auto at = fields.need("private_key", "add `private_key: {file: app.pem}`")) {
        if (read_secret(*at, base, app.private_key)) {
            if (const std::string why = private_key_fault(app.private_key.expose()); !why.empty()) {
                at->error("is " + why, "use the .pem file that the App's settings page gives");
            }
        }
    }
    fields.close();
}

void read_repositories(const Place& place, std::vector<std::string>& target) {
    for (const Place& item : place.list(1000)) {
        item.matching(target.emplace_back(), repository_fault,
                      "write owner/name, owner/* for all of an owner, or \"*\" for any");
    }
    if (place.node().kind == YamlNode::Kind::list && place.node().items.empty()) {
        place.error("is empty, so nothing would be done", "name at least one repository, or \"*\" for any");
    }
}

/// Entries `path inside: path here`. Whether the source is there is for the sandbox to say: its engine may
/// run elsewhere.
void read_mounts(const Place& place, const std::filesystem::path& base, AgentProfile& profile) {
    for (const auto& [name, value] : place.entries(50)) {
        std::string inside;
        std::filesystem::path source;
        if (!name.text(inside, 1000) || !read_path(value, base, source)) continue;
        const std::filesystem::path target(inside);
        if (!target.is_absolute() || target.lexically_normal() != target || target == "/") {
            name.error("`" + excerpt(inside) + "` is not a plain absolute path",
                       "write where it appears inside, like /opt/agent");
            continue;
        }
        profile.mounts[inside] = source;
    }
}

void read_environment(const Place& place, AgentProfile& profile) {
    for (const auto& [name, value] : place.entries(200)) {
        std::string variable;
        std::string text;
        if (!name.text(variable, 200)) continue;
        const auto fits = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        };
        if (!std::ranges::all_of(variable, fits) || (variable.front() >= '0' && variable.front() <= '9')) {
            name.error("is not the name of an environment variable", "use letters, digits and `_`");
            continue;
        }
        const bool empty = value.node().kind == YamlNode::Kind::scalar && value.node().text.empty();
        if (!empty && !value.text(text, 8000, LineBreaks::allowed)) continue;
        profile.environment[variable] = text;
    }
}

void read_ceiling(const Place& place, Limits& limits) {
    constexpr std::uint64_t mib = 1ULL << 20;
    constexpr std::uint64_t most = 1ULL << 50;
    Fields fields(place);
    if (const auto at = fields.find("memory")) at->size(limits.memory_bytes, 16 * mib, most);
    if (const auto at = fields.find("cpus")) at->number(limits.cpus, 0.1, 1024);
    if (const auto at = fields.find("pids")) at->number(limits.pids, 16, 1'000'000);
    if (const auto at = fields.find("disk")) at->size(limits.disk_bytes, 16 * mib, most);
    if (const auto at = fields.find("inodes")) at->count(limits.disk_inodes, 1000, 1'000'000'000);
    if (const auto at = fields.find("tmp")) at->size(limits.tmp_bytes, mib, most);
    if (const auto at = fields.find("log")) at->size(limits.log_bytes, 1ULL << 10, 1ULL << 40);
    if (const auto at = fields.find("total")) at->duration(limits.total, seconds(1), hours(7 * 24));
    const auto idle = fields.find("idle");
    if (idle) idle->duration(limits.idle, seconds(1), hours(7 * 24));
    fields.close();
    limits.idle = std::min(limits.idle, limits.total);
}

void read_docker_host(const Place& place, std::string& target) {
    const auto fault = [](std::string_view text) -> std::string {
        if (text.starts_with("unix:///") && text.size() > 8) return {};
        // The address is checked as a URL's would be; that the engine is reachable is the sandbox's to say.
        const bool tcp = text.starts_with("tcp://") && text.find(':', 6) != std::string_view::npos &&
                         text.find('/', 6) == std::string_view::npos;
        if (tcp && url_fault("https://" + std::string(text.substr(6))).empty()) return {};
        return "not an engine's address";
    };
    place.matching(target, fault, "write unix:///var/run/docker.sock or tcp://HOST:PORT");
}

void read_roots(const Place& place, const std::filesystem::path& base, SandboxSettings& sandbox) {
    for (const auto& [name, value] : place.entries(100)) {
        std::string image;
        std::filesystem::path root;
        const auto fault = [](std::string_view text) {
            return text == "*" ? std::string() : image_fault(text);
        };
        if (!name.matching(image, fault, "write an image name, or \"*\" for any other") ||
            !read_path(value, base, root)) {
            continue;
        }
        std::error_code ignored;
        if (!std::filesystem::is_directory(root, ignored)) {
            value.error("`" + root.string() + "` is not a folder",
                        "name the root of an unpacked image, like debootstrap makes");
            continue;
        }
        sandbox.roots[image] = root;
    }
}

}  // namespace

bool read_path(const Place& place, const std::filesystem::path& base, std::filesystem::path& target) {
    std::string text;
    if (!place.text(text, 4000)) return false;
    target = (base / text).lexically_normal();
    return true;
}

bool read_url(const Place& place, std::string& target) {
    if (!place.matching(target, url_fault, "write https://HOST/PATH (http:// for loopback hosts only)"))
        return false;
    while (target.ends_with('/')) target.pop_back();
    return true;
}

void read_forge(const Place& place, const std::filesystem::path& base, ForgeSettings& forge) {
    Fields fields(place);
    if (const auto at = fields.need("name", "add `name: github`")) {
        at->matching(forge.name, name_fault, "write a word for the route /hooks/NAME, like github");
    }
    if (const auto at = fields.find("kind"))
        at->matching(forge.kind, name_fault, "write github, gitlab, gitea or forgejo");
    if (const auto at = fields.find("api_url")) read_url(*at, forge.api_url);
    if (const auto at = fields.need("webhook_secrets", "add `webhook_secrets: [{env: NAME}]`")) {
        for (const Place& item : at->list(10)) read_secret(item, base, forge.webhook_secrets.emplace_back());
        if (at->node().kind == YamlNode::Kind::list && at->node().items.empty()) {
            at->error("is empty", "add the secret of the webhook, {env: NAME} or {file: PATH}");
        }
    }
    const auto app = fields.find("app");
    const auto token = fields.find("token");
    if (app) read_app(*app, base, forge.app.emplace());
    if (token) read_secret(*token, base, forge.token.emplace());
    if (app && token) token->error("`app` is given too", "keep one of `app` and `token`");
    if (!app && !token) {
        place.error("has no credentials",
                    "add `app: {app_id: ..., private_key: {file: ...}}` or `token: {env: NAME}`");
    }
    if (const auto at = fields.need("repositories", "add `repositories: [owner/name]`")) {
        read_repositories(*at, forge.repositories);
    }
    fields.close();
}

void read_profile(const Place& place, const std::filesystem::path& base, AgentProfile& profile) {
    Fields fields(place);
    if (const auto at = fields.need("name", "add `name: NAME`; the label agent:NAME picks this profile")) {
        at->matching(profile.name, name_fault, "write a word that can stand in a label");
    }
    if (const auto at = fields.find("adapter"))
        at->matching(profile.adapter, name_fault, "write the name of an adapter, like command");
    const auto command = fields.find("command");
    if (command) {
        command->texts(profile.command, 100, 8000);
        if (command->node().kind == YamlNode::Kind::list && command->node().items.empty()) {
            command->error("is empty", "write [PROGRAM, ARGUMENT, ...]");
        }
    }
    if (!command && profile.adapter == "command") {
        place.error("has no `command`, which the adapter `command` runs",
                    "add `command: [PROGRAM, ARGUMENT, ...]`");
    }
    if (const auto at = fields.find("provider"))
        at->matching(profile.provider, name_fault, "write the name of one of `models.providers`");
    if (const auto at = fields.find("model")) at->text(profile.model, 200);
    if (const auto at = fields.find("effort"))
        at->matching(profile.effort, name_fault, "write a word that the agent program knows, like high");
    if (const auto at = fields.find("arguments")) at->texts(profile.arguments, 100, 8000);
    if (const auto at = fields.find("labels")) {
        for (const Place& item : at->list(20))
            item.matching(profile.labels.emplace_back(), name_fault,
                          "write a word that can stand in a label");
    }
    if (const auto at = fields.find("good_at")) at->text(profile.good_at, 200);
    if (const auto at = fields.find("environment")) read_environment(*at, profile);
    if (const auto at = fields.find("mounts")) read_mounts(*at, base, profile);
    if (const auto at = fields.find("image")) {
        at->matching(profile.image.emplace(), image_fault, "write an image name like debian:bookworm-slim");
    }
    fields.close();
}

void read_sandbox(const Place& place, const std::filesystem::path& base, SandboxSettings& sandbox) {
    Fields fields(place);
    if (const auto at = fields.find("backend")) at->choice(sandbox.backend, {"auto", "docker", "bubblewrap"});
    if (const auto at = fields.find("docker_host")) read_docker_host(*at, sandbox.docker_host);
    if (const auto at = fields.find("default_image")) {
        at->matching(sandbox.default_image, image_fault, "write an image name like debian:bookworm-slim");
    }
    if (const auto at = fields.find("pull_images")) at->flag(sandbox.pull_images);
    if (const auto at = fields.find("allow_weak_limits")) at->flag(sandbox.allow_weak_limits);
    if (const auto at = fields.find("roots")) read_roots(*at, base, sandbox);
    if (const auto at = fields.find("ceiling")) read_ceiling(*at, sandbox.ceiling);
    if (const auto at = fields.find("egress")) read_hosts(*at, sandbox.egress);
    fields.close();
}

}  // namespace config
