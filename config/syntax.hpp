#pragma once

#include <string>
#include <string_view>

namespace config {

/// Each says what is wrong with a text of its kind, in a few words to follow "is"; empty when nothing is.

/// A container image: `[host[:port]/]path[:tag][@sha256:digest]`
/// (https://github.com/distribution/reference/blob/main/reference.go).
[[nodiscard]] std::string image_fault(std::string_view text);

/// `https://host[:port][/path]`; `http` for loopback hosts only. No user, query or fragment.
[[nodiscard]] std::string url_fault(std::string_view text);

/// A name that can stand in a label and in a URL path: letters, digits, `.`, `_`, `-`, beginning with a
/// letter or digit.
[[nodiscard]] std::string name_fault(std::string_view text);

/// `owner/name`, `owner/*` or `*`.
[[nodiscard]] std::string repository_fault(std::string_view text);

/// A relative path that stays where it begins: no leading `/`, no `..`, no backslash.
[[nodiscard]] std::string relative_path_fault(std::string_view text);

/// A glob as `matches_any` takes it.
[[nodiscard]] std::string glob_fault(std::string_view text);

/// A PEM private key without a passphrase.
[[nodiscard]] std::string private_key_fault(std::string_view text);

}  // namespace config
