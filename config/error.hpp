#pragma once

#include <string>

namespace config {

/// One thing wrong with a configuration file, said so that it can be mended without reading our source.
struct Error {
    std::string file;     ///< as the user named it
    int line = 0;         ///< 1-based; 0 when the fault is not at a line (a missing file)
    std::string key;      ///< dotted path, e.g. `forges[0].api_url`; empty for the document as a whole
    std::string message;  ///< what is wrong
    std::string mend;     ///< what to write instead

    friend bool operator==(const Error&, const Error&) = default;
};

/// `file:line: key: message; mend`
[[nodiscard]] std::string to_string(const Error& error);

}  // namespace config
