// Waiting for duplicate address detection, which takes one to two seconds per link (RFC 4862, section 5.4).
#pragma once

#include <span>

#include "kernel/rtnl_namespace.hpp"

namespace fairlead::kernel {

/// Returns when none of the addresses is tentative any more; see Kernel::await_addresses().
[[nodiscard]] Result<void> await_addresses(RtnlNamespace& netns, LinkIndex link,
                                           std::span<const IfaceAddress> addresses);

}  // namespace fairlead::kernel
