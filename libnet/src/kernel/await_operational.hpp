// Waiting for a link to carry frames.
#pragma once

#include "kernel/rtnl_namespace.hpp"

namespace fairlead::kernel {

/// Returns when the link is operational; see AwaitOperational.
[[nodiscard]] Result<void> await_operational(RtnlNamespace& netns, LinkIndex link);

}  // namespace fairlead::kernel
