// Who sets the bot up as the README says, word for word, has one that works.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"
#include "tests/scenarios/daemon.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/tested_forge.hpp"

using practice_forge::Dialect;
using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::maintainer;

namespace {

constexpr std::string_view project = "your-org/widget";

std::string between(const std::string& text, std::string_view from, std::string_view to) {
    const auto start = text.find(from);
    REQUIRE_MESSAGE(start != std::string::npos, "the README has no " << from);
    const auto end = text.find(to, start + from.size());
    return text.substr(start + from.size(), end == std::string::npos ? end : end - start - from.size());
}

/// The chapter that tells how to set the bot up with a forge.
std::string chapter_of(Dialect dialect) {
    const auto readme = scenarios::bytes_of(std::filesystem::path(SHOPFLOOR_SOURCE_DIR) / "README.md");
    const auto* forge = dialect == Dialect::github   ? "GitHub"
                        : dialect == Dialect::gitlab ? "GitLab"
                                                     : "Gitea or Forgejo";
    return between(readme, fmt::format("\n## Set it up with {}\n", forge), "\n## ");
}

/// The first block of a chapter that begins with this key, without its indentation.
std::string block(const std::string& chapter, std::string_view key) {
    constexpr std::size_t indented = 7;
    std::istringstream lines(chapter);
    std::string found;
    for (std::string line; std::getline(lines, line);) {
        const bool inside = line.starts_with(std::string(indented, ' '));
        if (!found.empty() && !inside) break;
        if (inside && (!found.empty() || line.substr(indented).starts_with(key)))
            found += line.substr(indented) + "\n";
    }
    REQUIRE_MESSAGE(!found.empty(), "no block with " << key);
    return found;
}

/// What stands in backticks and begins with this.
std::string spoken_command(const std::string& chapter, std::string_view program) {
    return std::string(program) + between(chapter, "`" + std::string(program), "`");
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    const auto at = text.find(what);
    REQUIRE_MESSAGE(at != std::string::npos, "the README does not say " << what);
    return text.replace(at, what.size(), with);
}

/// A block of YAML from this key at the margin to the next.
std::string member(const std::string& yaml, std::string_view key) {
    const auto start = ("\n" + yaml).find("\n" + std::string(key) + ":");
    REQUIRE(start != std::string::npos);
    auto end = yaml.find('\n', start) + 1;
    while (end < yaml.size() && yaml[end] == ' ') end = yaml.find('\n', end) + 1;
    return yaml.substr(start, end - start);
}

/// `Issue comment` is what GitHub calls `issue_comment` in its deliveries.
std::vector<std::string> events_of(const std::string& chapter) {
    std::vector<std::string> events;
    std::istringstream names(between(chapter, "**Events**: ", "."));
    for (std::string name; std::getline(names >> std::ws, name, ',');) {
        std::ranges::transform(name, name.begin(), [](unsigned char letter) {
            return letter == ' ' || letter == '\n' ? '_' : static_cast<char>(std::tolower(letter));
        });
        events.push_back(name);
    }
    return events;
}

/// An operator's folder, and the forge that they set the bot up with.
struct Setup {
    std::filesystem::path folder = scenarios::Factory::fresh_folder();
    PracticeForge forge{{.dialect = scenarios::tested_forge(), .directory = folder / "forge"}};
    std::string chapter = chapter_of(scenarios::tested_forge());

    Setup() {
        forge.create_repository(
            {.full_name = std::string(project),
             .files = {{.path = "words", .content = "none\n"},
                       {.path = ".shopfloor.yml", .content = "checks: [{name: tests, run: 'true'}]\n"}}});
        forge.add_collaborator(project, maintainer, practice_forge::Permission::write);
        ::setenv("ANTHROPIC_API_KEY", "a-key", 1);
    }
    ~Setup() { std::filesystem::remove_all(folder); }
    Setup(const Setup&) = delete;
    Setup& operator=(const Setup&) = delete;

    void write(const std::string& name, std::string_view content) const {
        std::ofstream(folder / name) << content;
    }
    void run(const std::string& command) const {
        const auto line = fmt::format("cd '{}' && PATH=\"{}:$PATH\" && {} > said 2>&1", folder.string(),
                                      scenarios::daemon_program().parent_path().string(), command);
        const int status = std::system(line.c_str());
        CHECK_MESSAGE(status == 0, command << ": " << scenarios::bytes_of(folder / "said"));
    }

    /// An account, or an App, and what it signs in with.
    void make_account() {
        if (scenarios::on_github()) {
            const auto key = practice_forge::make_key_pair();
            forge.set_app({.id = 123456, .public_key = key.public_pem});
            return write("app.pem", key.private_pem);
        }
        const bool gitlab = scenarios::tested_forge() == Dialect::gitlab;
        forge.add_collaborator(
            project, forge.app_login(),
            gitlab ? practice_forge::Permission::maintain : practice_forge::Permission::admin);
        forge.add_token(forge.app_login(), "a-token");
        write("token", "a-token\n");
    }

    void keep_secrets() const {
        run("(" + spoken_command(chapter, "openssl rand") + ")");
        run(spoken_command(chapter, "chmod 600"));
    }

    /// As the README has it for this forge.
    [[nodiscard]] std::string configuration() const {
        auto yaml = block(chapter_of(Dialect::github), "listen:");
        if (!scenarios::on_github()) yaml = replaced(yaml, member(yaml, "forges"), block(chapter, "forges:"));
        if (scenarios::tested_forge() == Dialect::forgejo)
            yaml = replaced(yaml, "kind: gitea                   # or forgejo", "kind: forgejo");
        return yaml;
    }

    /// Only what is somebody's own is another's: addresses, folders, and an agent that needs no model.
    [[nodiscard]] std::string as_it_is_here(std::string yaml) const {
        yaml = replaced(yaml, "127.0.0.1:8080", "127.0.0.1:0");
        yaml = replaced(yaml, "/var/lib/shopfloor", (folder / "state").string());
        yaml =
            scenarios::on_github()
                ? replaced(yaml, "- name: github ", "- api_url: " + forge.api_url() + "\n    name: github ")
                : replaced(yaml, "https://" + between(yaml, "https://", "\n"), forge.api_url());
        if (scenarios::tested_forge() == Dialect::gitlab) yaml = replaced(yaml, "your-group/*", "your-org/*");
        yaml = replaced(
            yaml, member(yaml, "profiles"),
            "profiles: [{name: worker, command: [sh, -c, 'echo more >> words; echo Said more.']}]\n");
        return replaced(yaml, member(yaml, "sandbox"),
                        "sandbox: {backend: bubblewrap, default_image: host, roots: {host: /}}\n");
    }

    void add_webhook(int port) {
        auto secret = scenarios::bytes_of(folder / "hook-secret");
        REQUIRE(secret.size() == 65);
        secret.pop_back();
        const auto path = "/hooks/" + between(chapter, "`https://YOUR-HOST/hooks/", "`");
        practice_forge::HookSettings hook{.url = fmt::format("http://127.0.0.1:{}{}", port, path),
                                          .secret = secret};
        if (scenarios::on_github()) hook.events = events_of(chapter);
        forge.set_hook(hook);
    }

    /// The issue's state as its label tells it.
    [[nodiscard]] bool reaches(std::int64_t issue, const std::string& state) const {
        return PracticeForge::eventually(
            [&] {
                return forge.issue(project, issue).labels ==
                       std::vector<std::string>{"agent-state: " + state};
            },
            std::chrono::seconds(120));
    }
};

}  // namespace

TEST_CASE("who sets the bot up as the README says, step by step, gets a pull request and is heard on it") {
    if (!can_run("bubblewrap")) return;
    Setup setup;
    auto& forge = setup.forge;
    setup.make_account();
    setup.keep_secrets();
    setup.write("shopfloor.yaml", setup.configuration());
    setup.run("shopfloor check --config shopfloor.yaml");
    setup.write("shopfloor.yaml", setup.as_it_is_here(setup.configuration()));
    setup.run("shopfloor check --config shopfloor.yaml");
    const scenarios::Daemon daemon({.config = setup.folder / "shopfloor.yaml",
                                    .log = setup.folder / "log",
                                    .wrapper = {},
                                    .environment = {}});
    setup.add_webhook(daemon.port());

    const auto issue = forge.create_issue(project, "Words are missing", "Please.", maintainer);
    forge.add_label(project, issue, "agent", maintainer);
    REQUIRE(setup.reaches(issue, "review"));
    const auto made = forge.pull_requests(project).front();
    CHECK(forge.file(project, made.head_sha, "words") == "none\nmore\n");

    forge.comment(project, made, "/agent refine say more", maintainer);
    CHECK(PracticeForge::eventually(
        [&] {
            return forge.file(project, forge.pull_requests(project).front().head_sha, "words") ==
                   "none\nmore\nmore\n";
        },
        std::chrono::seconds(120)));
    (void)forge.merge(project, made.number, maintainer);
    CHECK(setup.reaches(issue, "done"));
}
