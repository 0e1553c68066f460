// Deleting links without waiting for the kernel's grace periods (DESIGN: "Asynchronous delete").
//
// RTM_DELLINK returns to its sender 14 to 20 ms after the device is gone (netdev_run_todo and its RCU
// grace periods), with or without NLM_F_ACK and on non-blocking sockets too; close(2) of a nf_tables
// socket that deleted something blocks 10 to 14 ms likewise (nf_tables_netlink's release waits for the
// destroy work). So a child that nobody waits for takes both waits over.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>

#include "fairlead/unique_fd.hpp"

namespace fairlead::sys {

/// How long the child keeps the sockets in `hold` open by default: longer than any close was seen to block.
inline constexpr std::chrono::milliseconds kHoldTime{60};
/// At most this many sockets in `hold`.
inline constexpr std::size_t kMaxHeldSockets = 6;

/// What the detached child is to do.
struct AsyncDelete {
  /// A socket of the right namespace that serves this deletion alone: the child sends on it, and the
  /// parent, subscribed to RTNLGRP_LINK, reads the notification or the kernel's refusal. -1: nothing to send.
  int rtnetlink_fd = -1;
  std::span<const std::byte> request{};  ///< one RTM_DELLINK message with NLM_F_ACK
  std::span<const int> hold{};           ///< sockets to keep open for `hold_time` (nft)
  std::chrono::milliseconds hold_time = kHoldTime;
};

/// Starts the child and returns the read end of its status pipe: a 4-byte errno if sending failed, end of
/// file when the child is gone. The child is nobody's zombie: it belongs to init (or to a subreaper) from
/// the start. It shares no descriptor, session, directory or signal with the caller, so whoever waits for
/// the end of the caller's output or for its locks does not wait for the child.
/// On failure (no more processes) nothing was sent, and the caller does it in line.
[[nodiscard]] Result<UniqueFd> start_async_delete(const AsyncDelete& what);

}  // namespace fairlead::sys
