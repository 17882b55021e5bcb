#pragma once

#include <set>

#include "sandbox/part.hpp"

namespace sandbox {

/// From now on this process and its threads to come may make only the system calls of these rights; others
/// answer EPERM, new ones that the table does not know ENOSYS. Throws std::runtime_error.
void filter_own_calls(const std::set<Right>& rights);

}  // namespace sandbox
