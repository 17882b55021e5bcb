#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"

/// The real git program: one process a call, none of them under a lock.
namespace practice_forge {

struct ProcessResult {
    int exit_code = 0;  ///< 128 + signal when it was killed
    std::string output, errors;
};
/// Runs a program with exactly this environment and `input` on stdin. Throws when it cannot be started.
[[nodiscard]] ProcessResult run_process(const std::vector<std::string>& argv,
                                        const std::map<std::string, std::string>& environment,
                                        std::string_view input, const std::filesystem::path& directory = {});

class Git {
 public:
    explicit Git(std::filesystem::path directory) : directory_(std::move(directory)) {}

    /// An empty bare repository that serves and takes pushes over HTTP.
    static void create(const std::filesystem::path& directory, const std::string& default_branch);
    static void clone(const std::filesystem::path& source, const std::filesystem::path& directory,
                      const std::string& default_branch);

    /// A commit with these files on top of `parent` (empty: the first); moves the branch; returns the id.
    std::string commit(const std::string& branch, const std::string& parent, const std::vector<File>& files,
                       const std::string& message, const std::string& author) const;
    std::string commit_folder(const std::string& branch, const std::filesystem::path& folder,
                              const std::string& message) const;
    /// Reads the ref files themselves: no process.
    [[nodiscard]] std::optional<std::string> branch(std::string_view name) const;
    [[nodiscard]] std::map<std::string, std::string> branches() const;
    void delete_branch(const std::string& name) const;

    [[nodiscard]] std::optional<Commit> read(const std::string& sha) const;
    [[nodiscard]] bool has(const std::string& sha) const;
    [[nodiscard]] std::optional<std::string> file(const std::string& sha, const std::string& path) const;
    [[nodiscard]] int count(const std::string& base, const std::string& head) const;  ///< commits base..head
    [[nodiscard]] bool related(const std::string& base, const std::string& head) const;
    struct Size {
        int additions = 0, deletions = 0, files = 0;
    };
    [[nodiscard]] Size size(const std::string& base, const std::string& head) const;
    [[nodiscard]] std::string diff(const std::string& base, const std::string& head) const;
    [[nodiscard]] std::vector<Commit> log(const std::string& base, const std::string& head) const;
    /// The tree of a merge, nullopt when there are conflicts.
    [[nodiscard]] std::optional<std::string> merge_tree(const std::string& base,
                                                        const std::string& head) const;
    std::string merge(const std::string& branch, const std::string& base, const std::string& head,
                      const std::string& tree, const std::string& message, const std::string& author) const;

    /// Makes the pre-receive hook say no; both empty: takes the hook away. Of a protected branch it says
    /// `words`, as the shell reads them between double quotes.
    void guard(const std::vector<std::string>& protected_patterns, const std::string& refusal,
               std::string_view words) const;

 private:
    [[nodiscard]] std::string run(std::vector<std::string> arguments, std::string_view input = {},
                                  const std::map<std::string, std::string>& more = {}) const;
    std::filesystem::path directory_;
};

struct GitHttpRequest {
    std::filesystem::path root;  ///< holds owner/name.git
    std::string method, path, query, content_type, protocol, user;
    std::string_view body;
};
struct GitHttpResponse {
    int status = 200;
    std::map<std::string, std::string> headers;
    std::string body;
};
/// `git http-backend` as a CGI program. https://git-scm.com/docs/git-http-backend
[[nodiscard]] GitHttpResponse serve_git(const GitHttpRequest& request);

}  // namespace practice_forge
