#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "integrations/delivery.hpp"
#include "integrations/event.hpp"
#include "integrations/forge_payload.hpp"

namespace integrations {

// Payloads as GitHub words them, and Gitea after it. Pure.

/// Why a payload does not hold what decode promises of every RepoRef and Person, or nothing.
[[nodiscard]] std::string misfit_of_repository(const Payload& payload);

/// An event that we act on. Some know no action.
struct DecodeRow {
    std::string_view event, action;
    Event (*decode)(const VerifiedDelivery&, const Payload&);
    /// Why this payload cannot be used, or nothing.
    std::string (*misfit)(const Payload&) = misfit_of_repository;
    std::string_view action_at = "action";  ///< the path of it; the same in all rows of an event
};
/// Reads the body and decodes it by its row; what has none, or cannot be used, is Ignored. Never throws.
[[nodiscard]] Event decode_by(std::span<const DecodeRow> rows, const VerifiedDelivery& delivery,
                              Payload payload);

/// Digits that are a number of an issue or pull request.
[[nodiscard]] std::optional<std::int64_t> thread_number(const std::string& digits);
[[nodiscard]] Person sender(const Payload& payload);
[[nodiscard]] RepoRef repository(const VerifiedDelivery& delivery, const Payload& payload);
/// The issue or pull request that a payload is about, if it has a number.
[[nodiscard]] std::optional<ThreadRef> thread(const VerifiedDelivery& delivery, const Payload& payload,
                                              std::string_view path, ThreadRef::Kind kind);
[[nodiscard]] Moment moment(const Payload& payload, std::string_view path);

/// The branch of `refs/heads/…`; empty when it is none.
[[nodiscard]] std::string branch_of(const std::string& ref);
/// What a push says that deletes: a commit of zeros.
[[nodiscard]] bool is_no_commit(const std::string& after);

// Events that are worded alike.
[[nodiscard]] Event decode_pull_request(const VerifiedDelivery& delivery, const Payload& payload);
[[nodiscard]] Event decode_status(const VerifiedDelivery& delivery, const Payload& payload);
[[nodiscard]] Event decode_push(const VerifiedDelivery& delivery, const Payload& payload);

}  // namespace integrations
