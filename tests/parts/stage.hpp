#pragma once

#include <filesystem>
#include <string>
#include <string_view>

/// What the tests of the daemon's processes have in common.
namespace parts {

/// The daemon of this build.
[[nodiscard]] std::filesystem::path program();

/// A temporary folder that goes with its owner.
class Folder {
 public:
    Folder();
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
    std::filesystem::path path_;
};

/// A file with this content; its folders are made.
void spit(const std::filesystem::path& file, std::string_view content);

}  // namespace parts
