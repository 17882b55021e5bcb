#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bot/forges.hpp"
#include "integrations/git.hpp"

namespace bot {

/// One bare mirror per repository, opened when first needed. Thread-safe.
class Mirrors {
 public:
    /// Shared by the jobs that use it at a time: what one of them holds is not evicted.
    using Use = std::shared_ptr<integrations::Mirror>;

    Mirrors(std::filesystem::path directory, Forges& forges);
    /// Let go before this object ends.
    [[nodiscard]] integrations::GitResult<Use> of(const integrations::RepoRef& repo);

    /// Forge and id of repositories whose mirrors are needed: a commit that is not pushed yet is nowhere
    /// else.
    using Busy = std::set<std::pair<std::string, std::string>>;
    /// Removes mirrors, least recently used first, until `most` bytes are left; never one in use or busy.
    /// `busy` is asked while nobody gets a mirror; it must not ask for one. Returns how many. By one thread.
    std::size_t evict(std::uint64_t most, const std::function<Busy()>& busy);

 private:
    [[nodiscard]] bool in_use(const std::filesystem::path& folder) const;

    std::filesystem::path directory_;
    Forges& forges_;
    std::mutex mutex_;
    std::map<std::filesystem::path, std::map<std::string, Use>> mirrors_;  // by folder, then clone URL
    unsigned serial_ = 0;
};

}  // namespace bot
