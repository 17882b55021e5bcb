#include "tests/practice_forge/git.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace practice_forge {
namespace fs = std::filesystem;
namespace {

/// Nobody's configuration but ours: the machine's must not change what the forge does.
std::map<std::string, std::string> environment() {
    const char* path = std::getenv("PATH");
    return {{"PATH", path != nullptr ? path : "/usr/bin:/bin"},
            {"HOME", "/nonexistent"},
            {"GIT_CONFIG_NOSYSTEM", "1"},
            {"GIT_CONFIG_GLOBAL", "/dev/null"},
            {"LC_ALL", "C.UTF-8"},
            {"GIT_COMMITTER_NAME", "Practice Forge"},
            {"GIT_COMMITTER_EMAIL", "noreply@forge.invalid"},
            {"GIT_AUTHOR_NAME", "Practice Forge"},
            {"GIT_AUTHOR_EMAIL", "noreply@forge.invalid"}};
}

std::string email(const std::string& login) { return login + "@users.noreply.forge.invalid"; }

std::string slurp(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string first_line(std::string text) {
    text.resize(std::min(text.find('\n'), text.size()));
    return text;
}

bool is_sha(std::string_view text) {
    return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::map<std::string, std::string> packed_refs(const fs::path& directory) {
    std::map<std::string, std::string> refs;
    std::istringstream lines(slurp(directory / "packed-refs"));
    for (std::string line; std::getline(lines, line);) {
        if (line.size() > 41 && is_sha(std::string_view(line).substr(0, 40)))
            refs[line.substr(41)] = line.substr(0, 40);
    }
    return refs;
}

/// `git log` in our own format: fields end with \x1f, commits with \x1e.
constexpr const char* kFormat = "--format=%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%cn%x1f%B%x1e";

std::vector<Commit> parse_log(const std::string& text) {
    std::vector<Commit> commits;
    std::size_t at = 0;
    for (std::size_t end = 0; (end = text.find('\x1e', at)) != std::string::npos; at = end + 1) {
        std::istringstream fields(text.substr(at, end - at));
        Commit commit;
        std::string parents;
        for (auto* field :
             {&commit.sha, &commit.tree, &parents, &commit.author, &commit.author_email, &commit.committer}) {
            std::getline(fields, *field, '\x1f');
        }
        std::getline(fields, commit.message, '\x1e');
        if (!commit.sha.empty() && commit.sha.front() == '\n') commit.sha.erase(0, 1);
        std::istringstream ids(parents);
        for (std::string id; ids >> id;) commit.parents.push_back(id);
        while (commit.message.ends_with('\n')) commit.message.pop_back();
        commits.push_back(std::move(commit));
    }
    return commits;
}

}  // namespace

std::string Git::run(std::vector<std::string> arguments, std::string_view input,
                     const std::map<std::string, std::string>& more) const {
    arguments.insert(arguments.begin(), {"git", "--git-dir=" + directory_.string()});
    auto variables = environment();
    for (const auto& [name, value] : more) variables[name] = value;
    auto result = run_process(arguments, variables, input);
    if (result.exit_code != 0) {
        throw std::runtime_error(fmt::format("git {}: {}", arguments.at(2), result.errors + result.output));
    }
    return std::move(result.output);
}

void Git::create(const fs::path& directory, const std::string& default_branch) {
    fs::create_directories(directory.parent_path());
    const auto made = run_process(
        {"git", "init", "--quiet", "--bare", "--template=", "-b", default_branch, directory.string()},
        environment(), {});
    if (made.exit_code != 0) throw std::runtime_error("git init: " + made.errors);
    // The forge is for tests: nothing of it must survive a power cut. As on GitHub, any commit may be asked
    // for.
    std::ofstream(directory / "config", std::ios::app)
        << "[http]\n\treceivepack = true\n[receive]\n\tautogc = false\n[gc]\n\tauto = 0\n[core]\n\tfsync = "
           "none\n"
           "[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n";
}

void Git::clone(const fs::path& source, const fs::path& directory, const std::string& default_branch) {
    create(directory, default_branch);
    const Git git(directory);
    (void)git.run(
        {"fetch", "--quiet", fs::absolute(source).string(), "+refs/heads/*:refs/heads/*",
         "+refs/tags/*:refs/tags/*"},
        {}, {{"GIT_CONFIG_COUNT", "1"}, {"GIT_CONFIG_KEY_0", "safe.directory"}, {"GIT_CONFIG_VALUE_0", "*"}});
}

std::string Git::commit(const std::string& branch, const std::string& parent, const std::vector<File>& files,
                        const std::string& message, const std::string& author) const {
    const std::string person = fmt::format("{} <{}> now\n", author, email(author));
    std::string stream =
        fmt::format("feature done\ncommit refs/heads/{}\nmark :1\nauthor {}committer {}data {}\n{}\n", branch,
                    person, person, message.size(), message);
    if (!parent.empty()) stream += "from " + parent + "\n";
    for (const auto& file : files) {
        stream += fmt::format("M {} inline \"{}\"\ndata {}\n", file.executable ? "100755" : "100644",
                              file.path, file.content.size());
        stream += file.content + "\n";
    }
    stream += "get-mark :1\ndone\n";
    const std::string output = run({"fast-import", "--quiet", "--date-format=now"}, stream);
    return first_line(output);
}

std::string Git::commit_folder(const std::string& branch, const fs::path& folder,
                               const std::string& message) const {
    const std::map<std::string, std::string> index = {
        {"GIT_INDEX_FILE", (directory_ / "practice-index").string()},
        {"GIT_WORK_TREE", fs::absolute(folder).string()}};
    (void)run({"-C", fs::absolute(folder).string(), "add", "--all"}, {}, index);
    const std::string tree = first_line(run({"write-tree"}, {}, index));
    fs::remove(directory_ / "practice-index");
    const std::string sha = first_line(run({"commit-tree", tree, "-m", message}));
    (void)run({"update-ref", "refs/heads/" + branch, sha});
    return sha;
}

std::optional<std::string> Git::branch(std::string_view name) const {
    const std::string ref = "refs/heads/" + std::string(name);
    if (name.empty() || ref.find("..") != std::string::npos) return std::nullopt;
    const fs::path loose = directory_ / ref;
    std::error_code error;
    // A ref may move from loose to packed while we look: look twice.
    for (int tries = 0; tries < 2; ++tries) {
        if (fs::is_regular_file(loose, error)) {
            if (const auto sha = first_line(slurp(loose)); is_sha(sha)) return sha;
        }
        const auto packed = packed_refs(directory_);
        if (const auto found = packed.find(ref); found != packed.end()) return found->second;
    }
    return std::nullopt;
}

std::map<std::string, std::string> Git::branches() const {
    std::map<std::string, std::string> result;
    std::istringstream lines(
        run({"for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"}));
    for (std::string line; std::getline(lines, line);) result[line.substr(41)] = line.substr(0, 40);
    return result;
}

void Git::delete_branch(const std::string& name) const {
    (void)run({"update-ref", "-d", "refs/heads/" + name});
}

std::optional<Commit> Git::read(const std::string& sha) const {
    try {
        const auto commits = parse_log(run({"log", "-1", "--no-show-signature", kFormat, sha, "--"}));
        return commits.empty() ? std::nullopt : std::optional(commits.front());
    } catch (const std::runtime_error&) {
        return std::nullopt;
    }
}

bool Git::has(const std::string& sha) const {
    if (!is_sha(sha)) return false;
    if (fs::exists(directory_ / "objects" / sha.substr(0, 2) / sha.substr(2))) return true;
    return run_process({"git", "--git-dir=" + directory_.string(), "cat-file", "-e", sha + "^{commit}"},
                       environment(), {})
               .exit_code == 0;
}

std::optional<std::string> Git::file(const std::string& sha, const std::string& path) const {
    auto result = run_process(
        {"git", "--git-dir=" + directory_.string(), "cat-file", "blob", sha + ":" + path}, environment(), {});
    if (result.exit_code != 0) return std::nullopt;
    return std::move(result.output);
}

int Git::count(const std::string& base, const std::string& head) const {
    return std::stoi(run({"rev-list", "--count", base + ".." + head}));
}

bool Git::related(const std::string& base, const std::string& head) const {
    const auto found =
        run_process({"git", "--git-dir=" + directory_.string(), "merge-base", base, head}, environment(), {});
    if (found.exit_code > 1) throw std::runtime_error("git merge-base: " + found.errors);
    return found.exit_code == 0;
}

Git::Size Git::size(const std::string& base, const std::string& head) const {
    Size size;
    std::istringstream lines(run({"diff", "--numstat", base + "..." + head}));
    for (std::string line; std::getline(lines, line); ++size.files) {
        std::istringstream fields(line);
        std::string added, removed;
        fields >> added >> removed;
        if (added == "-") continue;  // binary
        size.additions += std::stoi(added);
        size.deletions += std::stoi(removed);
    }
    return size;
}

std::string Git::diff(const std::string& base, const std::string& head) const {
    return run({"diff", "--no-color", "--no-ext-diff", "-M", base + "..." + head});
}

std::vector<Commit> Git::log(const std::string& base, const std::string& head) const {
    return parse_log(
        run({"log", "--no-show-signature", "--reverse", "-n", "100", kFormat, base + ".." + head, "--"}));
}

std::optional<std::string> Git::merge_tree(const std::string& base, const std::string& head) const {
    const auto result =
        run_process({"git", "--git-dir=" + directory_.string(), "merge-tree", "--write-tree", base, head},
                    environment(), {});
    if (result.exit_code != 0) return std::nullopt;
    return first_line(result.output);
}

std::string Git::merge(const std::string& branch, const std::string& base, const std::string& head,
                       const std::string& tree, const std::string& message, const std::string& author) const {
    const std::string sha =
        first_line(run({"commit-tree", tree, "-p", base, "-p", head, "-m", message}, {},
                       {{"GIT_AUTHOR_NAME", author}, {"GIT_AUTHOR_EMAIL", email(author)}}));
    (void)run({"update-ref", "refs/heads/" + branch, sha, base});
    return sha;
}

void Git::guard(const std::vector<std::string>& protected_patterns, const std::string& refusal,
                std::string_view words) const {
    const fs::path hook = directory_ / "hooks" / "pre-receive";
    if (protected_patterns.empty() && refusal.empty()) {
        fs::remove(hook);
        return;
    }
    fs::create_directories(hook.parent_path());
    std::ofstream(directory_ / "practice-refusal") << refusal << '\n';
    std::string cases;
    for (const auto& pattern : protected_patterns) {
        cases += fmt::format("        refs/heads/{}) echo \"{}\" >&2; exit 1;;\n", pattern, words);
    }
    std::ofstream script(hook);
    script << "#!/bin/sh\n";
    if (!refusal.empty()) script << "cat practice-refusal >&2\nexit 1\n";
    script << "while read -r old new ref; do\n    case \"$ref\" in\n"
           << cases << "        *) ;;\n    esac\ndone\n";
    script.close();
    fs::permissions(hook, fs::perms::owner_all);
}

GitHttpResponse serve_git(const GitHttpRequest& request) {
    auto variables = environment();
    variables["GIT_PROJECT_ROOT"] = request.root.string();
    variables["GIT_HTTP_EXPORT_ALL"] = "1";
    variables["REQUEST_METHOD"] = request.method;
    variables["PATH_INFO"] = request.path;
    variables["QUERY_STRING"] = request.query;
    variables["CONTENT_TYPE"] = request.content_type;
    variables["CONTENT_LENGTH"] = std::to_string(request.body.size());
    variables["REMOTE_ADDR"] = "127.0.0.1";
    variables["REMOTE_USER"] = request.user;
    if (!request.protocol.empty()) variables["GIT_PROTOCOL"] = request.protocol;
    auto result = run_process({"git", "http-backend"}, variables, request.body);

    GitHttpResponse response;
    std::size_t at = 0;
    for (;;) {
        const auto end = result.output.find("\r\n", at);
        if (end == std::string::npos) return {.status = 500, .headers = {}, .body = result.errors};
        const std::string line = result.output.substr(at, end - at);
        at = end + 2;
        if (line.empty()) break;
        const auto colon = line.find(": ");
        if (colon == std::string::npos) continue;
        const std::string name = line.substr(0, colon);
        if (name == "Status") {
            response.status = std::stoi(line.substr(colon + 2));
        } else {
            response.headers[name] = line.substr(colon + 2);
        }
    }
    response.body = result.output.substr(at);
    return response;
}

}  // namespace practice_forge
