#pragma once

#include <expected>
#include <string>
#include <vector>

#include "sandbox/harvest.hpp"
#include "sandbox/layers_tree.hpp"

namespace sandbox {

/// What `own` holds that the layers (lowest first) do not.
[[nodiscard]] std::expected<Changes, HarvestError> harvest_tree(tree::Fd own, Written written,
                                                                std::vector<tree::Fd> layers,
                                                                const HarvestLimits& limits);

/// One plain file beneath `own`, at most `cap` bytes.
[[nodiscard]] std::expected<std::string, HarvestError> read_file_beneath(const tree::Fd& own,
                                                                         const std::string& path,
                                                                         std::uint64_t cap);

}  // namespace sandbox
