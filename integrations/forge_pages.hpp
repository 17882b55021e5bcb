#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "integrations/forge.hpp"
#include "integrations/http.hpp"

namespace integrations {

/// Returns false to stop.
using Visit = std::function<bool(const nlohmann::json& item)>;
/// Brings a request to the forge, with the credential that is right for it.
using Send = std::function<std::expected<HttpResponse, ForgeError>(const HttpRequest&)>;

/// How much of a list is asked for.
struct Most {
    int pages = 1;
    std::size_t size = 0;  ///< items of a page; 0: as many as the forge gives
};

/// A forge's lists, page after page: by the links that it gives, else by `?page=N`; a parameter for their
/// size.
struct Paging {
    std::string base_url;       ///< links are followed below it only; of others the query is used
    std::string size_name;      ///< `per_page`, `limit`
    std::size_t largest = 0;    ///< items of a page at most; more is cut to this by the forge
    bool always_links = false;  ///< a page whose answer links to no other is the last, however full it is

    /// Visits the items, from the first page on. `array`: the member that holds them, if not the whole body.
    [[nodiscard]] ForgeResult<void> each(const Send& send, const std::string& path, Most most,
                                         const Visit& visit, const char* array = nullptr) const;
    /// As `each`, of a list that goes from old to new: of one that is longer than `most` its last pages, and
    /// the answer is false. For lists whose answers tell how long they are: a link to the last page, or
    /// `X-Total-Count`.
    [[nodiscard]] ForgeResult<bool> newest(const Send& send, const std::string& path, Most most,
                                           const Visit& visit) const;
};

[[nodiscard]] HttpRequest get_request(const std::string& path);
/// `path` without its query: for messages.
[[nodiscard]] std::string without_query(const std::string& path);

}  // namespace integrations
