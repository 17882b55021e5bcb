#pragma once

#include <optional>

#include "bot/forges.hpp"
#include "bot/intent.hpp"
#include "bot/job.hpp"
#include "config/settings.hpp"
#include "integrations/forge.hpp"

/// What became of things while nobody told us: forges leave some of it out, and deliveries are lost. Asked
/// where a job waits for people, and before anything is published.
namespace bot {

/// The repository has another name, or nothing can be done there any more. None: it is as it was, or cannot
/// be seen.
[[nodiscard]] std::optional<Intent> missed_of_repository(const Forges::Entry& entry,
                                                         const integrations::RepoRef& repo,
                                                         const config::Settings& settings);

/// The issue of a job without a pull request is closed or gone. `pushed`: there may be a pull request all the
/// same, whose merge closed it, so that only its being gone counts.
[[nodiscard]] std::optional<Intent> missed_of_issue(integrations::Forge& forge, const Job& job,
                                                    bool pushed = false);

}  // namespace bot
