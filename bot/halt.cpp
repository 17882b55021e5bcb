#include "bot/halt.hpp"

#include "bot/report.hpp"

namespace bot {

Halt halt(const integrations::GitError& error, const std::string& doing) {
    using Kind = integrations::GitError::Kind;
    const auto what = doing + ": " + error.message;
    switch (error.kind) {
        case Kind::unreachable:
        case Kind::unauthorized:
        case Kind::storage:
            return {.kind = Halt::Kind::infrastructure, .reason = what, .retry_at = error.retry_at};
        case Kind::gone:
        case Kind::no_such_ref:
        case Kind::exists:
        case Kind::invalid:
            return {.kind = Halt::Kind::failed, .reason = report::infrastructure(what, 1)};
        case Kind::refused:
            return {.kind = Halt::Kind::failed, .reason = report::push_refused(error.message)};
    }
    return {};
}

Halt halt(const integrations::ForgeError& error, const std::string& doing) {
    using Kind = integrations::ForgeError::Kind;
    const auto what = doing + ": " + error.message;
    switch (error.kind) {
        case Kind::unreachable:
        case Kind::unauthorized:
            return {.kind = Halt::Kind::infrastructure, .reason = what};
        case Kind::rate_limited:
            return {.kind = Halt::Kind::infrastructure, .reason = what, .retry_at = error.retry_at};
        case Kind::forbidden:
        case Kind::gone:
        case Kind::invalid:
            return {.kind = Halt::Kind::failed, .reason = report::push_refused(error.message)};
    }
    return {};
}

Halt halt(const sandbox::Error& error, const std::string& doing) {
    using Kind = sandbox::Error::Kind;
    const auto what = doing + ": " + error.message;
    switch (error.kind) {
        case Kind::unavailable:
            return {.kind = Halt::Kind::infrastructure, .reason = what};
        case Kind::no_image:
            return {.kind = Halt::Kind::failed, .reason = error.message};
        case Kind::unenforceable:
        case Kind::refused:
            return {.kind = Halt::Kind::failed, .reason = report::infrastructure(what, 1)};
        case Kind::interrupted:
            return {.kind = Halt::Kind::detached, .reason = what};
    }
    return {};
}

Halt halt(const sandbox::HarvestError& error) {
    if (error.kind == sandbox::HarvestError::Kind::io)
        return {.kind = Halt::Kind::infrastructure, .reason = "reading the result: " + error.message};
    return {.kind = Halt::Kind::failed, .reason = report::change_rejected(error.path, error.message)};
}

}  // namespace bot
