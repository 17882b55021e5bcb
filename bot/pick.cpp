#include "bot/pick.hpp"

#include <algorithm>

#include "bot/contest.hpp"
#include "bot/groundwork.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot {

Step<Verdict> picked_try(Shop& shop, Job& job, const Lease& lease) {
    const auto mirror = shop.mirrors.of(job.assignment.issue.repo);
    if (!mirror) return std::unexpected(halt(mirror.error(), sentence::opening_the_mirror));
    auto onto = proposed_head(shop, job, lease, **mirror);
    if (!onto) return std::unexpected(onto.error());
    const auto asks = shop.ledger.take_asks(lease);
    const auto asked = std::ranges::find(asks, Ask::What::pick, &Ask::what);
    const auto tries = shop.ledger.tries(job.id);
    const auto wanted = std::ranges::find_if(tries, [&](const Job& each) {
        return asked != asks.end() && std::to_string(each.try_number) == asked->words;
    });
    auto verdict = wanted == tries.end() ? std::unexpected(std::string(sentence::the_try_is_gone))
                                         : verdict_from_json(wanted->verdict);
    if (!verdict)
        return std::unexpected(
            Halt{.kind = Halt::Kind::failed, .reason = report::infrastructure(verdict.error(), 1)});
    verdict->onto = std::move(*onto);
    const auto kept = (*mirror)->fetch(rival_ref(job.id, wanted->try_number, verdict->evidence.head_commit));
    if (!kept) return std::unexpected(halt(kept.error(), sentence::fetching_the_try));
    verdict->kept_as = try_ref(job.id, job.cycle - 1, verdict->onto);
    verdict->rivals = compare(tries);
    for (auto& rival : verdict->rivals) rival.chosen = rival.number == wanted->try_number;
    job.assignment.base_commit = shop.ledger.stand_on(lease, verdict->evidence.base_commit);
    return std::move(*verdict);
}

}  // namespace bot
