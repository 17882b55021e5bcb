#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/scenarios/factory.hpp"

/// Who decides when the bot hears of what, and what came of it in the end.
namespace scenarios {

/// Keeps back all that the forge tells from now on; what the test hands over comes in its order.
class PostOffice {
 public:
    explicit PostOffice(Factory& factory);

    /// The last that was told of what people did to this thread, by GitHub's names (`issues.labeled`), with
    /// these words in it.
    [[nodiscard]] std::int64_t told(std::string_view what, const practice_forge::Which& thread,
                                    std::string_view words = {}) const;
    /// Twice at the same moment, as the forge and its redelivery may.
    void hand_over(std::int64_t delivery) const;
    /// Once more, as another hook of the repository tells of the same event.
    void hand_over_of_another_hook(std::int64_t delivery) const;

 private:
    Factory& factory_;
};

/// Looks into the ledger, as often as one likes.
class JobStates {
 public:
    explicit JobStates(const Factory& factory);
    /// Of each issue's jobs, oldest first: `closed review`. Tries that compete are not told.
    [[nodiscard]] std::map<std::int64_t, std::string> now();

 private:
    SQLite::Database ledger_;
    SQLite::Statement jobs_;
};
/// The same, of one issue, once.
[[nodiscard]] std::string states_of(const Factory& factory, std::int64_t issue);

/// Nothing is left to be decided, to be worked on or to be told. It takes as long as the machine needs: false
/// when nothing has changed for so long.
[[nodiscard]] bool comes_to_rest(const Factory& factory,
                                 std::chrono::seconds longest_without_change = std::chrono::seconds(120));

/// All pull requests of ours for the issue, oldest first.
[[nodiscard]] std::vector<practice_forge::PullRequest> proposals_of(const Factory& factory,
                                                                    std::int64_t issue);

/// What people see in the end, in words: `review | 1 pull request of 1 commit | 0 answers | label review`.
[[nodiscard]] std::string end_of(const Factory& factory, std::int64_t issue);

}  // namespace scenarios
