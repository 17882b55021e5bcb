#include "tests/practice_forge/tongue.hpp"

#include "tests/practice_forge/gitea_tongue.hpp"
#include "tests/practice_forge/github_tongue.hpp"
#include "tests/practice_forge/gitlab_tongue.hpp"

namespace practice_forge {

const Tongue& tongue_of(Dialect dialect) {
    switch (dialect) {
        case Dialect::github:
            return github::tongue();
        case Dialect::gitea:
        case Dialect::forgejo:
            return gitea::tongue();
        case Dialect::gitlab:
            break;
    }
    return gitlab::tongue();
}

}  // namespace practice_forge
