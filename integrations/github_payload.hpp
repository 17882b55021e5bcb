#pragma once

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace integrations {

/// The values of a delivery's payload that we look at, read as a stream: a delivery of 25 MB costs no tree.
/// Named by dotted path; strings, numbers and booleans as text; an object or array that is there is noted as
/// "{"; null counts as missing.
class Payload final : public nlohmann::json_sax<nlohmann::json> {
 public:
    static constexpr std::array<std::string_view, 27> wanted{"action",
                                                             "label.name",
                                                             "installation.id",
                                                             "issue.number",
                                                             "issue.pull_request",
                                                             "issue.updated_at",
                                                             "comment.id",
                                                             "comment.body",
                                                             "comment.created_at",
                                                             "pull_request.number",
                                                             "pull_request.merged",
                                                             "review.id",
                                                             "review.state",
                                                             "review.body",
                                                             "repository.id",
                                                             "repository.full_name",
                                                             "repository.clone_url",
                                                             "repository.default_branch",
                                                             "check_suite.conclusion",
                                                             "check_suite.head_sha",
                                                             "state",
                                                             "sha",
                                                             "ref",
                                                             "deleted",
                                                             "sender.login",
                                                             "sender.id",
                                                             "sender.type"};
    static constexpr std::size_t deepest = 64;
    static constexpr std::size_t most_removed = 10'000;

    /// False, and `fault` says why, when the text is no JSON object.
    [[nodiscard]] bool read(const std::string& body) { return nlohmann::json::sax_parse(body, this); }
    [[nodiscard]] const std::string& operator[](std::string_view path) const;
    /// `repositories_removed[].id`, the first `most_removed` of them.
    [[nodiscard]] const std::vector<std::string>& removed() const { return removed_; }
    [[nodiscard]] const std::string& fault() const { return fault_; }

    bool null() override { return true; }
    bool boolean(bool value) override { return keep(value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { return keep(std::to_string(value)); }
    bool number_unsigned(number_unsigned_t value) override;
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
    [[nodiscard]] std::string* here();
    bool keep(std::string value);
    bool enter(bool array);
    bool leave();

    std::array<std::string, wanted.size()> values_;
    std::vector<std::string> removed_;
    std::array<std::string, 3> keys_;
    std::size_t depth_ = 0;
    std::size_t arrays_ = 0;  ///< levels since the outermost array
    std::string fault_;
};

}  // namespace integrations
