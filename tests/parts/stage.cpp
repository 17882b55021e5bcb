#include "tests/parts/stage.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <system_error>

namespace parts {

namespace fs = std::filesystem;

fs::path program() { return fs::canonical("/proc/self/exe").parent_path().parent_path() / "shopfloor"; }

Folder::Folder() {
    auto name = (fs::temp_directory_path() / "shopfloor-parts-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), name);
    path_ = name;
    fs::permissions(path_, fs::perms::others_exec, fs::perm_options::add);
}

Folder::~Folder() {
    std::error_code error;
    fs::remove_all(path_, error);
}

void spit(const fs::path& file, std::string_view content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
}

}  // namespace parts
