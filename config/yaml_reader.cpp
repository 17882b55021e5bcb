#include "config/yaml_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <string>

#include "config/quantity.hpp"

namespace config {

namespace {

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

template <typename Number>
std::optional<Number> parse_number(const std::string& text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string decimal(double value) {
    std::ostringstream out;
    out << value;
    return out.str();
}

}  // namespace

void Report::add(int line, const std::string& key, std::string message, std::string mend) {
    if (errors_.size() >= 100) {
        ++more_;
        return;
    }
    const auto after = std::ranges::upper_bound(errors_, line, {}, &Error::line);
    errors_.insert(after, {file_, line, key, std::move(message), std::move(mend)});
}

std::vector<Error> Report::take() && {
    if (more_ > 0)
        errors_.push_back(
            {file_, 0, "", "and " + std::to_string(more_) + " more errors", "mend these first"});
    return std::move(errors_);
}

void Place::error(std::string message, std::string mend) const {
    report_->add(line_, key_, std::move(message), std::move(mend));
}

const std::string* Place::scalar(std::string_view needed, std::string_view mend) const {
    switch (node_->kind) {
        case YamlNode::Kind::scalar:
            return &node_->text;
        case YamlNode::Kind::null:
            error("has no value, " + std::string(needed) + " is needed",
                  "leave the key out, or " + std::string(mend));
            return nullptr;
        case YamlNode::Kind::list:
            error("is a list, " + std::string(needed) + " is needed", std::string(mend));
            return nullptr;
        case YamlNode::Kind::map:
            error("is a map of keys, " + std::string(needed) + " is needed", std::string(mend));
            return nullptr;
    }
    return nullptr;
}

bool Place::text(std::string& target, std::size_t most, LineBreaks line_breaks) const {
    const std::string* value = scalar("text", "write one value");
    if (value == nullptr) return false;
    if (const std::string why = unfit(*value, line_breaks); !why.empty()) {
        error("contains " + why, "remove it");
        return false;
    }
    if (value->find_first_not_of(" \t\n") == std::string::npos) {
        error("is empty", "leave the key out, or write a value");
        return false;
    }
    if (length(*value) > most) {
        error("is longer than " + std::to_string(most) + " characters", "shorten it");
        return false;
    }
    target = *value;
    return true;
}

bool Place::matching(std::string& target, std::string (*fault)(std::string_view), std::string mend) const {
    std::string value;
    if (!text(value, 1000)) return false;
    if (const std::string why = fault(value); !why.empty()) {
        error("`" + excerpt(value) + "` is " + why, std::move(mend));
        return false;
    }
    target = std::move(value);
    return true;
}

bool Place::choice(std::string& target, std::initializer_list<std::string_view> words) const {
    const std::vector<std::string> known(words.begin(), words.end());
    const std::string mend = "write one of: " + joined(known);
    const std::string* value = scalar("a word", mend);
    if (value == nullptr) return false;
    if (std::ranges::find(known, *value) == known.end()) {
        const std::string meant = nearest(*value, known);
        error("`" + excerpt(*value) + "` is not known here",
              meant.empty() ? mend : "did you mean `" + meant + "`?");
        return false;
    }
    target = *value;
    return true;
}

bool Place::flag(bool& target) const {
    const std::string* value = scalar("true or false", "write true or false");
    if (value == nullptr) return false;
    if (node_->quoted || (*value != "true" && *value != "false")) {
        error("`" + excerpt(*value) + "` is neither true nor false", "write true or false, without quotes");
        return false;
    }
    target = *value == "true";
    return true;
}

bool Place::number(int& target, int least, int most) const {
    const std::string mend =
        "write a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    const std::string* value = scalar("a number", mend);
    if (value == nullptr) return false;
    const auto parsed = parse_number<int>(*value);
    if (node_->quoted || !parsed || *parsed < least || *parsed > most) {
        error("`" + excerpt(*value) + "` is not such a number", mend + ", without quotes");
        return false;
    }
    target = *parsed;
    return true;
}

bool Place::number(double& target, double least, double most) const {
    const std::string mend = "write a number from " + decimal(least) + " to " + decimal(most);
    const std::string* value = scalar("a number", mend);
    if (value == nullptr) return false;
    const auto parsed = parse_number<double>(*value);
    if (node_->quoted || !parsed || !std::isfinite(*parsed) || *parsed < least || *parsed > most) {
        error("`" + excerpt(*value) + "` is not such a number", mend + ", without quotes");
        return false;
    }
    target = *parsed;
    return true;
}

bool Place::size(std::uint64_t& target, std::uint64_t least, std::uint64_t most) const {
    const std::string mend =
        "write a size from " + format_size(least) + " to " + format_size(most) + ", like 512MiB or 4GiB";
    const std::string* value = scalar("a size", mend);
    if (value == nullptr) return false;
    const auto parsed = parse_size(*value);
    if (!parsed || *parsed < least || *parsed > most) {
        error("`" + excerpt(*value) + "` is not such a size", mend);
        return false;
    }
    target = *parsed;
    return true;
}

bool Place::count(std::uint64_t& target, std::uint64_t least, std::uint64_t most) const {
    const std::string mend =
        "write a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    const std::string* value = scalar("a number", mend);
    if (value == nullptr) return false;
    const auto parsed = parse_number<std::uint64_t>(*value);
    if (node_->quoted || !parsed || *parsed < least || *parsed > most) {
        error("`" + excerpt(*value) + "` is not such a number", mend + ", without quotes");
        return false;
    }
    target = *parsed;
    return true;
}

bool Place::duration(std::chrono::seconds& target, std::chrono::seconds least,
                     std::chrono::seconds most) const {
    const std::string mend = "write a duration from " + format_duration(least) + " to " +
                             format_duration(most) + ", like 90s, 45m or 2h";
    const std::string* value = scalar("a duration", mend);
    if (value == nullptr) return false;
    const auto parsed = parse_duration(*value);
    if (!parsed || *parsed < least || *parsed > most) {
        error("`" + excerpt(*value) + "` is not such a duration", mend);
        return false;
    }
    target = *parsed;
    return true;
}

std::vector<Place> Place::list(std::size_t most) const {
    std::vector<Place> places;
    if (node_->kind != YamlNode::Kind::list) {
        error("a list is needed", "write `[one, two]`, or a line `- one` for each");
        return places;
    }
    if (node_->items.size() > most) {
        error("has more than " + std::to_string(most) + " members", "shorten the list");
        return places;
    }
    for (std::size_t i = 0; i < node_->items.size(); ++i) {
        const YamlNode& item = node_->items[i];
        places.emplace_back(item, item.line, key_ + "[" + std::to_string(i) + "]", *report_);
    }
    return places;
}

std::vector<std::pair<Place, Place>> Place::entries(std::size_t most) const {
    std::vector<std::pair<Place, Place>> places;
    if (node_->kind != YamlNode::Kind::map) {
        error("a map is needed", "write a line `name: value` for each");
        return places;
    }
    if (node_->keys.size() > most) {
        error("has more than " + std::to_string(most) + " entries", "shorten the map");
        return places;
    }
    for (std::size_t i = 0; i < node_->keys.size(); ++i) {
        const YamlNode& name = node_->keys[i];
        const std::string key = key_ + "." + excerpt(name.text);
        places.emplace_back(Place(name, name.line, key, *report_),
                            Place(node_->items[i], name.line, key, *report_));
    }
    return places;
}

bool Place::texts(std::vector<std::string>& target, std::size_t most_items,
                  std::size_t most_characters) const {
    const auto places = list(most_items);
    std::vector<std::string> values(places.size());
    bool all = node_->kind == YamlNode::Kind::list && places.size() == node_->items.size();
    for (std::size_t i = 0; i < places.size(); ++i) all = places[i].text(values[i], most_characters) && all;
    if (all) target = std::move(values);
    return all;
}

Fields::Fields(const Place& place) : place_(place), is_map_(place.node().kind == YamlNode::Kind::map) {
    // An empty document and a key without a value stand for an empty map at the top only.
    const bool empty_document = place.key().empty() && place.node().kind == YamlNode::Kind::null;
    if (!is_map_ && !empty_document) place.error("a map of keys is needed here", "write lines `key: value`");
}

std::optional<Place> Fields::find(std::string_view key) {
    known_.emplace_back(key);
    if (!is_map_) return std::nullopt;
    const YamlNode& map = place_.node();
    const auto found = std::ranges::find(map.keys, key, &YamlNode::text);
    if (found == map.keys.end()) return std::nullopt;
    const YamlNode& value = map.items[static_cast<std::size_t>(found - map.keys.begin())];
    // A missing value has no place of its own, and a map or list begins on the line after its key.
    const int line = value.kind == YamlNode::Kind::scalar ? value.line : found->line;
    std::string path = place_.key().empty() ? std::string(key) : place_.key() + "." + std::string(key);
    return Place(value, line, std::move(path), place_.report());
}

std::optional<Place> Fields::need(std::string_view key, std::string mend) {
    auto found = find(key);
    if (!found && (is_map_ || place_.key().empty())) {
        const std::string path =
            place_.key().empty() ? std::string(key) : place_.key() + "." + std::string(key);
        place_.report().add(place_.line(), path, "is missing", std::move(mend));
    }
    return found;
}

void Fields::close() {
    for (const YamlNode& key : place_.node().keys) {
        if (!is_map_ || std::ranges::find(known_, key.text) != known_.end()) continue;
        const std::string meant = nearest(key.text, known_);
        const std::string shown = excerpt(key.text);
        place_.report().add(
            key.line, place_.key().empty() ? shown : place_.key() + "." + shown, "there is no such key",
            meant.empty() ? "known here: " + joined(known_) : "did you mean `" + meant + "`?");
    }
}

}  // namespace config
