#include "bot/mirrors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <system_error>
#include <tuple>
#include <utility>

#include "bot/sentences.hpp"

// On disk: `<forge>/<repository id>.git`; the folder's time of change is that of its last use. What goes is
// first given another name (`….going-N`), so that the repository can be fetched anew meanwhile; one that a
// crash left is removed the next time.
namespace bot {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view ending = ".git";
constexpr std::string_view going = ".going-";

std::uint64_t bytes_in(const fs::path& folder) {
    std::uint64_t bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
        std::error_code gone;
        const auto size = at->is_regular_file(gone) ? at->file_size(gone) : 0;
        if (!gone) bytes += size;
    }
    return bytes;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        found.push_back(at->path());
    return found;
}

}  // namespace

Mirrors::Mirrors(std::filesystem::path directory, Forges& forges)
    : directory_(std::move(directory)), forges_(forges) {}

integrations::GitResult<Mirrors::Use> Mirrors::of(const integrations::RepoRef& repo) {
    const auto* entry = forges_.find(repo.forge);
    if (entry == nullptr)
        return std::unexpected(
            integrations::GitError{.kind = integrations::GitError::Kind::gone,
                                   .message = fmt::format(sentence::named_forge_not_configured, repo.forge)});
    // The id names a folder of ours; it came over the network.
    if (repo.id.empty() || repo.id.find_first_not_of("0123456789") != std::string::npos)
        return std::unexpected(
            integrations::GitError{.kind = integrations::GitError::Kind::invalid,
                                   .message = std::string(sentence::repository_without_number)});
    const std::lock_guard lock(mutex_);
    const auto folder = directory_ / repo.forge / (repo.id + std::string(ending));
    // The clone URL is part of the key: a renamed repository gets a fresh remote, not a stale one.
    auto& by_url = mirrors_[folder];
    if (by_url.empty()) integrations::Mirror::unlock(folder);  // the state folder is this process's alone
    auto& mirror = by_url[repo.clone_url];
    if (!mirror) {
        auto* forge = entry->forge.get();
        auto opened = integrations::Mirror::open(folder, repo.clone_url,
                                                 [forge, repo] { return forge->git_credential(repo); });
        if (!opened) return std::unexpected(opened.error());
        mirror = std::move(*opened);
    }
    std::error_code ignored;  // a last use that cannot be written down only makes the mirror look older
    fs::last_write_time(folder, fs::file_time_type::clock::now(), ignored);
    return mirror;
}

bool Mirrors::in_use(const fs::path& folder) const {
    const auto open = mirrors_.find(folder);
    return open != mirrors_.end() &&
           std::ranges::any_of(open->second, [](const auto& one) { return one.second.use_count() > 1; });
}

std::size_t Mirrors::evict(std::uint64_t most, const std::function<Busy()>& busy) {
    struct Idle {
        fs::file_time_type used;
        fs::path folder;
        std::string forge, id;
        std::uint64_t bytes = 0;
    };
    std::vector<Idle> all;
    std::vector<fs::path> doomed;
    std::uint64_t bytes = 0;
    for (const auto& forge : folders_in(directory_))
        for (const auto& folder : folders_in(forge)) {
            std::error_code error;
            if (folder.filename().string().find(going) != std::string::npos) doomed.push_back(folder);
            if (folder.extension() != ending) continue;
            all.push_back({.used = fs::last_write_time(folder, error),
                           .folder = folder,
                           .forge = forge.filename().string(),
                           .id = folder.stem().string(),
                           .bytes = bytes_in(folder)});
            bytes += all.back().bytes;
        }
    std::ranges::sort(all, {}, [](const Idle& one) { return std::tie(one.used, one.folder); });
    std::size_t evicted = 0;
    if (bytes > most) {
        const std::lock_guard lock(mutex_);  // who wants one now gets it after this, and then anew
        const auto needed = busy();
        for (const auto& one : all) {
            if (bytes <= most) break;
            if (in_use(one.folder) || needed.contains({one.forge, one.id})) continue;
            const fs::path away = fmt::format("{}{}{}", one.folder.string(), going, serial_++);
            std::error_code error;
            fs::rename(one.folder, away, error);
            if (error) continue;
            mirrors_.erase(one.folder);
            doomed.push_back(away);
            bytes -= one.bytes;
            ++evicted;
        }
    }
    for (const auto& folder : doomed) {
        std::error_code ignored;  // tried again the next time
        fs::remove_all(folder, ignored);
    }
    return evicted;
}

}  // namespace bot
