#pragma once

#include <expected>
#include <string>
#include <vector>

#include "sandbox/harvest.hpp"
#include "sandbox/layers_tree.hpp"

namespace sandbox {

enum class Written {
    overlay,  ///< only what changed, with the kernel's whiteouts and opaque folders: an overlay's upper
              ///< folder
    whole,    ///< the whole tree: what is not there was removed
};

/// What `own` holds that the layers (lowest first) do not.
[[nodiscard]] std::expected<Changes, HarvestError> harvest_tree(tree::Fd own, Written written,
                                                                std::vector<tree::Fd> layers,
                                                                const HarvestLimits& limits);

/// One plain file beneath `own`, at most `cap` bytes.
[[nodiscard]] std::expected<std::string, HarvestError> read_file_beneath(const tree::Fd& own,
                                                                         const std::string& path,
                                                                         std::uint64_t cap);

}  // namespace sandbox
