#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/practice_forge/rest.hpp"
#include "tests/practice_forge/world.hpp"

namespace practice_forge {

/// How a forge speaks over HTTP: what its REST API has, who may use it, and how it says no.
class Tongue {
 public:
    virtual ~Tongue() = default;

    [[nodiscard]] virtual const std::vector<KnownRoute>& routes() const = 0;

    // All of a request before its handler, with the world's lock, in this order. What is not allowed throws.
    /// A header that holds a token alone, beside `Authorization`; empty: there is none.
    [[nodiscard]] virtual std::string_view token_header() const { return ""; }
    /// Who an `Authorization` header speaks for.
    [[nodiscard]] virtual Identity identify(World& world, const std::string& authorization) const = 0;
    /// One request more of what the limits allow: where the forge has none, those of a proxy before it.
    virtual void count(World& world, const Identity& /*who*/) const {
        if (world.rate_remaining <= 0) throw Problem(429, "Too Many Requests");
        --world.rate_remaining;
    }
    /// Where a repository is that was renamed, or is addressed by its id.
    virtual void follow(const World& world, std::vector<std::string>& segments,
                        const std::string& query) const = 0;
    /// What is public anybody sees, the rest who may read it.
    [[nodiscard]] virtual bool sees(const World& world, const Identity& who,
                                    const Repository& repository) const {
        return !repository.is_private || (who.kind == Identity::Kind::person &&
                                          world.permission(repository, who.login) >= Permission::read);
    }
    virtual void admit(const World& world, const Route& route, const Call& call) const = 0;

    // How it says no.
    [[nodiscard]] virtual Problem no_route() const { return not_found(); }
    [[nodiscard]] virtual Problem no_repository() const { return not_found(); }
    [[nodiscard]] virtual Answer refuse(const World& world, const Problem& problem) const = 0;
    [[nodiscard]] virtual Problem no_json() const = 0;  ///< the body is none
    [[nodiscard]] virtual Problem wrong_type(const std::string& what) const = 0;
    /// To a client that does not say what it is.
    [[nodiscard]] virtual std::optional<Answer> refuse_nameless() const { return std::nullopt; }
    /// A scripted fault, instead of an answer.
    [[nodiscard]] virtual Answer strike(const World& world, const Fault& fault) const = 0;

    // What is on every answer: on those of a fault too, and on those of a handler.
    [[nodiscard]] virtual std::map<std::string, std::string> mark() const { return {}; }
    virtual void sign(const World& /*world*/, Answer& /*answer*/) const {}
    [[nodiscard]] virtual bool tags_entities() const { return false; }  ///< ETag, and 304 for it

    // Git over HTTP.
    struct Refusal {
        int status = 0;
        std::string words;
    };
    /// `repository` is null when there is none of the name.
    [[nodiscard]] virtual std::optional<Refusal> refuse_git(const World& world, const Identity& who,
                                                            const Repository* repository,
                                                            bool push) const = 0;
    [[nodiscard]] virtual std::string_view realm() const = 0;
    struct Redirect {
        int status = 0;
        std::string location;
    };
    /// To a path of this forge, with its query.
    [[nodiscard]] virtual Redirect redirect(const World& world, const std::string& path) const = 0;
};

[[nodiscard]] const Tongue& tongue_of(Dialect dialect);

}  // namespace practice_forge
