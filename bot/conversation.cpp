#include "bot/conversation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <ranges>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "bot/report.hpp"
#include "bot/request.hpp"
#include "bot/same_word.hpp"
#include "bot/sentences.hpp"
#include "bot/visible_text.hpp"

namespace bot {

namespace {

using integrations::Conversation;
using integrations::Permission;
using integrations::Remark;

constexpr std::size_t most_people = 50;  ///< each costs a request; strangers may be many
constexpr std::size_t longest_conversation = 64 * 1024;

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        lines.push_back(text.substr(0, text.find('\n')));
        text.remove_prefix(std::min(lines.back().size() + 1, text.size()));
    }
    return lines;
}

/// A word that is no command: for whoever reads it.
bool is_talk(const Request& request) {
    const auto* said = std::get_if<AskResume>(&request);
    return said != nullptr && !said->by_command;
}

/// What people said without what they told the bot to do, but for the words of `refine`. Empty: it is ours or
/// a bot's, or nothing else was said.
std::string words_of_remark(const Remark& remark, const config::Settings& settings, std::string_view self) {
    const auto read = [&](std::string words) {
        return recognise(
            integrations::CommentCreated{
                .thread = {}, .comment_id = remark.id, .body = std::move(words), .by = remark.by},
            settings, self);
    };
    auto text = visible_text(remark.body).text;
    const auto requests = read(text);
    if (std::ranges::all_of(requests, is_talk)) return text;
    if (std::holds_alternative<Nothing>(requests.front())) return {};
    std::string words;
    for (const auto line : lines_of(text)) {
        for (const auto& request : read(std::string(line))) {
            if (is_talk(request)) words.append(line) += '\n';
            if (const auto* wish = std::get_if<AskRefine>(&request)) words.append(wish->words) += '\n';
        }
    }
    return words;
}

/// The forge is there and says no: nothing that waiting would mend.
Halt not_read(const integrations::ForgeError& error) {
    auto why = halt(error, sentence::reading_the_conversation);
    if (why.kind == Halt::Kind::failed)
        why.reason = report::infrastructure(
            fmt::format(sentence::while_doing, fmt::arg("doing", sentence::reading_the_conversation),
                        fmt::arg("fault", error.message)),
            1);
    return why;
}

/// Whoever is not among them may not write, or cannot be known to. Asked once each, whoever spoke last first.
class Writers {
 public:
    Writers(integrations::Forge& forge, const integrations::RepoRef& repo) : forge_(forge), repo_(repo) {}

    [[nodiscard]] Step<bool> hold(const integrations::Person& person) {
        if (person.login.empty()) return false;  // whose account is gone
        const auto known = known_.find({person.id, person.login});
        if (known != known_.end()) return known->second;
        if (known_.size() == most_people) {
            all_asked_ = false;
            return false;
        }
        const auto permission = forge_.permission(repo_, person);
        if (!permission) {
            auto why = not_read(permission.error());
            if (why.kind == Halt::Kind::infrastructure) return std::unexpected(std::move(why));
        }
        const bool may = permission && *permission >= Permission::write;
        known_.emplace(std::pair(person.id, person.login), may);
        return may;
    }
    [[nodiscard]] bool all_asked() const { return all_asked_; }

 private:
    integrations::Forge& forge_;
    const integrations::RepoRef& repo_;
    std::map<std::pair<std::string, std::string>, bool> known_;
    bool all_asked_ = true;
};

/// The one that it was read as; null: it asks for nothing.
const Ask* asked_by(const Remark& remark, const std::vector<Ask>& asks) {
    const auto found = std::ranges::find_if(asks, [&](const Ask& ask) {
        switch (remark.where) {
            case Remark::Where::comment:
                return ask.key == "comment=" + remark.id;
            case Remark::Where::review:
                return ask.key == "review=" + remark.id;
            case Remark::Where::line:
                return ask.inline_id == remark.id;
        }
        return false;
    });
    return found == asks.end() ? nullptr : &*found;
}

/// What stood around the command.
std::string without_lines(std::string_view text, std::string_view told) {
    const auto known = lines_of(told);
    std::string rest;
    for (const auto line : lines_of(text))
        if (is_blank(line) || std::ranges::find(known, line) == known.end()) rest.append(line) += '\n';
    return rest;
}

std::size_t size_of(const Remark& remark) {
    constexpr std::size_t frame = 128;
    return frame + remark.body.size() + remark.path.size() + remark.diff_hunk.size();
}

}  // namespace

Step<Conversation> conversation(Shop& shop, const Job& job) {
    const auto& repo = job.assignment.issue.repo;
    const auto* entry = shop.forges.find(repo.forge);
    if (entry == nullptr)
        return std::unexpected(Halt{.kind = Halt::Kind::failed,
                                    .reason = report::infrastructure(sentence::forge_not_configured, 1)});
    const auto self = shop.forges.self(repo.forge);
    if (!self) return std::unexpected(not_read(self.error()));
    auto said = entry->forge->conversation(pull_request_of(job, repo));
    if (!said) return std::unexpected(not_read(said.error()));
    // Whose words they are comes first: reading those of strangers costs more than asking who they are.
    std::erase_if(said->remarks, [&](const Remark& remark) {
        return remark.by.bot || same_word(remark.by.login, *self) || is_blank(remark.body);
    });
    Writers writers(*entry->forge, repo);
    std::vector<integrations::Person> known{job.assignment.requested_by};
    for (const auto& ask : shop.ledger.asks(job.id)) known.push_back(ask.by);
    for (const auto& person : known)  // however many strangers spoke since
        if (const auto may = writers.hold(person); !may) return std::unexpected(may.error());
    std::vector<Remark> heard;
    for (auto& remark : std::views::reverse(said->remarks)) {
        const auto may = writers.hold(remark.by);
        if (!may) return std::unexpected(may.error());
        if (*may) heard.push_back(std::move(remark));
    }
    std::ranges::reverse(heard);
    for (auto& remark : heard) {
        remark.body = words_of_remark(remark, shop.settings, *self);
        remark.diff_hunk = visible_text(remark.diff_hunk).text;
        remark.path = visible_text(remark.path).text;
    }
    std::erase_if(heard, [](const Remark& remark) { return is_blank(remark.body); });
    return Conversation{.remarks = std::move(heard), .whole = said->whole && writers.all_asked()};
}

Conversation besides(Conversation said, const std::vector<Ask>& asks) {
    for (auto& remark : said.remarks)
        if (const auto* ask = asked_by(remark, asks))
            remark.body = remark.where == Remark::Where::comment ? without_lines(remark.body, ask->words)
                                                                 : std::string();
    std::erase_if(said.remarks, [](const Remark& remark) { return is_blank(remark.body); });
    std::set<std::string> shown;  // beside lines: a reply stands at the same one
    for (auto& remark : said.remarks) {
        if (remark.where != Remark::Where::line) continue;
        if (shown.contains(remark.answers)) remark.diff_hunk.clear();
        shown.insert(remark.id);
    }
    std::size_t size = 0;
    auto first = said.remarks.end();
    while (first != said.remarks.begin() && size + size_of(*std::prev(first)) <= longest_conversation)
        size += size_of(*--first);
    if (first != said.remarks.begin()) said.whole = false;
    said.remarks.erase(said.remarks.begin(), first);
    return said;
}

}  // namespace bot
