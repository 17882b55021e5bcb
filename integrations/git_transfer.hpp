#pragma once

#include <optional>
#include <string>

#include "integrations/git.hpp"
#include "integrations/git_handles.hpp"

namespace integrations {

/// A remote that may be talked to: https anywhere, http on this machine only, never with credentials in it.
struct GitAddress {
    std::string url;
    std::string host;
    std::string port;
    bool loopback_only = false;  ///< plain http: the dialled address must be this machine
};

[[nodiscard]] GitResult<GitAddress> parse_git_address(const std::string& url);

/// Branch names as git allows them under refs/heads, and what is kept under refs/shopfloor.
[[nodiscard]] bool is_branch_name(const std::string& branch);

[[nodiscard]] GitResult<std::string> fetch_branch(git_repository* repository, const GitAddress& address,
                                                  const CredentialSource& credential,
                                                  const MirrorLimits& limits, const std::string& branch);
[[nodiscard]] GitResult<std::string> ask_remote_head(git_repository* repository, const GitAddress& address,
                                                     const CredentialSource& credential,
                                                     const MirrorLimits& limits, const std::string& branch);
/// What is to be done with a reference at the forge.
struct RefMove {
    std::optional<std::string> commit;    ///< where it shall be; none: taken away
    std::string ref;                      ///< `refs/heads/agent/…` or `refs/shopfloor/…`, in full
    std::optional<std::string> expected;  ///< where it must be until then; none: not there
    bool unrelated = false;               ///< `commit` need not descend from it
};
/// Success also when it is so already. `exists`: it was somewhere else, and nothing was changed.
[[nodiscard]] GitResult<void> push_ref(git_repository* repository, const GitAddress& address,
                                       const CredentialSource& credential, const MirrorLimits& limits,
                                       const RefMove& move);

}  // namespace integrations
