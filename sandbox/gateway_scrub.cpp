#include "sandbox/gateway_scrub.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace sandbox {

namespace {

constexpr std::size_t shortest_key = 8;

std::string base64(std::string_view bytes, std::string_view last_two) {
    std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    alphabet += last_two;
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : bytes) {
        bits = (bits << 8U | static_cast<unsigned char>(c)) & 0xFFFFU;
        for (count += 8; count >= 6; count -= 6)
            out += alphabet[bits >> static_cast<unsigned>(count - 6) & 0x3FU];
    }
    return out;  // without the digit that a following byte has a part in
}

}  // namespace

KeyShapes::KeyShapes(const std::vector<config::Secret>& keys) {
    for (const auto& key : keys) {
        if (key.expose().size() < shortest_key) continue;
        shapes_.push_back(key);
        for (const std::string_view last_two : {"+/", "-_"}) {
            for (const std::size_t before : {0U, 1U, 2U}) {
                // The digits that bytes before the key have no part in.
                auto digits = base64(std::string(before, '\0') + key.expose(), last_two);
                digits.erase(0, before == 0 ? 0 : before + 1);
                shapes_.emplace_back(std::move(digits));
            }
        }
    }
    // A key that another one begins with must not hide half of that.
    std::ranges::stable_sort(shapes_, std::ranges::greater{},
                             [](const config::Secret& shape) { return shape.expose().size(); });
}

std::string KeyShapes::scrubbed(std::string_view text) const {
    Scrub scrub(*this);
    auto clean = scrub.feed(text);
    return clean += scrub.end();
}

std::string Scrub::feed(std::string_view bytes) {
    held_.append(bytes);
    std::size_t keep = 0;
    for (const auto& shape : shapes_.all()) {
        const auto& text = shape.expose();
        for (auto at = held_.find(text); at != std::string::npos; at = held_.find(text, at + text.size()))
            held_.replace(at, text.size(), text.size(), '*');
    }
    for (const auto& shape : shapes_.all()) {
        const std::string_view text = shape.expose();
        for (auto length = std::min(text.size() - 1, held_.size()); length > keep; --length)
            if (std::string_view(held_).ends_with(text.substr(0, length))) keep = length;
    }
    auto passed = held_.substr(0, held_.size() - keep);
    held_.erase(0, passed.size());
    return passed;
}

std::string Scrub::end() { return std::exchange(held_, {}); }

}  // namespace sandbox
