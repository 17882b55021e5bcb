#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/characters.hpp"
#include "config/error.hpp"
#include "config/yaml_tree.hpp"

namespace config {

/// Collects what is wrong with one file; past a hundred errors it only counts.
class Report {
 public:
    explicit Report(std::string file) : file_(std::move(file)) {}

    void add(int line, const std::string& key, std::string message, std::string mend);
    [[nodiscard]] bool clean() const { return errors_.empty(); }
    /// In the order of the file.
    [[nodiscard]] std::vector<Error> take() &&;

 private:
    std::string file_;
    std::vector<Error> errors_;
    std::size_t more_ = 0;
};

/// A value and where it stands. Reading what does not fit reports the fault and leaves the target alone.
/// Lives no longer than the tree and the report it was made from.
class Place {
 public:
    Place(const YamlNode& node, int line, std::string key, Report& report)
        : node_(&node), line_(line), key_(std::move(key)), report_(&report) {}

    [[nodiscard]] const YamlNode& node() const { return *node_; }
    [[nodiscard]] int line() const { return line_; }
    [[nodiscard]] const std::string& key() const { return key_; }
    [[nodiscard]] Report& report() const { return *report_; }

    void error(std::string message, std::string mend) const;

    /// Text of 1 to `most` characters.
    bool text(std::string& target, std::size_t most, LineBreaks line_breaks = LineBreaks::refused) const;
    /// One line that `fault` (of config/syntax.hpp) finds nothing wrong with.
    bool matching(std::string& target, std::string (*fault)(std::string_view), std::string mend) const;
    bool choice(std::string& target, std::initializer_list<std::string_view> words) const;
    bool flag(bool& target) const;
    bool number(int& target, int least, int most) const;
    bool number(double& target, double least, double most) const;
    bool size(std::uint64_t& target, std::uint64_t least, std::uint64_t most) const;
    bool count(std::uint64_t& target, std::uint64_t least, std::uint64_t most) const;
    bool duration(std::chrono::seconds& target, std::chrono::seconds least, std::chrono::seconds most) const;

    /// The members of a list of at most `most`; none, and reported, when it is not one.
    [[nodiscard]] std::vector<Place> list(std::size_t most) const;
    /// The entries of a map with free keys: the key as a value of its own, then the value.
    [[nodiscard]] std::vector<std::pair<Place, Place>> entries(std::size_t most) const;
    bool texts(std::vector<std::string>& target, std::size_t most_items, std::size_t most_characters) const;

 private:
    /// The scalar's text, or nothing, reported as `needed`.
    [[nodiscard]] const std::string* scalar(std::string_view needed, std::string_view mend) const;

    const YamlNode* node_;
    int line_;
    std::string key_;
    Report* report_;
};

/// A map with known keys. What is asked for is what is known: `close` reports every other key.
class Fields {
 public:
    explicit Fields(const Place& place);

    [[nodiscard]] std::optional<Place> find(std::string_view key);
    /// Absence is an error, mended by `mend`.
    [[nodiscard]] std::optional<Place> need(std::string_view key, std::string mend);
    void close();

 private:
    Place place_;
    bool is_map_;
    std::vector<std::string> known_;
};

}  // namespace config
