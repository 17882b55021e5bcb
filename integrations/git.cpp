#include "integrations/git.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <utility>

#include "config/characters.hpp"
#include "integrations/git_objects.hpp"
#include "integrations/git_transfer.hpp"

namespace integrations {

namespace {

namespace fs = std::filesystem;

/// Every verb opens a handle of its own, so that threads share nothing but the folder, whose object store
/// takes writers at once; what talks to the forge or moves a reference waits its turn.
class MirrorOnDisk final : public Mirror {
 public:
    MirrorOnDisk(fs::path directory, GitAddress address, CredentialSource credential,
                 const MirrorLimits& limits)
        : directory_(std::move(directory)),
          address_(std::move(address)),
          credential_(std::move(credential)),
          limits_(limits) {}

    GitResult<std::string> fetch(const std::string& branch) override {
        const std::scoped_lock turn(network_);
        return with_handle([&](git_repository* repository) {
            return fetch_branch(repository, address_, credential_, limits_, branch);
        });
    }

    GitResult<std::string> remote_head(const std::string& branch) override {
        const std::scoped_lock turn(network_);
        return with_handle([&](git_repository* repository) {
            return ask_remote_head(repository, address_, credential_, limits_, branch);
        });
    }

    GitResult<bool> holds(const std::string& branch, const std::string& commit) override {
        const auto head = fetch(branch);
        if (!head) return std::unexpected(head.error());
        return with_handle(
            [&](git_repository* repository) { return is_in_history(repository, commit, *head); });
    }

    GitResult<void> push_new(const std::string& commit, const std::string& branch) override {
        return push({.commit = commit, .ref = "refs/heads/" + branch, .expected = {}});
    }

    GitResult<void> push_on(const std::string& commit, const std::string& branch,
                            const std::string& expected) override {
        return push({.commit = commit, .ref = "refs/heads/" + branch, .expected = expected});
    }

    GitResult<void> replace(const std::string& commit, const std::string& branch,
                            const std::string& expected) override {
        return push(
            {.commit = commit, .ref = "refs/heads/" + branch, .expected = expected, .unrelated = true});
    }

    GitResult<void> drop(const std::string& branch, const std::string& expected) override {
        return push({.commit = {}, .ref = "refs/heads/" + branch, .expected = expected});
    }

    GitResult<void> keep(const std::string& commit, const std::string& ref) override {
        if (!ref.starts_with("refs/shopfloor/"))
            return std::unexpected(
                git_error(GitError::Kind::refused, "not a name of ours: " + config::excerpt(ref)));
        return push({.commit = commit, .ref = ref, .expected = {}});
    }

    GitResult<Rebased> rebased(const std::string& base, const std::string& ours, const std::string& onto,
                               std::size_t most, std::size_t cap) override {
        return with_handle([&](git_repository* repository) {
            return bring_onto(repository, {.base = base, .ours = ours, .onto = onto}, most, cap,
                              limits_.tree_entries);
        });
    }

    GitResult<std::string> file(const std::string& commit, const std::string& path,
                                std::size_t cap) override {
        return with_handle(
            [&](git_repository* repository) { return read_file(repository, commit, path, cap); });
    }

    GitResult<std::vector<std::string>> root_files(const std::string& commit) override {
        return with_handle([&](git_repository* repository) -> GitResult<std::vector<std::string>> {
            const auto tree = find_tree(repository, commit);
            if (!tree) return std::unexpected(tree.error());
            std::vector<std::string> names;
            for (std::size_t at = 0; at < git_tree_entrycount(tree->get()); ++at)
                names.emplace_back(git_tree_entry_name(git_tree_entry_byindex(tree->get(), at)));
            return names;
        });
    }

    GitResult<std::vector<std::string>> files(const std::string& commit) override {
        return with_handle([&](git_repository* repository) -> GitResult<std::vector<std::string>> {
            const auto tree = find_tree(repository, commit);
            if (!tree) return std::unexpected(tree.error());
            std::vector<std::string> paths;
            const auto done = walk_tree(
                repository, tree->get(), limits_.tree_entries, [&](const TreeItem& item) -> GitResult<void> {
                    if (item.mode != GIT_FILEMODE_TREE && item.mode != GIT_FILEMODE_COMMIT)
                        paths.push_back(item.path);
                    return {};
                });
            if (!done) return std::unexpected(done.error());
            std::ranges::sort(paths);
            return paths;
        });
    }

    GitResult<void> checkout(const std::string& commit, const fs::path& directory, unsigned uid) override {
        return with_handle([&](git_repository* repository) {
            return write_checkout(repository, commit, directory, uid, limits_);
        });
    }

    GitResult<std::function<bool(const std::string& path)>> ignore_rules(const std::string& commit,
                                                                         const std::string& more) override {
        auto repository = open_repository(directory_);
        if (!repository) return std::unexpected(repository.error());
        return open_ignore_rules(std::move(*repository), commit, more);
    }

    GitResult<std::vector<TreeEdit>> edits(const std::string& from, const std::string& to, std::size_t most,
                                           std::size_t cap) override {
        return with_handle(
            [&](git_repository* repository) { return list_edits(repository, from, to, most, cap); });
    }

    GitResult<std::string> commit(const std::string& parent, const std::vector<TreeEdit>& edits,
                                  const CommitText& text) override {
        return with_handle(
            [&](git_repository* repository) { return build_commit(repository, parent, edits, text); });
    }

    GitResult<std::string> diff(const std::string& from, const std::string& to, std::size_t cap) override {
        return with_handle([&](git_repository* repository) { return print_diff(repository, from, to, cap); });
    }

 private:
    GitResult<void> push(const RefMove& move) {
        const std::scoped_lock turn(network_);
        return with_handle([&](git_repository* repository) {
            return push_ref(repository, address_, credential_, limits_, move);
        });
    }

    template <typename Verb>
    auto with_handle(const Verb& verb) -> decltype(verb(nullptr)) {
        const auto repository = open_repository(directory_);
        if (!repository) return std::unexpected(repository.error());
        return verb(repository->get());
    }

    const fs::path directory_;
    const GitAddress address_;
    const CredentialSource credential_;
    const MirrorLimits limits_;
    std::mutex network_;
};

GitResult<void> make_repository(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (!error) fs::permissions(directory, fs::perms::owner_all, error);
    if (error)
        return std::unexpected(
            git_error(GitError::Kind::storage, "making the mirror's folder: " + error.message()));
    git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
    options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_NO_DOTGIT_DIR | GIT_REPOSITORY_INIT_MKPATH;
    GitRepositoryHandle repository;
    GitConfigHandle settings;
    // Initialising again keeps what is there and mends what an interrupted start left out.
    if (take(repository, git_repository_init_ext, directory.c_str(), &options) < 0 ||
        take(settings, git_repository_config, repository.get()) < 0 ||
        git_config_set_bool(settings.get(), "core.protectHFS", 1) < 0 ||
        git_config_set_bool(settings.get(), "core.protectNTFS", 1) < 0)
        return git_fail(GitError::Kind::storage, "making the mirror");
    return {};
}

/// What a download that was cut off (a crash, a power cut) left behind. Names: libgit2's indexer
/// (src/libgit2/indexer.c, git_futils_mktmp) and git's own. One that still grows is another object's: the
/// repository was renamed while it fetched.
void remove_torn_packs(const fs::path& directory, std::chrono::seconds silence) {
    std::error_code error;
    const auto oldest = fs::file_time_type::clock::now() - silence;
    std::vector<fs::path> torn;
    for (const auto& file : fs::directory_iterator(directory / "objects" / "pack", error)) {
        const auto name = file.path().filename().string();
        const bool ours = name.starts_with("pack_git2_") || name.starts_with("tmp_");
        if (ours && fs::last_write_time(file.path(), error) < oldest && !error) torn.push_back(file.path());
    }
    for (const auto& path : torn) fs::remove(path, error);
}

}  // namespace

/// `NAME.lock` beside what is being written; no reference is called so.
/// https://git-scm.com/docs/git-check-ref-format
void Mirror::unlock(const fs::path& directory) {
    std::vector<fs::path> locks;
    const auto note = [&](const fs::directory_entry& file) {
        std::error_code gone;
        if (file.path().extension() == ".lock" && file.is_regular_file(gone)) locks.push_back(file.path());
    };
    std::error_code error;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
        note(*at);
    for (fs::recursive_directory_iterator at(directory / "refs", error), end; !error && at != end;
         at.increment(error))
        note(*at);
    for (const auto& path : locks) fs::remove(path, error);
}

GitResult<std::unique_ptr<Mirror>> Mirror::open(const fs::path& directory, const std::string& url,
                                                CredentialSource credential, const MirrorLimits& limits) {
    auto address = parse_git_address(url);
    if (!address) return std::unexpected(address.error());
    start_libgit2();
    if (auto made = make_repository(directory); !made) return std::unexpected(made.error());
    remove_torn_packs(directory, limits.silence);
    return std::make_unique<MirrorOnDisk>(directory, std::move(*address), std::move(credential), limits);
}

}  // namespace integrations
