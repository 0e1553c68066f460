// Deleting one link and seeing it gone, without the kernel's grace periods (sys/async_delete.hpp).
#pragma once

#include <span>

#include "kernel/rtnl_namespace.hpp"

namespace fairlead::kernel {

enum class DeleteStatus : std::uint8_t { kGone, kRefused, kUnknown };
struct DeleteOutcome {
  DeleteStatus status = DeleteStatus::kGone;
  std::optional<Error> error{};  ///< without the operation; set unless kGone
};

/// Deletes the link and returns when RTM_DELLINK says that it is gone, after a second at the latest.
/// `hold`: sockets whose close would block, kept open by the same child.
[[nodiscard]] DeleteOutcome delete_link(RtnlNamespace& netns, LinkIndex index, std::span<const int> hold);

}  // namespace fairlead::kernel
