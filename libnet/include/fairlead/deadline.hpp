// The time that a verb may take. Executables arm it, and then a blocking system call returns EINTR once
// it has passed; the library's rtnetlink transport and locks answer that with Errc::kTimeout. A system call
// that the kernel does not interrupt (rtnetlink waits for its mutex so) is not cut short, but nothing is
// begun any more: Kernel::apply() and every send ask first.
#pragma once

#include <chrono>
#include <string>

#include "fairlead/result.hpp"

namespace fairlead {

/// A point in time by which an operation has to be over; by default there is none. A plain value.
class Deadline {
 public:
  Deadline() = default;
  [[nodiscard]] static Deadline after(std::chrono::milliseconds span);

  [[nodiscard]] bool expired() const { return left() == std::chrono::milliseconds::zero(); }
  /// Never negative; milliseconds::max() without a deadline.
  [[nodiscard]] std::chrono::milliseconds left() const;

  /// For executables, once per process: from this point in time on SIGALRM interrupts blocking system
  /// calls of the main thread (no SA_RESTART), again every 20 ms, so that a call which begins just after
  /// one signal is hit by the next. Does nothing without a deadline.
  [[nodiscard]] Result<void> arm() const;
  /// Ends the effect of arm(), so that the rollback after a missed deadline is not interrupted as well.
  static void disarm();

  /// True from the moment that the armed deadline has passed until disarm(), except during a Pause.
  [[nodiscard]] static bool passed();
  /// kTimeout with `operation` in front, once passed().
  [[nodiscard]] static Result<void> check(const std::string& operation);

  /// While one exists the deadline holds nobody up: a rollback has to be complete, however late it is. For
  /// the thread that works under the deadline.
  class Pause {
   public:
    Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause();
  };

 private:
  explicit Deadline(std::chrono::steady_clock::time_point when) : when_(when) {}
  std::chrono::steady_clock::time_point when_ = std::chrono::steady_clock::time_point::max();
};

}  // namespace fairlead
