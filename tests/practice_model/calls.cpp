#include "tests/practice_model/calls.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string_view>

/// The tools of Claude Code (Bash, Read, Write, Edit), codex (exec_command, shell_command, shell,
/// apply_patch), opencode and pi (bash, read, write, edit) and gemini (run_shell_command, read_file,
/// write_file, replace), as their requests describe them.
namespace practice_model {

using nlohmann::json;

namespace {

constexpr std::array shells{"Bash", "bash", "exec_command", "shell_command", "shell", "run_shell_command"};
constexpr std::array readers{"Read", "read", "read_file"};
constexpr std::array writers{"Write", "write", "write_file"};
constexpr std::array editors{"Edit", "edit", "replace"};
constexpr std::array patchers{"apply_patch"};
constexpr std::initializer_list<const char*> paths{"file_path", "filePath", "path", "absolute_path"};

const Tool* find(std::span<const char* const> names, const std::vector<Tool>& tools) {
    for (const std::string_view name : names) {
        const auto tool = std::ranges::find(tools, name, &Tool::name);
        if (tool != tools.end()) return &*tool;
    }
    return nullptr;
}

std::string type_of(const Tool& tool, const std::string& property) {
    if (!tool.properties.is_object() || !tool.properties.contains(property)) return "";
    const json& schema = tool.properties.at(property);
    return schema.is_object() ? schema.value("type", json("")).dump() : "";
}

/// Something for an argument that is required and that no step has a word for.
json any_value(const Tool& tool, const std::string& property) {
    const json& schema = tool.properties.at(property);
    if (schema.is_object() && schema.contains("enum") && !schema.at("enum").empty())
        return schema.at("enum").at(0);
    const auto type = type_of(tool, property);
    if (type.find("boolean") != std::string::npos) return false;
    if (type.find("number") != std::string::npos || type.find("integer") != std::string::npos) return 0;
    if (type.find("array") != std::string::npos) return json::array();
    if (type.find("object") != std::string::npos) return json::object();
    return "a step of the script";
}

class Filling {
 public:
    explicit Filling(const Tool& tool) : tool_(tool) { call_.tool = tool.name; }

    /// Under the first of these names that the tool has.
    Filling& with(std::initializer_list<const char*> names, const json& value) {
        for (const char* name : names) {
            if (!tool_.properties.is_object() || !tool_.properties.contains(name)) continue;
            call_.arguments[name] = value;
            break;
        }
        return *this;
    }
    Call done() {
        for (const auto& name : tool_.required) {
            if (!call_.arguments.contains(name) && tool_.properties.is_object() &&
                tool_.properties.contains(name))
                call_.arguments[name] = any_value(tool_, name);
        }
        return std::move(call_);
    }

 private:
    const Tool& tool_;
    Call call_;
};

Call shell_call(const Tool& tool, const std::string& command) {
    const bool words = type_of(tool, "command").find("array") != std::string::npos;
    return Filling(tool).with({"command", "cmd"}, words ? json{"bash", "-c", command} : json(command)).done();
}

std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'') {
            result += "'\\''";
        } else {
            result += c;
        }
    }
    return result + "'";
}

std::string lines_after(std::string_view sign, std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        result += sign;
        result += text.substr(0, end);
        result += '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result;
}

/// The format of codex's apply_patch; paths in it are relative to the working folder.
Call patch_call(const Tool& tool, const Step& step) {
    const auto change = step.deed == Step::Deed::write
                            ? "*** Add File: " + step.path + "\n" + lines_after("+", step.text)
                            : "*** Update File: " + step.path + "\n@@\n" + lines_after("-", step.text) +
                                  lines_after("+", step.other);
    const auto patch = "*** Begin Patch\n" + change + "*** End Patch\n";
    if (!tool.freeform) return Filling(tool).with({"input", "patch"}, patch).done();
    return {.tool = tool.name, .freeform = true, .input = patch};
}

std::string by_shell(const Step& step, const std::string& path) {
    switch (step.deed) {
        case Step::Deed::none:
            return "";
        case Step::Deed::shell:
            return step.text;
        case Step::Deed::read:
            return "cat " + quoted(path);
        case Step::Deed::write:
            return "mkdir -p \"$(dirname " + quoted(path) + ")\" && printf %s " + quoted(step.text) + " > " +
                   quoted(path);
        case Step::Deed::edit:
            return "python3 -c 'import sys; path, old, new = sys.argv[1:]; text = open(path).read(); "
                   "assert text.count(old) == 1; open(path, \"w\").write(text.replace(old, new))' " +
                   quoted(path) + " " + quoted(step.text) + " " + quoted(step.other);
    }
    return "";
}

std::optional<Call> own_call(const Step& step, const std::vector<Tool>& tools, const std::string& path) {
    const Tool* patcher = find(patchers, tools);
    switch (step.deed) {
        case Step::Deed::none:
        case Step::Deed::shell:
            break;
        case Step::Deed::read:
            if (const Tool* tool = find(readers, tools)) return Filling(*tool).with(paths, path).done();
            break;
        case Step::Deed::write:
            if (const Tool* tool = find(writers, tools))
                return Filling(*tool).with(paths, path).with({"content"}, step.text).done();
            if (patcher != nullptr) return patch_call(*patcher, step);
            break;
        case Step::Deed::edit:
            if (const Tool* tool = find(editors, tools)) {
                return Filling(*tool)
                    .with(paths, path)
                    .with({"old_string", "oldString", "oldText"}, step.text)
                    .with({"new_string", "newString", "newText"}, step.other)
                    .with({"edits"}, json::array({{{"oldText", step.text}, {"newText", step.other}}}))
                    .done();
            }
            if (patcher != nullptr) return patch_call(*patcher, step);
            break;
    }
    return std::nullopt;
}

}  // namespace

std::optional<Call> call_of(const Step& step, const std::vector<Tool>& tools, const std::string& folder) {
    const auto path = step.path.starts_with('/') ? step.path : folder + "/" + step.path;
    if (auto call = own_call(step, tools, path)) return call;
    const Tool* tool = find(shells, tools);
    if (tool == nullptr || step.deed == Step::Deed::none) return std::nullopt;
    return shell_call(*tool, by_shell(step, path));
}

}  // namespace practice_model
