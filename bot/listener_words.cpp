#include "bot/listener_words.hpp"

#include <array>
#include <utility>

namespace bot::listener_words {

namespace {

constexpr std::size_t longest_word = 256;

}  // namespace

char letter_of(ListenerKeeper::Recorded recorded) {
    switch (recorded) {
        case ListenerKeeper::Recorded::fresh:
            return 'f';
        case ListenerKeeper::Recorded::duplicate:
            return 'd';
        case ListenerKeeper::Recorded::failed:
            break;
    }
    return '-';
}

ListenerKeeper::Recorded from_letter(char letter) {
    if (letter == 'f') return ListenerKeeper::Recorded::fresh;
    return letter == 'd' ? ListenerKeeper::Recorded::duplicate : ListenerKeeper::Recorded::failed;
}

// Verified words have no line ends: bot/listener.cpp and each forge's `verify`.
std::string to_blob(const integrations::VerifiedDelivery& delivery) {
    std::string text;
    for (const auto* word :
         {&delivery.forge(), &delivery.hook_id(), &delivery.delivery_id(), &delivery.event_name()})
        text.append(*word).append("\n");
    return text;
}

std::optional<integrations::VerifiedDelivery> from_blobs(std::string_view who, std::string body) {
    std::array<std::string, 4> words;
    for (auto& word : words) {
        const auto end = who.find('\n');
        if (end == std::string_view::npos || end == 0 || end > longest_word) return std::nullopt;
        word = who.substr(0, end);
        who.remove_prefix(end + 1);
    }
    if (!who.empty()) return std::nullopt;
    return integrations::Replay::handed_over(std::move(words[0]), std::move(words[1]), std::move(words[2]),
                                             std::move(words[3]), std::move(body));
}

}  // namespace bot::listener_words
