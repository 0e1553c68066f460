// Deleting links without waiting for the kernel's grace periods (DESIGN: "Asynchronous delete").
#pragma once

#include <chrono>
#include <span>

#include "fairlead/ids.hpp"
#include "fairlead/unique_fd.hpp"

namespace fairlead::sys {

/// What the detached child is to do.
struct AsyncDelete {
  int rtnetlink_fd = -1;                 ///< socket of the right namespace, -1: nothing to send
  std::span<const std::byte> request{};  ///< one RTM_DELLINK message with NLM_F_ACK
  std::span<const int> hold{};  ///< sockets to keep open for 60 ms (nft), so that our close does not block
};

/// The running child.
struct AsyncDeleteChild {
  UniqueFd status;  ///< pipe: a 4-byte errno when the kernel answered, end of file when the child died
  UniqueFd pidfd;
};

/// Starts the child: one fork, no exec, setsid, chdir /, every other descriptor closed. On a failing fork
/// the error is returned and the caller does it in line.
[[nodiscard]] Result<AsyncDeleteChild> start_async_delete(const AsyncDelete& what);

}  // namespace fairlead::sys
