// A reader of our own: most bytes of a request are text, which the library's reader takes apart one by one,
// at 6 ns each, while a program waits. What is JSON is said by RFC 8259; a byte order mark is none of it.
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "sandbox/gateway_json.hpp"

namespace sandbox {

namespace {

constexpr std::size_t most_depth = 128;
constexpr std::size_t most_values = 400'000;
constexpr std::size_t most_members = 1'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Bytes that stand for themselves in a text and need no second look.
constexpr auto plain = [] {
    std::array<bool, 256> table{};
    for (std::size_t c = 0x20; c < 0x80; ++c) table.at(c) = c != '"' && c != '\\';
    return table;
}();

void append_utf8(std::string& out, std::uint32_t code) {
    const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    const auto rest = [&](unsigned shift) { add(0x80U | (code >> shift & 0x3FU)); };
    if (code < 0x80) return add(code);
    if (code < 0x800) {
        add(0xC0U | code >> 6U);
    } else if (code < 0x10000) {
        add(0xE0U | code >> 12U);
        rest(6);
    } else {
        add(0xF0U | code >> 18U);
        rest(12);
        rest(6);
    }
    rest(0);
}

/// How many bytes the character at the beginning has, which is not ASCII; 0: it is not UTF-8 (RFC 3629).
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto lead = byte(0);
    const std::size_t length = lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0U) != 0x80) return 0;
    const auto second = byte(1);
    const bool too_long = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool surrogate = lead == 0xED && second >= 0xA0;
    const bool too_far = lead == 0xF4 && second >= 0x90;
    return too_long || surrogate || too_far ? 0 : length;
}

class Reader {
 public:
    explicit Reader(std::string_view text) : text_(text) {}

    std::expected<Document, std::string> read() {
        Document document;
        if (value(document.json) && fault_.empty()) {
            skip_space();
            if (at_ < text_.size()) refuse("not valid JSON");
        }
        if (!fault_.empty()) return std::unexpected(fault_);
        document.reads_one_way = !twice_;
        return document;
    }

 private:
    bool refuse(std::string_view why) {
        fault_ = why;
        return false;
    }
    bool broken() { return refuse("not valid JSON"); }

    void skip_space() {
        while (at_ < text_.size() &&
               (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
            ++at_;
    }
    /// The next byte after space, NUL at the end; stays where it is.
    char next() {
        skip_space();
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    bool take(char wanted) {
        if (next() != wanted || at_ == text_.size()) return false;
        ++at_;
        return true;
    }

    bool value(Json& into) {
        if (++values_ > most_values) return refuse("made of too many values");
        switch (next()) {
            case '{':
            case '[':
                return nested(into);
            case '"': {
                ++at_;
                into = std::string();
                return text(into.get_ref<std::string&>());
            }
            case 't':
                return word("true", into, true);
            case 'f':
                return word("false", into, false);
            case 'n':
                return word("null", into, nullptr);
            default:
                return number(into);
        }
    }

    bool word(std::string_view letters, Json& into, Json meaning) {
        if (!text_.substr(at_).starts_with(letters)) return broken();
        at_ += letters.size();
        into = std::move(meaning);
        return true;
    }

    bool nested(Json& into) {
        if (++depth_ > most_depth) return refuse("nested too deeply");
        const bool good = text_[at_++] == '{' ? object(into) : array(into);
        --depth_;
        return good;
    }

    bool array(Json& into) {
        into = Json::array();
        auto& items = into.get_ref<Json::array_t&>();
        if (take(']')) return true;
        do {
            if (!value(items.emplace_back())) return false;
        } while (take(','));
        return take(']') || broken();
    }

    bool object(Json& into) {
        into = Json::object();
        auto& members = into.get_ref<Json::object_t&>();
        if (take('}')) return true;
        std::size_t count = 0;
        do {
            if (++count > most_members) return refuse("an object of too many members");
            std::string key;
            if (!take('"')) return broken();
            if (!text(key)) return false;
            if (!take(':')) return broken();
            const auto [member, fresh] = members.emplace(key, Json());
            twice_ = twice_ || !fresh;
            if (!value(member->second)) return false;
        } while (take(','));
        return take('}') || broken();
    }

    /// What follows its first quote.
    bool text(std::string& out) {
        for (;;) {
            const auto start = at_;
            while (at_ < text_.size() && plain[static_cast<unsigned char>(text_[at_])]) ++at_;
            out.append(text_, start, at_ - start);
            if (at_ == text_.size()) return broken();
            const auto c = static_cast<unsigned char>(text_[at_]);
            if (c == '"') {
                ++at_;
                return true;
            }
            if (c == '\\') {
                ++at_;
                if (!escaped(out)) return broken();
                continue;
            }
            const auto length = c < 0x80 ? 0 : utf8_length(text_.substr(at_));
            if (length == 0) return broken();
            out.append(text_, at_, length);
            at_ += length;
        }
    }

    bool escaped(std::string& out) {
        constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
        if (at_ == text_.size()) return false;
        const char c = text_[at_++];
        if (c != 'u') {
            const auto which = letters.find(c);
            if (which == std::string_view::npos) return false;
            out += meanings[which];
            return true;
        }
        std::uint32_t code = 0, low = 0;
        if (!four_digits(code) || (code >= 0xDC00 && code < 0xE000)) return false;
        if (code >= 0xD800 && code < 0xDC00) {
            if (!text_.substr(at_).starts_with("\\u")) return false;
            at_ += 2;
            if (!four_digits(low) || low < 0xDC00 || low >= 0xE000) return false;
            code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
        }
        append_utf8(out, code);
        return true;
    }

    bool four_digits(std::uint32_t& code) {
        const auto digits = text_.substr(at_, 4);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
        at_ += digits.size();
        return error == std::errc{} && digits.size() == 4 && end == digits.data() + 4;
    }

    std::size_t digits() {
        const auto start = at_;
        while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
        return at_ - start;
    }

    bool number(Json& into) {
        const auto start = at_;
        const auto has = [this](std::string_view any) {
            return at_ < text_.size() && any.find(text_[at_]) != std::string_view::npos;
        };
        const bool negative = has("-");
        if (negative) ++at_;
        const bool zero = has("0");
        const auto whole = digits();
        if (whole == 0 || (zero && whole > 1)) return broken();
        bool integer = true;
        if (has(".")) {
            ++at_;
            integer = false;
            if (digits() == 0) return broken();
        }
        if (has("eE")) {
            ++at_;
            integer = false;
            if (has("+-")) ++at_;
            if (digits() == 0) return broken();
        }
        const auto written = text_.substr(start, at_ - start);
        if (integer &&
            (negative ? number_as<std::int64_t>(written, into) : number_as<std::uint64_t>(written, into)))
            return true;
        return number_as<double>(written, into) || refuse("made with a number that does not fit");
    }

    template <typename Number>
    static bool number_as(std::string_view written, Json& into) {
        Number number{};
        if (std::from_chars(written.data(), written.data() + written.size(), number).ec != std::errc{})
            return false;
        into = number;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0, depth_ = 0, values_ = 0;
    bool twice_ = false;  ///< a key stands twice in an object
    std::string fault_;
};

}  // namespace

std::expected<Document, std::string> read_document(std::string_view text) { return Reader(text).read(); }

std::expected<Json, std::string> read_json(std::string_view text) {
    auto document = read_document(text);
    if (!document) return std::unexpected(std::move(document.error()));
    return std::move(document->json);
}

}  // namespace sandbox
