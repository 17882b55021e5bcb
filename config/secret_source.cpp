#include "config/secret_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>

namespace config {

namespace {

constexpr std::size_t most_bytes = 64U << 10;
const std::string forms = "write {env: NAME} or {file: PATH} and keep the secret there";

struct Fault {
    std::string message, mend;
};

class Descriptor {
 public:
    explicit Descriptor(int number) : number_(number) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (number_ >= 0) ::close(number_);
    }
    [[nodiscard]] int number() const { return number_; }

 private:
    int number_;
};

std::expected<Secret, Fault> read_file(const std::filesystem::path& path) {
    const std::string shown = "`" + path.string() + "` ";
    // Non-blocking: a FIFO would otherwise hold up the start.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (file.number() < 0) {
        const std::string why = std::generic_category().message(errno);
        return std::unexpected(Fault{shown + "cannot be read: " + why, "create it, readable by this user"});
    }
    struct stat status{};
    if (::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return std::unexpected(
            Fault{shown + "is not a plain file", "name a file that holds the secret alone"});
    }
    if ((status.st_mode & S_IROTH) != 0) {
        return std::unexpected(
            Fault{shown + "is readable by everybody", "run `chmod o-r " + path.string() + "`"});
    }
    std::string bytes(most_bytes, '\0');
    std::size_t size = 0;
    while (size < bytes.size()) {
        const ssize_t got = ::read(file.number(), bytes.data() + size, bytes.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size == bytes.size()) {
        return std::unexpected(
            Fault{shown + "is longer than 64 KiB", "name a file that holds the secret alone"});
    }
    bytes.resize(size);
    while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r')) bytes.pop_back();
    if (bytes.empty()) return std::unexpected(Fault{shown + "is empty", "write the secret into it"});
    return Secret(std::move(bytes));
}

std::expected<Secret, Fault> read_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
        return std::unexpected(Fault{"the environment variable `" + name + "` is not set",
                                     "set it where the service is started"});
    }
    if (*value == '\0') {
        return std::unexpected(
            Fault{"the environment variable `" + name + "` is empty", "give it the secret as value"});
    }
    return Secret(value);
}

}  // namespace

bool read_secret(const Place& place, const std::filesystem::path& base, Secret& target) {
    if (place.node().kind != YamlNode::Kind::map) {
        // The value is not repeated: it may be the secret.
        place.error("a secret is not written in this file", forms);
        return false;
    }
    Fields fields(place);
    const auto env = fields.find("env");
    const auto file = fields.find("file");
    fields.close();
    if (env.has_value() == file.has_value()) {
        place.error("needs one source, `env` or `file`", forms);
        return false;
    }
    std::string source;
    if (!(env ? *env : *file).text(source, 4000)) return false;
    auto secret = env ? read_environment(source) : read_file(base / source);
    if (!secret) {
        (env ? *env : *file).error(secret.error().message, secret.error().mend);
        return false;
    }
    target = std::move(*secret);
    return true;
}

bool looks_like_secret(std::string_view text) {
    struct Shape {
        std::string_view prefix;
        std::size_t least;           ///< characters that follow
        bool plain_letters = false;  ///< no `-`, `_` or `.` among them
    };
    // As their makers document them; what follows is shorter here than any real one.
    constexpr std::array shapes{
        Shape{"ghp_", 12},       Shape{"gho_", 12},        Shape{"ghu_", 12},       Shape{"ghs_", 12},
        Shape{"ghr_", 12},       Shape{"github_pat_", 12}, Shape{"glpat-", 12},     Shape{"sk-ant-", 12},
        Shape{"sk-proj-", 12},   Shape{"sk-", 20, true},   Shape{"AKIA", 16, true}, Shape{"AIza", 30},
        Shape{"xoxb-", 10},      Shape{"xoxp-", 10},       Shape{"xoxa-", 10},      Shape{"xoxe-", 10},
        Shape{"xoxo-", 10},      Shape{"xoxr-", 10},       Shape{"xoxs-", 10},      Shape{"xapp-", 10},
        Shape{"npm_", 30, true}, Shape{"hf_", 30, true},   Shape{"whsec_", 12},
    };
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    const auto part = [&](char c) { return letter(c) || c == '_' || c == '-' || c == '.'; };
    // `-----BEGIN RSA PRIVATE KEY-----`; certificates and public keys are no secrets.
    for (auto at = text.find("-----BEGIN "); at != std::string_view::npos;
         at = text.find("-----BEGIN ", at + 1))
        if (text.substr(at, 60).find("PRIVATE KEY") != std::string_view::npos) return true;
    return std::ranges::any_of(shapes, [&](const Shape& shape) {
        for (auto at = text.find(shape.prefix); at != std::string_view::npos;
             at = text.find(shape.prefix, at + 1)) {
            if (at > 0 && (letter(text[at - 1]) || text[at - 1] == '_')) continue;  // the middle of a word
            const auto tail = text.substr(at + shape.prefix.size());
            const auto end = std::ranges::find_if_not(
                tail, [&](char c) { return shape.plain_letters ? letter(c) : part(c); });
            if (static_cast<std::size_t>(end - tail.begin()) >= shape.least) return true;
        }
        return false;
    });
}

void refuse_secrets(const YamlNode& node, const std::string& key, int line, Report& report) {
    const auto complain = [&](int where) {
        report.add(where, key, "looks like a secret, which does not belong in this file",
                   "take it out (where a secret is wanted, " + forms +
                       "); what a profile holds is visible inside the sandbox, and no credential goes there");
    };
    if (node.kind == YamlNode::Kind::scalar && looks_like_secret(node.text)) complain(line);
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        const auto& item = node.items[i];
        if (node.kind == YamlNode::Kind::list) {
            refuse_secrets(item, key + "[" + std::to_string(i) + "]", item.line, report);
            continue;
        }
        const auto& name = node.keys[i];
        const bool secret = looks_like_secret(name.text);
        if (secret) complain(name.line);
        refuse_secrets(item, (key.empty() ? "" : key + ".") + (secret ? "***" : name.text), name.line,
                       report);
    }
}

}  // namespace config
