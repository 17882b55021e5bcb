#include "bot/contest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace bot {

namespace {

Rival rival_of(const Job& job) {
    Rival rival{.number = job.try_number,
                .profile = job.assignment.profile,
                .outcome = std::string(name(job.state)),
                .head_commit = {},
                .cost_usd = {}};
    const auto verdict = verdict_from_json(job.verdict);
    if (job.state != JobState::judged || !verdict) return rival;
    const auto& evidence = verdict->evidence;
    rival.profile = verdict->profile;
    rival.head_commit = evidence.head_commit;
    rival.green = evidence.green();
    for (const auto& check : evidence.checks) {
        rival.fixed += static_cast<int>(check.tests_fixed.size()) + (check.change == Change::fixed ? 1 : 0);
        rival.broken += static_cast<int>(check.tests_broken.size() + check.tests_gone.size() +
                                         check.tests_skipped.size()) +
                        (check.change == Change::newly_broken ? 1 : 0);
    }
    rival.tests_touched = static_cast<int>(evidence.touched.changed.size() + evidence.touched.removed.size());
    rival.files = verdict->files;
    rival.bytes = verdict->bytes;
    rival.cost_usd = verdict->cost_usd;
    return rival;
}

auto rank(const Rival& rival) {
    return std::tuple(rival.head_commit.empty(), !rival.green, rival.broken - rival.fixed,
                      rival.tests_touched, rival.files, rival.bytes, rival.number);
}

}  // namespace

std::vector<Rival> compare(const std::vector<Job>& tries) {
    std::vector<Rival> rivals;
    for (const auto& each : tries) rivals.push_back(rival_of(each));
    const auto best = std::ranges::min_element(rivals, {}, rank);
    if (best != rivals.end()) best->chosen = !best->head_commit.empty();
    return rivals;
}

std::string rival_ref(JobId contest, int number, const std::string& commit) {
    return fmt::format("refs/shopfloor/job-{}/rival-{}-{}", contest.value, number, commit.substr(0, 10));
}

std::string try_ref(JobId job, int number, const std::string& commit) {
    return fmt::format("refs/shopfloor/job-{}/try-{}-{}", job.value, number, commit.substr(0, 10));
}

}  // namespace bot
