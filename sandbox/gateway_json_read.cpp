// Read by simdjson: most bytes of a request are text, which nlohmann's own reader takes apart one by one
// while a program waits. The rules go on with nlohmann's values, which they can change.
#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "sandbox/gateway_json.hpp"

namespace sandbox {

namespace {

using simdjson::dom::element_type;

constexpr std::size_t most_depth = 128;
constexpr std::size_t most_values = 400'000;
constexpr std::size_t most_members = 1'000;
constexpr std::size_t most_bytes = 256U << 20U;

/// From the library's document to ours. What is refused is thrown as a few words.
class Copy {
 public:
    Document of(simdjson::dom::element root) {
        Document document{.json = value(root), .reads_one_way = false};
        document.reads_one_way = !twice_;
        return document;
    }

 private:
    Json value(simdjson::dom::element from) {
        if (++values_ > most_values) throw std::string("made of too many values");
        switch (from.type()) {
            case element_type::OBJECT:
                return object(from);
            case element_type::ARRAY: {
                auto items = Json::array();
                for (const auto item : simdjson::dom::array(from)) items.push_back(value(item));
                return items;
            }
            case element_type::STRING:
                return std::string(std::string_view(from));
            case element_type::INT64:
                return integer(from);
            case element_type::UINT64:
                return std::uint64_t(from);
            case element_type::DOUBLE:
                return double(from);
            case element_type::BOOL:
                return bool(from);
            case element_type::NULL_VALUE:
                return nullptr;
        }
        return nullptr;
    }

    /// nlohmann has every whole number that is not negative without a sign.
    static Json integer(std::int64_t number) {
        if (number >= 0) return static_cast<std::uint64_t>(number);
        return number;
    }

    Json object(simdjson::dom::object from) {
        auto members = Json::object();
        std::size_t count = 0;
        for (const auto& [key, member] : from) {
            if (++count > most_members) throw std::string("an object of too many members");
            const auto known = members.size();
            members[std::string(key)] = value(member);
            twice_ = twice_ || members.size() == known;
        }
        return members;
    }

    std::size_t values_ = 0;
    bool twice_ = false;  ///< a key stands twice in an object
};

std::string words(simdjson::error_code error) {
    if (error == simdjson::DEPTH_ERROR) return "nested too deeply";
    if (error == simdjson::NUMBER_ERROR) return "not valid JSON, or made with a number that does not fit";
    return "not valid JSON";
}

}  // namespace

std::expected<Document, std::string> read_document(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) return std::unexpected("not valid JSON");  // RFC 8259, section 8.1
    if (text.empty())
        return std::unexpected("not valid JSON");  // the library wants a place, if only for nothing
    simdjson::dom::parser parser(most_bytes);
    if (parser.allocate(std::max<std::size_t>(text.size(), 64), most_depth) != simdjson::SUCCESS)
        return std::unexpected("more than can be read");
    try {
        simdjson::dom::element root;
        if (const auto error = parser.parse(text.data(), text.size()).get(root))
            return std::unexpected(words(error));
        return Copy().of(root);
    } catch (std::string& why) {
        return std::unexpected(std::move(why));
    }
}

std::expected<Json, std::string> read_json(std::string_view text) {
    auto document = read_document(text);
    if (!document) return std::unexpected(std::move(document.error()));
    return std::move(document->json);
}

}  // namespace sandbox
