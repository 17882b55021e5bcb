#include "tests/sandbox/probe.hpp"

#include <fmt/format.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace stage {

namespace fs = std::filesystem;

const std::string& probe_program() {
    static const std::string bytes = [] {
        auto folder = (fs::temp_directory_path() / "shopfloor-probe-XXXXXX").string();
        if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
        const auto program = folder + "/probe";
        const auto command =
            fmt::format("cc -static -O1 -o {} {}/tests/sandbox/probe.c", program, SHOPFLOOR_SOURCE_DIR);
        if (std::system(command.c_str()) != 0) throw std::runtime_error("the probe does not compile");
        std::ifstream in(program, std::ios::binary);
        std::string content{std::istreambuf_iterator<char>(in), {}};
        fs::remove_all(folder);
        return content;
    }();
    return bytes;
}

}  // namespace stage
