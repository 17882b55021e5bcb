#include "tests/practice_forge/tongue.hpp"

#include "tests/practice_forge/gitea_tongue.hpp"
#include "tests/practice_forge/github_tongue.hpp"

namespace practice_forge {

const Tongue& tongue_of(Dialect dialect) {
    return dialect == Dialect::github ? github::tongue() : gitea::tongue();
}

}  // namespace practice_forge
