#include "tests/practice_forge/herald.hpp"

#include "tests/practice_forge/gitea_herald.hpp"
#include "tests/practice_forge/github_herald.hpp"
#include "tests/practice_forge/gitlab_herald.hpp"

namespace practice_forge {

std::unique_ptr<Herald> herald_of(Dialect dialect, World& world, Hooks& hooks) {
    switch (dialect) {
        case Dialect::github:
            return github::make_herald(world, hooks);
        case Dialect::gitea:
        case Dialect::forgejo:
            return gitea::make_herald(world, hooks);
        case Dialect::gitlab:
            return gitlab::make_herald(world, hooks);
    }
    return {};
}

Seal seal_of(Dialect dialect) {
    switch (dialect) {
        case Dialect::github:
            return &github::seal;
        case Dialect::gitea:
        case Dialect::forgejo:
            return &gitea::seal;
        case Dialect::gitlab:
            return &gitlab::seal;
    }
    return nullptr;
}

}  // namespace practice_forge
