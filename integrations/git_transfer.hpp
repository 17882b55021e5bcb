#pragma once

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

/// Branch names as git allows them under refs/heads.
[[nodiscard]] bool is_branch_name(const std::string& branch);

[[nodiscard]] GitResult<std::string> fetch_branch(git_repository* repository, const GitAddress& address,
                                                  const CredentialSource& credential,
                                                  const MirrorLimits& limits, const std::string& branch);
[[nodiscard]] GitResult<std::string> ask_remote_head(git_repository* repository, const GitAddress& address,
                                                     const CredentialSource& credential,
                                                     const MirrorLimits& limits, const std::string& branch);
/// `expected`: where the branch must be; empty: nowhere yet.
[[nodiscard]] GitResult<void> push_branch(git_repository* repository, const GitAddress& address,
                                          const CredentialSource& credential, const MirrorLimits& limits,
                                          const std::string& commit, const std::string& branch,
                                          const std::string& expected);

}  // namespace integrations
