#pragma once

#include <map>
#include <string>
#include <vector>

#include "integrations/proposal.hpp"

namespace integrations {

/// The name of our own commit status, and nobody else's when we made it.
inline constexpr std::string_view our_status = "shopfloor";

/// What the commit statuses of one commit come to: of each context the last one counts. Given the newest
/// first.
class LastStatuses {
 public:
    struct Status {
        std::string context, description, web_url;
        bool bad = false;
        bool passed = false;
    };
    void take(const Status& status);
    /// The contexts whose last status is bad; flaky: it has passed on this commit too.
    [[nodiscard]] std::vector<FailedCheck> failed() const;

 private:
    struct Context {
        bool bad = false;
        bool passed = false;
        FailedCheck check;
    };
    std::map<std::string, Context> contexts_;
};

}  // namespace integrations
