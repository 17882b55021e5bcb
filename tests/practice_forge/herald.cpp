#include "tests/practice_forge/herald.hpp"

#include "tests/practice_forge/gitea_herald.hpp"
#include "tests/practice_forge/github_herald.hpp"

namespace practice_forge {

std::unique_ptr<Herald> herald_of(Dialect dialect, World& world, Hooks& hooks) {
    return dialect == Dialect::github ? github::make_herald(world, hooks) : gitea::make_herald(world, hooks);
}

Seal seal_of(Dialect dialect) { return dialect == Dialect::github ? &github::seal : &gitea::seal; }

}  // namespace practice_forge
