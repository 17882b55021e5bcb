// Theory of operation: yaml-cpp is used as a parser of events only. Its own tree (YAML::Node) resolves
// aliases and accepts tags and duplicate keys; ours is built from the events and refuses them as they come.
#include "config/yaml_tree.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_set>
#include <utility>

#include "config/characters.hpp"
#include "config/quantity.hpp"

namespace config {

namespace {

/// Ends the parse; caught in parse_yaml.
struct Refusal {
    int line;
    std::string key, message, mend;
};

int line_of(const YAML::Mark& mark) { return mark.is_null() ? 0 : mark.line + 1; }

class TreeBuilder : public YAML::EventHandler {
 public:
    explicit TreeBuilder(const YamlBounds& bounds) : bounds_(bounds) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ > 0) {
            throw Refusal{line_of(mark), "", "a second document begins here",
                          "keep one document in the file"};
        }
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        refuse_anchor(mark, anchor);
        add({.kind = YamlNode::Kind::null, .line = line_of(mark)});
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
        throw Refusal{line_of(mark), "", "aliases (`*name`) are not accepted", "write the value out"};
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        refuse_anchor(mark, anchor);
        refuse_tag(mark, tag);
        // yaml-cpp marks what is quoted or a block with the non-specific tag "!", and plain scalars with "?".
        add({.kind = YamlNode::Kind::scalar, .line = line_of(mark), .quoted = tag == "!", .text = value});
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value /*style*/) override {
        open(YamlNode::Kind::list, mark, tag, anchor);
    }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value /*style*/) override {
        open(YamlNode::Kind::map, mark, tag, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapEnd() override { close(); }

    [[nodiscard]] YamlNode take() { return std::move(root_); }

 private:
    struct Open {
        YamlNode node;
        std::unordered_set<std::string> seen;  // keys of a map
    };

    static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (anchor != 0) {
            throw Refusal{line_of(mark), "", "anchors (`&name`) are not accepted",
                          "write the value out where it is needed"};
        }
    }
    static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
        if (!tag.empty() && tag != "?" && tag != "!") {
            throw Refusal{line_of(mark), "", "tags (`!name`) are not accepted", "write the plain value"};
        }
    }

    void count(int line) {
        if (++nodes_ > bounds_.nodes) {
            throw Refusal{line, "", "more than " + std::to_string(bounds_.nodes) + " values",
                          "shorten the file"};
        }
    }

    void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        refuse_anchor(mark, anchor);
        refuse_tag(mark, tag);
        count(line_of(mark));
        if (key_is_next()) refuse_key(line_of(mark));
        if (stack_.size() >= bounds_.depth) {
            throw Refusal{line_of(mark), "",
                          "nested deeper than " + std::to_string(bounds_.depth) + " levels",
                          "flatten the structure"};
        }
        stack_.push_back({.node = {.kind = kind, .line = line_of(mark)}});
    }

    void close() {
        YamlNode node = std::move(stack_.back().node);
        stack_.pop_back();
        put(std::move(node));
    }

    void add(YamlNode node) {
        count(node.line);
        if (key_is_next()) {
            if (node.kind != YamlNode::Kind::scalar) refuse_key(node.line);
            if (!stack_.back().seen.insert(node.text).second) {
                throw Refusal{node.line, excerpt(node.text), "this key is written twice",
                              "keep one of the two"};
            }
            stack_.back().node.keys.push_back(std::move(node));
        } else {
            put(std::move(node));
        }
    }

    [[nodiscard]] bool key_is_next() const {
        return !stack_.empty() && stack_.back().node.kind == YamlNode::Kind::map &&
               stack_.back().node.keys.size() == stack_.back().node.items.size();
    }
    [[noreturn]] static void refuse_key(int line) {
        throw Refusal{line, "", "a key must be a word", "write `key: value`"};
    }

    void put(YamlNode node) {
        (stack_.empty() ? root_ : stack_.back().node.items.emplace_back()) = std::move(node);
    }

    const YamlBounds& bounds_;
    YamlNode root_;
    std::vector<Open> stack_;
    std::size_t nodes_ = 0;
    int documents_ = 0;
};

}  // namespace

std::expected<YamlNode, Error> parse_yaml(std::string_view text, const std::string& file,
                                          const YamlBounds& bounds) {
    const auto fail = [&](int line, std::string key, std::string message, std::string mend) {
        return std::unexpected(Error{file, line, std::move(key), std::move(message), std::move(mend)});
    };
    if (text.size() > bounds.bytes) {
        return fail(
            0, "",
            "the file has " + std::to_string(text.size()) + " bytes, more than " + format_size(bounds.bytes),
            "shorten it");
    }
    // yaml-cpp also guesses UTF-16 and UTF-32 from a byte order mark or from zero bytes.
    if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
        return fail(0, "", "the file is not UTF-8 text", "save it as UTF-8");
    }
    std::istringstream in{std::string(text)};
    TreeBuilder builder(bounds);
    try {
        YAML::Parser parser(in);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const Refusal& refusal) {
        return fail(refusal.line, refusal.key, refusal.message, refusal.mend);
    } catch (const YAML::Exception& exception) {
        return fail(line_of(exception.mark), "", "not valid YAML: " + excerpt(exception.msg),
                    "check indentation, quotes and brackets near this line");
    }
    return builder.take();
}

}  // namespace config
