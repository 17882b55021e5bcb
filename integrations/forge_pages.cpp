#include "integrations/forge_pages.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/http_governor.hpp"

namespace integrations {
namespace {

using nlohmann::json;

/// `<https://…?page=2>; rel="next", <…>; rel="last"`
/// https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
std::string link_to(std::string_view relation, std::string_view links) {
    const auto named = "rel=\"" + std::string(relation) + "\"";
    while (!links.empty()) {
        const auto open = links.find('<');
        const auto close = links.find('>', open);
        if (open == std::string_view::npos || close == std::string_view::npos) return {};
        const auto end = std::min(links.find(',', close), links.size());
        if (links.substr(close, end - close).find(named) != std::string_view::npos) {
            return std::string(links.substr(open + 1, close - open - 1));
        }
        links.remove_prefix(end);
    }
    return {};
}

/// What the text begins with; 0: no number that can be one.
std::size_t number_in(std::string_view text) {
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && number < (1ULL << 30) ? number : 0;
}

/// The `page` of an address; 0: it has none.
std::size_t page_of(std::string_view url) {
    auto at = url.find("?page=");
    if (at == std::string_view::npos) at = url.find("&page=");
    return at == std::string_view::npos ? 0 : number_in(url.substr(at + 6));
}

struct Page {
    json items;
    std::string next;      ///< its address; empty: the forge gives none
    std::size_t last = 0;  ///< number of the last page; 0: the forge does not say
    bool is_last = true;
};

ForgeResult<Page> read_page(const HttpRequest& request, const std::expected<HttpResponse, ForgeError>& answer,
                            std::size_t size, bool always_links, const char* array) {
    const auto what = "GET " + without_query(request.path);
    auto body = json_of(what, answer);
    if (!body) return std::unexpected(std::move(body.error()));
    auto items = array == nullptr ? *std::move(body) : at(*body, array);
    const auto links = header(answer->headers, "link");
    const auto total = header(answer->headers, "x-total-count");
    if (items.is_null() && !total.empty()) items = json::array();  // Go writes an empty list so
    if (!items.is_array()) {
        return std::unexpected(ForgeError{.kind = ForgeError::Kind::unreachable,
                                          .status = answer->status,
                                          .message = what + ": the answer is no list"});
    }
    const auto next = link_to("next", links);
    auto last = page_of(link_to("last", links));
    if (last == 0 && !total.empty()) last = (number_in(total) + size - 1) / size;
    // A list that comes whole, whatever page was asked for, has more than a page or all there is.
    const bool is_whole = items.size() > size || (!total.empty() && items.size() >= number_in(total));
    const bool is_last = links.empty() ? always_links || is_whole || items.size() < size : next.empty();
    return Page{.items = std::move(items), .next = next, .last = last, .is_last = is_last};
}

/// `path` with how many items a page of it shall have.
std::string paged(const std::string& path, const std::string& name, std::size_t size) {
    return path + (path.find('?') == std::string::npos ? "?" : "&") + name + "=" + std::to_string(size);
}

/// What follows on a page of `first`, by the forge's link to it or, without one, by its number. A link to
/// elsewhere (the forge's own name, behind a proxy) is asked for where we ask.
std::string next_page(const std::string& base_url, const std::string& first, const std::string& link,
                      int number) {
    if (link.empty()) return first + "&page=" + std::to_string(number);
    const auto query = std::min(link.find('?'), link.size());
    return path_below(base_url, link).value_or(without_query(first) + link.substr(query));
}

}  // namespace

HttpRequest get_request(const std::string& path) {
    return {.method = "GET", .path = path, .headers = {}, .body = {}};
}

std::string without_query(const std::string& path) { return path.substr(0, path.find('?')); }

ForgeResult<void> Paging::each(const Send& send, const std::string& path, Most most, const Visit& visit,
                               const char* array) const {
    const auto size = most.size == 0 ? largest : std::min(most.size, largest);
    const auto first = paged(path, size_name, size);
    auto where = first;
    json before;
    for (int number = 1; number <= most.pages; ++number) {
        const auto request = get_request(where);
        auto page = read_page(request, send(request), size, always_links, array);
        if (!page) return std::unexpected(page.error());
        if (page->items == before) return {};  // the list knows no pages, and has as many items as one
        for (const auto& item : page->items) {
            if (!visit(item)) return {};
        }
        if (page->is_last) return {};
        before = std::move(page->items);
        where = next_page(base_url, first, page->next, number + 1);
    }
    return {};
}

ForgeResult<bool> Paging::newest(const Send& send, const std::string& path, Most most,
                                 const Visit& visit) const {
    const auto size = most.size == 0 ? largest : std::min(most.size, largest);
    const auto pages = static_cast<std::size_t>(std::max(most.pages, 1));
    const auto list = paged(path, size_name, size);
    bool whole = true;
    std::size_t number = 1;
    for (auto left = pages; left > 0; --left, ++number) {
        const auto read = [&] {
            const auto request = get_request(number == 1 ? list : list + "&page=" + std::to_string(number));
            return read_page(request, send(request), size, always_links, nullptr);
        };
        auto page = read();
        if (page && number == 1 && page->last > pages) {
            whole = false;
            number = page->last - pages + 1;
            page = read();
        }
        if (!page) return std::unexpected(page.error());
        for (const auto& item : page->items) {
            if (!visit(item)) return whole;
        }
        if (page->is_last) return whole;
    }
    return false;
}

}  // namespace integrations
