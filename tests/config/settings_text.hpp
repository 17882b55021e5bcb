#pragma once

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "config/settings.hpp"
#include "tests/config/said.hpp"

inline constexpr const char* pem =
    "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu\n"
    "-----END RSA PRIVATE KEY-----\n";

/// A folder of its own, gone at the end.
class Folder {
 public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "shopfloor-config-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }

    [[nodiscard]] std::filesystem::path path(const std::string& name) const { return path_ / name; }
    void write(const std::string& name, const std::string& text, mode_t mode = 0600) const {
        std::ofstream(path(name), std::ios::binary) << text;
        REQUIRE(chmod(path(name).c_str(), mode) == 0);
    }

 private:
    std::filesystem::path path_;
};

/// Environment variables of one test.
class Variable {
 public:
    Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
    Variable(const Variable&) = delete;
    Variable& operator=(const Variable&) = delete;
    ~Variable() { unsetenv(name_); }

 private:
    const char* name_;
};

inline const std::string forge =
    "forges:\n  - name: github\n    webhook_secrets: [{env: TEST_HOOK}]\n    token: {env: TEST_TOKEN}\n"
    "    repositories: [acme/tool]\n";
inline const std::string profile = "profiles:\n  - name: demo\n    command: [/bin/true]\n";

/// Settings that stand, with some lines more.
inline auto with(const std::string& more) {
    const Variable hook("TEST_HOOK", "hook-secret"), token("TEST_TOKEN", "token-secret");
    return config::parse_settings(forge + profile + more, "/etc/shopfloor/shopfloor.yaml");
}

/// Settings with this forge instead.
inline auto with_forge(const std::string& lines) {
    const Variable hook("TEST_HOOK", "hook-secret"), token("TEST_TOKEN", "token-secret"),
        key("TEST_PEM", pem);
    return config::parse_settings("forges: [{" + lines + "}]\n" + profile, "/etc/shopfloor/shopfloor.yaml");
}

inline auto with_profile(const std::string& lines) {
    const Variable hook("TEST_HOOK", "hook-secret"), token("TEST_TOKEN", "token-secret");
    return config::parse_settings(forge + "profiles: [{" + lines + "}]\n", "/etc/shopfloor/shopfloor.yaml");
}

inline constexpr const char* basics = "name: a, webhook_secrets: [{env: TEST_HOOK}], repositories: [a/b]";
