#pragma once

#include <vector>

#include "bot/halt.hpp"
#include "bot/job.hpp"
#include "bot/shop.hpp"
#include "integrations/proposal.hpp"

namespace bot {

/// What people who may write now said on the pull request of this job, without hidden text and without
/// commands (what a `refine` asked for stays). Fails closed: whose permission the forge does not tell is not
/// heard. Halts when the forge does not answer.
[[nodiscard]] Step<integrations::Conversation> conversation(Shop& shop, const Job& job);

/// The same without the words of these, and no longer than a prompt may be: the newest of it. Pure.
[[nodiscard]] integrations::Conversation besides(integrations::Conversation said,
                                                 const std::vector<Ask>& asks);

}  // namespace bot
