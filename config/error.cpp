#include "config/error.hpp"

namespace config {

std::string to_string(const Error& error) {
    std::string text = error.file;
    if (error.line > 0) text += ":" + std::to_string(error.line);
    if (!text.empty()) text += ": ";
    if (!error.key.empty()) text += error.key + ": ";
    text += error.message;
    if (!error.mend.empty()) text += "; " + error.mend;
    return text;
}

}  // namespace config
