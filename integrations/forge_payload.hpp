#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace integrations {

/// The values of a delivery's payload that we look at, read as a stream: a delivery of 25 MB costs no tree.
/// Strings, numbers and booleans as text; an object or array that is there is noted as "{"; null counts as
/// missing.
class Payload final : public nlohmann::json_sax<nlohmann::json> {
 public:
    static constexpr std::size_t deepest = 64;
    static constexpr std::size_t longest_list = 10'000;

    /// `wanted`: dotted paths. `listed`: paths that lead through an array, `repositories_removed[].id`. None
    /// has more than five parts, an array counting as one. Both outlive this.
    explicit Payload(std::span<const std::string_view> wanted, std::span<const std::string_view> listed = {})
        : wanted_(wanted), listed_(listed), values_(wanted.size()), lists_(listed.size()) {}

    /// False, and `fault` says why, when the text is no JSON object.
    [[nodiscard]] bool read(const std::string& body) { return nlohmann::json::sax_parse(body, this); }
    [[nodiscard]] const std::string& operator[](std::string_view path) const;
    /// What is at a listed path, the first `longest_list` values.
    [[nodiscard]] const std::vector<std::string>& list(std::string_view path) const;
    [[nodiscard]] const std::string& fault() const { return fault_; }

    bool null() override { return true; }
    bool boolean(bool value) override { return keep(value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { return keep(std::to_string(value)); }
    bool number_unsigned(number_unsigned_t value) override { return keep(std::to_string(value)); }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
    bool string(string_t& value) override { return keep(std::move(value)); }
    bool binary(binary_t& /*value*/) override { return true; }
    bool start_object(std::size_t /*size*/) override { return enter(false); }
    bool start_array(std::size_t /*size*/) override { return enter(true); }
    bool key(string_t& name) override;
    bool end_object() override { return leave(); }
    bool end_array() override { return leave(); }
    bool parse_error(std::size_t at, const std::string& last,
                     const nlohmann::json::exception& problem) override;

 private:
    [[nodiscard]] std::string path() const;
    bool keep(std::string value);
    bool enter(bool array);
    bool leave();

    struct Level {
        bool array = false;
        std::string key;  ///< of an object: of the member that is being read
    };
    std::span<const std::string_view> wanted_;
    std::span<const std::string_view> listed_;
    std::vector<std::string> values_;
    std::vector<std::vector<std::string>> lists_;
    std::array<Level, 5> levels_;  ///< the outermost; nothing is wanted below
    std::size_t depth_ = 0;
    std::string fault_;
};

}  // namespace integrations
