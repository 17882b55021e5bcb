#include "integrations/forge_labels.hpp"

#include <map>
#include <utility>

#include "integrations/forge_words.hpp"

namespace integrations {

std::vector<LabelEvent> events_of(const LabelRecord& record, std::string_view label) {
    std::vector<LabelEvent> events;
    for (const auto& named : record)
        if (same_name(named.label, label)) events.push_back(named.event);
    return events;
}

ForgeResult<std::vector<Event>> completed_labels(
    Forge& forge, const LabelsChanged& changed,
    const std::function<ForgeResult<LabelRecord>(const ThreadRef& issue)>& record) {
    const auto us = forge.self();
    if (!us) return std::unexpected(us.error());
    if (same_name(us->login, changed.by.login)) return std::vector<Event>{};
    const auto all = record(changed.issue);
    if (!all) return std::unexpected(all.error());
    std::map<std::string, Event> last;
    for (const auto& [label, event] : *all) {
        if (event.by.id != changed.by.id) continue;
        const auto key = lower_case(label);
        if (event.set)
            last.insert_or_assign(key, IssueLabelled{.issue = changed.issue,
                                                     .label = label,
                                                     .by = event.by,
                                                     .at = event.at,
                                                     .event_id = event.id});
        else
            last.insert_or_assign(
                key, IssueUnlabelled{.issue = changed.issue, .label = label, .by = event.by, .at = event.at});
    }
    std::vector<Event> events;
    for (auto& [label, event] : last) events.push_back(std::move(event));
    return events;
}

}  // namespace integrations
