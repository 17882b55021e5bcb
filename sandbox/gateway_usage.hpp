#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/gateway_json.hpp"
#include "sandbox/gateway_price.hpp"
#include "sandbox/gateway_routes.hpp"

namespace sandbox {

/// Reads what an answer says it has used, out of the bytes as they pass. However they are cut, it reads the
/// same. Bounded: of a plain answer it keeps 8 MiB, of a stream one event of that size; what is larger says
/// nothing.
class UsageReader {
 public:
    enum class Shape { plain, events };
    UsageReader(Endpoint endpoint, Shape shape) : endpoint_(endpoint), shape_(shape) {}

    void feed(std::string_view bytes);
    /// The answer is there whole.
    void end();

    /// As far as it was said; of a stream that was cut only the input may be.
    [[nodiscard]] const std::optional<TokenCounts>& counts() const { return counts_; }
    /// What was said is the whole of it.
    [[nodiscard]] bool complete() const { return complete_; }
    /// The service gave up inside of an answer that had begun well.
    [[nodiscard]] bool failed() const { return failed_; }
    /// Something of the model's was in it.
    [[nodiscard]] bool has_content() const { return has_content_; }

 private:
    void take_line();
    void take_event();
    void take(const Json& document);
    void take_messages(const Json& document);
    void take_chat(const Json& document);
    void take_responses(const Json& document);
    void take_gemini(const Json& document);
    TokenCounts& known() { return counts_ ? *counts_ : counts_.emplace(); }

    Endpoint endpoint_;
    Shape shape_;
    std::string line_;                             ///< not ended yet; of a plain answer, all of it
    std::string event_;                            ///< its data, until the empty line
    bool line_lost_ = false, event_lost_ = false;  ///< longer than is kept
    bool complete_ = false, failed_ = false, has_content_ = false;
    std::optional<TokenCounts> counts_;
};

}  // namespace sandbox
