// Waiting for the kernel to announce something.
#pragma once

#include <chrono>
#include <memory>

#include "kernel/rtnl_namespace.hpp"

namespace fairlead::kernel {

/// That something happens to the objects of one rtnetlink group (RTNLGRP_*), from the subscription on. What
/// it is does not matter: whoever waits asks again for what it waits for, and so a notification that was lost
/// (ENOBUFS) is as good as one that came. Not thread-safe.
class News {
 public:
  [[nodiscard]] static Result<News> subscribe(const RtnlNamespace& netns, int group);
  /// Blocks until something is announced, and forgets what else has been by then: on a busy host one look
  /// answers many. kTimeout when the deadline passes or, for callers that have none, ten seconds since the
  /// subscription do: what both waits are for (duplicate address detection, an operational link) does not
  /// begin without a carrier, and so would never end. `operation` names the wait.
  [[nodiscard]] Result<void> wait(const char* operation);

 private:
  explicit News(std::unique_ptr<nl::Transport> transport);

  std::unique_ptr<nl::Transport> transport_;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace fairlead::kernel
