#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "integrations/event.hpp"

namespace bot {

/// Something that people said about work on an issue, by the forge's clock.
struct Word {
    std::chrono::system_clock::time_point at;
    std::string by = {};          ///< login
    std::string comment_id = {};  ///< empty: said with a label, or done to the issue
    std::string event = {};       ///< of the label, as in LabelSet
    bool ends = false;            ///< done to the issue: closed, locked, the label taken off
};

/// Whether one was said before the other. The forge's clock has seconds: within one, comments go by their
/// numbers, in which they were made, a label counts as set before them, and what ends work as done after all.
/// Labels go by the numbers of their events.
[[nodiscard]] inline bool earlier(const Word& one, const Word& other) {
    if (one.at != other.at) return one.at < other.at;
    const bool labels = !one.event.empty() && !other.event.empty();
    if (!labels && one.ends != other.ends) return other.ends;
    const auto& id = labels ? one.event : one.comment_id;
    const auto& than = labels ? other.event : other.comment_id;
    return id.size() != than.size() ? id.size() < than.size() : id < than;
}

/// That a trigger label was set, or taken off.
struct LabelSet {
    std::chrono::system_clock::time_point at;
    std::string event = {};  ///< id by the issue's own record, they count up; empty: not known

    /// Within one second by the record's numbers; it is the same one when they are not known.
    [[nodiscard]] bool after(const LabelSet& other) const {
        if (at != other.at) return at > other.at;
        if (event.empty() || other.event.empty()) return false;
        return event.size() != other.event.size() ? event.size() > other.event.size() : event > other.event;
    }
};

/// What people said last about an issue, however late it was told.
struct Said {
    std::optional<Word> asked;  ///< for the work that began last
    std::optional<Word> stop;   ///< what they had asked for before is over, by words, lock or label
    std::map<std::string, LabelSet> labels;  ///< by name: each set that began a job or was refused

    [[nodiscard]] const LabelSet* heard(const std::string& label) const {
        const auto found = labels.find(label);
        return found == labels.end() ? nullptr : &found->second;
    }
};

}  // namespace bot
